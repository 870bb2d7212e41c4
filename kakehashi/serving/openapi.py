"""The description of the interface, OpenAPI 3.1, from the models that check it."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

import kakehashi
from kakehashi.serving import schemas
from kakehashi.serving.schemas import LINES, MEDIA_TYPE, PROBLEM, Limits

_REFUSALS = {
    400: "The body is no JSON.",
    401: "A token is needed.",
    403: "A page of another server asks.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The content type is another.",
    421: "The server has another name.",
    422: "The body is not what is expected; `pointer` says where.",
    503: "Too many texts are waiting, or the server is loading or draining; see Retry-After.",
    504: "There was no answer in time.",
}
_MODELS = (
    schemas.ExtractRequest,
    schemas.LineOptions,
    schemas.Line,
    schemas.HuggingFaceRequest,
    schemas.ExtractResponse,
    schemas.LineResult,
    schemas.FoundGroup,
    schemas.ProblemDetails,
)


@cache
def describe_routes(limits: Limits) -> dict[str, Any]:
    """Describe all routes for programs."""
    wanted: Any = [(model, "validation") for model in _MODELS]
    _, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    options = definitions["$defs"]["LineOptions"]["properties"]
    parameters = [
        {"name": name, "in": "query", "schema": schema, "style": "form", "explode": False}
        for name, schema in options.items()
    ]
    extract = _operation(
        "Find the entities of texts",
        {MEDIA_TYPE: _ref("ExtractRequest"), LINES: _ref("Line")},
        {MEDIA_TYPE: _ref("ExtractResponse"), LINES: _ref("LineResult")},
        f"At most {limits.texts} texts of {limits.characters:,} characters, {limits.body:,} bytes"
        f" in all. With {LINES} a text object a line, any number of them; options stand in the"
        " query, and each answer is a line, in order: read while you write.",
    )
    groups = {"type": "array", "items": _ref("FoundGroup")}
    either = {"anyOf": [groups, {"type": "array", "items": groups}]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kakehashi",
            "version": kakehashi.__version__,
            "description": "Offsets count code points unless UTF-16 units are asked for.",
        },
        "paths": {
            "/v1/extract": {"post": {**extract, "parameters": parameters}},
            "/v1/huggingface": {
                "post": _operation(
                    "Answer as Hugging Face's token classification",
                    {MEDIA_TYPE: _ref("HuggingFaceRequest")},
                    {MEDIA_TYPE: either},
                    "A list of groups for one text, a list of lists for several.",
                )
            },
            "/v1/model": {"get": _plain("Describe the models and the limits", MEDIA_TYPE)},
            "/healthz": {"get": _plain("Whether the process lives", MEDIA_TYPE)},
            "/readyz": {"get": _plain("Whether requests are welcome", MEDIA_TYPE, 503)},
            "/metrics": {"get": _plain("Metrics for Prometheus", "text/plain")},
            "/openapi.json": {"get": _plain("This description", MEDIA_TYPE)},
        },
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(
    summary: str, given: dict[str, Any], answer: dict[str, Any], description: str
) -> dict[str, Any]:
    refused = {str(status): _refusal(status) for status in _REFUSALS}
    found = {kind: {"schema": schema} for kind, schema in answer.items()}
    content = {kind: {"schema": schema} for kind, schema in given.items()}
    return {
        "summary": summary,
        "description": description,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The entities.", "content": found}, **refused},
    }


def _plain(summary: str, kind: str, *refusals: int) -> dict[str, Any]:
    done = {"description": summary, "content": {kind: {"schema": {}}}}
    refused = {str(status): _refusal(status) for status in (401, 403, 421, *refusals)}
    return {"summary": summary, "responses": {"200": done, **refused}}


def _refusal(status: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": _ref("ProblemDetails")}}
    return {"description": _REFUSALS[status], "content": content}
