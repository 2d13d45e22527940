"""The service's OpenAPI 3.1 document: its requests, its answers and every problem they can have."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dagmesh.consume.identity.problem import MEDIA_TYPE
from dagmesh.consume.service.openapi_feedback import FEEDBACK, feedback_paths
from dagmesh.consume.service.streaming import MEDIA_TYPES

Schema = dict[str, Any]
_ROWS: Schema = {
    "type": "object",
    "required": ["columns", "rows"],
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
                "required": ["name", "type"],
            },
        },
        "rows": {"type": "array", "items": {"type": "array"}},
    },
}
_DAY: Schema = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_PROBLEM: Schema = {
    "description": "A problem as of RFC 9457. A type of urn:dagmesh:error:<class> names the exception of the Python library.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_ENTRY: Schema = {"type": "object", "required": ["address"], "properties": {"address": {"type": "string"}}}
_PRODUCT: Schema = {
    "type": "object",
    "required": ["address", "product", "schema", "lineage", "snapshots"],
    "properties": {
        "address": {"type": "string"},
        "product": {"type": "object"},
        "schema": {"type": "array", "items": {"type": "object", "required": ["name", "type"]}},
        "lineage": {"type": "object"},
        "snapshots": {"type": "array", "items": {"type": "object", "required": ["snapshot", "published_at", "trusted"]}},
    },
}
_QUERY: Schema = {
    "type": "object",
    "required": ["sql"],
    "additionalProperties": False,
    "properties": {
        "sql": {"type": "string", "description": "One SELECT over products named by address."},
        "purpose": {"type": ["string", "null"], "description": "What it is read for; recorded with the read."},
        "max_rows": {"type": ["integer", "null"], "minimum": 0, "description": "Give no more rows than these."},
        "days": {"type": ["array", "null"], "items": _DAY, "description": "Read only these days of daily products."},
    },
    "examples": [{"sql": "select 1 as one"}],
}
_WHY = {
    400: "The request, the address or the statement is not understood.",
    401: "Nobody said who asks.",
    403: "The reader may not: no grant, or a policy is against it.",
    404: "No such product or snapshot.",
    406: "None of the wanted forms is served.",
    413: "The body is too long.",
    415: "The body is no JSON.",
    422: "The statement takes more time, memory or rows than it may; the feedback is not complete, or names no row.",
    500: "The lake is not as it must be: a snapshot that does not verify, a file that cannot be read.",
    503: "Every worker is taken; Retry-After says when to ask again.",
}


def routes() -> list[BaseRoute]:
    """The route of the document; it is the same for everyone."""
    return [Route("/v1/openapi.json", document)]


async def document(_: Request) -> Response:
    """The document."""
    return JSONResponse(openapi())


def openapi() -> Schema:
    """The document as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dagmesh",
            "version": version("dagmesh"),
            "description": "Data products over HTTP: found, queried and downloaded under their contracts and grants.",
        },
        "security": [{"token": []}],
        "paths": {
            "/v1/openapi.json": {"get": _operation("openapi", "This document.", _json({"type": "object"}), {}) | {"security": []}},
            "/v1/query": {"post": _query()},
            "/v1/products": {"get": _listing()},
            "/v1/products/{address}": {"get": _product(), "parameters": [_ADDRESS]},
            "/v1/products/{address}/data": {"get": _data(), "parameters": [_ADDRESS]},
            **feedback_paths(_problems(400, 401, 403, 404, 413, 422, 500)),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM, "Rows": _ROWS, "Query": _QUERY, "Entry": _ENTRY, "Product": _PRODUCT, "Feedback": FEEDBACK},
        },
    }


_ADDRESS: Schema = {
    "name": "address",
    "in": "path",
    "required": True,
    "description": "domain.product, domain.product@major, or with a snapshot domain.product@major#snapshot (# written %23).",
    "schema": {"type": "string", "minLength": 1},
}
_KNOWN: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what the client has; answered by 304 while it is the same.",
    "schema": {"type": "string"},
}


def _query() -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Query"}}}}
    said = _operation("query", "The rows of one SELECT over products.", _files(MEDIA_TYPES), _problems(*_WHY))
    return {**said, "requestBody": body}


def _listing() -> Schema:
    entries = {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}
    found = _json({"type": "object", "required": ["products"], "properties": {"products": entries}})
    return _operation("products", "Every published product.", found, _same() | _problems(401, 500)) | {"parameters": [_KNOWN]}


def _product() -> Schema:
    found = _json({"$ref": "#/components/schemas/Product"})
    said = _operation("product", "A product's contract, promise, lineage and snapshots.", found, _same() | _problems(400, 401, 404, 500))
    return {**said, "parameters": [_KNOWN]}


def _data() -> Schema:
    files = {media: form for media, form in MEDIA_TYPES.items() if form in ("parquet", "arrow")}
    said = _operation("data", "A product's rows as one file.", _files(files), {})
    said["responses"] |= _same() | _problems(400, 401, 403, 404, 406, 422, 500, 503)
    texts = {
        "columns": "Only these columns, by name, with commas.",
        "where": "Only the rows for which this condition in SQL holds.",
        "days": "Only these days of a daily product, with commas.",
        "purpose": "What it is read for; recorded with the read.",
    }
    given = [{"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in texts.items()]
    return {**said, "parameters": [_KNOWN, *given]}


def _operation(name: str, summary: str, content: Schema, others: Mapping[str, Schema]) -> Schema:
    return {"operationId": name, "summary": summary, "responses": {"200": {"description": summary, "content": content}, **others}}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _files(media_types: Mapping[str, str]) -> Schema:
    return {media: {"schema": {"$ref": "#/components/schemas/Rows"} if form == "json" else {}} for media, form in media_types.items()}


def _same() -> Schema:
    return {"304": {"description": "The client has it as it is."}}


def _problems(*statuses: int) -> Schema:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _WHY[status], "content": content} for status in statuses}
