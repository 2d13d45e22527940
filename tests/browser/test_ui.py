"""What an analyst sees in the Dagster UI of the demo. DAGMESH_SCREENSHOTS=docs/images keeps the pictures the README shows."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from tests.browser.conftest import LAST, Demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]  # one worker: one demo
BESIDE_NAVIGATION: FloatRect = {"x": 240, "y": 0, "width": 1200, "height": 900}
DOMAINS = ["customers", "finance", "grocery", "logistics", "marketing", "mesh", "orders", "risk"]
# The centre of each box of the lineage graph by its title, and each edge as its two ends.
BOXES = """boxes => Object.fromEntries(boxes.map(box => {
    const [x, y, width, height] = ['x', 'y', 'width', 'height'].map(name => Number(box.getAttribute(name)));
    return [box.textContent.match(/^[a-z_]+/)[0], {left: x, right: x + width, middle: y + height / 2}];
}))"""
EDGES = "paths => paths.map(path => path.getAttribute('d').match(/[-\\d.]+/g).map(Number))"

SHOW_AS = """([found, shown]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(found, shown);
}"""


def picture(page: Page, demo: Demo, name: str) -> None:
    """Keep a picture of the page, when the environment asks for pictures; the test's own folder is shown as a demo's would be."""
    folder = os.environ.get("DAGMESH_SCREENSHOTS")
    if folder:
        page.evaluate(SHOW_AS, [str(demo.home), ".dagmesh"])
        page.screenshot(path=Path(folder) / f"{name}.png", clip=BESIDE_NAVIGATION, animations="disabled")


def asset(page: Page, name: str) -> Locator:
    """The row of the catalogue with an asset."""
    return page.locator("[class*=VirtualizedTable_row]", has=page.get_by_title(name, exact=True))


def products(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(demo.python("-m", "dagmesh", "list", "--json"))
    return found


def test_the_catalogue_lists_seventeen_products_with_a_plain_first_line(page: Page, demo: Demo) -> None:
    expected = {re.sub(r"\.(\w+)@(\d+)", r" / \1_v\2", product["address"]): product["description"] for product in products(demo)}

    page.goto("/assets?asset-selection=kind%3Adeltalake")

    assert len(expected) == 17
    for name, first_line in expected.items():
        expect(asset(page, name)).to_contain_text(first_line)
    expect(asset(page, "customers / profiles_v1")).to_contain_text("Materialized")
    expect(page.get_by_text("- partitions", exact=True)).to_have_count(0)
    picture(page, demo, "catalogue")


def test_private_tables_are_marked_as_private(page: Page) -> None:
    page.goto("/assets?asset-selection=kind%3Aprivate")

    for name in ("customers / customer_events", "grocery / transactions", "logistics / parcel_events"):
        expect(asset(page, name)).to_contain_text("private")
    expect(page.get_by_title("customers / profiles_v1", exact=True)).to_have_count(0)


def test_a_product_page_shows_contract_promise_checks_and_freshness(page: Page, demo: Demo) -> None:
    page.goto("/assets/orders/purchase_patterns_v1")
    page.get_by_text("Show more").click()

    expect(page.get_by_text("What each customer buys, how often and for how much: what orders publishes for marketing.")).to_be_visible()
    expect(page.get_by_text("For marketing: published by 08:00 UTC, at most 24 hours old, at least 98% complete").first).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Gross spend, returned orders subtracted.").first
    for cell in ("spend_90d_eur", "DECIMAL(18,2)", "EUR", "internal", ">= 0"):
        expect(row).to_contain_text(cell)
    expect(page.get_by_text("classification: pseudonymous")).to_be_visible()
    expect(page.get_by_text("unit: EUR")).to_be_visible()
    expect(page.get_by_text("key: customer_id, category")).to_be_visible()
    expect(page.get_by_text("Freshness policy").first.locator("xpath=..")).to_contain_text("Passing")
    expect(page.get_by_text("Latest check results").locator("xpath=..")).to_have_text(re.compile(r"results\d+$"))  # one number: all passed
    expect(page.get_by_text("What each column is made of:")).to_be_visible()
    for chip in ("Delta Lake", "orders.purchase_patterns@1", "class/pseudonymous", "subject: orders", "orders_daily"):
        expect(page.get_by_text(chip, exact=True).first).to_be_visible()
    picture(page, demo, "product")


def test_a_product_page_shows_sample_rows_and_numbers_of_the_newest_day(page: Page, demo: Demo) -> None:
    page.goto(f"/assets/orders/orders_v1?view=events&partition={LAST}")

    for text in ("sample_rows", "dagster/partition_row_count", "completeness", "profile/total_eur/mean"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="sample_rows")).to_contain_text(f"{LAST}")


def test_lineage_crosses_the_domains(page: Page) -> None:
    page.goto("/asset-groups")
    for domain in DOMAINS:
        expect(page.locator("foreignObject.group", has_text=domain)).to_be_visible()

    boxes = page.locator("foreignObject.group").evaluate_all(BOXES)
    edges = {
        (source, target)
        for x1, y1, *_, x2, y2 in page.locator("path[marker-end]").evaluate_all(EDGES)
        for source, start in boxes.items()
        for target, end in boxes.items()
        if abs(start["right"] - x1) + abs(start["middle"] - y1) + abs(end["left"] - x2) + abs(end["middle"] - y2) < 20
    }

    assert edges == {
        ("customers", "risk"),
        ("orders", "risk"),
        ("orders", "finance"),
        ("orders", "logistics"),
        ("orders", "marketing"),
    }


def test_a_products_lineage_goes_back_to_the_sources_of_other_domains(page: Page, demo: Demo) -> None:
    page.goto("/assets/risk/fraud_signals_v1?view=lineage&lineageScope=upstream&lineageDepth=5")

    for name in ("customer_events", "profiles_v1", "order_events", "orders_v1", "fraud_signals_v1"):
        expect(page.locator("foreignObject", has_text=name).last).to_contain_text("Latest event")
    expect(page.locator("path[marker-end]")).to_have_count(5)
    expect(page.get_by_label("sensor", exact=True)).to_have_count(6)
    expect(page.get_by_text(re.compile("^Loading"))).to_have_count(0)
    picture(page, demo, "lineage")


def test_a_refused_publication_shows_a_red_check_with_counts_and_samples(page: Page, demo: Demo) -> None:
    page.goto("/assets/logistics/delivery_performance_v1?view=checks&checkDetail=carrier__isin")

    expect(page.get_by_title("carrier__isin").locator("xpath=..")).to_contain_text("Failed")
    expect(page.get_by_title("region__not_null").locator("xpath=..")).to_contain_text("Succeeded")
    expect(page.get_by_text("carrier is one of dhl, ups, postnl, gls").first).to_be_visible()
    found = page.get_by_role("row").filter(has_text="failing_rows").first
    expect(found).to_contain_text(re.compile(r"[1-9]\d*"))
    expect(page.get_by_role("row").filter(has_text="failed_days").first).to_contain_text(f"{LAST}")
    expect(page.get_by_role("cell", name="pigeon", exact=True).first).to_be_visible()
    expect(page.get_by_text("quarantine", exact=True)).to_be_visible()
    picture(page, demo, "checks")


def test_a_check_has_its_history(page: Page) -> None:
    page.goto("/assets/logistics/delivery_performance_v1?view=checks&checkDetail=carrier__isin")
    page.get_by_text("Execution history", exact=True).click()

    expect(page.locator("tbody tr")).to_have_text([re.compile("^Failed"), re.compile("^Passed")])


def test_a_refused_day_leaves_the_last_good_snapshot_to_readers(demo: Demo) -> None:
    query = f"select count(*) as bad from logistics.delivery_performance where carrier = 'pigeon' and delivered_date = date '{LAST}'"

    assert json.loads(demo.python("-m", "dagmesh", "query", query, "--json")) == [{"bad": 0}]


def test_every_domain_has_a_sensor_that_is_on(page: Page) -> None:
    page.goto("/automation")

    for domain in DOMAINS:
        expect(page.locator("[class*=ListItem_listItem]", has_text=f"{domain}_daily").locator("label[class*=Switch] input")).to_be_checked()


def test_the_lake_and_the_resolver_are_resources_one_can_look_at(page: Page) -> None:
    page.goto("/locations/finance/resources")

    for name in ("lake", "resolver"):
        expect(page.get_by_role("link", name=name)).to_be_visible()


def test_the_runs_of_a_build_belong_to_their_code_locations(page: Page) -> None:
    page.goto("/overview/activity/timeline?groupBy=job")

    for domain in DOMAINS:
        expect(page.get_by_text(domain, exact=True).first).to_be_visible()


def test_a_click_publishes_a_snapshot(page: Page, demo: Demo) -> None:
    before = demo.python("-m", "dagmesh", "history", "marketing.newsletter_subscriptions", "--json")

    page.goto("/assets/marketing/newsletter_subscriptions_v1")
    page.get_by_role("button", name=re.compile("Materialize$")).click()
    page.locator("a[href*='/runs/']", has_text=re.compile("^View$")).click()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()

    after = demo.python("-m", "dagmesh", "history", "marketing.newsletter_subscriptions", "--json")
    assert len(json.loads(after)) == len(json.loads(before)) + 1
