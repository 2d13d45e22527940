"""A consumer's whole day in a fresh folder: find, ask, get granted, read by four ways, rate, see the bill; each step by its own door."""

import asyncio
import http.client
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import duckdb
import httpx2
import pyarrow.parquet
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from tests.serving_mesh import dagmesh, serve
from tests.small_mesh import make_small_mesh

import dagmesh as dm
from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.usage.reads import Reads

SQL = 'SELECT read_on, degrees FROM "reports.totals@1" ORDER BY read_on'
TOTALS = [("2026-11-16", 60), ("2026-11-17", 32)]
PAGE = "/products/reports.totals@1"
_FORM, _AT_A_BROWSER = "application/x-www-form-urlencoded", {"accept": "text/html"}
PURPOSE = "Compare ourselves with the sum."


@dataclass
class Visitor:
    """Somebody with a token, who sends it as programs do, or logs in with it and is at a browser with a cookie."""

    url: str
    token: str
    cookie: str = ""

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer and its content; no redirection is followed."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if "accept" not in sent:
            sent["authorization"] = f"Bearer {self.token}"
        elif self.cookie:
            sent["cookie"] = self.cookie
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def log_in(self) -> None:
        """Send the form that a page shows to who has not logged in, and keep the cookie."""
        refused, page = self.ask("GET", PAGE, "", **_AT_A_BROWSER)
        assert (refused.status, Page(page.decode()).forms) == (401, {"/login": {"token", "next"}})
        status, next_page = self.send("/login", token=self.token or "", next=PAGE)
        assert (status, next_page) == (303, PAGE)

    def send(self, action: str, **fields: str) -> tuple[int, str | None]:
        """Send a form as a page of the service does: the status, and where it leads."""
        response, _ = self.ask("POST", action, urlencode(fields), content_type=_FORM, origin=self.url, **_AT_A_BROWSER)
        given = response.headers.get("set-cookie")
        if given:
            self.cookie = given.partition(";")[0]
        return response.status, response.headers.get("location")

    def page(self, path: str = PAGE) -> "Page":
        response, content = self.ask("GET", path, **_AT_A_BROWSER)
        assert response.status == 200, content.decode()
        return Page(content.decode())

    def asked_sql(self) -> tuple[int, Any]:
        """The status and the JSON of the statement at POST /v1/query."""
        response, content = self.ask("POST", "/v1/query", json.dumps({"sql": SQL, "purpose": PURPOSE}), content_type="application/json")
        return response.status, json.loads(content)


class Page(HTMLParser):
    """A page's text, and its forms: action to the names of fields."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.forms: dict[str, set[str]] = {}
        self.said = ""
        self._form = ""
        self.feed(source)
        self.said = " ".join(self.said.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self._form = told["action"] or ""
        if tag in ("input", "textarea"):
            self.forms.setdefault(self._form, set()).add(told.get("name") or "")

    def handle_data(self, data: str) -> None:
        self.said += data


async def by_mcp(url: str, token: str) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as carrier,
        Client(streamable_http_client(f"{url}/mcp", http_client=carrier)) as client,
    ):
        answer = await client.call_tool("query", {"sql": SQL, "purpose": PURPOSE})
        assert not answer.is_error, answer.content[0].text
        return answer.structured_content


@dataclass(frozen=True)
class Day:
    """The mesh's folder, where its service answers, and who asks: a person, a program and an agent of sensors, the owner of the totals."""

    root: Path
    url: str
    sara: Visitor
    nightly: Visitor
    robot: Visitor
    otto: Visitor

    def command(self, *arguments: str, code: int = 0) -> str:
        """What `dagmesh` prints in the mesh's folder."""
        return dagmesh(self.root, *arguments, code=code)

    def reads(self) -> list[tuple[Any, ...]]:
        """What the log has of the totals: who, in whose name, by which door, rows handed out, end, charge; in the order of time."""
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            found = Reads(con, ReadLog(self.root / ".dagmesh")).rows(date.min.replace(year=2000), date.max.replace(year=2999))
            of_totals = found.filter("product = 'reports.totals'").order("read_at")
            return of_totals.project("principal, reader, via, served, outcome, charge").fetchall()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small mesh with a price on its totals, built by the command line."""
    small = make_small_mesh(tmp_path / "mesh")
    file = "domains/reports/reports/products/totals.py"
    small.change(file, "from datetime import date\n", "from datetime import date\nfrom decimal import Decimal\n")
    small.change(file, "serves=[],", 'serves=[],\n    price=dm.Price(Decimal("0.05"), "EUR", "read"),')
    small.export("2026-11-16", 10, 20, 30)
    small.export("2026-11-17", 11, 21)
    dagmesh(small.root, "build", "--days", "2", "--to", "2026-11-17")
    return small.root


@pytest.fixture
def day(root: Path) -> Iterator[Day]:
    with serve(root) as url:

        def visitor(name: str, *more: str) -> Visitor:
            return Visitor(url, dagmesh(root, "token", "create", name, *more).strip())

        program = ("--as", "sensors", "--kind", "service", "--scope", "query")
        agent = ("--as", "sensors", "--kind", "agent", "--scope", "agent")
        owner = visitor("otto", "--as", "reports", "--role", "owner")
        yield Day(root, url, visitor("sara", "--as", "sensors"), visitor("nightly", *program), visitor("robot", *agent), owner)


def find(day: Day) -> None:
    """By the command line and by the pages."""
    (found,) = json.loads(day.command("search", "sum of all temperatures", "owner:team:reports", "--json"))
    assert found["address"] == "reports.totals@1"
    day.sara.log_in()
    assert "reports.totals@1" in day.sara.page("/search?q=sum+of+all+temperatures").said
    page = day.sara.page()
    assert "token:sara reads as sensors" in page.said
    assert "It costs 0.05 EUR per read." in page.said
    assert "sensors may not read reports.totals@1" in page.said


def ask_and_get_granted(day: Day) -> None:
    """By the page's form; nothing opens before the owner, and nobody else, approves."""
    assert [day.nightly.asked_sql()[0], day.sara.page().forms[f"{PAGE}/access"]] == [403, {"purpose", "until", "column"}]
    assert day.sara.send(f"{PAGE}/access", purpose=PURPOSE) == (303, f"{PAGE}?asked=1#access")
    assert "sensors requested" in day.sara.page().said
    assert day.nightly.asked_sql()[0] == 403
    assert "may not approve it" in day.command("grant", "approve", "sensors.totals", "--by", "team:sensors", code=7)
    day.command("grant", "approve", "sensors.totals", "--by", "team:reports")


