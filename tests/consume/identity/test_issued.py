"""Tokens of an issuer: what holds, what attacks do not get through, and how its keys come and go."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.consume.identity.conftest import Guarded
from tests.consume.identity.issuing import Issuer, issuing

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.issuer_keys import FRESH, LARGEST, LONGEST, PAUSE, IssuerKeys, fetched, read_keys
from dagmesh.consume.identity.principal import Principal
from dagmesh.errors import IdentityRefused, MeshError

HERE = {"Origin": "http://mesh.example"}
ANNA = Principal("anna@example.org", "marketing", "person", frozenset({"owner"}))


@pytest.fixture(scope="module")
def shared_issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def issuer(shared_issuer: Issuer, guarded: Guarded) -> Iterator[Issuer]:
    """An issuer that the mesh believes."""
    guarded.write_principals(shared_issuer.principals)
    keys = dict(shared_issuer.keys)
    yield shared_issuer
    shared_issuer.keys, shared_issuer.answer, shared_issuer.asked, shared_issuer.headers = keys, None, 0, []


def refusal(guarded: Guarded, token: str) -> IdentityRefused:
    with pytest.raises(IdentityRefused) as refused:
        Gate(guarded.mesh).caller(token)
    return refused.value


def encoded(said: object) -> str:
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize("kid", ["first", "curve", "edwards"])
def test_a_token_of_a_believed_issuer_says_who_asks(guarded: Guarded, issuer: Issuer, kid: str) -> None:
    caller = Gate(guarded.mesh).caller(issuer.token(kid))

    assert caller.principal == ANNA
    assert caller.scopes == {"query", "catalogue", "agent"}


def test_somebody_known_by_a_group_keeps_a_name_of_their_own(guarded: Guarded, issuer: Issuer) -> None:
    gate = Gate(guarded.mesh)

    by_mail = gate.caller(issuer.token(email="bob@example.org", groups=["all", "finance-team"]))
    by_subject = gate.caller(issuer.token(email=None, sub="7", groups=["finance-team"]))

    assert by_mail.principal == Principal("bob@example.org", "finance")
    assert by_subject.principal == Principal("127.0.0.1/7", "finance")


def test_a_stranger_of_a_believed_issuer_is_refused_by_name(guarded: Guarded, issuer: Issuer) -> None:
    refused = refusal(guarded, issuer.token(email="eve@example.org"))

    assert refused.claimed == "eve@example.org"
    assert "eve@example.org is not in platform/principals.yaml" in str(refused)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"aud": "another-service"}, "does not hold: Invalid claim: 'aud'"),
        ({"aud": ["another-service"]}, "does not hold: Invalid claim: 'aud'"),
        ({"aud": []}, "does not hold"),
        ({"aud": None}, "does not hold: Missing claim: 'aud'"),
        ({"aud": {"dagmesh": 1}}, "does not hold"),
        ({"iss": "https://login.evil.example"}, "the token's issuer is not one that platform/principals.yaml names"),
        ({"iss": None}, "the token's issuer is not one"),
        ({"iss": ["x"]}, "the token's issuer is not one"),
        ({"exp": int(time.time()) - 31}, "the token is expired. Get a new one from its issuer."),
        ({"exp": None}, "does not hold: Missing claim: 'exp'"),
        ({"exp": "never"}, "does not hold"),
        ({"exp": True}, "does not hold"),
        ({"exp": 1e300}, "the token is for more than 24 h"),
        ({"exp": int(time.time()) + 3 * 86400}, "the token is for more than 24 h; let its issuer give shorter ones."),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200}, "does not hold: The token was issued in the future"),
        ({"iat": None}, "does not hold: Missing claim: 'iat'"),
        ({"nbf": int(time.time()) + 3600}, "does not hold: The token is not yet valid"),
        ({"sub": None}, "does not hold: Missing claim: 'sub'"),
        ({"sub": ["anna"]}, "does not hold"),
        ({"email_verified": False}, "is not in platform/principals.yaml"),
    ],
    ids=lambda said: said if isinstance(said, str) else " and ".join(said),  # no moment: each worker collects at its own
)
def test_a_claim_that_is_not_right_is_refused(guarded: Guarded, issuer: Issuer, claims: dict, said: str) -> None:
    assert said in str(refusal(guarded, issuer.token(**claims)))


def test_clocks_may_differ_by_half_a_minute(guarded: Guarded, issuer: Issuer) -> None:
    now = int(time.time())

    for claims in ({"exp": now - 20, "iat": now - 600}, {"iat": now + 20, "nbf": now + 20}):
        assert Gate(guarded.mesh).caller(issuer.token(**claims)).principal == ANNA


def unsigned(issuer: Issuer, algorithm: str) -> str:
    _, claims, _ = issuer.token().split(".")
    return f"{encoded({'alg': algorithm, 'kid': 'first'})}.{claims}."


def confused(issuer: Issuer) -> str:
    """A token made by who knows only the public key, using its text as the secret of an HMAC."""
    _, claims, _ = issuer.token().split(".")
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{claims}"
    return f"{signed}.{encoded(hmac.new(issuer.keys['first'].as_pem(private=False), signed.encode(), hashlib.sha256).digest())}"


def tampered(issuer: Issuer) -> str:
    header, claims, signature = issuer.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{encoded({**said, 'email': 'bob@example.org', 'groups': ['finance-team']})}.{signature}"


def of_own_key(issuer: Issuer) -> str:
    """Signed with a stranger's key that the header itself offers, under the name of one that is published."""
    stranger = ECKey.generate_key("P-256")
    header = {"jwk": stranger.as_dict(private=False), "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/x"}
    return Issuer(issuer.url, {"curve": stranger}).token("curve", header)


