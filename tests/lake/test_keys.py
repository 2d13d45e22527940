"""Keys: created once, kept from others, one pair a domain."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dagmesh.errors import MeshError
from dagmesh.lake.keys import announce, public_key, signing_key
from dagmesh.lake.lake import Lake


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_key_is_created_on_first_use_and_stays(tmp_path: Path) -> None:
    first = signing_key(tmp_path, "orders")

    assert signing_key(tmp_path, "orders").key_id == first.key_id
    assert signing_key(tmp_path, "finance").key_id != first.key_id


def test_only_the_owner_can_read_a_key(tmp_path: Path) -> None:
    signing_key(tmp_path, "orders")

    assert mode(tmp_path / "home/orders") == "0o700"
    assert mode(tmp_path / "home/orders/signing_key") == "0o600"


def test_a_wider_home_is_closed(tmp_path: Path) -> None:
    (tmp_path / "home/orders").mkdir(parents=True, mode=0o755)

    signing_key(tmp_path, "orders")

    assert mode(tmp_path / "home/orders") == "0o700"


def test_many_who_create_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: signing_key(tmp_path, "orders").key_id, range(32)))

    assert len(set(keys)) == 1
    assert [path.name for path in (tmp_path / "home/orders").iterdir()] == ["signing_key"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    signing_key(tmp_path, "orders")
    path = tmp_path / "home/orders/signing_key"
    path.chmod(0o640)

    with pytest.raises(MeshError) as refused:
        signing_key(tmp_path, "orders")

    assert str(refused.value) == (
        f"{path}: mode 0640 lets others than its owner at the signing key of orders; only 0600 is allowed. Run: chmod 600 {path}"
    )


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    signing_key(tmp_path, "orders")
    (tmp_path / "home/orders/signing_key").write_text("hello")

    with pytest.raises(MeshError, match="is no private key in PEM"):
        signing_key(tmp_path, "orders")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    signing_key(tmp_path, "orders")
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "home/orders/signing_key").write_bytes(other)

    with pytest.raises(MeshError, match="only Ed25519 signs publications"):
        signing_key(tmp_path, "orders")


def test_the_public_half_is_put_in_the_lake_once(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"), tmp_path / "home")

    key = lake.signing_key("orders")

    found = public_key(lake.storage, "orders")
    assert found is not None
    assert found.key_id == key.key_id
    announce(lake.storage, key)


def test_a_second_machine_with_another_key_is_refused(tmp_path: Path) -> None:
    ours = Lake(str(tmp_path / "lake"), tmp_path / "ours").signing_key("orders")
    theirs = signing_key(tmp_path / "theirs", "orders")

    with pytest.raises(MeshError) as refused:
        Lake(str(tmp_path / "lake"), tmp_path / "theirs").signing_key("orders")

    place = tmp_path / "lake/_keys/orders.pub"
    assert str(refused.value) == (
        f"{place} holds the public key {ours.key_id}; the signing key of orders on this machine is {theirs.key_id}. Bring the "
        f"domain's signing_key here from where it publishes; if it is lost, its owner removes {place} and publishes every product "
        "of orders anew."
    )


def test_a_public_key_that_is_none_is_refused(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"), tmp_path / "home")
    lake.storage.create("_keys/orders.pub", b"junk")

    with pytest.raises(MeshError, match=r"orders.pub holds no Ed25519 key; the signing key of orders on this machine is"):
        lake.signing_key("orders")


def test_a_signature_verifies_only_its_own_text(tmp_path: Path) -> None:
    key = signing_key(tmp_path, "orders")

    signature = key.sign("text")

    assert key.public.verifies("text", signature)
    assert not key.public.verifies("texts", signature)
    assert not key.public.verifies("text", "no base64")
