"""The served catalogue: what its pages say, to whom, and that nothing in them is taken for markup."""

import json
import re
import shlex
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
import yaml
from click.testing import CliRunner
from starlette.testclient import TestClient
from tests.consume.conftest import Shop
from tests.consume.pages.conftest import HOSTILE
from tests.consume.pages.served import READER

from dagmesh.cli import main
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages.facts import Facts
from dagmesh.consume.pages.product_page import product_page
from dagmesh.consume.pages.start_page import start_page
from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.search_index import SearchIndex
from dagmesh.model.mesh import Mesh

PAGES = [
    "/",
    "/search?q=orders",
    "/domains/reports",
    "/products/reports.sums@1",
    "/products/orders.orders",
    "/products/customers.profiles@1",
]
FORM, JSON = {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "application/json"}


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def ask(client: TestClient, address: str = "customers.profiles@1", reader: str = "analyst", **said: object) -> tuple[int, str]:
    """The status of a request for access, and where it leads or what it says."""
    content = urlencode(said, doseq=True)
    done = client.post(f"/products/{address}/access", content=content, headers={**FORM, READER: reader}, follow_redirects=False)
    return done.status_code, done.headers.get("location") or " ".join(Tags(done.text).text.split())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_forbids_it(client: TestClient, path: str) -> None:
    done = client.get(path)

    assert done.status_code == 200
    policy = dict(part.split(" ", 1) for part in done.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["form-action"]) == ("'self'", "'self'", "'self'")
    assert "unsafe" not in done.headers["content-security-policy"]
    loaded = [attrs.get("src") or attrs.get("href") for tag, attrs in Tags(done.text).tags if tag in ("script", "link", "img", "iframe")]
    assert {str(source)[:1] for source in loaded} <= {"/", "d"}  # a path, or the data: of an empty icon
    assert [attrs for _, attrs in Tags(done.text).tags if any(name == "style" or name.startswith("on") for name in attrs)] == []


@pytest.mark.parametrize("path", ["/", "/search?" + urlencode({"q": HOSTILE}), "/domains/reports", "/products/reports.sums@1"])
def test_hostile_text_is_text(client: TestClient, path: str) -> None:
    found = Tags(client.get(path).text)

    scripts = [attrs.get("src") for tag, attrs in found.tags if tag == "script"]
    assert scripts == ["/assets/catalogue.js"]
    assert "img" not in {tag for tag, _ in found.tags}
    assert not [attrs for _, attrs in found.tags if str(attrs.get("href", "")).startswith("javascript")]
    assert HOSTILE in found.text or any(HOSTILE in str(value) for _, attrs in found.tags for value in attrs.values())
    assert "49" not in re.findall(r"\d+", found.text.replace(HOSTILE, "")) or "{{ 7 * 7 }}" in found.text


def test_a_product_page_says_what_the_publication_says(client: TestClient) -> None:
    said = " ".join(Tags(client.get("/products/orders.orders").text).text.split())

    for text in (
        "orders.orders@1",
        "One row per order.",
        "Number of the order.",
        "Published by 08:00 UTC, at most 24 hours old",
        "team:orders",
        "total_eur is given",
        'mesh = dm.connect("http://testserver", token=os.environ["DAGMESH_TOKEN"]) rows = mesh.read("orders.orders@1")',
        "/v1/query",
        "mcpServers",
        "reports.sums@1",
        "The last 2 publications",
    ):
        assert text in said, text


def test_the_lineage_can_be_clicked_through_products_and_columns(client: TestClient) -> None:
    hrefs = {attrs.get("href") for tag, attrs in Tags(client.get("/products/reports.sums@1").text).tags if tag == "a"}
    back = {attrs.get("href") for tag, attrs in Tags(client.get("/products/orders.orders@1").text).tags if tag == "a"}

    assert {"/products/orders.orders@1#lineage", "/products/orders.orders@1#column-lineage", "#column-total_eur"} <= hrefs
    assert {"/products/reports.sums@1#lineage", "/products/reports.sums@1#column-lineage"} <= back


def test_a_page_links_to_the_asset_in_the_dagster_ui(client: TestClient) -> None:
    assert 'href="http://127.0.0.1:3000/assets/orders/orders_v1"' in client.get("/products/orders.orders@1").text


def test_rows_are_read_when_they_are_asked_for_and_the_read_is_recorded(client: TestClient, shop: Shop) -> None:
    without = client.get("/products/customers.profiles@1").text
    before = [*ReadLog(shop.lake.home).reads("customers.profiles", shop.now)]
    shown = client.get("/products/customers.profiles@1?sample=1").text
    (read,) = ReadLog(shop.lake.home).reads("customers.profiles", shop.now)

    assert "Graz" not in without
    assert before == []
    assert "Graz" in shown
    assert "ada@example.com" not in shown
    assert (read["principal"], read["via"], read["purpose"]) == ("anna@example.org", "page", "sample rows on the catalogue page")


