"""Proofs of who asks, at every door of the real service: whoever has none that holds is refused, told nothing, and written down."""

import base64
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from tests.attacks.conftest import Attacked

DOORS = [
    *(
        ("POST", "/v1/query"),
        ("GET", "/v1/products"),
        ("GET", "/v1/products/orders.orders/data"),
        ("GET", "/v1/feedback?product=orders.orders"),
    ),
    *(
        ("POST", "/v1/feedback"),
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("GET", "/"),
        ("GET", "/products/orders.orders"),
        ("GET", "/assets/style.css"),
    ),
    *(
        ("POST", "/products/ledger.entries/access"),
        ("GET", "/domains/orders"),
        ("GET", "/search?q=a"),
        ("GET", "/nothing"),
        ("PATCH", "/v1/query"),
    ),
    *(("OPTIONS", "/v1/query"), ("HEAD", "/v1/products"), ("TRACE", "/"), ("POST", "/logout"), ("DELETE", "/v1/feedback/1/answers")),
]


def none_signed() -> str:
    """A JSON Web Token that nobody signed."""
    parts = ({"alg": "none", "typ": "JWT"}, {"iss": "https://login.example.org", "sub": "crm", "aud": "dagmesh", "exp": 4102444800})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


PROOFS = {
    "none": {},
    "wrong": {"authorization": "Bearer dagmesh_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "empty": {"authorization": "Bearer "},
    "basic": {"authorization": "Basic Y3JtOmNybQ=="},
    "alg none": {"authorization": f"Bearer {none_signed()}"},
    "too long": {"authorization": "Bearer " + "a" * 10_000},
    "cookie nobody signed": {"cookie": "dagmesh_session=eyJpZCI6ICJ4In0=.x"},
    "who it says it is": {"reader": "customers", "x-reader": "customers", "x-forwarded-user": "crm", "x-forwarded-for": "127.0.0.1"},
}


@pytest.mark.parametrize(("method", "path"), DOORS, ids=lambda said: said)
@pytest.mark.parametrize("proof", PROOFS)
def test_no_door_opens_without_a_proof(attacked: Attacked, method: str, path: str, proof: str) -> None:
    before = len(attacked.refusals())

    reply = attacked.send(method, path, b"{}" if method == "POST" else None, "", attacked.stranger, **PROOFS[proof])

    assert reply.status == (403 if "cookie" in PROOFS[proof] and method not in ("GET", "HEAD", "OPTIONS") else 401)
    assert "orders" not in reply.text
    assert len(attacked.refusals()) == before + 1


def test_an_expired_token_is_over_at_every_door(attacked: Attacked) -> None:
    proof = attacked.token("fin", now=datetime.now(UTC) - timedelta(days=3))

    replies = [attacked.send(method, path, None, "", attacked.stranger, authorization=f"Bearer {proof}") for method, path in DOORS]

    assert {reply.status for reply in replies} == {401}


def test_a_revoked_token_and_its_session_end_at_once(attacked: Attacked) -> None:
    from dagmesh.consume.identity.secret_key import secret_key
    from dagmesh.consume.identity.tokens import Tokens

    home, here = attacked.world.mesh.home, f"http://127.0.0.1:{attacked.served.port}"
    proof = attacked.token("mark")
    login = attacked.send("POST", "/login", f"token={proof}".encode(), "", origin=here)
    cookie = login.headers["set-cookie"].partition(";")[0]
    assert attacked.send("GET", "/v1/products", None, "", cookie=cookie).status == 200

    Tokens(home, secret_key(home)).revoke("mark", "root", datetime.now(UTC))

    assert attacked.send("GET", "/v1/products", None, "", attacked.stranger, cookie=cookie).status == 401
    assert attacked.send("GET", "/v1/products", None, "", attacked.stranger, authorization=f"Bearer {proof}").status == 401


@pytest.mark.parametrize(
    "path", ["/v1/products?token={0}", "/v1/products?access_token={0}", "/v1/products?authorization=Bearer%20{0}", "/{0}"]
)
def test_a_good_token_in_a_url_is_none(attacked: Attacked, path: str) -> None:
    assert attacked.send("GET", path.format(attacked.proof("fin")), None, "").status == 401


def test_a_good_token_is_used_in_its_own_name_alone(attacked: Attacked) -> None:
    reply = attacked.send(
        "POST", "/v1/query", {"sql": "FROM customers.profiles SELECT credit_eur"}, "fin", reader="customers", x_reader="customers"
    )

    assert reply.rows == [[None], [None]]


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        *(("catalogue", "POST", "/v1/query"), ("catalogue", "POST", "/v1/query/"), ("catalogue", "GET", "/v1/products/orders.orders/data")),
        *(("catalogue", "GET", "/v1/products/orders.orders/data/"), ("catalogue", "GET", "/v1/products/orders.orders%2Fdata")),
        *(("catalogue", "GET", "/v1/products/orders.orders/%64ata"), ("catalogue", "POST", "/mcp"), ("query", "POST", "/mcp")),
        *(
            ("query", "GET", "/"),
            ("query", "GET", "/v1/products"),
            ("agent", "POST", "/v1/query"),
            ("agent", "GET", "/v1/products/orders.orders/data"),
        ),
        *(
            ("query", "POST", "/products/ledger.entries/access"),
            ("agent", "POST", "/v1/feedback"),
            ("agent", "GET", "/products/orders.orders?sample=1"),
        ),
    ],
)
def test_a_token_is_for_its_scope(attacked: Attacked, scope: str, method: str, path: str) -> None:
    before, proof = len(attacked.refusals()), attacked.token("fin", scope)  # type: ignore[arg-type]  # each is a scope

    reply = attacked.send(method, path, b'{"sql": "select 1"}' if method == "POST" else None, "", authorization=f"Bearer {proof}")

    assert reply.status == 403
    assert len(attacked.refusals()) == before + 1


