"""The settings of both services: defaults from app/config.py, an overlay `config` on sys.path, the environment."""

from __future__ import annotations

import importlib
import ipaddress
import os
import re
import runpy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

APP_DIR = Path(__file__).resolve().parent.parent
MODES = ("internal", "nginx")
# Settings whose variable is not HARVEST_ + their name.
ENV_NAMES = {
    "DB_PATH": "HARVEST_DB",
    "BE_PORT": "HARVEST_PORT",
    "PORT": "PORT",
    "DATABASE_URL": "DATABASE_URL",
}


class SettingsError(ValueError):
    """A setting is wrong; the message is one sentence that names it."""


@dataclass(frozen=True)
class Settings:
    """What both services know about where and how they live. Paths are absolute, sizes in MiB, times in hours."""

    DEPLOYMENT_MODE: str
    BACKEND_PUBLIC_URL: str
    URL_BASE_PATHNAME: str
    HOST: str
    FRONTEND_HOST: str
    BE_PORT: int
    PORT: int
    API_BASE: str
    STATE_DIR: str
    DB_PATH: str
    DATABASE_URL: str
    PDF_DIR: str
    MAX_UPLOAD_MB: int
    REQUEST_TIMEOUT_S: int
    MIN_FREE_MB: int
    SECRET_KEY: str
    SECRET_KEY_FILE: str
    SESSION_HOURS: int
    TRUSTED_PROXIES: int
    PUBLIC_URL: str
    PROXY_ADDRESSES: str
    ALLOWED_ORIGINS: str
    CROSSREF_URL: str
    CONTACT_EMAIL: str

    def __repr__(self) -> str:
        """Without the secrets: settings end up in logs."""
        return f"Settings(mode={self.DEPLOYMENT_MODE}, base={self.URL_BASE_PATHNAME})"

    @property
    def internal(self) -> bool:
        return self.DEPLOYMENT_MODE == "internal"

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL; a plain postgresql:// gets the driver that is installed."""
        if not self.DATABASE_URL:
            return f"sqlite:///{self.DB_PATH}"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.DATABASE_URL)

    @property
    def api_base(self) -> str:
        """The frontend's way to the backend, without a slash at the end."""
        return (self.API_BASE or f"http://127.0.0.1:{self.BE_PORT}").rstrip("/")

    @property
    def public_api(self) -> str:
        """What browsers put before `/projects` in nginx mode: `https://example.org/harvest/api`."""
        url = self.BACKEND_PUBLIC_URL.rstrip("/")
        return url if url.endswith("/api") else f"{url}/api"

    @property
    def public_origin(self) -> str:
        return origin_of(self.BACKEND_PUBLIC_URL)

    @cached_property
    def allowed_origins(self) -> frozenset[str]:
        """Origins (scheme://host[:port]) that may call the API from a page, beside localhost in internal mode."""
        listed = {origin_of(part.strip()) for part in self.ALLOWED_ORIGINS.split(",") if part.strip()}
        own = {self.page_origin} if self.page_origin else set()
        return frozenset(listed | own | ({self.public_origin} if not self.internal else set()))

    @cached_property
    def page_origin(self) -> str:
        """The pages' origin where a proxy gives them another than our own socket would say; "" where none does."""
        return origin_of(self.PUBLIC_URL) if self.PUBLIC_URL else ""

    @cached_property
    def proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Who may say in whose name it asks."""
        words = self.PROXY_ADDRESSES.replace(",", " ").split()
        try:
            return tuple(ipaddress.ip_network(word) for word in words)
        except ValueError as error:
            raise SettingsError(f"PROXY_ADDRESSES: {error}.") from error

    @property
    def cookie_name(self) -> str:
        """One per base path, since instances at / and at /harvest/ of one host see each other's cookies."""
        return "_".join(["harvest_session", *filter(None, self.URL_BASE_PATHNAME.split("/"))])

    @property
    def max_upload_bytes(self) -> int:
        return self.MAX_UPLOAD_MB * 1024 * 1024

    @cached_property
    def secret_key(self) -> bytes:
        """The signing key, read on first use: from the environment, a file, or made once in the state folder."""
        if self.SECRET_KEY:
            return self.SECRET_KEY.encode()
        path = Path(self.SECRET_KEY_FILE or f"{self.STATE_DIR}/secret_key")
        if not self.SECRET_KEY_FILE:
            make_secret_once(path)
        try:
            key = path.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"HARVEST_SECRET_KEY_FILE {path} cannot be read: {error.strerror}."
            ) from error
        if len(key) < 32:
            raise SettingsError(f"The secret in {path} is shorter than 32 characters.")
        return key.encode()


