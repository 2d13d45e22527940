"""What finance may not see does not come out sideways: by aggregates, joins, orders, errors, snapshots, downloads, or refusals."""

from typing import Any
from urllib.parse import quote

import pytest
from tests.attacks.conftest import Attacked

# Two people are of Graz, the only city of the grant; of their address the first character is shown, of credit, visit and tags nothing.
SIDEWAYS: list[tuple[str, list[list[Any]]]] = [
    ("SELECT count(*), count(credit_eur), count(DISTINCT email), max(length(email)) FROM customers.profiles", [[2, 0, 2, 4]]),
    (
        "SELECT min(email), max(email), string_agg(email, ',' ORDER BY email), mode(tags) FROM customers.profiles",
        [["a•••", "z•••", "a•••,z•••", None]],
    ),
    ("SELECT count(*) FROM customers.profiles WHERE email LIKE '%example%'", [[0]]),
    ("SELECT count(*) FROM customers.profiles WHERE email IN ('ada@example.com', 'a')", [[0]]),
    ("SELECT count(*) FROM customers.profiles WHERE regexp_matches(email, '@|\\.')", [[0]]),
    ("SELECT count(*) FROM customers.profiles WHERE md5(email) = md5('ada@example.com') OR hash(email) = hash('ada@example.com')", [[0]]),
    ("SELECT count(*) FROM customers.profiles WHERE credit_eur > 0 OR credit_eur <= 0", [[0]]),
    ("SELECT count(*) FROM customers.profiles p JOIN (VALUES (12.5), (0)) AS v(credit) ON p.credit_eur = v.credit", [[0]]),
    ("SELECT count(*) FROM customers.profiles a JOIN customers.profiles b ON a.credit_eur < b.credit_eur", [[0]]),
    ("SELECT customer_id FROM customers.profiles ORDER BY credit_eur DESC, customer_id", [["c1"], ["c2"]]),
    ("SELECT customer_id FROM customers.profiles ORDER BY credit_eur, customer_id DESC", [["c2"], ["c1"]]),
    ("SELECT row_number() OVER (ORDER BY credit_eur), rank() OVER (ORDER BY credit_eur) FROM customers.profiles", [[1, 1], [2, 1]]),
    ("SELECT city, count(*) FROM customers.profiles GROUP BY GROUPING SETS ((city), ()) ORDER BY ALL", [["Graz", 2], [None, 2]]),
    ("FROM (PIVOT customers.profiles ON city IN ('Graz', 'Linz') USING count(*)) SELECT sum(\"Graz\")::INT, sum(\"Linz\")::INT", [[2, 0]]),
    ("SELECT count(*) FROM (FROM customers.profiles UNION ALL FROM customers.profiles)", [[4]]),
    ("FROM (FROM customers.profiles EXCEPT SELECT * REPLACE ('Linz' AS city) FROM customers.profiles) SELECT count(*)", [[2]]),
    ("SELECT count(*) FROM \"customers.profiles@1#0\" WHERE city <> 'Graz' OR credit_eur IS NOT NULL", [[0]]),
    ("SELECT count(*) FROM customers.profiles WHERE city <> 'Graz' OR (city = 'Graz') IS NOT TRUE", [[0]]),
    ("SELECT approx_count_distinct(city), entropy(city), histogram(city)::VARCHAR FROM customers.profiles", [[1, 0.0, "{Graz=2}"]]),
    ("SELECT unnest(tags) FROM customers.profiles", []),
    # Errors: a row that the filter drops is never computed with, and a hidden value is never the operand.
    ("SELECT count(*) FROM customers.profiles WHERE CASE WHEN city <> 'Graz' THEN error(city) ELSE 'x' END = 'x'", [[2]]),
    (
        "SELECT count(*) FROM customers.profiles WHERE 1 / (CASE WHEN customer_id = '0' THEN 0 ELSE 1 END) = 1 AND born_on > '1900-01-01'",
        [[2]],
    ),
    ("SELECT count(*) FROM customers.profiles WHERE CASE WHEN credit_eur > 0 THEN error('rich') ELSE 'x' END = 'x'", [[2]]),
    ("SELECT substr(customer_id, 2)::INT AS n FROM customers.profiles ORDER BY n", [[1], [2]]),
    ("SELECT count(*) FROM customers.profiles WHERE 10 // (length(email) - 15) <= 0", [[2]]),
    ("SELECT count(*) FROM customers.profiles WHERE TRY(email::INT) IS NULL AND TRY_CAST(email AS DATE) IS NULL", [[2]]),
]