def signed(issuer: Issuer, **header: object) -> str:
    """Signed with the right key, under a header that the library for it would not write."""
    _, claims, _ = issuer.token().split(".")
    text = f"{encoded({'alg': 'RS256', **header})}.{claims}"
    return f"{text}.{encoded(issuer.keys['first'].private_key.sign(text.encode(), PKCS1v15(), SHA256()))}"


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda issuer: unsigned(issuer, "none"), "the token is signed with 'none'; RS256, RS384,"),
        (lambda issuer: unsigned(issuer, "NONE"), "the token is signed with 'NONE'"),
        (lambda issuer: unsigned(issuer, "RS256"), "does not hold: bad_signature"),
        (confused, "the token is signed with 'HS256'"),
        (tampered, "does not hold: bad_signature"),
        (of_own_key, "does not hold: bad_signature"),
        (lambda issuer: Issuer(issuer.url, {"curve": issuer.keys["first"]}).token("curve"), "does not hold"),
        (
            lambda issuer: Issuer(issuer.url, {"gone": RSAKey.generate_key(2048)}).token("gone"),
            "signed with a key that its issuer does not publish",
        ),
        (lambda issuer: signed(issuer), "signed with a key that its issuer does not publish"),
        (lambda issuer: signed(issuer, kid=["first"]), "signed with a key that its issuer does not publish"),
        (lambda issuer: signed(issuer, kid="first", crit=["exp"]), "does not hold"),
        (lambda issuer: signed(issuer, kid="first", crit=["exp"], exp=1), "does not hold"),
        (lambda issuer: signed(issuer, kid="first", crit=["b64"], b64=False), "does not hold"),
        (lambda issuer: issuer.token()[:-10] + "A" * 10, "does not hold: bad_signature"),
        (lambda issuer: issuer.token() + "!", "does not hold"),
        (lambda issuer: "..", "the token is none that can be read"),
        (lambda issuer: "a.b.c", "the token is none that can be read"),
        (lambda issuer: f"{encoded([])}.{encoded({})}.x", "the token is none that can be read"),
        (lambda issuer: f"{encoded({})}.{encoded(b'[' * 5000)}.x", "the token is none that can be read"),
        (lambda issuer: f"{encoded({})}.{encoded(bytes([255, 254]))}.x", "the token is none that can be read"),
        (lambda issuer: "é.é.é", "the token is none that can be read"),
    ],
)
def test_an_attack_does_not_get_through(guarded: Guarded, issuer: Issuer, attack: Callable[[Issuer], str], said: str) -> None:
    assert said in str(refusal(guarded, attack(issuer)))


def test_what_the_attacks_start_from_holds(guarded: Guarded, issuer: Issuer) -> None:
    assert Gate(guarded.mesh).caller(signed(issuer, kid="first")).principal == ANNA


def test_a_token_that_is_too_long_is_not_looked_at(guarded: Guarded, issuer: Issuer, bearer) -> None:
    answer = guarded.client().get("/", headers=bearer(issuer.token(groups=["x" * 9000])))

    assert answer.status_code == 401
    assert issuer.asked == 0


def test_a_mesh_that_names_no_issuer_believes_none(guarded: Guarded, issuer: Issuer) -> None:
    guarded.write_principals("principals: []\n")

    assert str(refusal(guarded, issuer.token())) == "no issuer's tokens are believed here, platform/principals.yaml names none."


def test_a_refused_token_is_written_down_as_who_it_claims_to_be(guarded: Guarded, issuer: Issuer, bearer) -> None:
    token = tampered(issuer)

    guarded.client().get("/", headers=bearer(token))

    [line] = guarded.log()
    assert (line["what"], line["who"]) == ("refused", "127.0.0.1/anna-42")
    assert token[20:60] not in guarded.everything_written()


def test_keys_are_fetched_once_for_many_tokens(guarded: Guarded, issuer: Issuer) -> None:
    gate = Gate(guarded.mesh)

    for _ in range(5):
        gate.caller(issuer.token())

    assert issuer.asked == 1


def test_a_token_is_for_many_requests_and_ends_with_its_principal(guarded: Guarded, issuer: Issuer) -> None:
    gate, token = Gate(guarded.mesh), issuer.token()
    assert gate.caller(token) == gate.caller(token)

    guarded.write_principals(issuer.principals.replace("anna@", "bob@"))

    with pytest.raises(IdentityRefused, match="is not in platform"):
        gate.caller(token)


