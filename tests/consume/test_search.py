"""Search finds the best product first, whatever is typed, and its index follows the lake and can be lost."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from tests.consume.conftest import MONDAY, TUESDAY, Shop

from dagmesh.cli import main
from dagmesh.consume.search import LONGEST, MOST_WORDS, Query, search
from dagmesh.consume.search_index import SCHEMA, SearchIndex, cards, prepared, refresh
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.model.mesh import Mesh

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The twelve products of the demo's shop and grocery, published without rows."""
    home = tmp_path_factory.mktemp("demo")
    lake = Lake(str(home / "lake"), home)
    domains, broken = Mesh.find(ROOT).loaded()
    assert broken == {}
    with lake.connect() as con:
        for product in (product for domain in domains.values() if domain.name != "mesh" for product in domain.products):
            columns = ", ".join(f'NULL::{column.type.duckdb} AS "{column.name}"' for column in product.contract.columns)
            table = lake.table(product.address)
            days = [MONDAY] if product.partitioned_by else []
            stage = table.stage(con, f"(SELECT {columns} WHERE false)", product, days).with_row_hashes(con, {})
            record = Record("run-1", datetime(2026, 11, 20, tzinfo=UTC), dict.fromkeys([*days, None], "0" * 16))
            table.publish(stage, days, record, lake.signing_key(product.domain))
    return lake


@pytest.fixture
def demo_index(demo: Lake) -> Iterator[sqlite3.Connection]:
    with SearchIndex(demo).fresh() as con:
        yield con


def addresses(con: sqlite3.Connection, text: str) -> list[str]:
    return [product["address"] for product in search(con, text).products]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("conversion last campaign", "marketing.campaign_conversion@1"),
        ("How much revenue per category?", "orders.revenue_by_category@1"),
        ("revenue net of value-added tax", "finance.daily_revenue@1"),
        ("who is a fraud risk", "risk.fraud_signals@1"),
        ("late parcels", "logistics.delivery_performance@1"),
        ("carrier", "logistics.delivery_performance@1"),
        ("where do customers live", "customers.profiles@1"),
        ("email address", "customers.profiles@1"),
        ("newsletter subscribers", "marketing.newsletter_subscriptions@1"),
        ("what do customers buy", "orders.purchase_patterns@1"),
        ("how long did an order take, step by step", "orders.fulfillment_timelines@1"),
        ("household coupons", "grocery.coupon_conversion@1"),
        ("orders", "orders.orders@1"),
        ("USD spend of households", "grocery.household_spend@1"),
    ],
)
def test_a_question_finds_the_best_product_first(demo_index: sqlite3.Connection, question: str, best: str) -> None:
    assert addresses(demo_index, question)[0] == best


def test_a_mistyped_word_is_taken_for_the_nearest_and_that_is_said(demo_index: sqlite3.Connection) -> None:
    found = search(demo_index, "purchase paterns")

    assert found.products[0]["address"] == "orders.purchase_patterns@1"
    assert found.notes == ["Nothing has 'paterns'; 'pattern' was searched for."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class:pii", ["customers.profiles@1"]),
        ("column:email", ["customers.profiles@1"]),
        ("domain:grocery", ["grocery.coupon_conversion@1", "grocery.household_spend@1"]),
        ("DOMAIN:Grocery spend", ["grocery.household_spend@1", "grocery.coupon_conversion@1"]),
        ('owner:"team:risk"', ["risk.fraud_signals@1"]),
        ("owner:risk domain:orders", []),
        ("revenue domain:finance", ["finance.daily_revenue@1"]),
    ],
)
def test_filters_narrow_what_is_found(demo_index: sqlite3.Connection, text: str, found: list[str]) -> None:
    assert addresses(demo_index, text) == found


def test_an_unknown_class_is_named_with_the_nearest(demo_index: sqlite3.Connection) -> None:
    found = search(demo_index, "class:pi")

    assert (found.products, found.notes) == (
        [],
        ["No class 'pi'; choose public, internal, pseudonymous, confidential or pii. Did you mean 'pii'?"],
    )


def test_without_words_everything_is_listed(demo_index: sqlite3.Connection) -> None:
    assert len(addresses(demo_index, "")) == 12


def test_what_fits_is_said(demo_index: sqlite3.Connection) -> None:
    (first, *_) = search(demo_index, "conversion last campaign").products

    assert first["matching"] == ["campaign_id", "conversion_share"]


@example('"')
@example("'; DROP TABLE product; --")
@example("NEAR(revenue, 2) AND NOT orders OR *")
@example("name : revenue ^ + - (")
@example("rev\0enue")
@example("domain: owner:\" class:' column:%_")
@example("revenue " * 10_000)
@example("a" * 100_000)
@example("\ud800")
@given(st.text())
def test_no_text_is_an_operator_or_an_error(text: str) -> None:
    index = _hostile_index()

    found = search(index, text)

    assert len(found.products) <= 1
    assert index.execute("SELECT count(*) FROM product").fetchone() == (1,)


