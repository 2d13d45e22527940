"""Claims about the simulated shop: its exports are repeatable, as messy as announced, and tell one consistent story."""

from __future__ import annotations

import importlib.util
import itertools
import json
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SHOP = Path(__file__).parents[2] / "domains" / "shop.py"
DOMAINS = ("customers", "orders", "logistics", "marketing")
FIRST, LAST = date(2026, 10, 1), date(2026, 11, 19)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    handed: str  # the file's stem: a day or 'base'
    id: str
    type: str
    at: datetime
    raw: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.raw["data"]
        return data


@dataclass(frozen=True)
class Exports:
    """All files of a folder as an independent reader sees them."""

    events: dict[str, list[Event]]
    closings: dict[str, dict[str, dict[str, Any]]]
    unreadable: Counter[tuple[str, str]]

    def of(self, *types: str) -> list[Event]:
        """Each event of these types once, by time."""
        once = {e.id: e for events in self.events.values() for e in events if e.type in types}
        return sorted(once.values(), key=lambda e: e.at)


def load_shop() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shop_under_test", SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


shop = load_shop()


def read(out: Path) -> Exports:
    events: dict[str, list[Event]] = defaultdict(list)
    closings: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    unreadable: Counter[tuple[str, str]] = Counter()
    for file in sorted(out.glob("*/*.jsonl")):
        domain, handed = file.parent.name, file.stem
        *lines, closing = file.read_text().splitlines()
        closings[domain][handed] = json.loads(closing)
        for line in lines:
            try:
                raw = json.loads(line)
            except ValueError:
                unreadable[domain, handed] += 1
                continue
            events[domain].append(Event(handed, raw["id"], raw["type"], datetime.fromisoformat(raw["time"]), raw))
    return Exports(events, closings, unreadable)


def of_order(events: list[Event]) -> dict[str, Event]:
    return {e.data["order_id"]: e for e in events}


def contents(out: Path, days: list[date]) -> dict[str, bytes]:
    return {f"{domain}/{day}": (out / domain / f"{day}.jsonl").read_bytes() for domain in DOMAINS for day in days}


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    shop.write_exports(folder, first=FIRST, last=LAST)
    return folder


@pytest.fixture(scope="module")
def exports(out: Path) -> Exports:
    return read(out)


def test_a_days_file_is_the_same_whatever_range_is_asked(out: Path, tmp_path: Path) -> None:
    one_day, some_days = date(2026, 11, 12), days(date(2026, 11, 10), date(2026, 11, 13))

    shop.write_exports(tmp_path / "one", first=one_day, last=one_day)
    shop.write_exports(tmp_path / "some", first=some_days[0], last=some_days[-1])

    assert contents(tmp_path / "one", [one_day]) == contents(out, [one_day])
    assert contents(tmp_path / "some", some_days) == contents(out, some_days)


def test_the_size_of_a_pass_does_not_change_a_file(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "ROWS_AT_ONCE", 2000)

    shop.write_exports(tmp_path, first=LAST - 4 * DAY, last=LAST)

    assert contents(tmp_path, days(LAST - 4 * DAY, LAST)) == contents(out, days(LAST - 4 * DAY, LAST))


def test_another_seed_tells_another_story(out: Path, tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST, last=LAST, seed=8)

    ours, theirs = contents(out, [LAST]), contents(tmp_path, [LAST])
    assert all(ours[name] != theirs[name] for name in ours)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    first = shop.write_exports(tmp_path, first=LAST - DAY, last=LAST, orders_per_day=50)
    before = {path: path.stat().st_mtime_ns for path in first}

    again = shop.write_exports(tmp_path, first=LAST - DAY, last=LAST, orders_per_day=50)
    (tmp_path / "orders" / f"{LAST}.jsonl").unlink()
    repaired = shop.write_exports(tmp_path, first=LAST - DAY, last=LAST, orders_per_day=50)

    assert len(first) == 2 * len(DOMAINS) + 2
    assert again == []
    assert repaired == [tmp_path / "orders" / f"{LAST}.jsonl"]
    assert {path: path.stat().st_mtime_ns for path in first if path not in repaired} == {
        path: at for path, at in before.items() if path not in repaired
    }


