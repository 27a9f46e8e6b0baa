"""How an endpoint is declared: one decorator checks who calls, reads the body and query, and answers JSON.

The same declarations feed the OpenAPI document, so it cannot drift from what is served.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import to_json
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, Map

from harvest import accounts
from harvest.accounts import User
from harvest.api.fields import MAX_ID
from harvest.db import Database
from harvest.drain import drain
from harvest.settings import Settings
from harvest.text import UNFIT, normal

Json = dict[str, Any]  # what an endpoint answers, before it is written out
MAX_JSON_BYTES = 2 * 1024 * 1024
# Passwords count to the last space, as they were set.
SECRET = ("password", "current", "new")


class Problem(Exception):
    """An answer other than success: an HTTP status and a sentence for the user."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class In(BaseModel):
    """What clients send: unknown keys are refused, since a typo that is ignored loses data."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def one_form(cls, value: Any, info: ValidationInfo) -> Any:
        """Texts in their one form, before their lengths are checked; passwords as they are."""
        if isinstance(value, list):
            return [cls.one_form(one, info) if isinstance(one, str) else one for one in value]
        if not isinstance(value, str):
            return value
        if UNFIT.search(value):  # PostgreSQL would take a NUL for its own mistake, also in a question
            raise ValueError("contains control characters")
        return value if info.field_name in SECRET else normal(value)


@dataclass
class Call:
    """One request, checked: who calls, with what."""

    settings: Settings
    db: Database
    user: User | None
    body: Any
    query: Any

    @property
    def me(self) -> User:
        """The caller where a login is required."""
        assert self.user is not None  # noqa: S101 the decorator has refused others
        return self.user


# A model, or `list[...]` of one.
Answer = type[BaseModel] | type[list[Any]]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Callable[..., Any]
    auth: str  # "none", "user" or "admin"
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    returns: Answer | None
    status: int
    errors: tuple[int, ...]
    media: str  # of the answer
    takes: str  # media type of the body where it is not JSON


Handler = TypeVar("Handler", bound=Callable[..., Any])
ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    *,
    auth: str = "user",
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    returns: Answer | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    media: str = "application/json",
    takes: str = "",
) -> Callable[[Handler], Handler]:
    """Declare the function below as `method /api/path`; it gets a Call and the path's parameters."""

    def declare(handler: Handler) -> Handler:
        declared = Endpoint(
            method, f"/api{path}", handler, auth, body, query, returns, status, errors, media, takes
        )
        ENDPOINTS.append(declared)
        return handler

    return declare


def answer(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON, as compact as it gets."""
    response = Response(to_json(payload), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response.headers[name.replace("_", "-")] = value
    return response


def refuse(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return answer({"ok": False, "error": message}, status, headers)


def caller(settings: Settings, db: Database) -> User | None:
    """Who the session belongs to: from `Authorization: Bearer` or, for a page of ours, from the cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = request.cookies.get(settings.cookie_name, "")
        if not token:
            return None
        if request.method not in ("GET", "HEAD"):
            _refuse_foreign_page(settings)
    with db.read() as connection:
        return accounts.user_of_token(connection, settings.secret_key, token, settings.SESSION_HOURS * 3600)


def _refuse_foreign_page(settings: Settings) -> None:
    """A cookie comes along from any page; SameSite stops most, the Origin header the rest."""
    origin = request.headers.get("Origin")
    if (
        origin
        and origin.lower() != request.host_url.rstrip("/")
        and origin.lower() not in settings.allowed_origins
    ):
        raise Problem(403, "This request came from a page of another site.")


def first_sentence(error: ValidationError) -> str:
    """What pydantic found, as `triples.0.relation: should have at least 1 character`."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parts = []
    for one in found[:5]:
        where = ".".join(str(step) for step in one["loc"])
        message = one["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {message}" if where else message)
    return "; ".join(parts)


def _read_body(model: type[BaseModel]) -> BaseModel:
    request.max_content_length = MAX_JSON_BYTES
    if request.mimetype != "application/json":
        raise Problem(415, "The body must be JSON (Content-Type: application/json).")
    raw = request.get_data(cache=False)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise Problem(422, first_sentence(error)) from error


def _read_query(model: type[BaseModel]) -> BaseModel:
    values: dict[str, Any] = {}
    for name, given in request.args.lists():
        values[name] = given[-1]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Problem(422, first_sentence(error)) from error


def _view(declared: Endpoint, settings: Settings, db: Database) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        user = None if declared.auth == "none" else caller(settings, db)
        if declared.auth != "none" and user is None:
            raise Problem(401, "Please sign in.")
        if declared.auth == "admin" and not user.admin:  # type: ignore[union-attr]
            raise Problem(403, "Only an admin may do this.")
        body = _read_body(declared.body) if declared.body else None
        query = _read_query(declared.query) if declared.query else None
        result = declared.handler(Call(settings, db, user, body, query), **path)
        return result if isinstance(result, Response) else answer(result, declared.status)

    return view


class IdConverter(IntegerConverter):
    """`<id:name>` in a path: a number that fits the column, so that a giant one is "not found" and not a crash."""

    def __init__(self, rules: Map) -> None:
        super().__init__(rules, min=1, max=MAX_ID)


def install(app: Flask, settings: Settings, db: Database) -> None:
    """Put every declared endpoint on the app."""
    app.url_map.converters["id"] = IdConverter
    for declared in ENDPOINTS:
        name = f"{declared.method} {declared.path}"
        view = _view(declared, settings, db)
        app.add_url_rule(declared.path, name.replace(".", "_"), view, methods=[declared.method])
    app.register_error_handler(Problem, lambda e: refuse(e.status, e.message, e.headers))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _crash)


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    message = {
        404: "There is nothing here.",
        405: "This method does not exist here.",
        413: "The request is too large.",
    }.get(status, error.description or "The request failed.")
    if status == 413:
        drain()
    response = refuse(status, message)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _crash(error: Exception) -> Response:
    """What nobody foresaw: logged with its trace, told to the user without it."""
    from sqlalchemy.exc import OperationalError

    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, OperationalError):
        full = "full" in (reason := str(error.orig)) or "No space" in reason
    if full:
        drain()
        return refuse(507, "The server's disk is full: nothing was saved. Please tell the administrator.")
    if isinstance(error, OperationalError):
        return refuse(503, "The database is not available: nothing was saved. Please try again.")
    return refuse(500, "HARVEST failed here: nothing was saved. The server's log says why.")
