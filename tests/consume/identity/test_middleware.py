"""The middleware: who gets through, who does not, what they are told and what is written down."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import WebSocketDenialResponse
from tests.consume.identity.conftest import Guarded

Bearer = Callable[[str], dict[str, str]]
HERE = {"Origin": "http://mesh.example"}
PAGE = {"Accept": "text/html,*/*"}
ANNA = {"name": "token:anna", "reader": "marketing", "kind": "person", "roles": ["owner"], "budget": None}


def test_a_token_says_who_asks(guarded: Guarded, bearer: Bearer) -> None:
    answer = guarded.client().post("/v1/query", headers=bearer(guarded.token()))

    assert (answer.status_code, answer.json()["principal"]) == (200, ANNA)


@pytest.mark.parametrize(
    "path", ["/", "/v1/query", "/mcp", "/logout", "/graphql", "/healthz/", "/static/%2e%2e/v1/query", "//healthz", "/Login"]
)
def test_without_an_identity_nothing_is_answered(guarded: Guarded, path: str) -> None:
    answer = guarded.client().get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="dagmesh"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "who asks is not said. Send Authorization: Bearer <token>, or log in at /login",
    }


@pytest.mark.parametrize("path", ["/healthz", "/static/mesh.css"])
def test_what_is_open_is_answered_without_an_identity(guarded: Guarded, path: str) -> None:
    assert guarded.client().get(path).json() == {"principal": None, "path": path}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Basic YW5uYTphbm5h", "the Authorization header is none that is understood"),
        ("Bearer", "the Authorization header is none that is understood"),
        ("Bearer    ", "the Authorization header is none that is understood"),
        ("Bearer wrong", "the token is not known here"),
        ("Bearer " + "a" * 9000, "the proof has 9000 characters; at most 8192 are looked at"),
        ("Bearer dagmesh_\xff", "the token is not known here"),
    ],
)
def test_a_wrong_proof_is_refused_and_written_down_without_it(guarded: Guarded, header: str, said: str) -> None:
    answer = guarded.client().get("/v1/query", headers={"Authorization": header.encode("latin-1")})

    assert answer.status_code == 401
    assert said in answer.json()["detail"]
    [line] = guarded.log()
    assert (line["what"], line["who"], line["path"], line["address"]) == ("refused", None, "/v1/query", "203.0.113.7")
    assert said in line["why"]
    assert header.partition(" ")[2].strip()[:20] not in guarded.everything_written() or header in ("Bearer", "Bearer    ")


def test_two_authorization_headers_are_none(guarded: Guarded) -> None:
    token = guarded.token()

    answer = guarded.client().get("/", headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")])

    assert answer.status_code == 401


def test_an_expired_token_is_refused_by_its_name(guarded: Guarded, bearer: Bearer) -> None:
    token = guarded.token(days=1, now=datetime.now(UTC) - timedelta(days=2))

    answer = guarded.client().get("/", headers=bearer(token))

    assert answer.status_code == 401
    assert guarded.log()[0]["who"] == "token:anna"


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        *[("/v1/query", "query"), ("/v1/products/orders.orders@1/data", "query"), ("/v1/products/orders.orders@1/data/", "query")],
        *[("/v1/anything-new", "query"), ("/v1", "query"), ("/mcp", "agent"), ("/mcp/", "agent"), ("/mcpx", "catalogue")],
        *[
            ("/", "catalogue"),
            ("/v1/products", "catalogue"),
            ("/v1/products/orders.orders@1", "catalogue"),
            ("/v1/feedback/3", "catalogue"),
        ],
        *[("/v1/productsx", "query"), ("/search", "catalogue")],
    ],
)
def test_a_path_needs_its_scope(guarded: Guarded, bearer: Bearer, path: str, needed: str) -> None:
    client = guarded.client()
    answers = {scope: client.get(path, headers=bearer(guarded.token(scopes=(scope,)))) for scope in ("query", "catalogue", "agent")}

    assert {scope for scope, answer in answers.items() if answer.status_code == 200} == {needed}
    assert {answer.status_code for answer in answers.values()} == {200, 403}


def test_a_scope_that_is_missing_is_named_and_the_refusal_written_down(guarded: Guarded, bearer: Bearer) -> None:
    answer = guarded.client().get("/mcp", headers=bearer(guarded.token(scopes=("query", "catalogue"))))

    assert answer.json()["detail"] == (
        "this needs a token with the scope agent; this one has catalogue, query. Ask for another: dagmesh token create <name> --scope agent"
    )
    assert [(line["what"], line["who"]) for line in guarded.log()] == [("refused", "token:anna")]


def test_a_principal_taken_out_of_the_file_is_refused_from_then_on(guarded: Guarded, bearer: Bearer) -> None:
    client, token = guarded.client(), guarded.token()
    assert client.get("/", headers=bearer(token)).status_code == 200

    guarded.write_principals("principals: []\n")

    answer = client.get("/", headers=bearer(token))
    assert answer.status_code == 401
    assert answer.json()["detail"] == (
        "token:anna is not in platform/principals.yaml, which says in whose name each principal reads. Ask for a line there."
    )


def test_a_file_of_principals_with_a_mistake_lets_nobody_in(guarded: Guarded, bearer: Bearer) -> None:
    client, token = guarded.client(), guarded.token()
    guarded.write_principals("principals:\n  - {token: anna, reader: markting}\n")

    answer = client.get("/", headers=bearer(token))

    assert answer.status_code == 503
    assert "Did you mean 'marketing'?" in answer.json()["detail"]


def test_a_browser_is_shown_the_form_and_comes_back_to_where_it_wanted(guarded: Guarded) -> None:
    client = guarded.client()

    shown = client.get("/products/orders.orders@1", headers=PAGE)
    answer = client.post("/login", data={"token": guarded.token(), "next": "/products/orders.orders@1"}, headers=HERE)

    assert shown.status_code == 401
    assert shown.headers["www-authenticate"] == "Bearer"
    assert 'value="/products/orders.orders@1"' in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/products/orders.orders@1")
    assert client.get("/products/orders.orders@1").json()["principal"] == ANNA
    assert client.post("/v1/query", headers=HERE).json()["principal"] == ANNA


@pytest.mark.parametrize(("base", "secure"), [("http://mesh.example", False), ("https://mesh.example", True)])
def test_no_script_and_no_other_site_gets_at_the_cookie(guarded: Guarded, base: str, secure: bool) -> None:
    answer = guarded.client(base).post("/login", data={"token": guarded.token()}, headers={"Origin": base})

    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= words
    assert ("secure" in words) == secure
    assert not any(word.startswith("domain=") for word in words)


def test_the_token_is_not_in_the_cookie(guarded: Guarded) -> None:
    token = guarded.token()

    answer = guarded.client().post("/login", data={"token": token}, headers=HERE)

    assert token[25:] not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\nLocation:x", "javascript:alert(1)", "/login"],
)
def test_a_login_leads_to_no_other_site(guarded: Guarded, elsewhere: str) -> None:
    answer = guarded.client().post("/login", data={"token": guarded.token(), "next": elsewhere}, headers=HERE)

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://mesh.example"}, {"Origin": "http://mesh.example:81"}],
)
def test_a_form_of_another_site_is_refused(guarded: Guarded, headers: dict[str, str]) -> None:
    client = guarded.client()
    assert client.post("/login", data={"token": guarded.token()}, headers=headers).status_code == 403
    client.post("/login", data={"token": guarded.token()}, headers=HERE)

    answers = [client.post(path, headers=headers) for path in ("/v1/query", "/graphql", "/logout")]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert client.get("/").status_code == 200


def test_a_page_that_writes_what_it_is_told_escapes_it(guarded: Guarded) -> None:
    shown = guarded.client().get("/login", params={"next": '/"><script>alert(1)</script>'})

    assert "<script>" not in shown.text
    assert "&quot;&gt;&lt;script&gt;" in shown.text


def test_a_wrong_token_in_the_form_is_told_so(guarded: Guarded) -> None:
    answer = guarded.client().post("/login", data={"token": "wrong"}, headers={**HERE, **PAGE})

    assert answer.status_code == 401
    assert "The token is not known here" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_form_without_end_is_not_read_to_its_end(guarded: Guarded) -> None:
    answer = guarded.client().post("/login", content=b"token=" + b"a" * 100_000, headers=HERE)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "the form has more than 32768 bytes; it holds a token and no more."


def test_logging_out_ends_the_session_also_for_who_copied_the_cookie(guarded: Guarded) -> None:
    client, thief = guarded.client(), guarded.client(address="198.51.100.1")
    client.post("/login", data={"token": guarded.token()}, headers=HERE)
    thief.cookies.update(client.cookies)
    assert thief.get("/").status_code == 200
    assert "token:anna" in client.get("/logout").text

    done = client.post("/logout", headers=HERE)

    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert "dagmesh_session" not in client.cookies
    refused = thief.get("/")
    assert (refused.status_code, refused.json()["detail"]) == (401, "the session is over. Log in again: /login")
    assert [line["what"] for line in guarded.log()] == ["logged in", "logged out", "refused"]


def test_a_session_ends_with_its_token(guarded: Guarded) -> None:
    client = guarded.client()
    client.post("/login", data={"token": guarded.token()}, headers=HERE)

    guarded.tokens.revoke("anna", "root", datetime.now(UTC))

    assert client.get("/").status_code == 401


def test_a_session_lasts_no_longer_than_its_token(guarded: Guarded) -> None:
    token = guarded.token(days=1, now=datetime.now(UTC) - timedelta(hours=23))

    answer = guarded.client().post("/login", data={"token": token}, headers=HERE)

    lasts = next(word for word in answer.headers["set-cookie"].split("; ") if word.startswith("Max-Age="))
    assert 3500 < int(lasts.removeprefix("Max-Age=")) <= 3600


@pytest.mark.parametrize("changed", [lambda cookie: cookie[:-1], lambda cookie: "x" + cookie, lambda cookie: "", lambda cookie: "." * 3])
def test_a_cookie_that_was_changed_is_nobodys(guarded: Guarded, changed: Callable[[str], str]) -> None:
    client = guarded.client()
    client.post("/login", data={"token": guarded.token()}, headers=HERE)

    answer = guarded.client().get("/", headers={"Cookie": f"dagmesh_session={changed(client.cookies['dagmesh_session'])}"})

    assert answer.status_code == 401


def test_who_fails_too_often_has_to_wait_and_nobody_else_does(guarded: Guarded, bearer: Bearer) -> None:
    client, known, new = guarded.client(), guarded.token(), guarded.token("weekly-report")
    assert client.get("/", headers=bearer(known)).status_code == 200

    statuses = [client.get("/", headers=bearer(f"guess-{number}")).status_code for number in range(21)]

    assert statuses == [401] * 20 + [429]
    late = client.get("/", headers=bearer(new))
    assert late.status_code == 429
    assert late.headers["retry-after"] == "60"
    assert client.get("/", headers=bearer(known)).status_code == 200  # what was good before is not locked out by a neighbour
    assert guarded.client(address="198.51.100.1").get("/", headers=bearer(new)).status_code == 200


def test_a_websocket_needs_an_identity_too(guarded: Guarded, bearer: Bearer) -> None:
    client = guarded.client()

    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/socket"):
        pytest.fail("nobody was let in")
    with client.websocket_connect("/socket", headers=bearer(guarded.token())) as socket:
        assert socket.receive_text() == "token:anna"
    assert refused.value.status_code == 401


def test_a_websocket_of_another_sites_page_is_refused(guarded: Guarded) -> None:
    client, here = guarded.client("http://testserver"), {"Origin": "http://testserver"}
    client.post("/login", data={"token": guarded.token()}, headers=here)

    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/socket", headers={"Origin": "https://evil.example"}):
        pytest.fail("nobody was let in")
    with client.websocket_connect("/socket", headers=here) as socket:
        assert socket.receive_text() == "token:anna"
    assert refused.value.status_code == 403


def test_no_proof_is_ever_logged(guarded: Guarded, bearer: Bearer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, token = guarded.client(), guarded.token()
    client.get("/", headers=bearer(token))
    client.post("/login", data={"token": token}, headers=HERE)
    client.get("/", headers=bearer(token[:-1]))

    assert token[30:60] not in guarded.everything_written()
    assert token[30:60] not in caplog.text
    assert client.cookies["dagmesh_session"][20:60] not in guarded.everything_written()
