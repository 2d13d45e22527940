"""What the OpenAPI document says of feedback: what readers say of a product, and what its owner answers."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
FEEDBACK: Schema = {
    "type": "object",
    "required": ["id", "at", "product", "author", "reader", "kind", "open", "answers"],
    "properties": {name: {"type": "string"} for name in ("id", "at", "product", "author", "reader", "kind")}
    | {"open": {"type": "boolean"}, "answers": {"type": "array", "items": {"type": "object"}}},
}
_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "What is answered.",
    "schema": {"type": "string", "minLength": 1},
}
_GIVEN: Schema = {
    "type": "object",
    "required": ["product", "kind"],
    "properties": {
        "product": {"type": "string", "description": "Its address; without a snapshot the newest is meant."},
        "kind": {"enum": ["rating", "comment", "wrong_row"]},
        "stars": {"type": ["integer", "null"], "minimum": 1, "maximum": 5, "description": "Of a rating."},
        "text": {"type": "string", "description": "Of a comment or a wrong row."},
        "key": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "description": "Of a wrong row, text by key column.",
        },
    },
    "examples": [{"product": "orders.orders", "kind": "rating", "stars": 5}],
}
_TEXT: Schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}, "examples": [{"text": "Mended."}]}


def feedback_paths(problems: Schema) -> Schema:
    """The paths of feedback; `problems` are the responses of requests that are refused."""
    one, product = (
        {"$ref": "#/components/schemas/Feedback"},
        {"name": "product", "in": "query", "required": True, "schema": {"type": "string"}},
    )
    listed = _answered("200", "What was said of a product.", {"type": "array", "items": one}, problems)
    given = _answered("201", "What was said, as it is kept.", one, problems) | {"requestBody": _body(_GIVEN), "operationId": "give"}
    answered = _answered("201", "The feedback with its answer.", one, problems) | {"requestBody": _body(_TEXT), "operationId": "answer"}
    return {
        "/v1/feedback": {"get": {**listed, "operationId": "feedback", "parameters": [product]}, "post": given},
        "/v1/feedback/{id}/answers": {"post": answered, "parameters": [_ID]},
    }


def _answered(status: str, summary: str, schema: Schema, problems: Schema) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {"summary": summary, "responses": {status: {"description": summary, "content": content}, **problems}}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
