"""Over HTTP a reader sees what its grant shows, and no statement gets around it."""

from collections.abc import Iterator

import pytest
import yaml
from tests.consume.service.conftest import Served

from dagmesh.consume.connection import connect


@pytest.fixture
def granted(served: Served) -> Iterator[Served]:
    """Finance is granted the e-mail addresses as hashes, of customers in Graz."""
    file = served.mesh.root / "domains/customers/grants/finance.profiles.yaml"
    said = {"consumer": "finance", "product": "profiles", "majors": [1], "columns": ["customer_id", "city", "email"]}
    said |= {"mask": {"email": "hash"}, "rows": "city = 'Graz'", "purpose": "Write bills."}
    said |= {"expires": "2099-12-31", "status": "approved", "approver": "team:customers"}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(said))
    yield served
    file.unlink()


def test_masks_and_rows_are_those_of_the_local_connection(granted: Served) -> None:
    sql = "select customer_id, email, city, born_on from customers.profiles"

    rows = granted.rows(sql)

    assert rows == [list(row) for row in connect(granted.mesh.root, reader="finance").sql(sql).fetchall()]
    assert [(row[0], len(row[1]), row[2:]) for row in rows] == [("c1", 64, ["Graz", None])]


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from customers.profiles where city = 'Linz'",
        "select count(*) from customers.profiles where city <> 'Graz' or city is null",
        "select count(*) from customers.profiles where email like '%@%'",
        "select count(*) from customers.profiles where born_on is not null",
        "select count(*) from (select * from customers.profiles limit 10 offset 1)",
        "select count(*) from customers.profiles a, customers.profiles b where a.city = 'Linz' or b.email = 'bob@example.com'",
    ],
)
def test_no_condition_finds_what_is_not_shown(granted: Served, sql: str) -> None:
    assert granted.rows(sql) == [[0]]


def test_no_error_tells_of_a_row_that_is_not_shown(granted: Served) -> None:
    sql = "select sum(case when city = 'Linz' then error('seen') else 1 end) from customers.profiles"

    assert granted.rows(sql) in ([["1"]], [[1]])  # HUGEINT


def test_a_grant_that_ends_closes_at_once(granted: Served) -> None:
    file = granted.mesh.root / "domains/customers/grants/finance.profiles.yaml"
    kept = file.read_text()
    file.write_text(kept.replace("2099-12-31", "2020-12-31"))

    assert granted.problem("select city from customers.profiles")["status"] == 403
    file.write_text(kept)


def test_rows_that_are_filtered_are_no_download(granted: Served) -> None:
    response = granted.request("GET", "/v1/products/customers.profiles@1/data?columns=customer_id,city")

    assert (response.status, b"it sees only some of the rows" in response.read()) == (403, True)