def test_a_browser_logs_in_with_an_issuers_token_until_it_ends(guarded: Guarded, issuer: Issuer) -> None:
    client, token = guarded.client(), issuer.token(groups=["finance-team", *("x" * 50 for _ in range(100))])

    answer = client.post("/login", data={"token": token}, headers=HERE)

    length = next(word for word in answer.headers["set-cookie"].split("; ") if word.startswith("Max-Age="))
    assert 3500 < int(length.removeprefix("Max-Age=")) <= 3600
    assert client.get("/").json()["principal"]["name"] == "anna@example.org"
    assert len(answer.headers["set-cookie"]) < 1000  # of its groups only those that the file names are kept
    guarded.write_principals("principals: []\n")
    assert client.get("/").status_code == 401


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_new_key_is_found_and_an_old_one_ends(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(f"{issuer.url}/keys", clock)
    assert keys.key("first") is not None
    issuer.keys = {"second": RSAKey.generate_key(2048)}

    clock.now += PAUSE
    found = keys.key("second")

    assert found is not None
    assert keys.key("first") is None
    assert issuer.asked == 2


def test_a_withdrawn_key_ends_without_anybody_naming_another(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(f"{issuer.url}/keys", clock)
    assert keys.key("first") is not None
    issuer.keys = {"curve": issuer.keys["curve"]}

    clock.now += FRESH - 1
    assert keys.key("first") is not None
    clock.now += 1
    assert keys.key("first") is None


def test_unknown_keys_make_no_more_than_a_request_a_minute(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(f"{issuer.url}/keys", clock)

    for number in range(100):
        assert keys.key(f"unknown-{number}") is None
        clock.now += 1

    assert issuer.asked == 2


def test_an_issuer_that_does_not_answer_is_believed_for_an_hour(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(f"{issuer.url}/keys", clock)
    assert keys.key("first") is not None
    issuer.answer = (500, b"")

    clock.now += LONGEST - 1
    assert keys.key("first") is not None
    clock.now += 1
    with pytest.raises(MeshError, match=r"the issuer's keys cannot be fetched \(the answer is 500, not 200\)"):
        keys.key("first")
    issuer.answer = None
    clock.now += PAUSE
    assert keys.key("first") is not None


def test_while_no_key_can_be_fetched_the_answer_says_so_and_blames_nobody(guarded: Guarded, issuer: Issuer, bearer) -> None:
    issuer.answer = (404, b"")

    answer = guarded.client().get("/", headers=bearer(issuer.token()))

    assert answer.status_code == 503
    assert "keys cannot be fetched" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("answer", "headers", "said"),
    [
        ((302, b""), [("Location", "http://169.254.169.254/")], "the answer is 302, not 200"),
        ((200, b"x" * (LARGEST + 1)), [], "the answer has more than"),
        ((200, b"<html>"), [], "Expecting value"),
        ((200, b'{"keys": {}}'), [], "the answer is no JWK set"),
        ((200, b"[]"), [], "the answer is no JWK set"),
    ],
    ids=["redirect", "endless", "a page", "no list", "no set"],
)
def test_what_is_no_set_of_keys_is_not_taken_for_one(issuer: Issuer, answer: tuple[int, bytes], headers: list, said: str) -> None:
    issuer.answer, issuer.headers = answer, headers

    with pytest.raises(ValueError, match=said):
        read_keys(fetched(f"{issuer.url}/keys"))
    with pytest.raises(MeshError, match=said):
        IssuerKeys(f"{issuer.url}/keys").key("first")


def test_only_keys_that_can_prove_a_signature_are_taken() -> None:
    good = RSAKey.generate_key(2048).as_dict(private=False)
    offered = [
        {**good, "kid": "good"},
        {**good, "kid": "to encrypt", "use": "enc"},
        {**good},
        {**good, "kid": 7},
        {**OctKey.generate_key(256).as_dict(), "kid": "secret"},
        {"kty": "RSA", "kid": "broken", "n": "AQAB"},
        {"kty": "PQC", "kid": "of tomorrow"},
        "text",
    ]

    assert [*read_keys(json.dumps({"keys": offered}).encode())] == ["good"]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the point
def test_a_weak_key_is_not_taken() -> None:
    weak = RSAKey.import_key(rsa.generate_private_key(65537, 1024)).as_dict(private=False)

    assert read_keys(json.dumps({"keys": [{**weak, "kid": "weak"}]}).encode()) == {}


def test_the_moment_is_the_callers(guarded: Guarded, issuer: Issuer) -> None:
    from dagmesh.consume.identity.issued import Issued

    issuers = Gate(guarded.mesh).principals.issuers
    token = issuer.token()

    with pytest.raises(IdentityRefused, match="expired"):
        Issued().claims(token, issuers, datetime(2099, 1, 1, tzinfo=UTC))