def test_what_is_no_address_is_never_part_of_a_statement(client: TestClient, shop: Shop) -> None:
    done = client.get("/products/" + quote('orders.orders@1" UNION SELECT email FROM "customers.profiles@1') + "?sample=1")

    assert (done.status_code, "is not an address" in done.text) == (400, True)
    assert [*ReadLog(shop.lake.home).reads("customers.profiles", shop.now)] == []


def test_the_owner_sees_the_rows_without_masks(client: TestClient) -> None:
    assert "ada@example.com" in client.get("/products/customers.profiles@1?sample=1", headers={READER: "customers"}).text


def test_who_may_not_read_sees_neither_rows_nor_measured_values_and_how_to_ask(client: TestClient) -> None:
    shown = Tags(client.get("/products/orders.orders@1?sample=1", headers={READER: "customers"}).text).text
    page = Tags(client.get("/products/orders.orders@1", headers={READER: "customers"}).text)

    assert "customers may not read orders.orders@1" in shown
    assert "12.5" not in page.text
    assert "12.5" in client.get("/products/orders.orders@1").text
    assert ("form", "/products/orders.orders@1/access") in [(tag, attrs.get("action")) for tag, attrs in page.tags]


def test_who_reads_how_much_is_for_the_owner_alone(mesh: Mesh, shop: Shop) -> None:
    owner, stranger = Principal("olga", "customers", roles=frozenset({"owner"})), Principal("anna", "marketing")
    shop.reads("marketing").read("customers.profiles@1")
    facts = Facts.of(mesh)

    with facts.index.fresh() as con:
        seen = {who.name: product_page(facts, con, shop.profiles.address, who, shop.now)["use"] for who in (owner, stranger)}

    assert seen["anna"] is None
    assert [(use.consumer, use.reads) for use in seen["olga"]] == [("marketing", 1)]


def test_what_is_said_of_a_product_is_shown_as_text_and_the_owner_is_asked_to_answer(client: TestClient) -> None:
    said = urlencode({"product": "customers.profiles@1", "kind": "comment", "text": HOSTILE})
    done = client.post("/v1/feedback", content=said, headers=FORM, follow_redirects=False)
    reader = Tags(client.get(done.headers["location"]).text)
    owner = Tags(client.get(done.headers["location"], headers={READER: "customers"}).text)

    assert (done.status_code, done.headers["location"]) == (303, "/products/customers.profiles%401#feedback")
    assert HOSTILE in reader.text
    assert "img" not in {tag for tag, _ in reader.tags}
    answering = [sum("/answers" in str(attrs.get("action")) for _, attrs in page.tags) for page in (reader, owner)]
    assert answering == [0, 1]


def test_a_request_for_access_is_a_pending_grant_that_opens_nothing(client: TestClient, mesh: Mesh) -> None:
    done = ask(client, reader="finance", purpose="Write  bills.", column=["email", "city"], until="2099-06-30")

    written = yaml.safe_load((mesh.root / "domains/customers/grants/finance.profiles.yaml").read_text())
    assert done == (303, "/products/customers.profiles@1?asked=1#access")
    assert written == {
        "consumer": "finance",
        "product": "profiles",
        "majors": [1],
        "columns": ["email", "city"],
        "purpose": "Write bills.",
        "expires": "2099-06-30",
        "status": "requested",
    }
    page = Tags(client.get(done[1], headers={READER: "finance"}).text).text
    assert "Your request is written down." in page
    assert "finance may not read customers.profiles@1" in page
    assert "requested" in page


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ({"purpose": " "}, 400, "The request says no purpose"),
        ({"purpose": "Bills.", "column": "emial"}, 400, "no column 'emial' in profiles@1"),
        ({"purpose": "Bills.", "column": "email", "until": "soon"}, 400, "'soon' is no day"),
        ({"purpose": "x" * 30_000}, 413, "The body has more than 20,000 bytes"),
    ],
)
def test_a_request_that_is_wrong_is_not_written(client: TestClient, mesh: Mesh, said: dict[str, object], status: int, why: str) -> None:
    done, told = ask(client, reader="finance", **said)

    assert (done, why in told) == (status, True), told
    assert not (mesh.root / "domains/customers/grants").exists()


