"""What the browser fetches beside Dash itself: sign-in forms, and in internal mode PDFs and highlights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import requests
from flask import Blueprint, Response, request

from harvest.drain import drain
from harvest.settings import Settings
from harvest.web import client

PASSED_ON = ("Range", "If-Range", "If-None-Match", "Content-Type")
PASSED_BACK = (
    "Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Length", "Content-Range", "Content-Type", "ETag",
    "Last-Modified",
)  # fmt: skip


def problem(status: int, message: str) -> Response:
    return Response(json.dumps({"ok": False, "error": message}), status, mimetype="application/json")


def see_other(url: str) -> Response:
    """Where a browser goes after its form was taken."""
    return Response(status=303, headers={"Location": url})


def relay(method: str, path: str) -> Response:
    """Pass the request on to the backend and its answer back, both as streams."""
    if (request.content_length or 0) > client.settings().max_upload_bytes:
        drain()
        return problem(413, f"The file is larger than {client.settings().MAX_UPLOAD_MB} MiB.")
    sent = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    body = None
    if method in ("POST", "PUT"):
        body = _Upload()
    try:
        answer = client.send(
            method, path, headers=sent, data=body, params=request.args, stream=True, allow_redirects=False
        )
    except client.ApiError as error:
        return problem(error.status, str(error))
    kept = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    return Response(_body(answer), answer.status_code, kept, direct_passthrough=True)


class _Upload:
    """The browser's body for requests to send on: a stream whose length is known, so it is not sent chunked."""

    def __len__(self) -> int:
        return request.content_length or 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(1 << 16), b"")

    def read(self, size: int) -> bytes:
        return request.stream.read(size)


def _body(answer: requests.Response) -> Iterator[bytes]:
    with answer:
        yield from answer.iter_content(1 << 16)


def routes(settings: Settings) -> Blueprint:
    """The routes under the base path."""
    blueprint = Blueprint("harvest", __name__, url_prefix=settings.URL_BASE_PATHNAME.rstrip("/") or None)
    blueprint.add_url_rule("/login", view_func=login, methods=["POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    blueprint.add_url_rule("/password", view_func=password, methods=["POST"])
    blueprint.add_url_rule("/ticket", view_func=ticket)
    if settings.internal:
        blueprint.add_url_rule("/proxy/export", "export", lambda: relay("GET", "/export"))
        blueprint.add_url_rule("/proxy/import", "import", lambda: relay("POST", "/import"), methods=["POST"])
        blueprint.add_url_rule(
            "/proxy/pdf/<int:project>/<name>/marked", "marked", _relay_named("pdf", "/marked")
        )
        for path in ("pdf/<int:project>/<name>", "highlights/<int:project>/<name>"):
            kind = path.split("/")[0]
            blueprint.add_url_rule(
                f"/proxy/{path}", kind, _relay_named(kind), methods=["GET", "POST", "PUT", "DELETE"]
            )
    blueprint.add_url_rule("/proxy/", "no_proxy", no_proxy, methods=["GET", "POST", "PUT", "DELETE"])
    blueprint.add_url_rule(
        "/proxy/<path:rest>", "no_proxy", no_proxy, methods=["GET", "POST", "PUT", "DELETE"]
    )
    blueprint.before_request(refuse_foreign_page)
    return blueprint


def _relay_named(kind: str, tail: str = "") -> Callable[..., Response]:
    def view(project: int, name: str) -> Response:
        if not name.removesuffix(".pdf").isalnum():
            return problem(404, "There is no such PDF.")
        end = "/highlights" if kind == "highlights" else tail
        return relay(request.method, f"/projects/{project}/pdf/{name}{end}")

    return view


def no_proxy(rest: str = "") -> Response:
    """Without this Dash would answer its page here, with status 200."""
    return problem(404, "There is no such proxy route in this deployment mode.")


def refuse_foreign_page() -> Response | None:
    """A form or script of another site brings our cookie along: its Origin gives it away."""
    origin = request.headers.get("Origin", "").lower()
    own = (request.host_url.rstrip("/").lower(), client.settings().page_origin)
    if request.method not in ("GET", "HEAD") and origin and origin not in own:
        return problem(403, "This request came from a page of another site.")
    return None


def ticket() -> Response:
    """A short-lived token for pages whose API has an origin of its own, where the session cookie does not go."""
    try:
        made = Response(json.dumps(client.call("POST", "/ticket")), mimetype="application/json")
        made.headers["Cache-Control"] = "no-store"
        return made
    except client.ApiError as error:
        return problem(error.status, str(error))


def login() -> Response:
    """The sign-in form."""
    given = {name: request.form.get(name, "")[:1000] for name in ("email", "password")}
    target = request.form.get("next", "")
    base = client.settings().URL_BASE_PATHNAME
    if not target.startswith(base) or target.startswith("//") or "\\" in target:
        target = base
    try:
        session = client.call("POST", "/login", json=given)
    except client.ApiError as error:
        reason = {401: "wrong", 422: "wrong", 429: "wait"}.get(error.status, "down")
        return see_other(f"{target.split('?')[0]}?sign-in={reason}")
    return _keep(session, see_other(target))


def password() -> Response:
    """The form of the account's page: a new password, and the session that goes on with it."""
    target = client.settings().URL_BASE_PATHNAME + "account"
    current, new, again = (request.form.get(name, "")[:1000] for name in ("current", "new", "again"))
    if new != again:
        return see_other(f"{target}?password=differ")
    try:
        session = client.call("POST", "/me/password", json={"current": current, "new": new})
    except client.ApiError as error:
        # Signed out meanwhile, the page shows the form to sign in.
        reason = {401: "", 403: "wrong", 422: "unfit", 429: "wait"}.get(error.status, "down")
        return see_other(f"{target}?password={reason}")
    return _keep(session, see_other(f"{target}?password=changed"))


def _keep(session: dict[str, Any], response: Response) -> Response:
    """Have the browser keep the session, where scripts cannot read it."""
    settings = client.settings()
    response.set_cookie(
        settings.cookie_name,
        session["token"],
        max_age=session["expires_in"],
        path=settings.URL_BASE_PATHNAME,
        secure=request.is_secure or _public_https(settings),
        httponly=True,
        samesite="Lax",
    )
    return response


def _public_https(settings: Settings) -> bool:
    """Whether the browser came by the public https:// address, though the proxy asked us by plain HTTP."""
    scheme, _, place = settings.page_origin.partition("://")
    return scheme == "https" and (
        request.host.lower() == place or request.headers.get("Origin", "").lower() == settings.page_origin
    )


def logout() -> Response:
    """Ends the account's sessions everywhere and forgets the cookie."""
    settings = client.settings()
    try:
        client.call("POST", "/logout")
    except client.ApiError as error:
        if error.status != 401:
            return problem(error.status, str(error))
    response = see_other(settings.URL_BASE_PATHNAME)
    response.delete_cookie(settings.cookie_name, path=settings.URL_BASE_PATHNAME)
    return response
