"""POST /v1/query: one statement, four forms, the same rows."""

import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tests.consume.service.conftest import ARROW, CSV, PARQUET, Served

ALL = "select * from orders.orders order by order_id"


def test_each_form_has_the_same_rows(served: Served) -> None:
    arrow = pa.ipc.open_stream(served.query(ALL, ARROW).read()).read_all()
    parquet = pa.parquet.read_table(io.BytesIO(served.query(ALL, PARQUET).read()))
    csv = pa.csv.read_csv(io.BytesIO(served.query(ALL, CSV).read()), convert_options=pa.csv.ConvertOptions(column_types=arrow.schema))
    rows = [
        [str(row["order_id"]), str(row["ordered_on"]), row["placed_at"].isoformat(), str(row["total_eur"])] for row in arrow.to_pylist()
    ]

    assert arrow.num_rows == 4
    assert parquet.equals(arrow)
    assert csv.equals(arrow)
    assert [[str(value) for value in row] for row in served.rows(ALL)] == rows


def test_a_product_is_named_by_major_and_snapshot_and_more_than_once(served: Served) -> None:
    sql = 'select count(*), sum(a.total_eur) from "orders.orders@1#0" a join orders.orders b using (order_id)'

    assert served.rows(sql) == [[4, "10.00"]]


def test_only_the_days_asked_for_are_read(served: Served) -> None:
    assert served.rows("select count(*) from orders.orders", days=["2026-11-17"]) == [[1]]


def test_the_headers_say_what_the_answer_is_computed_from(served: Served) -> None:
    response = served.query("select email from customers.profiles", reader="marketing")

    reads = json.loads(response.headers["dagmesh-reads"])

    assert [read["address"] for read in reads] == ["customers.profiles@1#0"]
    assert reads[0]["masks"]["email"] == "null"
    assert json.loads(response.read())["rows"] == [[None], [None]]


def test_nobody_is_served_who_does_not_say_who_they_are(served: Served) -> None:
    problem = served.problem(ALL, reader="")

    assert (problem["status"], problem["title"]) == (401, "Nobody said who asks")