def test_a_page_shows_no_rows_for_a_token_of_the_catalogue(attacked: Attacked) -> None:
    before, proof = len(attacked.refusals()), attacked.token("fin", "catalogue")

    reply = attacked.send("GET", "/products/orders.orders?sample=1", None, "", authorization=f"Bearer {proof}")

    assert "rows need one with the scope query" in reply.text
    assert "1601" not in reply.text
    assert len(attacked.refusals()) == before + 1


def test_who_guesses_without_end_waits_whatever_address_it_says_it_has(attacked: Attacked) -> None:
    address = attacked.stranger

    statuses = [
        attacked.send("GET", "/", None, "", address, authorization=f"Bearer guess-{n}", x_forwarded_for=f"10.0.0.{n}").status
        for n in range(22)
    ]

    assert statuses == [401] * 20 + [429] * 2


def test_nobody_fills_the_disk_with_refusals_of_long_paths(attacked: Attacked) -> None:
    attacked.send("GET", "/" + "x" * 30_000, None, "", attacked.stranger)

    longest = max((line for line in attacked.written if line.get("what") == "refused"), key=lambda line: len(json.dumps(line)))
    assert len(json.dumps(longest)) < 1000


@pytest.mark.parametrize("path", ["/", "/mcp", "/v1/query", "/socket"])
def test_a_websocket_without_a_proof_is_closed(attacked: Attacked, path: str) -> None:
    before = len(attacked.refusals())
    lines = [f"GET {path} HTTP/1.1", "host: x", "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"]
    with socket.create_connection(("127.0.0.1", attacked.served.port), timeout=30, source_address=(attacked.stranger, 0)) as client:
        client.sendall("\r\n".join([*lines, "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]).encode())

        said = client.recv(1000)

    assert said.split(b" ")[1] in (b"401", b"403")
    assert len(attacked.refusals()) == before + 1
