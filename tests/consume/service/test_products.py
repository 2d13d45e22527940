"""GET /v1/products: what there is, and whole products as files."""

import io
import json
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.consume.service.conftest import ARROW, Served

PROFILES = "/v1/products/customers.profiles@1"


def parquet(served: Served, path: str, reader: str = "finance") -> pa.Table:
    response = served.request("GET", path, reader=reader)
    content = response.read()
    assert response.status == 200, content
    return pa.parquet.read_table(io.BytesIO(content))


def problem(served: Served, path: str, reader: str = "finance") -> tuple[int, str]:
    response = served.request("GET", path, reader=reader)
    content = json.loads(response.read())
    assert response.headers["content-type"] == "application/problem+json"
    return response.status, content["detail"]


def test_every_product_is_listed(served: Served) -> None:
    listed = json.loads(served.request("GET", "/v1/products").read())["products"]

    assert [entry["address"] for entry in listed] == ["customers.profiles@1", "orders.orders@1"]


def test_a_product_says_its_contract_schema_promise_lineage_and_snapshots(served: Served) -> None:
    said = json.loads(served.request("GET", "/v1/products/orders.orders").read())

    assert (said["address"], said["rows"], said["product"]["contract"]["grain"]) == ("orders.orders@1", 4, "One row per order.")
    assert said["schema"][0] == {"name": "order_id", "type": "BIGINT"}
    assert [past["snapshot"] for past in said["snapshots"]] == [0]
    assert {"promise", "promise_kept", "lineage", "inputs", "check_results"} <= said.keys()


@pytest.mark.parametrize("path", ["/v1/products", "/v1/products/orders.orders", "/v1/products/orders.orders/data"])
def test_what_the_client_has_is_not_sent_again(served: Served, path: str) -> None:
    first = served.request("GET", path)
    first.read()

    again = served.request("GET", path, if_none_match=f'"other", {first.headers["etag"]}')

    assert (again.status, again.read(), again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_a_download_is_the_product_as_parquet_or_arrow(served: Served) -> None:
    table = parquet(served, "/v1/products/orders.orders/data")
    arrow = pa.ipc.open_stream(served.request("GET", "/v1/products/orders.orders/data", accept=ARROW).read()).read_all()

    assert table.num_rows == 4
    assert table.sort_by("order_id").equals(arrow.sort_by("order_id"))


def test_a_download_may_be_some_columns_days_and_rows(served: Served) -> None:
    path = f"/v1/products/orders.orders/data?columns=order_id,total_eur&where={quote('total_eur > 1')}"

    assert parquet(served, f"{path}&days=2026-11-16").sort_by("order_id").column("order_id").to_pylist() == [1601, 1602]
    assert parquet(served, path).column_names == ["order_id", "total_eur"]


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1) UNION ALL (SELECT 1, 2 FROM customers.profiles",
        "order_id IN (SELECT order_id FROM orders.orders)",
        "1 = 1; DROP TABLE x",
        "getenv('HOME') = ''",
        "true) -- ",
        "true, true",
    ],
)
def test_where_is_one_condition_over_a_row(served: Served, where: str) -> None:
    status, detail = problem(served, f"/v1/products/orders.orders/data?columns=order_id&where={quote(where)}")

    assert status == 400, detail


def test_masked_columns_are_no_download(served: Served) -> None:
    status, detail = problem(served, f"{PROFILES}/data", "marketing")

    assert status == 403
    assert detail == (
        "marketing may not download customers.profiles@1#0: it sees email, born_on, credit_eur, seen_at, tags masked. "
        "Ask for columns=customer_id,city; or query what it may see: POST /v1/query"
    )
    assert parquet(served, f"{PROFILES}/data?columns=city", "marketing").column("city").to_pylist() == ["Graz", "Linz"]


def test_a_reader_who_is_not_served_downloads_nothing(served: Served) -> None:
    assert problem(served, f"{PROFILES}/data")[0] == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/products/nothing", 400),
        ("/v1/products/orders.nothing", 404),
        ("/v1/products/orders.orders@9", 404),
        ("/v1/products/orders.orders@1%2399/data", 404),
        ("/v1/products/orders.orders/data?columns=nope", 400),
        ("/v1/products/orders.orders/data?column=order_id", 400),
        ("/v1/products/orders.orders/data?days=monday", 400),
        ("/v1/products/..%2F..%2Fetc/data", 404),
        ("/v1/nothing", 404),
    ],
)
def test_what_is_not_there_is_said(served: Served, path: str, status: int) -> None:
    assert problem(served, path)[0] == status
