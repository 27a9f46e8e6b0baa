"""The OpenAPI 3.1 document, made of the endpoints' declarations, and a page to read it."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any, get_args

from flask import Response
from pydantic.json_schema import models_json_schema

from harvest import VERSION
from harvest.api import models
from harvest.api.http import ENDPOINTS, Call, Endpoint, Json, endpoint

REF = "#/components/schemas/{model}"


def _error(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}},
    }


def _statuses(declared: Endpoint, path: str) -> dict[str, Any]:
    found = {*declared.errors, 400, 405, 500, 503, 507}
    if declared.auth != "none":
        found.add(401)
    if declared.auth == "admin" or declared.method != "GET":
        found.add(403)
    if declared.body or declared.query:
        found.add(422)
    if declared.body:
        found |= {413, 415}
    if "<" in path:
        found.add(404)
    if declared.media == "application/pdf":
        found |= {304, 416}
    made = {str(status): _error("refused: `error` says why") for status in sorted(found)}
    if 503 in declared.errors:
        made["503"] = {
            "description": "not ready: `reasons` say why",
            "content": {"application/json": {"schema": {"$ref": REF.format(model="Ready")}}},
        }
    return made


def _result(declared: Endpoint) -> dict[str, Any]:
    media = [declared.media]
    if declared.path == "/api/export":
        from harvest.exporting import MEDIA

        media = list(MEDIA.values())
    if declared.path == "/api/metrics":
        media = ["text/plain"]
    schema: dict[str, Any] = {}
    if listed := get_args(declared.returns):
        schema = {"type": "array", "items": {"$ref": REF.format(model=listed[0].__name__)}}
    elif isinstance(declared.returns, type):
        schema = {"$ref": REF.format(model=declared.returns.__name__)}
    return {"description": "done", "content": {name: {"schema": schema} for name in media}}


def _operation(declared: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = []
    for kind, name in re.findall(r"<(?:([^<>]+):)?(\w+)>", declared.path):
        limits = (
            {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
            if kind
            else {"type": "string", "maxLength": 200}
        )
        parameters.append({"name": name, "in": "path", "required": True, "schema": limits})
    if declared.query:
        fields = schemas[declared.query.__name__]
        for name, schema in fields["properties"].items():
            # In a query an absent value is left out, it is never null.
            kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            plain = {key: value for key, value in kinds[0].items() if key not in ("title", "default")}
            parameters.append({"name": name, "in": "query", "required": False, "schema": plain})
    made: dict[str, Any] = {
        "summary": (declared.handler.__doc__ or "").strip().splitlines()[0],
        "operationId": declared.handler.__name__,
        "parameters": parameters,
        "responses": {str(declared.status): _result(declared), **_statuses(declared, declared.path)},
        "security": [] if declared.auth == "none" else [{"session": []}],
    }
    if declared.auth == "admin":
        made["description"] = "For admins."
    if declared.body:
        schema = {"$ref": REF.format(model=declared.body.__name__)}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif declared.takes:
        schema = {"type": "string", "format": "binary"}
        made["requestBody"] = {"required": True, "content": {declared.takes: {"schema": schema}}}
    return made


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole OpenAPI document."""
    outs = [one for one in vars(models).values() if isinstance(one, type) and issubclass(one, models.Out)]
    takes = [one for declared in ENDPOINTS for one in (declared.body, declared.query) if one]
    wanted = [(one, "serialization") for one in outs] + [(one, "validation") for one in dict.fromkeys(takes)]
    _, made = models_json_schema(wanted, ref_template=REF)  # type: ignore[arg-type]
    schemas = made["$defs"]
    paths: dict[str, Any] = {}
    for declared in ENDPOINTS:
        path = re.sub(r"<(?:[^<>]+:)?(\w+)>", r"{\1}", declared.path)
        paths.setdefault(path, {})[declared.method.lower()] = _operation(declared, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "HARVEST", "version": VERSION, "description": "Papers, sentences and triples."},
        "servers": [{"url": ".."}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


@endpoint("GET", "/openapi.json", auth="none")
def openapi(call: Call) -> Json:
    """This document."""
    return document()


STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1d2a24}
h2{font-size:1rem;margin:2rem 0 .25rem}code{background:#eef3ef;padding:.1em .35em;border-radius:4px}
b{display:inline-block;min-width:4.2rem;color:#1b6b47}p{margin:.25rem 0}td{padding:.1rem .8rem .1rem 0}"""


@endpoint("GET", "/docs", auth="none", media="text/html")
def docs(call: Call) -> Response:
    """The API to read."""
    parts = []
    for path, operations in document()["paths"].items():
        for method, one in operations.items():
            names = ", ".join(f"<code>{parameter['name']}</code>" for parameter in one["parameters"])
            body = one.get("requestBody", {}).get("content", {})
            takes = ", ".join(
                f"<code>{html.escape(spec['schema'].get('$ref', media).split('/')[-1])}</code>"
                for media, spec in body.items()
            )
            parts.append(
                f"<h2><b>{method.upper()}</b><code>{html.escape(path)}</code></h2><p>{html.escape(one['summary'])} "
                f"{html.escape(one.get('description', ''))}</p>"
                + (f"<p>Parameters: {names}</p>" if names else "")
                + (f"<p>Body: {takes}</p>" if takes else "")
            )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>HARVEST API</title><style>{STYLE}</style><h1>HARVEST API</h1>"
        f"<p>Sign in with <code>POST /api/login</code>"
        f' and send <code>Authorization: Bearer</code> and the token. <a href="openapi.json">openapi.json</a></p>'
        f"{''.join(parts)}</html>"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": policy})