def make_secret_once(path: Path) -> None:
    """Create `path` with a fresh secret unless it exists; of two processes at once, one wins and both agree."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def origin_of(url: str) -> str:
    """`https://example.org:8443/x` -> `https://example.org:8443`; raises SettingsError when it is no http(s) URL."""
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or re.search(r"\s", url)
    ):
        raise SettingsError(f"'{url}' is no http:// or https:// URL.")
    usual = {"http": ":80", "https": ":443"}[parts.scheme]  # a browser leaves it out
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}".lower()


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises SettingsError."""
    values = runpy.run_path(str(APP_DIR / "config.py"))
    overlay = importlib.import_module("config")
    values.update({name: value for name, value in vars(overlay).items() if name.isupper()})
    read = {}
    for name, kind in Settings.__annotations__.items():
        variable = ENV_NAMES.get(name, f"HARVEST_{name}")
        value = environ.get(variable, values[name])
        if kind == "int":
            try:
                value = int(value)
            except ValueError as error:
                raise SettingsError(f"{variable} must be a whole number, not '{value}'.") from error
        read[name] = value
    state = Path(read["STATE_DIR"]).absolute()
    read["STATE_DIR"] = str(state)
    read["DB_PATH"] = str(state / (read["DB_PATH"] or "harvest.db"))
    read["PDF_DIR"] = str(state / (read["PDF_DIR"] or "project_pdfs"))
    settings = Settings(**read)
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Raise SettingsError for what cannot work."""
    if settings.DEPLOYMENT_MODE not in MODES:
        raise SettingsError(
            f"DEPLOYMENT_MODE must be 'internal' or 'nginx', not '{settings.DEPLOYMENT_MODE}'."
        )
    if not re.fullmatch(r"/([A-Za-z0-9_~-][A-Za-z0-9_.~-]*/)*", settings.URL_BASE_PATHNAME):
        raise SettingsError(
            "URL_BASE_PATHNAME must begin and end with '/' and be plain between, "
            f"not '{settings.URL_BASE_PATHNAME}'."
        )
    if settings.URL_BASE_PATHNAME.startswith(("/api/", "/proxy/", "/_dash", "/assets/")):
        raise SettingsError(
            f"URL_BASE_PATHNAME '{settings.URL_BASE_PATHNAME}' collides with HARVEST's own paths."
        )
    if not settings.internal and not settings.BACKEND_PUBLIC_URL:
        raise SettingsError(
            "BACKEND_PUBLIC_URL must be set in nginx mode, for example https://example.org/api."
        )
    for name in ("PORT", "BE_PORT"):
        if not 0 < getattr(settings, name) < 65536:
            raise SettingsError(f"{name} must lie between 1 and 65535, not {getattr(settings, name)}.")
    if settings.PORT == settings.BE_PORT and settings.HOST == settings.FRONTEND_HOST:
        raise SettingsError(f"PORT and BE_PORT are both {settings.PORT}.")
    for name in ("MAX_UPLOAD_MB", "REQUEST_TIMEOUT_S", "SESSION_HOURS"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"{name} must be at least 1.")
    if not 0 <= settings.TRUSTED_PROXIES <= 5:
        raise SettingsError("TRUSTED_PROXIES must lie between 0 and 5.")
    if settings.SECRET_KEY and len(settings.SECRET_KEY) < 32:
        raise SettingsError("SECRET_KEY is shorter than 32 characters.")
    if settings.API_BASE:
        origin_of(settings.API_BASE)
    if not settings.internal:
        origin_of(settings.BACKEND_PUBLIC_URL)
    settings.allowed_origins, settings.proxies  # noqa: B018 raise for what is malformed