@pytest.mark.parametrize(("statement", "rows"), SIDEWAYS, ids=lambda said: str(said)[:60])
def test_a_hidden_value_does_not_come_out_sideways(attacked: Attacked, statement: str, rows: list[list[Any]]) -> None:
    assert attacked.query(statement).rows == rows


@pytest.mark.parametrize("statement", ["SELECT email::INT FROM customers.profiles", "SELECT error(email || city) FROM customers.profiles"])
def test_an_error_tells_what_a_row_would(attacked: Attacked, statement: str) -> None:
    """The words of a failure show masked values of the reader's own rows, and so could the rows."""
    before = len(attacked.refusals())

    problem = attacked.query(statement).problem

    assert problem["status"] == 400
    assert "•••" in problem["detail"]
    assert len(attacked.refusals()) == before + 1


@pytest.mark.parametrize(
    "asked",
    [
        *("", "?columns=email", "?columns=city", "?columns=customer_id,city&days=2026-11-16", f"?columns=city&where={quote('true')}"),
        *(
            f"?columns=city&where={quote(text)}"
            for text in ("credit_eur > 5", "true) UNION ALL SELECT secret FROM ledger.entries WHERE (true")
        ),
    ],
)
def test_what_is_masked_or_filtered_is_no_download(attacked: Attacked, asked: str) -> None:
    before = len(attacked.refusals())

    reply = attacked.send("GET", f"/v1/products/customers.profiles/data{asked}", if_none_match="*")

    assert reply.problem["type"] == "urn:dagmesh:error:AccessRefused"
    assert len(attacked.refusals()) == before + 1


@pytest.mark.parametrize(
    "where", ["(SELECT 1) = 1", "true) UNION ALL SELECT 'x' WHERE (true", "true; SELECT 1", "error('x')", "true --\n) --"]
)
def test_the_condition_of_a_download_is_refused_and_written_down(attacked: Attacked, where: str) -> None:
    before = len(attacked.refusals())

    reply = attacked.send("GET", f"/v1/products/orders.orders/data?where={quote(where)}")

    assert reply.status in (400, 422)
    assert len(attacked.refusals()) == before + 1


def test_a_refusal_tells_no_more_than_the_catalogue(attacked: Attacked) -> None:
    """That a product exists, whose it is and whom it serves stands in the catalogue for everybody with an identity."""
    refused, unknown = attacked.query("FROM ledger.entries").problem, attacked.query("FROM ledger.nothing").problem
    listed = attacked.send("GET", "/v1/products/ledger.entries")

    assert refused["detail"] == (
        "finance may not read ledger.entries@1 (confidential). Ask team:ledger: "
        'dagmesh grant request ledger.entries@1 --as finance --purpose "..."'
    )
    assert unknown["detail"] == "ledger.nothing is not published in this lake. Did you mean 'ledger.entries'? See what is: dagmesh list"
    assert listed.status == 200


def ends(attacked: Attacked) -> list[dict[str, Any]]:
    return [line for line in attacked.written if "completes" in line]


def test_a_statement_that_breaks_off_is_charged_for_the_rows_it_gave(attacked: Attacked) -> None:
    """An error after the first row is no way to read for nothing; see the meter's own tests for what is charged."""
    before = len(ends(attacked))
    # Far more than DuckDB computes ahead of who reads, and cheap: a slow machine must not meet the limit of time instead.
    sql = "SELECT i, i, CASE WHEN i = 390000 THEN error('no') END FROM (SELECT count(*) FROM orders.orders), range(400000) t(i)"

    with pytest.raises(Exception, match="IncompleteRead"):
        attacked.query(sql)

    [line] = ends(attacked)[before:]
    assert line["outcome"] == "failed"
    assert line["rows"] > 0


def test_a_grants_condition_that_fails_tells_nothing_of_the_row_it_failed_of(attacked: Attacked) -> None:
    """The condition is computed over rows that its reader may not see: what DuckDB says of one stays in the service's log."""
    before = len(attacked.refusals())

    problem = attacked.query("SELECT count(*) FROM customers.profiles", "ord").problem

    assert problem["detail"] == "A product's rows cannot be read on; the service's log says why. Ask whoever runs the service."
    assert len(attacked.refusals()) == before + 1