def read_four_ways(day: Day) -> dict[str, Any]:
    """By SQL over HTTP, the Python client, the download and an agent's tool, all the same; the agent's answer."""
    token = day.nightly.token
    status, answer = day.nightly.asked_sql()
    with_python = dm.connect(day.url, token=token, purpose=PURPOSE).sql(SQL).fetchall()
    response, file = day.nightly.ask("GET", "/v1/products/reports.totals@1/data?columns=read_on,degrees")
    downloaded = pyarrow.parquet.read_table(io.BytesIO(file)).sort_by("read_on").to_pylist()
    told = asyncio.run(by_mcp(day.url, day.robot.token))

    assert (status, response.status) == (200, 200)
    ways = [answer["rows"], with_python, [tuple(row.values()) for row in downloaded], told["untrusted"]["rows"]]
    assert [[(str(read_on), degrees) for read_on, degrees in rows] for rows in ways] == [TOTALS] * 4
    return told


def rate_and_be_answered(day: Day) -> None:
    """By the page's forms; nine stars are refused."""
    assert {"product", "kind", "stars", "text", "key.read_on"} <= day.sara.page().forms["/v1/feedback"]
    said = {"product": "reports.totals@1", "kind": "wrong_row", "text": "s2 was silent that day."}
    assert day.sara.send("/v1/feedback", product="reports.totals@1", kind="rating", stars="4")[0] == 303
    assert day.sara.send("/v1/feedback", product="reports.totals@1", kind="rating", stars="9")[0] == 422
    assert day.sara.send("/v1/feedback", **said, **{"key.read_on": "2026-11-17"})[0] == 303
    listed = json.loads(day.otto.ask("GET", "/v1/feedback?product=reports.totals")[1])
    assert [(one["kind"], one["author"]) for one in listed] == [("wrong_row", "token:sara"), ("rating", "token:sara")]
    day.otto.log_in()
    assert day.otto.send(f"/v1/feedback/{listed[0]['id']}/answers", text="It was; we make it again.")[0] == 303
    assert "It was; we make it again." in day.sara.page().said


def test_a_consumers_whole_day(day: Day, tmp_path: Path) -> None:
    find(day)
    ask_and_get_granted(day)
    told = read_four_ways(day)
    rate_and_be_answered(day)

    refused, charge = ("refused", None), Decimal("0.05")
    read = ("token:nightly", "sensors", "http", 2, "complete", charge)
    robots = ("token:robot", "sensors", "mcp", 2, "complete", charge)
    assert day.reads() == [("token:nightly", "sensors", "http", None, *refused)] * 2 + [read] * 3 + [robots]
    (bill,) = json.loads(day.command("bill", "--json"))
    assert (bill["consumer"], bill["product"], bill["reads"], bill["amount"]) == ("sensors", "reports.totals", 4, "0.200000")
    (use,) = json.loads(day.command("usage", "reports.totals", "--json"))
    assert (use["consumer"], use["reads"], use["refused"], use["rows"], use["principals"]) == ("sensors", 4, 2, 8, 2)
    assert "sensors4 reads, 8 rows, 2 refused" in day.otto.page().said
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(told))
    assert "The receipt holds: 2 rows, the same as those given to token:robot" in day.command("receipt", "verify", str(answer))
    assert day.reads()[-1][2:5] == ("cli", 0, "complete")
