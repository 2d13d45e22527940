"""The real service in a real browser: `dagmesh serve` of a mesh, behind its own identity, from the login to the owner's answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from tests.browser.conftest import CHROMIUM, WAIT
from tests.serving_mesh import dagmesh, serve
from tests.small_mesh import make_small_mesh

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("catalogue")]
TOTALS = "/products/reports.totals@1"
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=800)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install it (apt-get install chromium) to run the browser tests")
    small = make_small_mesh(tmp_path_factory.mktemp("served") / "mesh")
    small.export("2026-11-16", 10, 20, 30)
    small.export("2026-11-17", 11, 21)
    dagmesh(small.root, "build", "--days", "2", "--to", "2026-11-17")
    return small.root


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    with serve(root) as url:
        yield url


def visit(browser: Browser, url: str, viewport: ViewportSize = DESK, is_dark: bool = False) -> Page:
    """A page of somebody who has not logged in."""
    context = browser.new_context(base_url=url, viewport=viewport, color_scheme="dark" if is_dark else "light")
    context.set_default_timeout(WAIT)
    return context.new_page()


def log_in(page: Page, token: str, path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Log in").click()


def serious(page: Page) -> list[str]:
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in Axe().run(page)["violations"] if one["impact"] in ("serious", "critical")]


def test_a_consumer_finds_asks_reads_rates_and_is_answered(root: Path, url: str, browser: Browser) -> None:
    sara = dagmesh(root, "token", "create", "sara", "--as", "sensors").strip()
    otto = dagmesh(root, "token", "create", "otto", "--as", "reports", "--role", "owner").strip()
    page, owner = visit(browser, url), visit(browser, url)

    log_in(page, "guessed")
    expect(page.get_by_role("alert")).to_have_text(
        "The token is not known here. Ask who looks after the mesh for one: dagmesh token create"
    )
    log_in(page, sara)
    expect(page.locator(".who")).to_contain_text("token:sara reads as sensors")
    page.get_by_role("searchbox").fill("sum of temperatures")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="reports.totals@1").click()

    page.get_by_role("link", name="Ask for access").click()
    page.get_by_label("What it is for").fill("Compare ourselves with the sum.")
    page.get_by_role("button", name="Ask team:reports for access").click()
    expect(page.locator("#access").get_by_role("status")).to_contain_text("It opens nothing until team:reports approves it.")
    dagmesh(root, "grant", "approve", "sensors.totals", "--by", "team:reports")
    page.goto(TOTALS)
    page.get_by_role("link", name="Show 10 rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    assert sorted(page.locator("#rows tbody tr").all_inner_texts()) == ["2026-11-16\t60", "2026-11-17\t32"]
    page.locator("#lineage").get_by_role("link", name="sensors.readings@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sensors.readings@1")
    page.locator("#lineage").get_by_role("link", name="reports.totals@1").click()

    page.get_by_label("4 of 5").check()
    page.get_by_role("button", name="Rate").click()
    page.locator("#key-read_on").fill("2026-11-17")
    page.get_by_label("What is wrong with it").fill("s2 was silent that day.")
    page.get_by_role("button", name="Report").click()
    expect(page.locator(".said-of li")).to_have_count(2)
    log_in(owner, otto, TOTALS)
    owner.locator(".said-of li").filter(has_text="s2 was silent").get_by_label("Your answer").fill("We make it again.")
    owner.get_by_role("button", name="Answer").click()
    expect(owner.locator("#consumers .usage")).to_contain_text("sensors1 reads, 2 rows")

    page.reload()
    expect(page.locator(".said-of li").filter(has_text="s2 was silent")).to_contain_text("token:otto answers")
    page.get_by_role("link", name="Log out").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Your token")).to_be_visible()
    page.goto(TOTALS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_what_is_not_there_or_not_taken_is_said_on_a_page(root: Path, url: str, browser: Browser) -> None:
    page = visit(browser, url)
    log_in(page, dagmesh(root, "token", "create", "rita", "--as", "reports").strip())

    page.goto("/nowhere")
    expect(page.get_by_role("alert")).to_have_text("There is nothing here: /nowhere")
    page.get_by_role("link", name="Back to the catalogue").click()
    page.goto(TOTALS)
    page.evaluate("document.querySelector('[name=stars]').value = '9'")
    page.locator("[name=stars]").first.check()
    page.get_by_role("button", name="Rate").click()

    expect(page.get_by_role("alert")).to_contain_text("stars")
    expect(page.get_by_role("link", name="Log out")).to_be_visible()


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_logging_in_and_out_has_no_serious_barrier(root: Path, url: str, browser: Browser, viewport: ViewportSize, is_dark: bool) -> None:
    page = visit(browser, url, viewport, is_dark)

    log_in(page, "guessed")
    found = serious(page)
    log_in(page, dagmesh(root, "token", "create", "axel", "--as", "analyst").strip())
    found += serious(page)
    page.get_by_role("link", name="Log out").click()
    found += serious(page)

    assert found == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