def test_a_later_day_leaves_the_base_alone_and_an_earlier_one_moves_it(tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST - DAY, last=LAST - DAY, orders_per_day=50)

    later = shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50)
    earlier = shop.write_exports(tmp_path, first=LAST - 2 * DAY, last=LAST, orders_per_day=50)

    assert {path.stem for path in later} == {str(LAST)}
    assert {path.stem for path in earlier} == {"base", str(LAST - 2 * DAY)}


def test_other_parameters_write_the_file_anew(tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50)
    good = contents(tmp_path, [LAST])

    broken = shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50, broken=[(LAST, "orders")])
    mended = shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50)

    assert broken == mended == [tmp_path / "orders" / f"{LAST}.jsonl"]
    assert contents(tmp_path, [LAST]) == good


def test_two_writers_at_once_leave_whole_files_only(out: Path, tmp_path: Path) -> None:
    call = [sys.executable, str(SHOP), "--out", str(tmp_path), "--to", str(LAST), "--days", "5"]

    writers = [subprocess.Popen(call, stdout=subprocess.PIPE) for _ in range(2)]
    said = [writer.communicate()[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0], said
    assert contents(tmp_path, days(LAST - 4 * DAY, LAST)) == contents(out, days(LAST - 4 * DAY, LAST))
    assert {path.suffix for path in tmp_path.glob("*/.*")} | {path.suffix for path in tmp_path.glob("*/*")} == {".jsonl"}


def test_a_write_that_fails_leaves_neither_file_nor_remains(tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50)
    target = tmp_path / "orders" / f"{LAST}.jsonl"
    target.unlink()
    target.mkdir()  # a folder in the file's place: the last step, the rename, fails

    with pytest.raises(OSError, match=str(LAST)):
        shop.write_exports(tmp_path, first=LAST, last=LAST, orders_per_day=50)

    assert [path.name for path in (tmp_path / "orders").iterdir()] == [f"{LAST}.jsonl"]


def test_ten_times_the_orders_are_ten_times_the_events(tmp_path: Path) -> None:
    for scale in (200, 2000):
        shop.write_exports(tmp_path / str(scale), first=LAST - 6 * DAY, last=LAST, orders_per_day=scale)

    small, large = read(tmp_path / "200"), read(tmp_path / "2000")
    for domain in DOMAINS:
        assert 8 < len(large.events[domain]) / len(small.events[domain]) < 12, domain
    assert len(small.of("OrderPlaced")) == pytest.approx(7 * 200, rel=0.02)


def test_every_line_is_an_event_with_the_same_six_fields(exports: Exports) -> None:
    for domain, events in exports.events.items():
        for event in events:
            assert set(event.raw) == {"id", "source", "type", "time", "subject", "data"}
            assert event.raw["source"] == f"shop/{domain}"
            kind = "order" if domain in {"orders", "logistics"} else "customer"
            assert event.raw["subject"] == f"{kind}/{event.data[kind + '_id']}"


def test_times_come_in_several_zones(exports: Exports) -> None:
    zones = {event.raw["time"][23:] for event in exports.of("OrderPlaced")}

    assert zones == {"Z", "+01:00", "+02:00", "+09:00", "-05:00"}


def test_the_closing_line_counts_the_different_events_of_its_file(exports: Exports) -> None:
    for domain, closings in exports.closings.items():
        ids = defaultdict(set)
        for event in exports.events[domain]:
            ids[event.handed].add(event.id)
        for handed, closing in closings.items():
            assert closing["type"] == "ExportClosed"
            if (domain, handed) not in exports.unreadable:
                assert closing["data"] == {"events": len(ids[handed])}, (domain, handed)


def test_the_orders_of_each_twelfth_arrive_damaged_and_fully_announced(exports: Exports) -> None:
    assert set(exports.unreadable) == {("orders", "2026-10-12"), ("orders", "2026-11-12")}
    for (domain, handed), lost in exports.unreadable.items():
        announced = exports.closings[domain][handed]["data"]["events"]
        read_ids = {e.id for e in exports.events[domain] if e.handed == handed}
        assert 0.001 < lost / announced < 0.008
        assert announced * 0.992 < len(read_ids) < announced


def test_half_a_percent_of_events_come_twice_in_the_same_file_or_the_next(exports: Exports) -> None:
    copies = defaultdict(list)
    for event in exports.events["orders"] + exports.events["logistics"]:
        copies[event.id].append(event)
    twice = [(a, b) for a, b, *more in (c for c in copies.values() if len(c) > 1) if not more]

    gaps = Counter((date.fromisoformat(b.handed) - date.fromisoformat(a.handed)).days for a, b in twice)
    assert 0.004 < len(twice) / len(copies) < 0.006
    assert all(a.raw == b.raw for a, b in twice)
    assert len(twice) == sum(len(c) > 1 for c in copies.values())
    assert set(gaps) == {0, 1}
    assert 0.7 < gaps[0] / gaps[1] < 1.4


def test_one_percent_of_events_come_a_day_or_two_late_and_none_from_the_future(exports: Exports) -> None:
    first_seen: dict[str, Event] = {}
    for domain in DOMAINS:
        for event in exports.events[domain]:
            if event.handed != "base":
                first_seen.setdefault(event.id, event)
    inside = [e for e in first_seen.values() if FIRST + 3 * DAY <= e.at.astimezone(UTC).date() <= LAST - 3 * DAY]

    late = Counter((date.fromisoformat(e.handed) - e.at.astimezone(UTC).date()).days for e in inside)
    assert set(late) == {0, 1, 2}
    assert 0.008 < (late[1] + late[2]) / len(inside) < 0.012


def test_the_base_holds_only_what_came_before_the_first_day(exports: Exports) -> None:
    base = [e for events in exports.events.values() for e in events if e.handed == "base"]

    assert {e.type for e in base} == {"CustomerRegistered", "AddressChanged", "NewsletterSubscribed"}
    assert max(e.at for e in base) < datetime(2026, 10, 1, tzinfo=UTC)
    assert len({e.id for e in base}) == len(base)


def test_base_and_days_tell_the_same_state_from_whichever_day_they_start(exports: Exports, tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST - 9 * DAY, last=LAST)

    shorter = read(tmp_path)
    for state in (addresses, subscribers):
        assert state(shorter) == state(exports)


def addresses(exports: Exports) -> dict[str, tuple[str, ...]]:
    events = exports.of("CustomerRegistered", "AddressChanged")
    return {e.data["customer_id"]: (e.data["street"], e.data["city"], e.data["country"]) for e in events}


def subscribers(exports: Exports) -> set[str]:
    last = {e.data["customer_id"]: e.type for e in exports.of("NewsletterSubscribed", "NewsletterUnsubscribed")}
    return {customer for customer, kind in last.items() if kind == "NewsletterSubscribed"}


def test_customers_register_once_and_some_move(exports: Exports) -> None:
    registered, moved = exports.of("CustomerRegistered"), exports.of("AddressChanged")
    since = {e.data["customer_id"]: e.at for e in registered}
    recent = [e for e in moved if e.handed != "base"]
    newcomers = [e for e in registered if e.handed != "base"]

    assert len(since) == len(registered)
    assert len({e.data["email"] for e in registered}) == len(registered)
    assert all(since[e.data["customer_id"]] < e.at for e in moved)
    assert 0.004 < len(recent) / len(registered) / len(days(FIRST, LAST)) < 0.006
    assert len(newcomers) == pytest.approx(2 * len(days(FIRST, LAST)), abs=3)
    assert 0.6 < statistics.mean(e.data["phone"] is not None for e in registered) < 0.8


def test_an_order_is_placed_by_a_customer_who_had_registered(exports: Exports) -> None:
    since = {e.data["customer_id"]: e.at for e in exports.of("CustomerRegistered")}

    placed = exports.of("OrderPlaced")

    assert all(since[e.data["customer_id"]] < e.at for e in placed)
    assert len({e.data["order_id"] for e in placed}) == len(placed)


def test_some_customers_buy_much_more_often_than_others(exports: Exports) -> None:
    orders = sorted(Counter(e.data["customer_id"] for e in exports.of("OrderPlaced")).values())

    assert orders[-len(orders) // 20] > 3 * statistics.median(orders)


def test_a_total_is_the_sum_of_its_lines_and_a_sku_keeps_its_price(exports: Exports) -> None:
    prices = defaultdict(set)
    categories = set()
    for event in exports.of("OrderPlaced"):
        lines = event.data["lines"]
        total = sum(line["quantity"] * Decimal(line["unit_price_eur"]) for line in lines)
        assert event.data["total_eur"] == f"{total:.2f}"
        assert event.data["channel"] in {"web", "app", "store"}
        for line in lines:
            prices[line["sku"]].add(line["unit_price_eur"])
            categories.add(line["category"])

    assert all(len(of_sku) == 1 for of_sku in prices.values())
    assert categories == {"books", "games", "garden", "kitchen", "beauty", "sports", "toys", "electronics"}


def test_a_payment_is_the_orders_total_and_a_refund_no_more(exports: Exports) -> None:
    total = {k: Decimal(e.data["total_eur"]) for k, e in of_order(exports.of("OrderPlaced")).items()}
    paid, returned = of_order(exports.of("PaymentReceived")), of_order(exports.of("OrderReturned"))

    assert all(Decimal(e.data["amount_eur"]) == total[k] for k, e in paid.items() if k in total)
    assert all(0 < Decimal(e.data["amount_eur"]) <= total[k] for k, e in returned.items() if k in total)


def test_every_later_event_follows_its_order_at_the_promised_pace(exports: Exports) -> None:
    placed, shipped, delivered = (of_order(exports.of(f"Order{step}")) for step in ("Placed", "Shipped", "Delivered"))
    paces = {
        "PaymentReceived": (placed, timedelta(0), timedelta(minutes=16)),
        "OrderCancelled": (placed, timedelta(minutes=20), timedelta(days=1)),
        "OrderShipped": (placed, timedelta(0), timedelta(days=2)),
        "OrderDelivered": (shipped, timedelta(days=1), timedelta(days=5)),
        "OrderReturned": (delivered, timedelta(days=3), timedelta(days=20)),
    }
    lost = sum(exports.unreadable.values())
    for kind, (before, least, most) in paces.items():
        later = [e for e in exports.of(kind) if e.at.astimezone(UTC).date() >= FIRST + 30 * DAY]
        known = [e for e in later if e.data["order_id"] in before]
        assert len(later) - len(known) <= lost, kind  # a damaged export lost its order
        assert all(least <= e.at - before[e.data["order_id"]].at <= most for e in known), kind


def test_no_event_happens_later_than_its_stream_looks_back() -> None:
    con, day = shop._simulation(LAST, 2_000_000, 7), shop._number(FIRST)

    for stream in shop.STREAMS["orders"] + shop.STREAMS["logistics"]:
        [[latest]] = con.execute(f"SELECT max(day({stream.at})) - {day} FROM orders({day}, {day})").fetchall()
        assert latest == stream.days_back, stream.type


def test_an_order_is_cancelled_or_shipped_and_some_come_back(exports: Exports) -> None:
    placed = {k for k, e in of_order(exports.of("OrderPlaced")).items() if e.at.astimezone(UTC).date() <= LAST - 31 * DAY}
    cancelled, shipped, delivered, returned, paid = (
        set(of_order(exports.of(kind))) & placed
        for kind in ("OrderCancelled", "OrderShipped", "OrderDelivered", "OrderReturned", "PaymentReceived")
    )

    assert not cancelled & shipped
    assert 0.035 < len(cancelled) / len(placed) < 0.045
    assert 0.05 < len(returned) / len(delivered) < 0.07
    assert len(placed - cancelled - shipped) < 0.001 * len(placed)  # only what the damaged export lost
    assert 0.98 < len(paid) / len(placed) < 0.99


def test_what_is_needed_about_a_delivery_was_handed_over_within_thirty_days(exports: Exports) -> None:
    handed = {e.id: date.fromisoformat(e.handed) for e in reversed(exports.events["orders"])}
    placed = of_order(exports.of("OrderPlaced"))
    ends = [e for e in exports.of("OrderDelivered", "OrderReturned") if e.data["order_id"] in placed]

    assert max((handed[e.id] - handed[placed[e.data["order_id"]].id]).days for e in ends) <= 30


def test_parcels_agree_with_the_orders(exports: Exports) -> None:
    for of_parcel, of_shop in (("ParcelHandedOver", "OrderShipped"), ("ParcelDelivered", "OrderDelivered")):
        ours, theirs = of_order(exports.of(of_parcel)), of_order(exports.of(of_shop))
        both = ours.keys() & theirs.keys()
        assert len(both) > 0.97 * len(ours)
        assert all(ours[k].at == theirs[k].at for k in both)
    arrived = exports.of("ParcelDelivered")
    assert all(datetime.fromisoformat(e.data["delivered_on"]) == e.at for e in arrived)


def test_most_parcels_are_on_time_and_carriers_differ(exports: Exports) -> None:
    handed = of_order(exports.of("ParcelHandedOver"))
    on_time, regions = defaultdict(list), set()
    for event in exports.of("ParcelDelivered"):
        if parcel := handed.get(event.data["order_id"]):
            promised = date.fromisoformat(parcel.data["promised_on"])
            on_time[parcel.data["carrier"]].append(event.at.astimezone(UTC).date() <= promised)
            regions.add(parcel.data["region"])

    shares = {carrier: statistics.mean(kept) for carrier, kept in on_time.items()}
    assert set(shares) == {"dhl", "ups", "postnl", "gls"}
    assert len(regions) == 6
    assert all(0.7 < share < 0.99 for share in shares.values())
    assert max(shares.values()) - min(shares.values()) > 0.05


def test_a_campaign_goes_every_third_day_to_those_subscribed_to_its_topic(exports: Exports) -> None:
    topic: dict[str, str] = {}
    sent = defaultdict(set)
    for event in exports.of("NewsletterSubscribed", "NewsletterUnsubscribed", "CampaignSent"):
        customer = event.data["customer_id"]
        if event.type == "NewsletterSubscribed":
            topic[customer] = event.data["topic"]
        elif event.type == "NewsletterUnsubscribed":
            topic.pop(customer, None)  # before the base's end, handed over late
        elif event.at >= datetime(2026, 10, 1, tzinfo=UTC):
            assert topic[customer] == event.data["topic"]
            sent[event.data["campaign_id"]].add(event.at.astimezone(UTC).date())

    when = sorted(day for of_campaign in sent.values() for day in of_campaign)
    assert all(name.endswith(str(day)) for name, [day] in sent.items())
    assert {b - a for a, b in itertools.pairwise(when)} == {3 * DAY}


def test_recipients_order_visibly_but_modestly_more_in_the_week_after(exports: Exports) -> None:
    ordered = defaultdict(list)
    for event in exports.of("OrderPlaced"):
        ordered[event.data["customer_id"]].append(event.at)
    sent = [e for e in exports.of("CampaignSent") if e.at.astimezone(UTC).date() <= LAST - 12 * DAY]

    def per_day(since: int, until: int) -> float:
        hits = sum(since * DAY < at - e.at <= until * DAY for e in sent for at in ordered[e.data["customer_id"]])
        return hits / (until - since)

    assert 1.15 < per_day(0, 7) / per_day(8, 12) < 1.8


def test_a_handful_of_customers_a_week_move_and_order_a_multiple_of_their_usual(exports: Exports) -> None:
    moved: dict[str, list[datetime]] = defaultdict(list)
    usual: dict[str, list[float]] = defaultdict(list)
    suspects: list[tuple[int, float]] = []
    for event in exports.of("AddressChanged"):
        moved[event.data["customer_id"]].append(event.at)
    for event in exports.of("OrderPlaced"):
        customer, total = event.data["customer_id"], float(event.data["total_eur"])
        before = usual[customer]
        is_fresh = any(timedelta(0) < event.at - at <= 3 * DAY for at in moved[customer])
        if len(before) >= 3 and is_fresh and total > 5 * statistics.mean(before):
            suspects.append((event.at.isocalendar().week, total / statistics.mean(before)))
        before.append(total)

    weeks = Counter(week for week, _ in suspects if 42 <= week <= 46)
    assert len(weeks) == 5
    assert 3 <= statistics.mean(weeks.values()) <= 9
    assert 7 < statistics.median(ratio for _, ratio in suspects) < 16


@pytest.mark.parametrize(
    ("domain", "share", "is_bad"),
    [
        ("customers", 0.5, lambda data: data["country"] == "??" if "country" in data else None),
        ("orders", 0.05, lambda data: data["total_eur"].startswith("-") if "total_eur" in data else None),
        ("logistics", 0.05, lambda data: data["carrier"] == "pigeon" if "carrier" in data else None),
        ("marketing", 0.5, lambda data: data["topic"] == "" if "topic" in data else None),
    ],
)
def test_a_broken_day_is_bad_in_its_domain_and_nowhere_else(domain: str, share: float, is_bad: Any, out: Path, tmp_path: Path) -> None:
    bad_day, some_days = date(2026, 11, 15), days(date(2026, 11, 14), date(2026, 11, 16))

    shop.write_exports(tmp_path, first=some_days[0], last=some_days[-1], broken=[(bad_day, domain)])

    good, bad = contents(out, some_days), contents(tmp_path, some_days)
    assert {name for name in good if good[name] != bad[name]} == {f"{domain}/{bad_day}"}
    lines = [json.loads(line) for line in bad[f"{domain}/{bad_day}"].splitlines()]
    verdicts = [is_bad(line["data"]) for line in lines if is_bad(line["data"]) is not None]
    assert 0.5 * share < statistics.mean(verdicts) < 1.6 * share


def test_the_prices_of_a_spoiled_order_are_negative_like_its_total(tmp_path: Path) -> None:
    shop.write_exports(tmp_path, first=LAST, last=LAST, broken=[(LAST, "orders")])

    bad = [e.data for e in read(tmp_path).of("OrderPlaced") if e.data["total_eur"].startswith("-")]
    for data in bad:
        assert Decimal(data["total_eur"]) == sum(x["quantity"] * Decimal(x["unit_price_eur"]) for x in data["lines"])
    assert 0.02 < len(bad) / 1000 < 0.08


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first": date(2020, 1, 1)}, "shop: no exports for 2020-01-01 to 2026-11-19; choose days in order, from 2023-12-06 on."),
        ({"first": LAST + DAY}, "shop: no exports for 2026-11-20 to 2026-11-19; choose days in order, from 2023-12-06 on."),
        ({"orders_per_day": 9}, "shop: 9 orders a day are too few to draw shares from; choose 10 or more."),
        ({"broken": [(LAST, "order")]}, "shop: cannot break unknown domain 'order'; choose customers, orders, logistics, marketing."),
        ({"broken": [(LAST + DAY, "orders")]}, "shop: broken day 2026-11-20 is not exported; choose a day from 2026-11-19 to 2026-11-19."),
    ],
)
def test_what_cannot_be_exported_is_refused_with_the_choices(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        shop.write_exports(tmp_path, **{"first": LAST, "last": LAST, **wrong})

    assert str(refused.value) == message
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_days_and_says_so(tmp_path: Path) -> None:
    call = [
        sys.executable,
        str(SHOP),
        "--out",
        str(tmp_path / "it's"),
        "--to",
        "2026-11-19",
        "--days",
        "2",
        "--orders-per-day",
        "20",
        "--broken",
        "2026-11-18:orders",
    ]

    said = subprocess.run(call, capture_output=True, text=True, check=True).stdout

    assert said == f"10 files written to {tmp_path}/it's for 2026-11-18 to 2026-11-19.\n"
    assert len(list(tmp_path.glob("it's/*/*.jsonl"))) == 10


def test_the_command_refuses_what_the_function_refuses(tmp_path: Path) -> None:
    call = [sys.executable, str(SHOP), "--out", str(tmp_path), "--to", "2026-11-19", "--orders-per-day", "3"]

    refused = subprocess.run(call, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "3 orders a day are too few" in refused.stderr


def test_importing_the_shop_loads_no_database() -> None:
    code = f"import sys; sys.path.insert(0, {str(SHOP.parent)!r}); import shop; assert 'duckdb' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
