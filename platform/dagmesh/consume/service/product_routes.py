"""`GET /v1/products`: what there is, each product's contract, promise, lineage and snapshots, and its rows as a file."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dagmesh.consume.catalogue import catalogue, entry
from dagmesh.consume.read_log import Asking
from dagmesh.consume.resolver import Look, Resolver
from dagmesh.consume.service.forms import Form
from dagmesh.consume.service.queries import Queries, Statement
from dagmesh.consume.service.query_routes import answered, check_purpose, day
from dagmesh.consume.service.requests import principal_of
from dagmesh.consume.service.streaming import MEDIA_TYPES, media_type_of
from dagmesh.errors import AccessRefused, AddressError, NotPublished, UntrustedSnapshot, nearest, one_of
from dagmesh.lake import quoting
from dagmesh.model.address import Address
from dagmesh.model.json_ready import json_ready

_SNAPSHOTS = 50
_PARAMETERS = ("columns", "where", "days", "purpose")
_FILES: Mapping[str, Form] = {media: form for media, form in MEDIA_TYPES.items() if form in ("parquet", "arrow")}
_FORMS: Mapping[str, Form] = dict(sorted(_FILES.items(), reverse=True))  # Parquet where the request does not say


def routes() -> list[BaseRoute]:
    """The routes of products."""
    return [
        Route("/v1/products", products),
        Route("/v1/products/{address}", product),
        Route("/v1/products/{address}/data", data),
    ]


async def products(request: Request) -> Response:
    """Every published product, as `dagmesh list --json` has them."""
    principal_of(request)
    lake = _queries(request).readers.lake

    def described() -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        return [entry.describe(now) for entry in catalogue(lake)]

    return _tagged(request, {"products": await asyncio.to_thread(described)})


async def product(request: Request) -> Response:
    """One product: what it promises and whether it is kept, its contract, lineage and newest snapshots."""
    resolver = _resolver(request)
    return _tagged(request, await asyncio.to_thread(_described, resolver, _address(request)))


def _described(resolver: Resolver, text: str) -> dict[str, Any]:
    lake, address = resolver.lake, resolver.completed(Address.parse(text))
    table = lake.table(address)
    if table.newest is None:
        raise NotPublished(f"{address} is not published in this lake. See what is: GET /v1/products", address=str(address))
    found = entry(lake, address)
    if found.snapshot is None:
        raise UntrustedSnapshot(found.refused, address=str(address), version=table.newest, last_good=None)
    publication = found.snapshot.publication
    snapshots = [
        {"snapshot": past.publication.snapshot, "trusted": past.trusted}
        | {name: getattr(past.publication, name) for name in ("published_at", "kind", "version", "rows", "reason")}
        for past in table.history(_SNAPSHOTS)
    ]
    return {
        **found.describe(datetime.now(UTC)),
        "product": publication.product,
        "schema": [{"name": column["name"], "type": column["type"]} for column in publication.product["contract"]["columns"]],
        "inputs": publication.inputs,
        "lineage": publication.lineage,
        "check_results": publication.checks,
        "snapshots": snapshots,
    }


async def data(request: Request) -> Response:
    """The product's rows as one Parquet file or Arrow stream, for readers who see all that they ask for."""
    asked = await asyncio.to_thread(_asked, _resolver(request), _address(request), dict(request.query_params))
    media_type = media_type_of(request, _FORMS)
    tag = _tag([str(asked.look.address), asked.statement.text, media_type, *sorted(map(str, asked.statement.days or []))])
    headers = {"etag": tag, "content-disposition": f'attachment; filename="{asked.file}.{_FORMS[media_type]}"'}
    if _is_known(request, tag):
        return Response(status_code=304, headers={"etag": tag})
    statement = replace(asked.statement, form=_FORMS[media_type])
    return await answered(request, statement, media_type, request.query_params.get("purpose"), headers)


@dataclass(frozen=True)
class _Asked:
    """A download as it was asked for, looked at and not read."""

    look: Look
    statement: Statement

    @property
    def file(self) -> str:
        address = self.look.address
        return f"{address.name}@{address.major}.{address.snapshot}"


def _asked(resolver: Resolver, text: str, said: Mapping[str, str]) -> _Asked:
    for name in said:
        if name not in _PARAMETERS:
            raise HTTPException(400, f"no parameter '{name}'; choose {one_of(_PARAMETERS)}.{nearest(name, _PARAMETERS)}")
    look = resolver.look(text)
    names = [column["name"] for column in look.product["contract"]["columns"]]
    chosen = [name.strip() for name in said["columns"].split(",")] if said.get("columns") else names
    for name in chosen:
        if name not in names:
            raise HTTPException(400, f"columns: no column '{name}'; choose {one_of(names)}.{nearest(name, names)}")
    _need_full_grant(resolver, look, chosen, names)
    days = frozenset(day(one) for one in said["days"].split(",")) if said.get("days") else None
    where = said.get("where") or None
    shown = ", ".join(quoting.name(name) for name in chosen)
    statement = f"SELECT {shown} FROM {quoting.name(str(look.address))}" + (f" WHERE (\n{where}\n)" if where else "")
    return _Asked(look, Statement(statement, days=days, condition=where, columns=None if where else tuple(chosen)))


def _need_full_grant(resolver: Resolver, look: Look, chosen: list[str], names: list[str]) -> None:
    masked = [name for name in chosen if name in look.hidden]
    seen = [name for name in names if name not in look.hidden]
    if masked:
        why = f"it sees {', '.join(masked)} masked. Ask for columns={','.join(seen)}"
    elif look.access.rows:
        why = f"it sees only some of the rows ({look.access.grant})"
    else:
        return
    message = f"{resolver.reader} may not download {look.address}: {why}; or query what it may see: POST /v1/query"
    refusal = AccessRefused(message, reader=resolver.reader, address=str(look.address))
    resolver.refused(look.address, refusal)
    raise refusal


def _address(request: Request) -> str:
    text: str = request.path_params["address"]
    if len(text) > 500:
        raise AddressError(f"'{text[:40]}...' is not an address; write <domain>.<product>@<major>.")
    return text


def _resolver(request: Request) -> Resolver:
    principal, purpose = principal_of(request), request.query_params.get("purpose")
    check_purpose(purpose)
    return _queries(request).readers.resolver(principal.reader, purpose, Asking(principal.name, "http"))


def _queries(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


def _tagged(request: Request, value: Any) -> Response:
    """The value as JSON, or 304 when the client has it."""
    content = json.dumps(json_ready(value), ensure_ascii=False).encode()
    headers = {"etag": _tag([content.decode()]), "cache-control": "private, no-cache"}
    if _is_known(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _tag(parts: list[str]) -> str:
    return f'W/"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def _is_known(request: Request, tag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return tag.removeprefix("W/") in known or known == ["*"]
