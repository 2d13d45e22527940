"""Feedback: what readers say and owners answer, over HTTP as well; who sees what; and texts that a stranger wrote."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.problems import EXCEPTION_HANDLERS
from dagmesh.consume.usage.feedback import LONGEST, FeedbackLog, Said
from dagmesh.consume.usage.routes import MOST_BYTES, routes
from dagmesh.errors import AccessRefused, FeedbackRefused, MeshError
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

ANNA = Principal("anna@example.org", "marketing")
BERT = Principal("bert@example.org", "risk")
EVE = Principal("eve@example.org", "finance")
OLGA = Principal("olga@example.org", "customers", roles=frozenset({"owner"}))
OTTO = Principal("otto@example.org", "orders", roles=frozenset({"owner"}))
PROFILES = Address("customers", "profiles")
WRONG = Said("wrong_row", text="She moved.", key={"customer_id": "c1"})


@pytest.fixture
def log(shop) -> FeedbackLog:
    shop.publish_profiles()
    return FeedbackLog(shop.lake.home)


@pytest.fixture
def says(shop, log) -> Callable:
    return lambda who, said, product="customers.profiles": log.give(who, shop.resolver(who.reader), product, said)


def test_what_a_reader_says_is_kept_with_who_said_it_of_which_snapshot(says, log) -> None:
    before = datetime.now(UTC)

    given = says(ANNA, Said("rating", stars=4, text=" Clear. "))

    assert log.about(PROFILES) == [given]
    assert (given.author, given.reader, str(given.address), given.said) == (
        "anna@example.org", "marketing", "customers.profiles@1#0", Said("rating", 4, "Clear."),
    )  # fmt: skip
    assert before <= given.at <= datetime.now(UTC)


def test_an_open_one_is_answered_by_the_owner_and_a_rating_asks_for_none(says, log) -> None:
    rating, comment, row = says(ANNA, Said("rating", 5)), says(ANNA, Said("comment", text="Since when?")), says(ANNA, WRONG)

    answered = log.answer(OLGA, comment.id, "Since May.")

    assert [one.is_open for one in log.about(PROFILES)] == [True, False, False]
    assert log.of(comment.id) == answered
    assert [(answer.author, answer.text) for answer in answered.answers] == [("olga@example.org", "Since May.")]
    assert (rating.is_open, row.is_open) == (False, True)


def test_only_an_owner_of_the_domain_answers(says, log) -> None:
    given = says(ANNA, Said("comment", text="Since when?"))

    for who in (ANNA, BERT, OTTO):
        with pytest.raises(AccessRefused) as refusal:
            log.answer(who, given.id, "Since ever.")

    assert str(refusal.value) == ("only an owner of customers answers what is said of customers.profiles@1#0; otto@example.org is none.")
    assert log.of(given.id).answers == ()


def test_who_may_not_read_a_product_says_nothing_of_it(says, log) -> None:
    with pytest.raises(AccessRefused):
        says(EVE, Said("comment", text="Let me in."))

    assert log.about(PROFILES) == []


def test_the_row_and_the_author_are_for_the_owner_and_the_author_alone(says, log) -> None:
    given = says(ANNA, WRONG)
    log.answer(OLGA, given.id, "Mended.")
    (given,) = log.about(PROFILES)

    assert given.seen_by(OLGA) == given.seen_by(ANNA) == given
    for other in (BERT, OTTO):
        text = json.dumps(given.seen_by(other).describe(), ensure_ascii=False)
        assert not any(word in text for word in ("anna", "olga", "c1", "She moved"))
        assert (given.seen_by(other).said.kind, given.seen_by(other).answers[0].text) == ("wrong_row", "Mended.")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said("praise"), "unknown kind of feedback 'praise'; choose rating, comment or wrong_row."),
        (Said("rating"), "a rating of customers.profiles@1#0 has 1 to 5 stars; got None."),
        (Said("rating", 6), "a rating of customers.profiles@1#0 has 1 to 5 stars; got 6."),
        (Said("rating", True), "a rating of customers.profiles@1#0 has 1 to 5 stars; got True."),
        (Said("comment", 4, "x"), "a comment of customers.profiles@1#0 has no stars; write a rating for that."),
        (Said("comment", text=" \n"), "a comment of customers.profiles@1#0 says something; got no text."),
        (Said("comment", text="x" * (LONGEST + 1)), "a comment of customers.profiles@1#0 has at most 2,000 characters; got 2,001."),
        (
            Said("comment", text="a\u202eb"),
            "a comment of customers.profiles@1#0 has a character that cannot be shown, U+202E. Take it out.",
        ),
        (
            Said("comment", text="a\x1b[2J"),
            "a comment of customers.profiles@1#0 has a character that cannot be shown, U+001B. Take it out.",
        ),
        (Said("wrong_row", text="x"), "a wrong row of customers.profiles@1#0 is named by customer_id; got none."),
        (
            Said("wrong_row", text="x", key={"customer_id": "c1", "email": "a@b"}),
            "a wrong row of customers.profiles@1#0 is named by customer_id; got customer_id, email.",
        ),
        (
            Said("wrong_row", text="x", key={"customer_id": "c" * 201}),
            "customer_id of a row of customers.profiles@1#0 is a text of 1 to 200 characters that can be shown.",
        ),
    ],
)
def test_what_is_not_whole_is_refused_and_not_kept(says, log, said, why) -> None:
    with pytest.raises(FeedbackRefused) as refusal:
        says(ANNA, said)

    assert str(refusal.value) == why
    assert log.about(PROFILES) == []


def test_a_value_of_a_key_is_of_its_columns_type(shop, says, log) -> None:
    shop.publish_orders({datetime(2026, 11, 16, tzinfo=UTC).date(): [10]})

    with pytest.raises(FeedbackRefused) as refusal:
        says(Principal("f", "finance"), Said("wrong_row", text="x", key={"order_id": "one'; DROP"}), "orders.orders")

    assert str(refusal.value) == """order_id of a row of orders.orders@1#0 is BIGINT; "one'; DROP" is none."""


