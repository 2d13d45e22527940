"""The shop's operational systems, simulated: event exports as JSON lines, per domain and UTC day of hand-over.

A real mesh deletes this file and shop.sql. A day's bytes depend on (seed, orders_per_day, day) alone: all chance is a hash,
so a day is written without the days before it. DuckDB keeps `hash` within a release: write one folder with one release.

    python domains/shop.py --out .dagmesh/exports --days 30 --orders-per-day 1000
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

DAY = timedelta(days=1)
OPENING = date(2022, 11, 1)  # the first customers register
FIRST_EXPORT = OPENING + 400 * DAY  # by now 2 x orders_per_day customers have registered
USUAL_BASKET = 6700  # cents, the average order; a thief orders several of them at once
DAMAGED_DAY = 12  # of each month: some lines of the orders' export cannot be read
DAMAGED_SHARE = 0.004
ROWS_AT_ONCE = 200_000  # orders drawn in one pass: a month of a small shop, a day of a large one
SPOIL = {  # what a bad release of each system does on a broken day: share of the events, pattern, replacement
    "customers": (0.5, '"country":"[A-Z]+"', '"country":"??"'),
    "orders": (0.05, '"(unit_price_eur|total_eur)":"', r'"\1":"-'),
    "logistics": (0.05, '"carrier":"[a-z]+"', '"carrier":"pigeon"'),
    "marketing": (0.5, '"topic":"[a-z]+"', '"topic":""'),
}
Broken = Collection[tuple[date, str]]


@dataclass(frozen=True)
class Stream:
    """One type of event: the rows of shop.sql it comes from, when it happens (t), what it says."""

    type: str
    rows: str
    at: str
    data: str
    where: str = "true"
    days_back: int = 0  # so many days after its row's day n may an order's event happen
    base_days: int | None = None  # rows of the last so many days make the base; None: not part of it


@dataclass(frozen=True)
class Export:
    """One file: a domain's day, or (`is_base`) the state at its end; `stamp` names all that the content depends on."""

    path: Path
    domain: str
    day: date
    stamp: str
    is_base: bool = False
    is_broken: bool = False


MOVED = "{customer_id: key, street: home.street, city: home.city, country: home.country}"
STREAMS = {
    "customers": (
        Stream(
            "CustomerRegistered",
            "customers",
            "instant(joined, u('register', i) / 2)",
            "{customer_id: key, name: given(i) || ' ' || family(i), email: email(i), street: home.street, "
            "city: home.city, country: home.country, phone: phone(i)}",
            base_days=1,
        ),
        Stream("AddressChanged", "customers", "instant(moved, u('move', i + moved))", MOVED, "moved > joined", base_days=1),
        Stream("AddressChanged", "victims", "changed_at", MOVED, base_days=100_000),
    ),
    "orders": (
        Stream(
            "OrderPlaced",
            "orders",
            "placed_at",
            """{order_id: key, customer_id: customer_id(buyer),
            channel: oneof(['web', 'web', 'web', 'web', 'web', 'web', 'app', 'app', 'app', 'store'], u('channel', number)),
            lines: list_transform(items, lambda l: {sku: sku(l.product), category: category(l.product),
                quantity: l.quantity, unit_price_eur: eur(price(l.product))}), total_eur: eur(total)}""",
        ),
        Stream(
            "PaymentReceived",
            "orders",
            "paid_at",
            """{order_id: key, amount_eur: eur(total),
            method: oneof(['card', 'card', 'ideal', 'paypal', 'invoice'], u('method', number))}""",
            days_back=1,
        ),
        Stream("OrderShipped", "orders", "shipped_at", "{order_id: key}", days_back=2),
        Stream("OrderDelivered", "orders", "delivered_at", "{order_id: key}", days_back=7),
        Stream("OrderCancelled", "orders", "cancelled_at", "{order_id: key, reason: reason}", days_back=1),
        Stream(
            "OrderReturned",
            "orders",
            "returned_at",
            """{order_id: key, amount_eur:
            eur(CASE WHEN u('whole', number) < 0.5 THEN total ELSE price(products[1]) END)}""",
            days_back=27,
        ),
    ),
    "logistics": (
        Stream(
            "ParcelHandedOver",
            "orders",
            "shipped_at",
            """{order_id: key, carrier: ['dhl', 'ups', 'postnl', 'gls'][c],
            region: region_name(g), promised_on: utc_day(t + 86400000 * promised_days(c, g))}""",
            days_back=2,
        ),
        Stream("ParcelDelivered", "orders", "delivered_at", "{order_id: key, delivered_on: rfc3339(t, 0)}", days_back=7),
    ),
    "marketing": (
        Stream(
            "NewsletterSubscribed",
            "customers",
            "instant(toggled, (1 + u('toggle', i + toggled)) / 2)",
            "{customer_id: key, topic: topic_name(i)}",
            "subscribed(i, n)",
            base_days=1,
        ),
        Stream(
            "NewsletterUnsubscribed",
            "customers",
            "instant(toggled, (1 + u('toggle', i + toggled)) / 2)",
            "{customer_id: key}",
            "is_reader(i) AND NOT is_keen(i, n) AND toggled > joined",
        ),
        Stream(
            "CampaignSent",
            "customers",
            "instant(n, (3 + u('send', i)) / 10)",
            "{campaign_id: campaign_id(n), customer_id: key, topic: topic_name(i)}",
            "n % 12 = 3 * topic(i) AND subscribed(i, n - 1)",
        ),
    ),
}


