"""Encrypted columns: without the key unreadable in the lake, everything else plain; who is permitted reads on as before."""

import shutil
import stat
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.consume.conftest import MONDAY, PEOPLE, TUESDAY, WEDNESDAY, Shop, shop

import dagmesh as dm
from dagmesh.consume.connection import Connection
from dagmesh.errors import DefinitionError, MeshError, UntrustedSnapshot
from dagmesh.lake.lake import Lake
from dagmesh.lake.opened_files import close_unused
from dagmesh.lake.snapshot import Snapshot

__all__ = ["shop"]

OPEN = "customer_id, credit_eur, seen_at, tags, city"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
VALUES = [b"ada@example.com", b"bob@example.com"]


@pytest.fixture
def secret(shop: Shop) -> Shop:
    """The shop, with the columns of its profiles that are pii encrypted: e-mail address and day of birth."""
    shop.profiles = replace(shop.profiles, encrypt=("pii",))
    return shop


def lake_files(shop: Shop) -> list[Path]:
    return [path for path in Path(shop.lake.root).rglob("*") if path.is_file()]


def parquet(snapshot: Snapshot) -> str:
    [file] = snapshot.files
    return snapshot.place.storage.path(file.path)


def read(shop: Shop, reader: str, columns: str = "*") -> list[tuple]:
    return Connection(shop.resolver(reader)).query(f"SELECT {columns} FROM customers.profiles ORDER BY customer_id")[0].fetchall()


def test_no_byte_of_the_lake_shows_an_encrypted_value(secret: Shop, shop: Shop) -> None:
    secret.publish_profiles()

    for path in lake_files(secret):
        found = [value for value in VALUES if value in path.read_bytes()]
        assert not found, path
    assert any(b"Graz" in path.read_bytes() for path in lake_files(secret))  # what is not encrypted is there in plain text


def test_plain_tools_read_every_other_column_and_fail_on_the_encrypted_ones(secret: Shop) -> None:
    path = parquet(secret.publish_profiles())
    names = OPEN.split(", ")

    with duckdb.connect() as con:
        rows = con.execute(f"SELECT customer_id, city FROM read_parquet('{path}') ORDER BY 1").fetchall()
        with pytest.raises(duckdb.InvalidInputException, match="encrypted"):
            con.execute(f"SELECT email FROM read_parquet('{path}')").fetchall()
        with pytest.raises(duckdb.InvalidInputException, match="encrypted"):
            con.execute(f"SELECT max(born_on) FROM read_parquet('{path}')").fetchall()
    with pytest.raises(OSError, match="decrypt"):
        pq.read_table(path, columns=["email"])

    assert rows == [("c1", "Graz"), ("c2", "Linz")]
    assert pq.read_table(path, columns=names).num_rows == 2
    assert pl.read_parquet(path, columns=names).shape == (2, 5)


def test_neither_the_log_nor_the_footer_tells_bounds_of_encrypted_values(secret: Shop) -> None:
    path = parquet(secret.publish_profiles())

    log = "".join(file.read_text() for file in lake_files(secret) if file.suffix == ".json")
    with duckdb.connect() as con:
        query = f"SELECT stats_min_value, stats_max_value FROM parquet_metadata('{path}') WHERE path_in_schema = 'born_on'"
        bounds = con.execute(query).fetchall()

    assert "1990-12-10" not in log
    assert set(bounds) == {(None, None)}


def test_who_is_permitted_reads_the_same_rows_as_of_a_plain_product(secret: Shop, tmp_path: Path) -> None:
    secret.publish_profiles()
    with secret.lake.connect() as con:
        expected = con.execute(f"SELECT * FROM {PEOPLE} ORDER BY 1").fetchall()

    assert read(secret, "customers") == expected
    assert Connection(secret.resolver("customers")).read("customers.profiles").types == secret.con.sql(f"FROM {PEOPLE}").types


