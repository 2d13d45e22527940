"""Masks: a value that may not be seen is shown as the same thing each time, and gives nothing of itself away."""

import hashlib
import hmac
import stat
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagmesh.consume.masks import mask_key, shown_as
from dagmesh.errors import MeshError

TEXT = {"name": "email", "type": "VARCHAR"}
KEY = bytes(range(32))


def masked(value: object, mask: str, kind: str = "VARCHAR", key: bytes = KEY) -> tuple[object, str]:
    """The value as the mask shows it, and the type it then has."""
    with duckdb.connect() as con:
        shown = shown_as({"name": "email", "type": kind}, mask, key)
        relation = con.sql(f"SELECT {shown} FROM (SELECT CAST(? AS {kind}) AS email)", params=[value])
        return relation.fetchall()[0][0], str(relation.types[0])


@pytest.mark.parametrize(
    ("value", "mask", "shown"),
    [
        ("ada@example.com", "none", "ada@example.com"),
        ("ada@example.com", "null", None),
        ("ada@example.com", "partial", "a•••"),
        ("é@x", "partial", "é•••"),
        ("e\u0301@x", "partial", "e\u0301•••"),
        ("", "partial", "•••"),
        (None, "partial", None),
        (None, "hash", None),
    ],
)
def test_a_mask_shows_what_its_name_says(value: object, mask: str, shown: object) -> None:
    assert masked(value, mask) == (shown, "VARCHAR")


@pytest.mark.parametrize("kind", ["BIGINT", "DATE", "DECIMAL(12,4)", "TIMESTAMP WITH TIME ZONE", "VARCHAR[]", "BOOLEAN"])
@pytest.mark.parametrize("mask", ["null", "hash", "partial"])
def test_what_is_no_text_is_null_of_its_own_type(kind: str, mask: str) -> None:
    assert masked(None, mask, kind) == (None, kind)


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_a_hash_is_the_hmac_that_python_computes(value: str, key: bytes) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return

    assert masked(value, "hash", key=key)[0] == hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def test_a_column_whose_name_is_odd_is_masked_under_its_name() -> None:
    with duckdb.connect() as con:
        relation = con.sql(f"""SELECT {shown_as({"name": 'a"b', "type": "VARCHAR"}, "hash", KEY)} FROM (SELECT 'x' AS "a""b")""")

        assert relation.columns == ['a"b']


def test_one_consumers_hashes_are_the_same_in_every_process_and_no_others(tmp_path: Path) -> None:
    key = mask_key(tmp_path, "customers", "finance")

    assert mask_key(tmp_path, "customers", "finance") == key
    assert len({key, mask_key(tmp_path, "customers", "risk"), mask_key(tmp_path, "orders", "finance")}) == 3
    assert mask_key(tmp_path / "elsewhere", "customers", "finance") != key


def test_the_secret_is_the_producers_alone(tmp_path: Path) -> None:
    mask_key(tmp_path, "customers", "finance")
    secret = tmp_path / "home" / "customers" / "mask_secret"

    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert [path.name for path in secret.parent.iterdir()] == ["mask_secret"]


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    mask_key(tmp_path, "customers", "finance")
    secret = tmp_path / "home" / "customers" / "mask_secret"
    secret.write_bytes(b"short")

    with pytest.raises(MeshError) as refusal:
        mask_key(tmp_path, "customers", "finance")

    assert str(refusal.value) == f"{secret} has 5 bytes, and customers's secret for hashes has 32. Put it back, or remove it."