def _hostile_index() -> sqlite3.Connection:
    """An index of one product in memory, as no lake is needed to misread a text."""
    con = prepared(sqlite3.connect(":memory:"))
    card = json.dumps({"address": "orders.revenue@1", "columns": [], "owner": "team:orders"})
    row = (1, "orders.revenue@1", "orders.revenue", 1, "orders", "0", "", "", 1, "", card)
    con.execute(f"INSERT INTO product VALUES ({', '.join('?' * 11)})", row)
    con.execute("INSERT INTO words (rowid, name, description) VALUES (1, 'revenue', 'What orders earned.')")
    return con


def test_a_very_long_text_is_cut() -> None:
    query = Query.parse(" ".join(f"word{number}" for number in range(1000)))

    assert len(query.words) == MOST_WORDS
    assert Query.parse("x" * LONGEST + " revenue").words == ("x" * LONGEST,)


def test_only_what_changed_is_indexed_again(shop: Shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_profiles()
    index = SearchIndex(shop.lake)

    with index.fresh() as con:
        first = con.execute("SELECT count(*) FROM product").fetchone()
        nothing = refresh(shop.lake, con)
        shop.publish_orders({TUESDAY: [20]})
        one = refresh(shop.lake, con)
        (card,) = cards(con, "domain = ?", ("orders",))

    assert (first, nothing, one) == ((2,), (0, 0), (1, 0))
    assert (card["snapshot"], card["rows"]) == (1, 2)


def test_a_commit_that_was_touched_is_looked_at_again(shop: Shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    with SearchIndex(shop.lake).fresh() as con:
        commit = Path(shop.lake.root) / "orders/orders/v1/_delta_log/00000000000000000000.json"
        commit.write_text(commit.read_text().replace("run-1", "run-2"))

        assert refresh(shop.lake, con) == (1, 0)
        (found,) = search(con, "").products

    assert found["refused"] == "orders.orders@1#0 does not verify; no earlier one is good."


def test_a_product_that_left_the_lake_leaves_the_index(shop: Shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_profiles()
    with SearchIndex(shop.lake).fresh() as con:
        shop.lake.storage.remove("customers/profiles")

        assert refresh(shop.lake, con) == (0, 1)
        assert addresses(con, "customer email") == []
        assert con.execute("SELECT count(*) FROM words").fetchone() == (1,)


@pytest.mark.parametrize("harm", ["lost", "damaged", "of another dagmesh"])
def test_an_index_that_is_lost_or_damaged_is_made_anew(shop: Shop, harm: str) -> None:
    shop.publish_profiles()
    file = shop.lake.home / "catalogue.sqlite"
    with SearchIndex(shop.lake).fresh() as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    if harm == "lost":
        file.unlink()
    elif harm == "damaged":
        file.write_bytes(b"no database at all" * 100)
    else:
        with sqlite3.connect(file) as other:
            other.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        other.close()

    with SearchIndex(shop.lake).fresh() as con:
        assert addresses(con, "email") == ["customers.profiles@1"]


def test_a_home_that_cannot_be_written_to_has_its_index_in_memory(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish_profiles()
    monkeypatch.setattr("dagmesh.consume.search_index.is_writable", lambda _: False)
    index = SearchIndex(shop.lake)

    with index.fresh() as con:
        assert addresses(con, "email") == ["customers.profiles@1"]
    with index.fresh() as con:
        assert refresh(shop.lake, con) == (0, 0)
    assert not (shop.lake.home / "catalogue.sqlite").exists()


def test_a_look_may_be_a_while_ago(shop: Shop) -> None:
    index = SearchIndex(shop.lake)
    with index.fresh() as con:
        assert addresses(con, "") == []
    shop.publish_profiles()

    with index.fresh(max_age=3600) as con:
        assert addresses(con, "") == []
    with index.fresh() as con:
        assert addresses(con, "") == ["customers.profiles@1"]


def test_a_product_whose_newest_snapshot_does_not_verify_comes_later_and_says_so(shop: Shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_profiles()
    shop.publish_orders({TUESDAY: [20]})
    commit = Path(shop.lake.root) / "orders/orders/v1/_delta_log/00000000000000000001.json"
    commit.write_text(commit.read_text().replace("run-1", "run-2"))

    with SearchIndex(shop.lake).fresh() as con:
        (found,) = search(con, "domain:orders").products

    assert found["refused"] == "orders.orders@1#1 does not verify; the last good one is #0."
    assert (found["snapshot"], found["description"]) == (0, shop.orders.description)


def test_a_newer_major_comes_before_the_older(shop: Shop) -> None:
    shop.publish_profiles()
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)")

    with SearchIndex(shop.lake).fresh() as con:
        assert addresses(con, "profiles") == ["customers.profiles@10", "customers.profiles@1"]


def test_the_command_prints_the_best_product_first(demo: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DAGMESH_HOME", str(demo.home))

    done = CliRunner().invoke(main, ["search", "conversion", "last", "campaign"])
    as_json = CliRunner().invoke(main, ["search", "conversion last campain", "--limit", "1", "--json"])

    assert done.output.splitlines()[1].startswith("marketing.campaign_conversion@1  team:marketing ")
    assert [product["address"] for product in json.loads(as_json.stdout)] == ["marketing.campaign_conversion@1"]
    assert as_json.stderr == "Nothing has 'campain'; 'campaign' was searched for.\n"
