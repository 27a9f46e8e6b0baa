"""Addresses: of pages, and of what the browser fetches beside them."""

from __future__ import annotations

from urllib.parse import urlencode

from harvest.settings import Settings


def page(settings: Settings, path: str = "", **query: object) -> str:
    """A page under the base path: `page(settings, "projects/1")`."""
    tail = f"?{urlencode({k: v for k, v in query.items() if v})}" if any(query.values()) else ""
    return f"{settings.URL_BASE_PATHNAME}{path}{tail}"


def pdf(settings: Settings, project: int, name: str) -> str:
    """A paper's PDF: through the frontend in internal mode, from the public API in nginx mode."""
    if settings.internal:
        return page(settings, f"proxy/pdf/{project}/{name}")
    return f"{settings.public_api}/projects/{project}/pdf/{name}"


def highlights(settings: Settings, project: int, name: str) -> str:
    if settings.internal:
        return page(settings, f"proxy/highlights/{project}/{name}")
    return f"{settings.public_api}/projects/{project}/pdf/{name}/highlights"


def export(settings: Settings, kind: str, **filters: object) -> str:
    where = page(settings, "proxy/export") if settings.internal else f"{settings.public_api}/export"
    return f"{where}?{urlencode({'format': kind, **{k: v for k, v in filters.items() if v}})}"


def import_file(settings: Settings) -> str:
    return page(settings, "proxy/import") if settings.internal else f"{settings.public_api}/import"
