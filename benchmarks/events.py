"""Measures a domain's events: append, feed, rebuild, advance, trace, verify.

Usage: python benchmarks/events.py [--events 10000000] [--rounds 3] [--keep FOLDER]

Every figure is of a child process of its own, its imports left out: CPU seconds (user and system), wall seconds, peak memory. What is
compared runs alternately, and the medians go to benchmarks/results/events.json. The histories are made by `history.py`, and with
--keep only the first time; the shorter one has a tenth of the events.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import duckdb
import pyarrow.dataset  # noqa: F401 - a third of a second when DuckDB first takes an Arrow table; a run has it from its warm parent
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]
sys.path.append(str(ROOT / "domains" / "orders"))

from benchmarks.history import SOURCE, arrivals, customer, events, make  # noqa: E402 - after the folders are known
from benchmarks.measuring import machine, own_peak_mb  # noqa: E402

import dagmesh as dm  # noqa: E402
from dagmesh.events.declared import declared  # noqa: E402
from dagmesh.events.feeds.dead_letters import DeadLetters  # noqa: E402
from dagmesh.events.feeds.feed import batches  # noqa: E402
from dagmesh.events.feeds.json_lines_store import feed_json_lines  # noqa: E402
from dagmesh.events.projections.state import Definition, advance  # noqa: E402
from dagmesh.events.projections.state_files import opened  # noqa: E402
from dagmesh.events.relation import relation  # noqa: E402
from dagmesh.events.store import EventStore  # noqa: E402
from dagmesh.events.typed import quoted  # noqa: E402
from dagmesh.events.verification import verify_events  # noqa: E402
from dagmesh.lake.keys import SigningKey  # noqa: E402
from orders.products.purchase_patterns import purchase_patterns  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "events.json"
KEY = SigningKey(SOURCE, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
DAILY = dm.projection(
    dm.Events("orders.order_events"),
    of=dm.entity(
        {"day": "CAST(time AS DATE)", "channel": "channel"},
        orders=dm.count("OrderPlaced"),
        eur=dm.sum(OrderPlaced="total_eur"),
        most=dm.max(OrderPlaced="total_eur"),
    ),
)
# What a scan for the same columns is: an aggregate of each over the segments, by day and channel where the projection is.
SCANS = {
    "stateless": {"OrderPlaced": "CAST(time AS DATE), channel, count(*), sum(total_eur), max(total_eur)"},
    "state of orders": {
        "OrderPlaced": "max(order_id), max(customer_id), max(time), max(position), max(lines)",
        "OrderCancelled": "max(order_id), max(time), max(position)",
        "OrderReturned": "max(order_id), max(time), max(position)",
    },
}
Figures = dict[str, float]


def history(folder: Path, count: int) -> Figures:
    """Making a history, all but its last events sealed."""
    return timed(lambda: make(folder, count, declared(SOURCE), KEY, tail=min(1_000, count // 10)))


def definition(name: str) -> Definition:
    """The projection that is measured: aggregates by day and channel, or the shop's purchase patterns."""
    found = declared(SOURCE)
    if name == "stateless":
        return Definition(DAILY, "day", found.types, found.upcasts)
    assert purchase_patterns.projection is not None
    return Definition(purchase_patterns.projection, purchase_patterns.partitioned_by, found.types, found.upcasts)


def connection() -> duckdb.DuckDBPyConnection:
    """A connection as a run's, with memory for the target."""
    con = duckdb.connect(config={"memory_limit": "800MB", "temp_directory": tempfile.gettempdir()})
    con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return con


def new_store(folder: Path) -> EventStore:
    """An empty store that knows the types."""
    shutil.rmtree(folder, ignore_errors=True)
    store = EventStore(folder, SOURCE)
    store.register(declared(SOURCE).types.values())
    return store


def append(folder: Path, count: int, at_once: int) -> Figures:
    """Appending events, so many at once, each time on the disk."""
    store, given = new_store(folder), [*batches(events(count), at_once)]
    return timed(lambda: [store.append(batch) for batch in given])


def feed(folder: Path, count: int) -> Figures:
    """Bringing a file of JSON lines into a store."""
    store, lines = new_store(folder), folder / "lines.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        for new in events(count):
            said = {"id": new.id, "type": new.type, "subject": new.subject, "time": new.time.isoformat(), "data": new.data}
            file.write(json.dumps(said) + "\n")
    return timed(lambda: feed_json_lines(store, [lines], DeadLetters(folder / "dead.jsonl")))


def scan(folder: Path, name: str) -> Figures:
    """DuckDB reading the same columns of the same segments."""
    con = connection()
    read = f"read_parquet('{folder}/segments/*.{{}}.1.parquet')"
    grouped = " GROUP BY ALL" if name == "stateless" else ""
    queries = [f"SELECT {said} FROM {read.format(kind)}{grouped}" for kind, said in SCANS[name].items()]
    return timed(lambda: [con.execute(query).fetchall() for query in queries])