def test_nobody_asks_in_the_name_of_what_is_no_domain(client: TestClient, mesh: Mesh) -> None:
    status, told = ask(client, reader="../../x", purpose="Bills.", column="email")

    assert (status, "no domain '../../x'" in told) == (400, True)
    assert not (mesh.root / "domains/customers/grants").exists()


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("/products/orders.ordres", 404, "orders.ordres is not published in this lake. Did you mean 'orders.orders'?"),
        ("/products/orders.orders@7", 404, "orders.orders@7 is not published yet"),
        ("/products/no%20address", 400, "'no address' is not an address"),
        ("/products/..%2f..%2fetc", 404, ""),
        ("/domains/order", 404, "No domain 'order' publishes anything here. Did you mean 'orders'?"),
        ("/assets/..%2froutes.py", 404, ""),
        ("/assets/base.html", 404, "/assets/base.html"),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, path: str, status: int, why: str) -> None:
    done = client.get(path)

    assert (done.status_code, why in " ".join(Tags(done.text).text.split())) == (status, True)


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere"])
def test_a_person_is_told_on_a_page_what_a_program_gets_as_a_problem(client: TestClient, path: str) -> None:
    page = client.get(path, headers={"accept": "text/html,*/*"})
    problem = client.get(path, headers={"accept": "text/html", "authorization": "Bearer x"})

    assert (page.status_code, f"There is nothing here: {path}" in page.text) == (404, True)
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")


def test_feedback_that_is_not_taken_is_refused_on_a_page(client: TestClient) -> None:
    content = urlencode({"product": "orders.orders@1", "kind": "rating", "stars": "<9>"})

    page = client.post("/v1/feedback", content=content, headers={**FORM, READER: "orders", "accept": "text/html"})

    assert page.status_code == 422
    assert "stars" in Tags(page.text).text
    assert "<9>" not in page.text


def test_every_page_says_in_whose_name_it_is_looked_at(client: TestClient) -> None:
    for path in (*PAGES, "/products/orders.nothing"):
        said = " ".join(Tags(client.get(path, headers={READER: "marketing"}).text).text.split())
        assert "anna@example.org reads as marketing Log out" in said, path


def test_the_ways_to_read_give_the_same_rows_when_they_are_copied(client: TestClient, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    page = client.get("/products/customers.profiles@1", headers={READER: "marketing"}).text
    ways = dict(
        zip(re.findall(r'id="way-\d">(.*?)<', page), map(unescape, re.findall(r"<pre.*?><code>(.*?)</code>", page, re.S)), strict=True)
    )
    monkeypatch.chdir(mesh.root)
    monkeypatch.setenv("DAGMESH_HOME", str(mesh.home))

    by_command = CliRunner().invoke(main, [*shlex.split(ways["SQL"])[1:], "--json"]).stdout
    said = shlex.split(ways["curl"])
    headers = {READER: "marketing", "Accept": "*/*", **JSON}
    by_curl = client.post(said[1].removeprefix("http://testserver"), content=said[-1], headers=headers)
    call = json.loads(ways["MCP: the tool query"])

    assert [list(row.values()) for row in json.loads(by_command)] == by_curl.json()["rows"]
    assert {read["reader"] for read in ReadLog(mesh.home).reads("customers.profiles", datetime(2026, 1, 1, tzinfo=UTC))} == {"marketing"}
    assert call["sql"] == json.loads(said[-1])["sql"]
    assert json.loads(ways["MCP"])["mcpServers"]["dagmesh"]["url"] == "http://testserver/mcp"


def test_a_snapshot_that_does_not_verify_is_shown_as_refused(client: TestClient, shop: Shop) -> None:
    shop.lake.storage.at("orders/orders/v1").remove(shop.lake.table(shop.orders.address).snapshot().files[0].path)

    page = Tags(client.get("/products/orders.orders@1").text).text

    assert "orders.orders@1#1 is refused: its file" in page
    assert "What follows is what the last good publication says." in page


def test_the_start_page_of_a_small_mesh_shows_every_product(client: TestClient) -> None:
    assert client.get("/").text.count('<li class="card">') == 3


def test_the_start_page_of_many_products_shows_some(shop: Shop) -> None:
    with SearchIndex(shop.lake).fresh() as con:
        for number in range(100):
            con.execute(
                "INSERT INTO product (address, name, major, domain, published_at, kept_until, is_complete, refused, card) "
                "SELECT ?, ?, 1, 'orders', ?, '2999-01-01T00:00:00+00:00', 1, '', card FROM product WHERE domain = 'orders' LIMIT 1",
                (f"orders.p{number}@1", f"orders.p{number}", f"3000-01-01T00:00:{number % 60:02}"),
            )
        page = start_page(con, datetime(2026, 11, 20, tzinfo=UTC))

    assert (page["products"], page["total"], len(page["lately"]), len(page["most_read"])) == (None, 103, 6, 1)
    orders = next(domain for domain in page["domains"] if domain["name"] == "orders")
    assert (orders["products"], orders["kept"]) == (101, 100)