def write_exports(out: Path, *, first: date, last: date, orders_per_day: int = 1000, seed: int = 7, broken: Broken = ()) -> list[Path]:
    """The files written: those of the days first to last that were missing or made with other parameters.

    `<out>/customers/base.jsonl` and `<out>/marketing/base.jsonl` hold the state before the folder's earliest day.

    Raises:
        ValueError: a day before FIRST_EXPORT, an empty range, under 10 orders a day, a broken day that is not exported.
    """
    _refuse(first, last, orders_per_day, broken)
    world = f"seed={seed}/orders_per_day={orders_per_day}"
    wanted = [export for domain in STREAMS for export in _exports(out / domain, domain, world, first, last, broken)]
    missing = [export for export in wanted if not _is_written(export)]
    if missing:
        con = _simulation(last, orders_per_day, seed)
        for run in _runs(missing, at_once=max(1, ROWS_AT_ONCE // orders_per_day)):
            con.execute(_hand_over(run))
            for export in run:
                _write(con, export)
    return [export.path for export in missing]


def _refuse(first: date, last: date, orders_per_day: int, broken: Broken) -> None:
    """Nothing, or the ValueError that says what is not allowed."""
    if not FIRST_EXPORT <= first <= last:
        raise ValueError(f"shop: no exports for {first} to {last}; choose days in order, from {FIRST_EXPORT} on.")
    if orders_per_day < 10:
        raise ValueError(f"shop: {orders_per_day} orders a day are too few to draw shares from; choose 10 or more.")
    for day, domain in broken:
        if domain not in STREAMS:
            raise ValueError(f"shop: cannot break unknown domain {domain!r}; choose {', '.join(STREAMS)}.")
        if not first <= day <= last:
            raise ValueError(f"shop: broken day {day} is not exported; choose a day from {first} to {last}.")


def _exports(folder: Path, domain: str, world: str, first: date, last: date, broken: Broken) -> Iterator[Export]:
    """The files that should be there: the base, if the domain has one, then day by day."""
    if any(stream.base_days for stream in STREAMS[domain]):
        start = min([first, *(date.fromisoformat(file.stem) for file in folder.glob("????-??-??.jsonl"))])
        yield Export(folder / "base.jsonl", domain, start - DAY, f"{domain}/before {start}/{world}", is_base=True)
    for n in range((last - first).days + 1):
        day = first + n * DAY
        is_broken = (day, domain) in broken
        stamp = f"{domain}/{day}/{world}" + "/broken" * is_broken
        yield Export(folder / f"{day}.jsonl", domain, day, stamp, is_broken=is_broken)


def _is_written(export: Export) -> bool:
    """Whether the file is there and its last line carries the stamp."""
    if not export.path.exists():
        return False
    with export.path.open("rb") as file:
        file.seek(max(0, export.path.stat().st_size - 1000))
        return json.dumps(export.stamp).encode() in file.read().rpartition(b'{"id"')[2]


def _runs(exports: list[Export], at_once: int) -> Iterator[list[Export]]:
    """The exports in groups to draw together: a base alone, else up to `at_once` days on end of one domain."""
    run = exports[:1]
    for before, export in itertools.pairwise(exports):
        follows = before.domain == export.domain and before.day + DAY == export.day and not before.is_base
        if not follows or len(run) == at_once:
            yield run
            run = []
        run.append(export)
    yield run


def _simulation(last: date, orders_per_day: int, seed: int) -> duckdb.DuckDBPyConnection:
    """A database in memory that knows the shop's laws."""
    import duckdb

    con = duckdb.connect()
    con.execute(
        Template(Path(__file__).with_suffix(".sql").read_text()).substitute(
            seed=seed,
            opening=_number(OPENING),
            last=_number(last),
            scale=orders_per_day,
            stride=2 * orders_per_day + 10,
            weekly=max(3, orders_per_day // 200),
            basket=USUAL_BASKET,
        )
    )
    return con


def _number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def _hand_over(run: list[Export]) -> str:
    """SQL for the table `handed`: what the run's exports hand over, each event on its day or days."""
    a, b, is_base = _number(run[0].day), _number(run[-1].day), run[0].is_base
    streams = [stream for stream in STREAMS[run[0].domain] if stream.base_days or not is_base]
    happened = " UNION ALL ".join(_happened(stream, a, b, is_base) for stream in streams)
    return f"CREATE OR REPLACE TABLE handed AS SELECT * EXCLUDE days, unnest(days) AS day FROM ({happened})"


def _happened(stream: Stream, a: int, b: int, is_base: bool) -> str:
    """SQL for the stream's events handed over on the days a to b, or for the state at the end of day b."""
    kind, number, key = ("order", "number", "o%010d") if stream.rows == "orders" else ("customer", "i", "c%06d")
    since = b + 1 - (stream.base_days or 0) if is_base else a - 2 - stream.days_back
    today = "day(t) = n" if stream.rows == "customers" and not is_base else "true"
    window = f"t < {(b + 1) * 86_400_000}" + ("" if is_base else f" AND t >= {(a - 2) * 86_400_000}")
    days, is_handed = (f"[{b}]", "true") if is_base else ("days_handed(t, k)", f"is_handed(t, k, {a}, {b})")
    return f"""(WITH due AS (
            SELECT *, printf('{key}', {number}) AS key
            FROM (SELECT *, {stream.at} AS t, hash({number}, t, '{stream.type}') AS k
                  FROM {stream.rows}({since}, {b}) WHERE {stream.where})
            WHERE {window} AND {today} AND {is_handed})
        SELECT '{stream.type}-' || key || '-' || t AS id, '{stream.type}' AS type, '{kind}/' || key AS subject,
               to_json({stream.data}) AS data, t, k, {days} AS days
        FROM detailed_{kind}s('due'))"""


def _write(con: duckdb.DuckDBPyConnection, export: Export) -> None:
    """The export on disk, whole or not at all."""
    export.path.parent.mkdir(parents=True, exist_ok=True)
    part = export.path.with_name(f".{export.path.name}.{os.getpid()}")
    try:
        con.execute(_copy(export, part))
        if export.domain == "orders" and export.day.day == DAMAGED_DAY:
            _damage(part, export.stamp)
        with part.open("a") as file:
            file.write(json.dumps(_closing(con, export)) + "\n")
        part.replace(export.path)
    finally:
        part.unlink(missing_ok=True)


def _copy(export: Export, part: Path) -> str:
    """SQL that writes the export's events to `part`, by time."""
    data, target = "data", str(part).replace("'", "''")
    if export.is_broken:
        share, pattern, bad = SPOIL[export.domain]
        data = f"CASE WHEN u('spoil', k) < {share} THEN regexp_replace(data, '{pattern}', '{bad}', 'g')::JSON ELSE data END"
    return f"""COPY (SELECT id, 'shop/{export.domain}' AS source, type, written(t, k) AS time, subject, {data} AS data
                     FROM handed WHERE day = {_number(export.day)} ORDER BY t, id) TO '{target}' (FORMAT json)"""


def _closing(con: duckdb.DuckDBPyConnection, export: Export) -> dict[str, object]:
    """The last line: how many different events the file hands over."""
    [[events]] = con.execute("SELECT count(DISTINCT id) FROM handed WHERE day = ?", [_number(export.day)]).fetchall()
    return {
        "id": export.stamp,
        "source": f"shop/{export.domain}",
        "type": "ExportClosed",
        "time": f"{export.day}T23:59:59.999Z",
        "data": {"events": events},
    }


def _damage(path: Path, chance: str) -> None:
    """The file with some lines cut short or overwritten, as by a dropped connection."""
    dice, lines = random.Random(chance), path.read_text().splitlines(keepends=True)  # noqa: S311 (repeatable on purpose)
    for n in range(len(lines)):
        if dice.random() < DAMAGED_SHARE:
            lines[n] = lines[n][: len(lines[n]) // 2] + "\n" if dice.random() < 0.8 else "#### connection reset ####\n"
    path.write_text("".join(lines))


def _yesterday() -> date:
    return datetime.now(UTC).date() - DAY


def main() -> None:
    """Write the exports that the command line asks for."""
    ask = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    ask.add_argument("--out", type=Path, required=True, help="the folder, one sub-folder per domain")
    ask.add_argument("--to", type=date.fromisoformat, default=_yesterday(), metavar="DAY", help="the last day; yesterday (UTC)")
    ask.add_argument("--days", type=int, default=30)
    ask.add_argument("--orders-per-day", type=int, default=1000)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--broken", type=_broken, action="append", default=[], metavar="DAY:DOMAIN", help="a bad release")
    said = ask.parse_args()
    first = said.to - (said.days - 1) * DAY
    try:
        written = write_exports(said.out, first=first, last=said.to, orders_per_day=said.orders_per_day, seed=said.seed, broken=said.broken)
    except ValueError as error:
        ask.error(str(error))
    sys.stdout.write(f"{len(written)} files written to {said.out} for {first} to {said.to}.\n")


def _broken(text: str) -> tuple[date, str]:
    """The day and the domain of `2026-11-12:orders`."""
    day, _, domain = text.partition(":")
    return date.fromisoformat(day), domain


if __name__ == "__main__":
    main()
