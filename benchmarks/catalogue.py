"""The catalogue of 2,000 products: `python -m benchmarks.catalogue [--products 2000] [--folder .dagmesh/benchmark_catalogue]`.

Really published products of forty domains that read each other, with lineage of columns; one in fifty has ninety publications. Measured: a
search as the command does it (with the look for changes) and as a server does (without), the index from nothing and after one
publication, start page and product pages of a warm server. Texts are drawn from a vocabulary, so that words are rare and common.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
from benchmarks.measuring import machine
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

import dagmesh as dm
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages.routes import routes
from dagmesh.consume.search import search
from dagmesh.consume.search_index import SearchIndex, refresh
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh
from dagmesh.model.product import Read

DOMAINS = 40
NOUNS = [
    "orders",
    "returns",
    "parcels",
    "invoices",
    "refunds",
    "campaigns",
    "coupons",
    "visits",
    "sessions",
    "shipments",
    "contracts",
    "stocks",
]
HOW = [
    "daily",
    "weekly",
    "open",
    "late",
    "gross",
    "net",
    "regional",
    "online",
    "seasonal",
    "new",
    "lost",
    "active",
    "planned",
    "early",
    "paid",
]
OTHERS = [
    "customer",
    "household",
    "store",
    "carrier",
    "category",
    "region",
    "channel",
    "margin",
    "conversion",
    "revenue",
    "delay",
    "risk",
    "score",
]
RESULTS = Path(__file__).parent / "results" / "catalogue.json"


class Measures(dm.Contract):
    """One row per thing and day."""

    thing_id: str = dm.field(key=True, classification="pseudonymous", description="Stable name of the thing.")
    on_date: date = dm.field(key=True, description="UTC day it is about.")
    count_30d: int = dm.field(ge=0, unit="things", description="How many there were in the last 30 days.")
    revenue_eur: float = dm.field(ge=0, unit="EUR", description="What they brought, gross.")
    delay_hours: float = dm.field(ge=0, unit="hours", description="How late they were.")
    email: str = dm.field(classification="pii", purpose="Writing to customers.", mask="hash", description="Where customers are written to.")


ROWS = "(SELECT 'a' AS thing_id, DATE '2026-11-20' AS on_date, 3 AS count_30d, 4.5 AS revenue_eur, 0.5 AS delay_hours, 'x@y.zz' AS email)"


@dm.data_product(contract=Measures, version="1.0.0", serves=["analysts"], promise=dm.Promise(), documentation="https://example.org/x")
def measures(things: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """What is copied and renamed."""
    return things


def products(count: int, chance: random.Random) -> Iterator[Product]:
    """So many products, each reading up to three earlier ones."""
    made: list[Product] = []
    names: set[str] = set()
    while len(made) < count:
        words = [chance.choice(some) for some in (HOW, OTHERS, NOUNS)]
        number = len(made) % DOMAINS
        domain = f"{NOUNS[number % len(NOUNS)]}_{number}"
        name = "_".join(words)
        if f"{domain}.{name}" in names:
            continue
        names.add(f"{domain}.{name}")
        sources = chance.sample(made, min(len(made), chance.randrange(4)))
        reads = tuple(Read(f"input_{place}", str(source.address), "duckdb") for place, source in enumerate(sources))
        said = f"The {words[0]} {words[2]} of each {words[1]}: what {domain} publishes about {chance.choice(OTHERS)}."
        product: Product = measures.in_domain(domain, f"team:{domain}", None)
        made.append(replace(product, name=name, description=said, reads=reads, tags={"subject": words[2]}))
        yield made[-1]


def publish(lake: Lake, con: duckdb.DuckDBPyConnection, product: Product, moment: datetime, version: int) -> None:
    """One publication with checks, profile and lineage, as a run makes it."""
    columns = [column.name for column in product.contract.columns]
    lineage = {name: [[read.source, name, "value"] for read in product.reads] for name in columns} if product.reads else {}
    checks = [
        {"name": rule.name, "text": rule.text, "column": rule.columns[0], "passed": True, "failing_rows": 0, "severity": rule.severity}
        for rule in product.contract.rules
    ]
    profile = {name: {"nulls": 0, "distinct_about": 7, "min": 1.0, "max": 9.0, "mean": 4.0 + version % 5} for name in columns[2:5]}
    record = Record("run", moment, {None: f"{version:016x}"}, {}, checks, profile, {}, moment.date() - timedelta(days=1), 0.1, "", lineage)
    table = lake.table(product.address)
    stage = table.stage(con, ROWS, product, []).with_row_hashes(con, {})
    table.publish(stage, [], record, lake.signing_key(product.domain))


def made(folder: Path, count: int) -> tuple[Mesh, list[str]]:
    """The mesh in the folder, made when it is not there, and the addresses of those with many publications."""
    mesh = Mesh(folder, folder / "home", ())
    lake, chance, now = Lake.of(mesh), random.Random(7), datetime.now(UTC)  # noqa: S311 - of names
    long = []
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with lake.connect() as con:
        for place, product in enumerate(products(count, chance)):
            days = 90 if place % 50 == 0 else 1
            long += [str(product.address)] if days > 1 else []
            for ago in range(days - 1, -1, -1) if is_new else ():
                publish(lake, con, product, now - timedelta(days=ago, hours=1), ago)
    return mesh, long


def figures(action: Callable[[int], object], times: int) -> dict[str, float]:
    """Milliseconds of wall, median and 95th percentile, and of CPU, mean."""
    walls, cpu = [], process_time()
    for number in range(times):
        began = perf_counter()
        action(number)
        walls.append((perf_counter() - began) * 1000)
    cpu = (process_time() - cpu) * 1000 / times
    return {"median_ms": round(statistics.median(walls), 1), "p95_ms": round(sorted(walls)[int(times * 0.95)], 1), "cpu_ms": round(cpu, 1)}


def measure(mesh: Mesh, long: list[str]) -> dict[str, Any]:
    """Every figure."""
    chance = random.Random(11)  # noqa: S311 - of questions
    questions = [" ".join(chance.sample(NOUNS + OTHERS + HOW, 3)) for _ in range(200)]
    questions[::10] = ["paymnts of each custmer", "class:pii revenue", "owner:team:orders late", "column:delay region"] * 5
    lake = Lake.of(mesh)
    for file in mesh.home.glob("catalogue.sqlite*"):
        file.unlink()
    index = SearchIndex(lake)
    found: dict[str, Any] = {"index from nothing": figures(lambda _: index.fresh().__enter__().close(), 1)}

    def asked(number: int, max_age: float) -> None:
        with index.fresh(max_age) as con:
            search(con, questions[number % len(questions)])

    found["search, with the look for changes"] = figures(lambda number: asked(number, 0), 100)
    found["search, server"] = figures(lambda number: asked(number, 3600), 200)
    with index.fresh() as con:
        found["look for changes"] = figures(lambda _: refresh(lake, con), 30)
    with TestClient(app(mesh)) as client:
        addresses = [str(address) for address in chance.sample(lake.addresses(), min(100, len(long) * 5))]
        client.get("/")

        def visit(path: str) -> None:
            client.get(path).raise_for_status()

        some = long[:40]
        found["start page"] = figures(lambda _: visit("/"), 50)
        found["search page"] = figures(lambda number: visit(f"/search?q={questions[number]}"), 50)
        found["product page, first"] = figures(lambda number: visit(f"/products/{addresses[number]}"), len(addresses))
        found["product page, again"] = figures(lambda number: visit(f"/products/{addresses[number]}"), len(addresses))
        found["product page of 90 publications, first"] = figures(lambda number: visit(f"/products/{some[number]}"), len(some))
        found["product page of 90 publications, again"] = figures(lambda number: visit(f"/products/{some[number]}"), len(some))
    return found


def app(mesh: Mesh) -> Starlette:
    """The catalogue's routes, looked at by an analyst."""
    made_app = Starlette(routes=routes())
    made_app.state.mesh = mesh

    async def signed_in(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.principal = Principal("benchmark", "analyst")
        return await call_next(request)

    made_app.add_middleware(BaseHTTPMiddleware, dispatch=signed_in)
    return made_app


def main() -> None:
    """Make, measure, write results/catalogue.json, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=Path(".dagmesh/benchmark_catalogue"))
    parser.add_argument("--keep", action="store_true", help="keep the mesh for another measurement")
    chosen = parser.parse_args()
    mesh, long = made(chosen.folder.absolute(), chosen.products)
    found = {"machine": machine(), "products": chosen.products, "figures": measure(mesh, long)}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["figures"], indent=1))
    if not chosen.keep:
        shutil.rmtree(chosen.folder)


if __name__ == "__main__":
    main()
