"""Pages show strangers' texts as text, and no other site makes a browser do anything."""

from urllib.parse import quote, urlencode

import pytest
from tests.attacks.conftest import PAGE, Attacked, Reply

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{7*7}}",
    "</textarea><svg onload=alert(1)>",
    "&lt;b&gt;",
]


def is_inert(page: Reply) -> bool:
    """Whether a page holds no element of the markup."""
    return not any(text in page.text for text in ("<script>alert", "<img src=x", "<svg onload", 'href="javascript:'))


def is_harmless(page: Reply) -> bool:
    """Whether a page is inert, and lets no script but its own run."""
    return is_inert(page) and "script-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("text", MARKUP)
def test_hostile_feedback_is_shown_as_text(attacked: Attacked, text: str) -> None:
    given = attacked.send("POST", "/v1/feedback", {"product": "orders.orders", "kind": "comment", "text": text, "author": "crm"})
    page = attacked.page("/products/orders.orders@1")

    assert given.status == 201
    assert '"author": "token:fin"' in given.text.replace('":"', '": "')
    assert is_harmless(page)
    assert text not in page.text or text in ("javascript:alert(1)", "{{7*7}}")


@pytest.mark.parametrize("text", MARKUP)
@pytest.mark.parametrize(
    "path", ["/search?q={}", "/domains/{}", "/products/{}", "/assets/{}", "/products/orders.orders?asked={}", "/login?next={}"]
)
def test_what_a_url_says_is_shown_as_text(attacked: Attacked, path: str, text: str) -> None:
    page = attacked.page(path.format(quote(text, safe="")))

    is_problem = page.headers["content-type"] == "application/problem+json"  # which no browser shows as a page
    assert page.headers["x-content-type-options"] == "nosniff"
    assert is_problem or (is_inert(page) and "default-src 'none'" in page.headers["content-security-policy"])


@pytest.mark.parametrize("text", MARKUP)
def test_a_purpose_is_shown_as_text(attacked: Attacked, text: str) -> None:
    asked = attacked.send("POST", "/products/ledger.entries/access", urlencode({"purpose": text, "column": "secret"}).encode())

    assert asked.status in (303, 400)
    assert is_harmless(attacked.page("/products/ledger.entries"))
    assert attacked.query("FROM ledger.entries").status == 403


ELSEWHERE = [
    {},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://localhost:1", "host": "localhost"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize("path", ["/v1/query", "/v1/feedback", "/products/ledger.entries/access", "/logout", "/mcp"])
def test_another_sites_page_does_nothing_with_a_login(attacked: Attacked, path: str, headers: dict[str, str]) -> None:
    here = f"http://127.0.0.1:{attacked.served.port}"
    login = attacked.send("POST", "/login", f"token={attacked.proof('fin')}".encode(), "", origin=here, accept=PAGE)
    cookie = login.headers["set-cookie"].partition(";")[0]
    before = len(attacked.refusals())

    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        reply = attacked.send(
            "POST", path, b"purpose=x&product=orders.orders&kind=rating&stars=1", "", cookie=cookie, content_type=kind, **headers
        )
        assert reply.status == 403
    assert len(attacked.refusals()) == before + 3
    assert attacked.send("GET", "/v1/products", None, "", cookie=cookie).status == 200


def test_only_the_owner_answers_and_the_attempt_is_written_down(attacked: Attacked) -> None:
    given = attacked.send("POST", "/v1/feedback", {"product": "orders.orders", "kind": "comment", "text": "late"}).text
    feedback = given.partition('"id":"')[2].partition('"')[0]
    before = len(attacked.refusals())

    assert attacked.send("POST", f"/v1/feedback/{feedback}/answers", {"text": "thanks"}).status == 403
    assert len(attacked.refusals()) == before + 1
