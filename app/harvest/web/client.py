"""The frontend's way to the backend: HTTP calls in the name of whoever is signed in."""

from __future__ import annotations

from typing import Any

import requests
from flask import current_app, request

from harvest.settings import Settings

CONNECT_S = 5
"""How long a connection to the backend may take, in seconds."""


Json = dict[str, Any]  # an object of the API's answers


class ApiError(Exception):
    """The backend refused; `status` is its HTTP status, the message a sentence for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def settings() -> Settings:
    found: Settings = current_app.extensions["harvest"]
    return found


def session_token() -> str:
    return request.cookies.get(settings().cookie_name, "")


def headers() -> dict[str, str]:
    """Who asks: the session, and the browser's address for throttling and the backend's log."""
    hops = max(
        1, settings().TRUSTED_PROXIES
    )  # the backend believes so many entries, see harvest.api.create_app
    made = {"X-Forwarded-For": ", ".join([request.remote_addr or "127.0.0.1"] * hops)}
    if token := session_token():
        made["Authorization"] = f"Bearer {token}"
    return made


def send(method: str, path: str, **options: Any) -> requests.Response:
    """The raw answer to `method /api/path`. Raises ApiError 502 when the backend does not answer."""
    extra = options.pop("headers", {})
    try:
        return requests.request(
            method,
            f"{settings().api_base}/api{path}",
            headers={**headers(), **extra},
            timeout=(CONNECT_S, settings().REQUEST_TIMEOUT_S),
            **options,
        )
    except requests.RequestException as error:
        raise ApiError(502, "HARVEST's backend does not answer. Please try again in a moment.") from error


def call(method: str, path: str, **options: Any) -> Any:
    """The JSON answer to `method /api/path`. Raises ApiError."""
    response = send(method, path, **options)
    try:
        payload = response.json()
    except ValueError as error:
        raise ApiError(502, f"The backend answered {response.status_code} without JSON.") from error
    if response.status_code >= 400:
        raise ApiError(response.status_code, payload.get("error", "The backend refused."))
    return payload
