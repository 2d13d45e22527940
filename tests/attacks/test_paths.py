"""Paths that mean something else than they say: no file, no door past identity, no row of another product."""

from urllib.parse import quote

import pytest
from tests.attacks.conftest import Attacked, product

TRICKS = [
    *("//v1/products", "/v1//products", "/V1/Products", "/./v1/products", "/static/../v1/products", "/static/%2e%2e/v1/products"),
    *("/static/..%2fv1/products", "/static/..%5cv1/products", "/static//v1/products", "/static/", "/healthz/../v1/products", "/healthz%2f"),
    *("/healthz;/v1/products", "/healthz%00", "/healthz?/../v1/products", "/healthz/v1/products", "/login/../v1/products", "/login/x"),
    *("/assets/../../principals.yaml", "/assets/..%2f..%2f..%2fworkspace.yaml", "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/assets/%00"),
    *(
        "/assets//etc/passwd",
        "/assets/style.css%00.txt",
        "/assets/style.css/../catalogue.js",
        "/assets/STYLE.CSS",
        "/assets/sty\u0142e.css",
    ),
    *("/v1/products/..%2F..%2Fsecret.txt", "/v1/products/%2Fetc%2Fpasswd", "/v1/products/ledger%00.entries", "/v1/products/%F0%9F%A6%8A"),
    *(
        "/products/..%2f..%2fetc%2fpasswd",
        "/products/%00",
        "/products/ledger.entries%2f..%2forders.orders",
        "/products/l\u0435dger.entries",
    ),
    *(
        "/domains/..%2f..",
        "/domains/%00",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%c0%af..%c0%afetc/passwd",
        "/%ff%fe",
        "/.git/config",
        "/.dagmesh/",
    ),
    *(
        "/v1/products/ledger.entries@1/data",
        "/v1/products/ledger.entries@1%230/data",
        "/v1/products/orders.orders%3Fx/data",
        "/" + "a" * 8000,
    ),
    *("http://evil.example/etc/passwd", "/v1/products/" + "a" * 8000, "/v1/products/..;/data", "/mcp/../v1/query", "/mcp%2f..%2f", "*"),
]


@pytest.mark.parametrize("path", TRICKS, ids=lambda path: path[:40])
def test_a_trick_with_a_path_opens_nothing(attacked: Attacked, path: str) -> None:
    path = quote(path, safe="/%?@;:*")

    nobody = attacked.send("GET", path, None, "", attacked.stranger)
    somebody = attacked.send("GET", path)

    assert nobody.status in (400, 401, 404)
    assert somebody.status in (400, 403, 404, 405)
    assert "root:" not in nobody.text + somebody.text


@pytest.mark.parametrize(
    "address",
    [
        'orders.orders" UNION ALL FROM ledger.entries --',
        "orders.orders'; DROP TABLE x",
        "orders.orders LIMIT 1",
        '"',
        "'",
        "orders.orders@1#0 x",
    ],
)
def test_sample_rows_are_of_an_address_and_of_nothing_else(attacked: Attacked, address: str) -> None:
    reads = len(attacked.written)

    reply = attacked.page(f"{product(address)}?sample=1")

    assert reply.status == 400
    assert len(attacked.written) == reads
