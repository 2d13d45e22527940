"""`/v1/feedback` over HTTP: what readers say of a product, and what its owner answers.

    GET  /v1/feedback?product=orders.orders       what was said, newest first, as JSON
    POST /v1/feedback                             product, kind, and stars, text or key; JSON, or a form that comes back to its page
    POST /v1/feedback/{id}/answers                text, by the product's owner

Who speaks is the request's principal, whatever a body says. A key is an object of column to value; in a form its fields are `key.<column>`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dagmesh.consume.connection import resolver_of
from dagmesh.consume.read_log import Asking
from dagmesh.consume.service.requests import body_of, principal_of
from dagmesh.consume.usage.feedback import Feedback, FeedbackLog, Said
from dagmesh.errors import FeedbackRefused
from dagmesh.model.address import Address

if TYPE_CHECKING:
    from starlette.requests import Request

    from dagmesh.consume.identity.principal import Principal
    from dagmesh.consume.resolver import Resolver
    from dagmesh.model.mesh import Mesh

MOST_BYTES = 16_384
_FORM = "application/x-www-form-urlencoded"


def routes() -> list[BaseRoute]:
    """The room's routes; the service composes them behind the identity of each request."""
    return [
        Route("/v1/feedback", _answered(GET=_list, HEAD=_list, POST=_give), methods=["GET", "POST"]),
        Route("/v1/feedback/{id}/answers", _answered(POST=_answer), methods=["POST"]),
    ]


def _answered(**responses: Callable[[Mesh, Principal, Mapping[str, Any], bool], Response]) -> Any:
    """The endpoint that gives the request's fields to its method's response in a thread."""

    async def endpoint(request: Request) -> Response:
        is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        fields = {**(await _fields(request, is_form)), **request.path_params}
        mesh, principal = request.app.state.mesh, principal_of(request)
        return await run_in_threadpool(responses[request.method], mesh, principal, fields, is_form)

    return endpoint


async def _fields(request: Request, is_form: bool) -> Mapping[str, Any]:
    if request.method == "GET":
        return dict(request.query_params)
    body = await body_of(request, MOST_BYTES)
    try:
        if is_form:
            return _with_key(dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)))
        fields = json.loads(body)
        json.dumps(fields, ensure_ascii=False).encode()  # half a character can be escaped in JSON, and not be answered
    except (ValueError, RecursionError) as error:
        raise FeedbackRefused("the request is neither JSON in UTF-8 nor a form; send an object with the feedback's fields.") from error
    if not isinstance(fields, dict):
        raise FeedbackRefused("the request is no JSON object; send one with the feedback's fields.")
    return fields


def _with_key(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields as the object that JSON would be."""
    key = {name.removeprefix("key."): value for name, value in form.items() if name.startswith("key.")}
    fields: dict[str, Any] = {name: value for name, value in form.items() if value and not name.startswith("key.")}
    if fields.get("stars") in ("1", "2", "3", "4", "5"):
        fields["stars"] = int(fields["stars"])
    return fields | ({"key": key} if key else {})


def _list(mesh: Mesh, principal: Principal, fields: Mapping[str, Any], is_form: bool) -> Response:
    address = _resolver(mesh, principal).look(_word(fields, "product")).address
    about = FeedbackLog(mesh.home).about(Address.parse(f"{address.name}@{address.major}"))
    return JSONResponse([given.seen_by(principal).describe() for given in about])


def _give(mesh: Mesh, principal: Principal, fields: Mapping[str, Any], is_form: bool) -> Response:
    key = fields.get("key")
    if key is not None and not isinstance(key, dict):
        raise FeedbackRefused(f"key is an object of column to value; got {type(key).__name__}.")
    said = Said(fields.get("kind"), fields.get("stars"), fields.get("text", ""), key)  # type: ignore[arg-type]  # held by `give`
    given = FeedbackLog(mesh.home).give(principal, _resolver(mesh, principal), _word(fields, "product"), said)
    return _done(given, principal, is_form)


def _answer(mesh: Mesh, principal: Principal, fields: Mapping[str, Any], is_form: bool) -> Response:
    return _done(FeedbackLog(mesh.home).answer(principal, fields["id"], fields.get("text", "")), principal, is_form)


def _done(given: Feedback, principal: Principal, is_form: bool) -> Response:
    if is_form:
        return RedirectResponse(f"/products/{quote(f'{given.address.name}@{given.address.major}')}#feedback", 303)
    return JSONResponse(given.seen_by(principal).describe(), 201)


def _word(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise FeedbackRefused(f"{name} is missing; name one by its address, for example orders.orders.")
    return value


def _resolver(mesh: Mesh, principal: Principal) -> Resolver:
    return resolver_of(mesh, principal.reader, asking=Asking(principal.name, "http"))