def test_what_is_staged_is_for_its_owner_only_and_gone_once_it_is_published(secret: Shop) -> None:
    table = secret.lake.table(secret.profiles.address)

    stage = table.stage(secret.con, PEOPLE, secret.profiles, [])

    folder = Path(table.place.storage.path(stage.folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stage.rows == {None: 2}
    stage.discard()
    assert not folder.exists()


def test_nothing_is_staged_in_a_lake_that_is_no_folder(secret: Shop, tmp_path: Path) -> None:
    lake = Lake(f"file://{tmp_path}/elsewhere", secret.lake.home)

    with pytest.raises(MeshError, match="encrypt works in a lake that is a folder"):
        lake.table(secret.profiles.address).stage(secret.con, PEOPLE, secret.profiles, [])

    assert not (tmp_path / "elsewhere").exists()


def test_a_grant_opens_what_it_names_and_masks_the_rest(secret: Shop) -> None:
    secret.publish_profiles()
    secret.grant(columns=["customer_id", "email", "born_on"], mask={"email": "partial", "born_on": "null"})

    assert read(secret, "finance", "customer_id, email, born_on") == [("c1", "a•••", None), ("c2", "b•••", None)]


def test_a_reader_who_may_not_see_them_needs_no_key_and_gets_nothing(secret: Shop) -> None:
    secret.publish_profiles()
    shutil.rmtree(secret.lake.home / "home/customers/column_keys")

    assert read(secret, "marketing", "customer_id, email, born_on, city") == [("c1", None, None, "Graz"), ("c2", None, None, "Linz")]
    assert not (secret.lake.home / "home/customers/opened").exists()


def test_without_the_key_a_permitted_reader_is_told_where_it_must_be(secret: Shop) -> None:
    secret.publish_profiles()
    shutil.rmtree(secret.lake.home / "home/customers/column_keys")

    with pytest.raises(MeshError, match=r"the key of customers's pii columns is not on this machine\. Read them where customers publishes"):
        read(secret, "customers")


def test_another_key_opens_nothing(secret: Shop) -> None:
    secret.publish_profiles()
    key = secret.lake.home / "home/customers/column_keys/pii"
    key.write_bytes(b"\0" * 32)

    with pytest.raises(MeshError, match="its pii columns are encrypted with another key than the one on this machine, or damaged"):
        read(secret, "customers")
    assert [path for path in (secret.lake.home / "home/customers/opened").rglob("*") if path.is_file()] == []


def test_a_row_filter_over_an_encrypted_column_still_holds(secret: Shop) -> None:
    secret.publish_profiles()
    secret.grant(columns=["customer_id"], rows="email LIKE 'ada%'")

    assert read(secret, "finance", "customer_id, email") == [("c1", None)]


def test_keys_and_opened_copies_are_for_their_owner_only(secret: Shop) -> None:
    secret.publish_profiles()
    read(secret, "customers")

    home = secret.lake.home / "home/customers"
    files = [path for folder in ("column_keys", "opened") for path in (home / folder).rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home, files[0].parent, files[1].parent)} == {0o700}


def test_a_key_that_others_can_read_is_refused(secret: Shop) -> None:
    secret.publish_profiles()
    (secret.lake.home / "home/customers/column_keys/pii").chmod(0o640)

    with pytest.raises(MeshError, match="mode 0640 lets others than its owner at the key"):
        read(secret, "customers")


def test_opened_copies_nobody_reads_are_removed_and_made_again(secret: Shop) -> None:
    secret.publish_profiles()
    before = read(secret, "customers")

    assert close_unused(secret.lake.home, datetime.now(UTC) - timedelta(days=1)) == 0
    assert close_unused(secret.lake.home, datetime.now(UTC) + timedelta(days=1)) == 1
    assert read(secret, "customers") == before


def test_rollback_verify_and_tampering_are_as_for_plain_files(secret: Shop) -> None:
    first = secret.publish_profiles()
    secret.publish(secret.profiles, PEOPLE.replace("ada@", "eva@"))
    table, key = secret.lake.table(first.address), secret.lake.signing_key("customers")
    assert [row[0] for row in read(secret, "customers", "email")] == ["eva@example.com", "bob@example.com"]

    back = table.rollback(0, "Eva is Ada.", key, NOW)

    assert back.digest == first.digest
    assert [row[0] for row in read(secret, "customers", "email")] == ["ada@example.com", "bob@example.com"]
    assert table.verify().version == 2
    path = Path(parquet(back))
    path.write_bytes(path.read_bytes().replace(b"Graz", b"Wien"))
    with pytest.raises(UntrustedSnapshot, match="has not the content that was signed"):
        table.verify()


def test_the_same_rows_are_the_same_snapshot_for_consumers_and_their_hashes_tell_no_guesser(secret: Shop) -> None:
    plain = replace(secret.profiles, encrypt=())

    first, second = secret.publish_profiles(), secret.publish_profiles()
    open_one = secret.publish(plain, PEOPLE)

    assert first.digest == second.digest
    assert first.digest != open_one.digest  # begun with a secret: hashing guessed rows leads nowhere


def test_days_from_before_the_encryption_are_read_with_those_from_after(secret: Shop) -> None:
    plain = replace(secret.profiles, encrypt=())
    old = secret.publish(plain, PEOPLE)
    new = secret.publish_profiles()

    rows = [Connection(secret.resolver("customers")).read(str(snapshot.address)).order("customer_id").fetchall() for snapshot in (old, new)]

    assert rows[0] == rows[1]
    assert (dict(old.publication.encrypted), dict(new.publication.encrypted)) == ({}, {"email": "pii", "born_on": "pii"})


class Visits(dm.Contract):
    """One row per visit."""

    visit: int = dm.field(key=True, description="Its number.")
    visited_on: date = dm.field(description="UTC day.")
    visitor: str = dm.field(classification="pii", description="Who.")
    iban: str = dm.field(classification="confidential", description="Their account.")


@dm.data_product(contract=Visits, version="1.0.0", serves=[], promise=dm.Promise(), partitioned_by="visited_on")
def visits(seen: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return seen


def test_days_and_classes_are_encrypted_each_for_itself(shop: Shop) -> None:
    """Monday is published in plain text, Tuesday with pii encrypted, Wednesday with both classes; all are read together."""
    product = visits.in_domain("doors", "team:doors", None)
    for number, (day, encrypt) in enumerate([(MONDAY, ()), (TUESDAY, ("pii",)), (WEDNESDAY, ("pii", "confidential"))]):
        rows = f"(SELECT {number} AS visit, DATE '{day}' AS visited_on, 'eve' AS visitor, 'AT1' AS iban)"
        last = shop.publish(replace(product, encrypt=encrypt), rows, [day])
    last_day = shop.publish(
        replace(product, encrypt=("pii",)),
        "(SELECT 9, DATE '2026-11-19', 'eve', 'AT1' WHERE false) AS v(visit, visited_on, visitor, iban)",
        [date(2026, 11, 19)],
    )

    def rows_of(values: list[str] | None) -> list[tuple]:
        return shop.con.execute(f"SELECT visit, visitor, iban FROM {last_day.sql(values=values)} ORDER BY 1").fetchall()

    assert dict(last.publication.encrypted) == dict(last_day.publication.encrypted) == {"visitor": "pii", "iban": "confidential"}
    assert rows_of(None) == [(0, "eve", "AT1"), (1, "eve", "AT1"), (2, "eve", "AT1")]
    assert rows_of(["visitor"]) == [(0, "eve", None), (1, "eve", None), (2, "eve", None)]
    (shop.lake.home / "home/doors/column_keys/pii").unlink()
    shop.lake.table(last_day.address)
    assert rows_of([]) == [(0, None, None), (1, None, None), (2, None, None)]


@pytest.mark.parametrize(
    ("encrypt", "said"),
    [
        ("pi", "'pi' cannot be encrypted; choose confidential or pii. Did you mean 'pii'?"),
        ("public", "'public' cannot be encrypted; choose confidential or pii."),
    ],
)
def test_only_what_is_restricted_can_be_encrypted(encrypt: str, said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        dm.domain("customers", owner="team:customers", encrypt=[encrypt])

    assert str(refused.value) == f"domains/customers: encrypt: {said}"