def test_an_id_that_is_none_is_refused(log) -> None:
    for unknown in ("", "x" * 99, "0" * 32, "01a1ffeecdb27641a28318dbabaff4af"):
        with pytest.raises(FeedbackRefused, match="there is no feedback"):
            log.of(unknown)


def test_only_its_owner_sees_the_log_and_a_damaged_one_is_none(says, log) -> None:
    says(ANNA, Said("rating", 5))
    (file,) = log.days.folder.iterdir()
    assert (stat.S_IMODE(log.days.folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)

    file.write_text(file.read_text() + "{}\n")

    with pytest.raises(MeshError) as refusal:
        log.about(PROFILES)
    assert str(refusal.value) == f"{file}: line 2 is no feedback. Put the file back as it was written."


# HTTP


@pytest.fixture
def http(shop, log) -> Callable[[Principal], TestClient]:
    def client(principal: Principal) -> TestClient:
        app = Starlette(routes=routes(), exception_handlers=dict(EXCEPTION_HANDLERS))
        app.state.mesh = Mesh(shop.root, shop.lake.home, ())

        async def identified(scope, receive, send) -> None:
            scope.setdefault("state", {})["principal"] = principal
            await app(scope, receive, send)

        return TestClient(identified, follow_redirects=False)

    return client


@pytest.fixture(autouse=True)
def lake_of_the_shop(shop, monkeypatch) -> None:
    monkeypatch.setenv("DAGMESH_LAKE", shop.lake.root)


def test_feedback_is_given_listed_and_answered_over_http(http) -> None:
    given = http(ANNA).post(
        "/v1/feedback", json={"product": "customers.profiles", "kind": "wrong_row", "text": "Moved.", "key": {"customer_id": "c1"}}
    )
    assert (given.status_code, given.json()["author"], given.json()["open"]) == (201, "anna@example.org", True)

    answered = http(OLGA).post(f"/v1/feedback/{given.json()['id']}/answers", json={"text": "Mended."})
    assert (answered.status_code, answered.json()["open"]) == (201, False)

    (seen,) = http(BERT).get("/v1/feedback", params={"product": "customers.profiles@1"}).json()
    assert (seen["key"], seen["text"], seen["answers"][0]["text"]) == ({"customer_id": "•••"}, "•••", "Mended.")


def test_a_form_comes_back_to_the_products_page(http, log) -> None:
    said = {
        "product": "customers.profiles@1",
        "kind": "wrong_row",
        "key.customer_id": "c1",
        "text": "Moved.\r\nTwice.",
        "author": "eve",
        "stars": "",
    }

    done = http(ANNA).post("/v1/feedback", data=said)
    rated = http(ANNA).post("/v1/feedback", data={"product": "customers.profiles", "kind": "rating", "stars": "5"})

    assert (done.status_code, done.headers["location"]) == (303, "/products/customers.profiles%401#feedback")
    assert rated.status_code == 303
    assert [(one.author, one.said) for one in log.about(PROFILES)] == [
        ("anna@example.org", Said("rating", 5)), ("anna@example.org", Said("wrong_row", None, "Moved.\nTwice.", {"customer_id": "c1"})),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 422, "the request is neither JSON in UTF-8 nor a form"),
        (b"[]", 422, "the request is no JSON object"),
        (b'{"product": "\\ud800"}', 422, "the request is neither JSON in UTF-8 nor a form"),
        (b"\xff", 422, "the request is neither JSON in UTF-8 nor a form"),
        (b"[" * 10_000, 422, "the request is neither JSON in UTF-8 nor a form"),
        (b'"' + b"x" * MOST_BYTES + b'"', 413, "The body has more than 16,384 bytes"),
        (b"{}", 422, "product is missing"),
        (b'{"product": 1}', 422, "product is missing"),
        (b'{"product": "no address"}', 400, "'no address' is not an address"),
        (b'{"product": "customers.nothing", "kind": "comment", "text": "x"}', 404, "customers.nothing is not published"),
        (b'{"product": "customers.profiles", "kind": ["rating"]}', 422, "unknown kind of feedback \"['rating']\""),
        (b'{"product": "customers.profiles", "kind": "rating", "stars": 3.0}', 422, "a rating of customers.profiles@1#0 has 1 to 5 stars"),
        (
            b'{"product": "customers.profiles", "kind": "comment", "text": {}}',
            422,
            "a comment of customers.profiles@1#0 is a text; got dict",
        ),
        (b'{"product": "customers.profiles", "kind": "wrong_row", "key": "c1"}', 422, "key is an object of column to value; got str"),
        (b'{"product": "customers.profiles", "kind": "wrong_row", "text": "x", "key": {"customer_id": 1}}', 422, "customer_id of a row"),
    ],
)
def test_what_is_wrong_is_a_problem_in_words(http, log, body, status, detail) -> None:
    done = http(ANNA).post("/v1/feedback", content=body, headers={"content-type": "application/json"})

    assert (done.status_code, done.headers["content-type"]) == (status, "application/problem+json")
    assert done.json()["detail"].startswith(detail)
    assert (done.json()["status"], log.about(PROFILES)) == (status, [])


def test_who_may_not_read_neither_lists_nor_says(http) -> None:
    for done in (
        http(EVE).get("/v1/feedback", params={"product": "customers.profiles@1"}),
        http(EVE).post("/v1/feedback", json={"product": "customers.profiles@1", "kind": "rating", "stars": 1}),
    ):
        assert (done.status_code, done.json()["title"]) == (403, "The reader is not served by the product")