def rebuild(folder: Path, name: str, state: Path) -> Figures:
    """Folding everything into a new state."""
    shutil.rmtree(state, ignore_errors=True)
    return advanced(folder, name, state)


def advance_by(folder: Path, name: str, state: Path, about: str) -> Figures:
    """Folding 1,000 events that came since; they are appended before the clock starts."""
    store = EventStore(folder, SOURCE)
    store.append(arrivals(about, store.head().position // 4, random.Random(store.head().position)))  # noqa: S311
    store.close()
    return advanced(folder, name, state)


def advanced(folder: Path, name: str, state: Path) -> Figures:
    """Folding what came since, from opening the store to the state on the disk."""

    def run() -> None:
        store, con = EventStore(folder, SOURCE), connection()
        with opened(con, definition(name), state) as found:
            advance(found, store)
        con.close()
        store.close()

    definition(name).digest()
    return timed(run)


def read_key(folder: Path, state: Path) -> Figures:
    """Reading all events of the orders of one customer: the orders from the state, their events by key from segments and tail."""
    store, con = EventStore(folder, SOURCE), connection()
    found = definition("state of orders")
    with opened(con, found, state) as things:

        def run() -> None:
            chosen = f"SELECT order_id FROM {things.table} WHERE customer_id = '{customer(store.head().position // 8)}'"
            keys = ", ".join(f"'{key}'" for (key,) in con.execute(chosen).fetchall())
            for kind in found.projection.entity.types:
                rows = relation(con, store, kind)
                con.execute(f"FROM {rows} WHERE {quoted('order_id')} IN ({keys}) ORDER BY position").fetchall()

        return timed(run)


def read_subject(folder: Path) -> Figures:
    """Reading all events of one order, by subject, from the store."""
    store = EventStore(folder, SOURCE)
    return timed(lambda: [*store.read(f"order/o{store.head().position // 8:010d}")])


def verify(folder: Path) -> Figures:
    """Verifying chain, segments and signatures."""
    store = EventStore(folder, SOURCE)
    return timed(lambda: verify_events(store, KEY.public))


def timed(run: Callable[[], object]) -> Figures:
    """CPU, wall and peak memory of this process."""
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 3), "wall_s": round(perf_counter() - began, 3), "peak_mb": own_peak_mb()}


def in_child(function: Callable[..., Figures], *arguments: object) -> Figures:
    """What the function measures in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        figures = pool.submit(function, *arguments).result()
    print(function.__name__, *(value for value in arguments if not isinstance(value, Path)), figures, flush=True)
    return figures


def one_round(folder: Path, lengths: tuple[int, int]) -> dict[str, Figures]:
    """Every step once."""
    short, long = (folder / str(length) for length in lengths)
    made = {
        "append one by one, 5,000": in_child(append, folder / "new", 5_000, 1),
        "append 5,000 at once, 200,000": in_child(append, folder / "new", 200_000, 5_000),
        "feed of JSON lines, 200,000": in_child(feed, folder / "new", 200_000),
        f"verify {short.name}": in_child(verify, short),
    }
    for name in SCANS:
        made[f"scan, {name}"] = in_child(scan, long, name)
        for events_of in (long, short):
            state = folder / f"{events_of.name} {name}"
            made[f"rebuild {events_of.name}, {name}"] = in_child(rebuild, events_of, name, state)
            for about in ("recent", "old"):
                made[f"advance {events_of.name}, {name}, {about}"] = in_child(advance_by, events_of, name, state, about)
    made[f"events of a customer's orders by key, {long.name}"] = in_child(read_key, long, folder / f"{long.name} state of orders")
    made[f"events of an order by subject, {long.name}"] = in_child(read_subject, long)
    return made


def main() -> None:
    """Make the histories, run the rounds and write the medians."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=10_000_000, help="of the longer history")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--keep", type=Path, help="a folder whose histories are used again")
    asked = arguments.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="dagmesh-bench-"))
    lengths = asked.events // 10, asked.events
    try:
        for length in lengths:
            if not (folder / str(length)).exists():
                in_child(history, folder / str(length), length)
        rounds = [one_round(folder, lengths) for _ in range(asked.rounds)]
    finally:
        if not asked.keep:
            shutil.rmtree(folder)
    medians = {step: {f: statistics.median(r[step][f] for r in rounds) for f in rounds[0][step]} for step in rounds[0]}
    found = {"events": asked.events, "machine": machine(), "measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "medians": medians}
    RESULTS.write_text(json.dumps({**found, "rounds": rounds}, indent=2) + "\n", encoding="utf-8")
    rows = [f"| {step} | {f['cpu_s']:.3f} | {f['wall_s']:.3f} | {f['peak_mb']:,.0f} |" for step, f in medians.items()]
    print("\n".join(["| step | CPU s | wall s | peak MB |", "|---|---|---|---|", *rows]))


if __name__ == "__main__":
    main()
