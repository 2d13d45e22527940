"""The catalogue's routes: start page, search, domains, products, and the one thing that is written, a request for access."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dagmesh.consume.access_request import Wanted, request_access
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages import sample
from dagmesh.consume.pages.facts import Facts
from dagmesh.consume.pages.how_to_read import how_to_read
from dagmesh.consume.pages.links import Links
from dagmesh.consume.pages.product_page import product_page
from dagmesh.consume.pages.refused import refused_page
from dagmesh.consume.pages.rendering import HEADERS, rendered
from dagmesh.consume.pages.start_page import domain_page, start_page
from dagmesh.consume.read_log import Asking, ReadLog
from dagmesh.consume.search import search
from dagmesh.consume.service.requests import body_of, principal_of
from dagmesh.errors import AddressError, DagmeshError, DefinitionError, MeshError
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh, ui_url

MAX_AGE = 2.0  # seconds that the index may be behind the lake
LONGEST_FORM = 20_000  # bytes
ASSETS = {"style.css": "text/css", "catalogue.js": "text/javascript"}


def routes() -> list[BaseRoute]:
    """The routes of the catalogue.

    Every request has `request.state.principal`, `request.app.state.mesh` and, for sample rows, `request.app.state.queries`.
    """
    pages = Pages(Links(ui_url()))
    return [
        Route("/", pages.start),
        Route("/search", pages.search),
        Route("/domains/{name}", pages.domain),
        Route("/products/{address}", pages.product),
        Route("/products/{address}/access", pages.ask, methods=["POST"]),
        Route("/assets/{name}", pages.asset),
    ]


class Pages:
    """The handlers; what they remember of a mesh is made at its first request."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._facts = cache(Facts.of)

    async def start(self, request: Request) -> Response:
        """Search, and the domains."""
        return await self._page(request, "start.html", start_page)

    async def search(self, request: Request) -> Response:
        """What a search finds."""
        asked = request.query_params.get("q", "")

        def found(con: Any, now: datetime) -> dict[str, Any]:
            return {"asked": asked[:400], "found": search(con, asked, 50)}

        return await self._page(request, "search.html", found)

    async def domain(self, request: Request) -> Response:
        """A domain's products."""
        name = request.path_params["name"]
        facts = self._of(request)
        return await self._page(request, "domain.html", lambda con, now: domain_page(con, facts, name))

    async def product(self, request: Request) -> Response:
        """A product's page, with sample rows when they are asked for: they are a read, and recorded as one."""
        facts, principal = self._of(request), principal_of(request)

        def values(con: Any, now: datetime) -> dict[str, Any]:
            address = facts.looks_as(principal.reader).completed(Address.parse(request.path_params["address"]))
            shown = product_page(facts, con, address.at_major(address.major or 0), principal, now)
            service = str(request.base_url).rstrip("/")
            return {**shown, "snippets": how_to_read(shown["address"], principal.reader, service)}

        rows = await _sample(request, principal) if request.query_params.get("sample") == "1" else None
        return await self._page(request, "product.html", values, sample=rows, asked=request.query_params.get("asked"))

    async def ask(self, request: Request) -> Response:
        """Write a pending request for access; then back to the page."""
        facts, principal = self._of(request), principal_of(request)
        form = parse_qs((await body_of(request, LONGEST_FORM)).decode("utf-8", "replace"), max_num_fields=1000)
        address = facts.looks_as(principal.reader).completed(Address.parse(request.path_params["address"]))
        try:
            await run_in_threadpool(_ask, facts, address, principal, form)
        except (DefinitionError, MeshError) as error:  # what is asked for is wrong, not the mesh
            return refused_page(request, str(error), 400)
        return RedirectResponse(f"{self._links.product(str(address))}?asked=1#access", 303)

    async def asset(self, request: Request) -> Response:
        """The style sheet or the script."""
        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404)
        return Response(asset(name), media_type=ASSETS[name], headers={**HEADERS, "Cache-Control": "private, max-age=300"})

    def _of(self, request: Request) -> Facts:
        mesh: Mesh = request.app.state.mesh
        return self._facts(mesh)

    async def _page(self, request: Request, template: str, values: Any, **more: Any) -> Response:
        now = datetime.now(UTC)

        def made() -> str:
            with self._of(request).index.fresh(MAX_AGE) as con:
                return rendered(template, self._links, now, principal_of(request), **{**values(con, now), **more})

        return HTMLResponse(await run_in_threadpool(made), headers=HEADERS)


def asset(name: str) -> bytes:
    """The content of a style sheet or script."""
    return resources.files("dagmesh.consume.pages").joinpath("assets", name).read_bytes()


def _log(request: Request) -> ReadLog:
    mesh: Mesh = request.app.state.mesh
    return ReadLog(mesh.home)


async def _sample(request: Request, principal: Principal) -> sample.Sample:
    """Rows of the page's product, or why there are none."""
    if "query" not in request.state.scopes:
        why, log = f"{principal.name} came with a token for the catalogue; rows need one with the scope query.", _log(request)
        await run_in_threadpool(log.refuse, Asking(principal.name, "page"), principal.reader, why, datetime.now(UTC), sample.PURPOSE)
        return sample.Sample(refused=why)
    try:
        return await sample.rows(request.app.state.queries, principal, Address.parse(request.path_params["address"]))
    except DagmeshError as error:
        return sample.Sample(refused=str(error))


def _ask(facts: Facts, address: Address, principal: Principal, form: dict[str, list[str]]) -> None:
    until = form.get("until", [""])[0]
    purpose = " ".join(form.get("purpose", [""])[0].split())
    if not purpose:
        raise AddressError("The request says no purpose; write what the data is for, the owner decides by it.")
    try:
        day = date.fromisoformat(until) if until else None
    except ValueError as error:
        raise AddressError(f"'{until[:40]}' is no day; write one like 2027-06-30.") from error
    product = facts.lake.table(address).snapshot().publication.product
    request_access(facts.mesh, product, Wanted(principal.reader, purpose, tuple(form.get("column", ())), until=day))
