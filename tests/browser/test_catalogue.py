"""The catalogue in a real browser, served and as files. DAGMESH_SCREENSHOTS=docs/images keeps the picture the README shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect
from tests.browser.catalogue_mesh import made, served
from tests.browser.conftest import CHROMIUM, WAIT

from dagmesh.consume.pages.site import build_site
from dagmesh.model.mesh import Mesh

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("catalogue")]  # one worker: one mesh
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=800)
CAMPAIGNS, PROFILES = "/products/marketing.campaign_conversion@1", "/products/customers.profiles@1"
PAGES = ["/", "/search?q=conversion+last+campaign", "/domains/orders", CAMPAIGNS, f"{PROFILES}?sample=1", "/products/orders.nowhere"]
WIDER = "document.documentElement.scrollWidth > innerWidth"


@dataclass(frozen=True)
class Catalogue:
    """A catalogue that is served, and the mesh behind it."""

    url: str
    mesh: Mesh


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install it (apt-get install chromium) to run the browser tests")
    return made(tmp_path_factory.mktemp("catalogue") / "mesh", days=5, orders=100)


@pytest.fixture(scope="module")
def catalogue(mesh: Mesh) -> Iterator[Catalogue]:
    """The catalogue as marketing sees it."""
    with served(mesh, "marketing") as url:
        yield Catalogue(url, mesh)


def opened(browser: Browser, url: str, viewport: ViewportSize = DESK, is_dark: bool = False) -> tuple[BrowserContext, list[str]]:
    """A context that may ask nobody but the catalogue, and what it tried elsewhere or was told in the console."""
    context = browser.new_context(
        viewport=viewport, base_url=url, color_scheme="dark" if is_dark else "light", reduced_motion="reduce", has_touch=viewport is PHONE
    )
    context.set_default_timeout(WAIT)
    strange: list[str] = []

    def refuse(route: Route) -> None:
        strange.append(route.request.url)
        route.abort()

    context.route(lambda asked: not asked.startswith((url, "data:")), refuse)
    context.on("console", lambda message: strange.append(message.text) if message.type == "error" and "404" not in message.text else None)
    return context, strange


@pytest.fixture
def page(catalogue: Catalogue, browser: Browser) -> Iterator[Page]:
    context, strange = opened(browser, catalogue.url)
    yield context.new_page()
    context.close()
    assert strange == []


def test_a_search_finds_the_product_and_its_page_says_what_it_promises(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Search the catalogue").last.fill("conversion last campaign")
    page.get_by_role("button", name="Search").click()

    expect(page.get_by_role("status")).to_contain_text("the best first")
    page.locator(".card a").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("marketing.campaign_conversion@1")
    expect(page.get_by_text("kept, over the last 90 days as far as it was published.")).to_be_visible()
    expect(page.locator("svg.bars rect.broken, svg.bars rect.partly")).not_to_have_count(0)
    expect(page.locator("svg.bars rect:not(.track)")).to_have_count(90)
    expect(page.get_by_role("img", name="passed in 18 of 20")).to_be_visible()
    expect(page.locator("#profile svg.line path")).not_to_have_count(0)


def test_the_lineage_is_clicked_through_by_product_and_by_column(page: Page) -> None:
    page.goto(CAMPAIGNS)

    page.locator("#lineage").get_by_role("link", name="orders.orders@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("orders.orders@1")
    page.locator("#lineage").get_by_role("link", name="risk.fraud_signals@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("risk.fraud_signals@1")
    page.locator("#column-lineage").get_by_role("link", name="orders.orders@1 total_eur").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("orders.orders@1")
    page.locator("#column-lineage").get_by_role("link", name="total_eur", exact=True).click()
    expect(page.locator("#column-total_eur")).to_be_in_viewport()


def test_a_column_shows_its_own_paths_when_it_is_chosen(page: Page) -> None:
    page.goto(CAMPAIGNS)

    page.locator(".column-graph a[data-own=revenue_eur]").focus()

    expect(page.locator(".column-graph .edge.on")).to_have_count(1)
    expect(page.locator(".column-graph .edge.on")).to_have_attribute("data-own", "revenue_eur")


def test_sample_rows_are_shown_with_masks_when_they_are_asked_for(page: Page) -> None:
    page.goto(PROFILES)
    expect(page.locator("#rows table")).to_have_count(0)

    page.get_by_role("link", name="Show 10 rows").click()

    expect(page.locator("#rows tbody tr")).to_have_count(10)
    expect(page.locator("#rows")).to_contain_text("As marketing sees them, with masks on")
    expect(page.locator("#rows")).not_to_contain_text("@example")


def test_access_is_asked_for_and_waits_for_the_owner(page: Page, catalogue: Catalogue) -> None:
    page.goto(PROFILES)

    page.get_by_label("email").check()
    page.get_by_label("What it is for").fill("Write to those who subscribed.")
    page.get_by_label("Until").fill("2099-06-30")
    page.get_by_role("button", name="Ask team:customers for access").click()

    expect(page.locator("#access").get_by_role("status")).to_contain_text("It opens nothing until team:customers approves it.")
    expect(page.locator("#consumers")).to_contain_text("requested")
    written = yaml.safe_load((catalogue.mesh.root / "domains/customers/grants/marketing.profiles.yaml").read_text())
    assert (written["status"], written["columns"], written["purpose"]) == ("requested", ["email"], "Write to those who subscribed.")


def test_a_rating_a_comment_and_a_wrong_row_are_given_and_answered(page: Page) -> None:
    page.goto(CAMPAIGNS)
    page.get_by_role("link", name="Show 10 rows").click()
    campaign = page.locator("#rows tbody td").first.inner_text()

    page.get_by_label("4 of 5").check()
    page.get_by_role("button", name="Rate").click()
    page.locator("#key-campaign_id").fill(campaign)
    page.get_by_label("What is wrong with it").fill("Nobody was written to that day.")
    page.get_by_role("button", name="Report").click()
    page.get_by_label("Tell team:marketing").fill("When is 2025 coming?")
    page.get_by_role("button", name="Send").click()
    said = page.locator(".said-of li")
    expect(said).to_have_count(3)
    expect(said.filter(has_text="4 of 5")).to_contain_text("reading as marketing")
    expect(said.filter(has_text="Nobody was written to that day.")).to_contain_text(f"campaign_id={campaign}")
    expect(said.filter(has_text="When is 2025 coming?")).to_contain_text("open")
    question = said.filter(has_text="When is 2025 coming?")
    question.get_by_label("Your answer").fill("With the next version.")
    question.get_by_role("button", name="Answer").click()

    expect(said.filter(has_text="When is 2025 coming?")).to_contain_text("anna@example.org answers")
    expect(said.filter(has_text="When is 2025 coming?")).to_contain_text("answered")


def test_everything_is_reached_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("campaign conversion")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Products for")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(2):  # the way up, the first product
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("marketing.campaign_conversion@1")

    focused = _tabbed(page)

    for name in ("Show 10 rows", "orders.orders@1", "Copy SQL", "rating-text", "Send"):
        assert name in focused, focused
    assert focused.index("orders.orders@1") < focused.index("Copy SQL") < focused.index("Send")


def _tabbed(page: Page) -> list[str]:
    """What has the focus, tab by tab, to the end of the page; each with a ring that can be seen."""
    focused: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            "() => { const e = document.activeElement;"
            " return [e.getAttribute('aria-label') || e.id || e.textContent.trim(), getComputedStyle(e).outlineStyle]; }"
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        assert ring != "none", name
        focused.append(name)
    return focused


def test_a_snippet_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(CAMPAIGNS)

    page.get_by_role("button", name="Copy SQL").click()

    expect(page.get_by_role("button", name="Copy SQL")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == """dagmesh query --as marketing 'select * from "marketing.campaign_conversion@1" limit 10'"""


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_page_has_no_serious_barrier_and_fits(
    catalogue: Catalogue, browser: Browser, path: str, is_dark: bool, viewport: ViewportSize
) -> None:
    context, strange = opened(browser, catalogue.url, viewport, is_dark)
    page = context.new_page()
    page.goto(path)

    found = Axe().run(page)
    is_wider = page.evaluate(WIDER)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()

    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == []
    assert found["passes"]
    assert not is_wider
    assert (paper == "rgb(18, 21, 24)") == is_dark
    assert strange == []


def test_the_files_work_without_a_server(mesh: Mesh, browser: Browser, tmp_path: Path) -> None:
    folder = build_site(mesh, tmp_path / "site", datetime.now(UTC)).folder
    context, strange = opened(browser, f"file://{folder}")
    page = context.new_page()

    page.goto(f"file://{folder}/index.html")
    page.get_by_label("Search the catalogue").last.fill("conversion last campaign")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found")).to_have_text("2 products, the best first")
    page.locator(".card a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("marketing.campaign_conversion@1")
    page.locator("#lineage").get_by_role("link", name="orders.orders@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("orders.orders@1")
    found = Axe().run(page)
    size = page.locator("h2").first.evaluate("heading => getComputedStyle(heading).fontSize")
    context.close()

    assert [one["id"] for one in found["violations"] if one["impact"] in ("serious", "critical")] == []
    assert size == "20px"  # the style sheet counts, the policy of the page lets it in
    assert strange == []


def test_the_page_in_the_readme(page: Page) -> None:
    page.goto(CAMPAIGNS)
    expect(page.locator(".badges li.kept")).to_have_count(6)

    folder = os.environ.get("DAGMESH_SCREENSHOTS")
    if folder:
        page.set_viewport_size({"width": 1200, "height": 1180})
        page.evaluate("document.querySelectorAll('#contract tbody tr:nth-child(n+5)').forEach(row => row.remove())")
        page.screenshot(path=Path(folder) / "catalogue-page.png", animations="disabled")
