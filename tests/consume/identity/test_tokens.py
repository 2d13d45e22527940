"""Local tokens: what proves an identity, what does not, and what is kept of a token."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
from tests.consume.identity.conftest import Guarded

from dagmesh.consume.identity.secret_key import SecretKey, secret_key
from dagmesh.consume.identity.tokens import Tokens
from dagmesh.errors import IdentityRefused, MeshError

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_a_token_proves_its_name_until_its_last_moment(guarded: Guarded) -> None:
    text = guarded.token("anna", days=3, now=NOW)

    assert guarded.tokens.held_by(text, NOW + timedelta(days=3, seconds=-1)).name == "anna"
    with pytest.raises(IdentityRefused) as refused:
        guarded.tokens.held_by(text, NOW + timedelta(days=3))
    assert str(refused.value) == ("the token anna is expired since 2026-11-24 08:00 UTC. Ask for a new one: dagmesh token create anna")
    assert (refused.value.claimed, refused.value.status) == ("token:anna", 401)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.replace("dagmesh_", "dagmesh_" + "0" * 16 + "_", 1),
        lambda text: "dagmesh_" + "0" * 16 + text[24:],
        lambda text: text + "\n",
        lambda text: text.upper(),
        lambda text: "",
        lambda text: "dagmesh_../../../etc/passwd_" + "A" * 43,
        lambda text: "\x00" + text,
    ],
    ids=["last letter", "longer", "another id", "a line's end", "upper case", "nothing", "path", "zero"],
)
def test_what_is_not_the_token_proves_nothing(guarded: Guarded, changed) -> None:
    text = guarded.token(now=NOW)

    with pytest.raises(IdentityRefused, match="the token is not known here"):
        guarded.tokens.held_by(changed(text), NOW)
    assert guarded.tokens.held_by(text, NOW).name == "anna"


def test_a_revoked_token_ends_at_once_and_says_since_when(guarded: Guarded) -> None:
    text, other = guarded.token(now=NOW), guarded.token("weekly-report", now=NOW)

    taken = guarded.tokens.revoke("anna", "root", NOW + timedelta(hours=1))

    assert [token.name for token in taken] == ["anna"]
    with pytest.raises(IdentityRefused, match="the token anna is revoked since 2026-11-21 09:00 UTC"):
        guarded.tokens.held_by(text, NOW + timedelta(hours=2))
    assert guarded.tokens.held_by(other, NOW).name == "weekly-report"


def test_one_of_two_tokens_of_a_name_is_revoked_by_its_id(guarded: Guarded) -> None:
    (first, old), (_, new) = guarded.made(now=NOW), guarded.made(now=NOW)

    guarded.tokens.revoke(first.id, "root", NOW)

    assert guarded.tokens.held_by(new, NOW).name == "anna"
    with pytest.raises(IdentityRefused, match="is revoked"):
        guarded.tokens.held_by(old, NOW)


def test_revoking_what_does_not_hold_names_what_does(guarded: Guarded) -> None:
    guarded.token(now=NOW)

    with pytest.raises(MeshError) as refused:
        guarded.tokens.revoke("ana", "root", NOW)

    assert str(refused.value) == "no token 'ana' holds; choose anna. Did you mean 'anna'? See all: dagmesh token list"


def test_a_leaked_file_of_a_token_gives_no_access(guarded: Guarded) -> None:
    token, text = guarded.made(now=NOW)
    file = guarded.mesh.home / f"identity/tokens/{token.id}.json"
    kept = json.loads(file.read_text())

    secret = text[25:]
    assert secret not in guarded.everything_written()
    for offered in (kept["code"], kept["code"][:43], f"dagmesh_{token.id}_{kept['code'][:43]}"):
        with pytest.raises(IdentityRefused):
            guarded.tokens.held_by(offered, NOW)
    # Who has the hashes and guesses right still cannot know it: the hash is keyed, and the key is in a file of its own.
    assert not SecretKey(b"\0" * 32).proves("token", f"{token.id}_{secret}", kept["code"])


def test_a_token_of_another_mesh_is_not_known(guarded: Guarded, tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere"
    other = Tokens(elsewhere, secret_key(elsewhere))
    token, text = other.create("anna", "root", NOW, 30)
    kept = elsewhere / f"identity/tokens/{token.id}.json"
    own = guarded.mesh.home / "identity/tokens"
    guarded.token(now=NOW)
    (own / kept.name).write_bytes(kept.read_bytes())

    with pytest.raises(IdentityRefused, match="the token is not known here"):
        guarded.tokens.held_by(text, NOW)


def test_everything_about_identities_is_for_its_owner_only(guarded: Guarded) -> None:
    guarded.token(now=NOW)
    guarded.tokens.revoke("anna", "root", NOW)

    paths = [guarded.mesh.home / "identity", *(guarded.mesh.home / "identity").rglob("*")]

    assert len(paths) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_a_key_that_others_can_read_is_refused(guarded: Guarded) -> None:
    guarded.token(now=NOW)
    key = guarded.mesh.home / "identity/key"
    key.chmod(0o644)

    with pytest.raises(MeshError, match="mode 0644 lets others than its owner at the key of all tokens; only 0600 is allowed"):
        secret_key(guarded.mesh.home)


def test_a_key_that_was_cut_is_refused(guarded: Guarded) -> None:
    guarded.token(now=NOW)
    (guarded.mesh.home / "identity/key").write_bytes(b"short")

    with pytest.raises(MeshError, match="has 5 bytes, not 32"):
        secret_key(guarded.mesh.home)


def test_a_damaged_token_is_said_to_be_one(guarded: Guarded) -> None:
    token, text = guarded.made(now=NOW)
    file = guarded.mesh.home / f"identity/tokens/{token.id}.json"
    file.write_text('{"id": "x"}')

    with pytest.raises(MeshError, match="is no token as it was written"):
        guarded.tokens.held_by(text, NOW)
