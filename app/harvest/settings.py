"""The settings of both services: the environment, then an overlay `config` on sys.path, then app/config.py."""

from __future__ import annotations

import importlib
import ipaddress
import os
import re
import runpy
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

APP_DIR = Path(__file__).resolve().parent.parent
PATH = re.compile(r"/([A-Za-z0-9_~-][A-Za-z0-9_.~-]*/)*")
Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(ge=1)]
SECRETS = ("SECRET_KEY", "DATABASE_URL")


class SettingsError(ValueError):
    """A setting is wrong; the message is one sentence that names it."""


class Environment(EnvSettingsSource):
    """HARVEST_ and the setting's name, or the name that the setting gives itself."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self.environ = environ
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self.environ


class ConfigModules(PydanticBaseSettingsSource):
    """app/config.py with every default, and over it the overlay, which may hold only the names that it changes."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.values[field_name], str(field.validation_alias or field_name), False

    def __call__(self) -> dict[str, Any]:
        self.values = {
            **runpy.run_path(str(APP_DIR / "config.py")),
            **vars(importlib.import_module("config")),
        }
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {key: value for value, key, _ in found}


class Settings(BaseSettings):
    """What both services know about where and how they live. Paths are absolute, sizes in MiB, times in hours."""

    model_config = SettingsConfigDict(
        env_prefix="HARVEST_", case_sensitive=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    DEPLOYMENT_MODE: Literal["internal", "nginx"]
    BACKEND_PUBLIC_URL: str
    URL_BASE_PATHNAME: str
    HOST: str
    FRONTEND_HOST: str
    BE_PORT: Port = Field(validation_alias="HARVEST_PORT")
    PORT: Port = Field(validation_alias="PORT")
    API_BASE: str
    STATE_DIR: str
    DB_PATH: str = Field(validation_alias="HARVEST_DB")
    DATABASE_URL: str = Field(validation_alias="DATABASE_URL")
    PDF_DIR: str
    MAX_UPLOAD_MB: Positive
    REQUEST_TIMEOUT_S: Positive
    MIN_FREE_MB: int
    SECRET_KEY: str
    SECRET_KEY_FILE: str
    SESSION_HOURS: Positive
    TRUSTED_PROXIES: int = Field(ge=0, le=5)
    PUBLIC_URL: str
    PROXY_ADDRESSES: str
    ALLOWED_ORIGINS: str
    CROSSREF_URL: str
    CONTACT_EMAIL: str

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The given environment in place of the process's, and no other file than config.py."""
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 pydantic-settings makes it so
        environ = init_settings.init_kwargs["environ"]
        return Environment(settings_cls, environ), ConfigModules(settings_cls)

    @field_validator("STATE_DIR")
    @classmethod
    def _absolute(cls, value: str) -> str:
        return str(Path(value).absolute())

    @field_validator("DB_PATH", "PDF_DIR")
    @classmethod
    def _in_state_folder(cls, value: str, info: ValidationInfo) -> str:
        usual = {"DB_PATH": "harvest.db", "PDF_DIR": "project_pdfs"}[str(info.field_name)]
        return str(Path(info.data.get("STATE_DIR", "/")) / (value or usual))

    @field_validator("URL_BASE_PATHNAME")
    @classmethod
    def _base_path(cls, value: str) -> str:
        if not PATH.fullmatch(value):
            raise ValueError(f"must begin and end with '/' and be plain between, not '{value}'")
        if value.startswith(("/api/", "/proxy/", "/_dash", "/assets/")):
            raise ValueError(f"'{value}' collides with HARVEST's own paths")
        return value

    @field_validator("SECRET_KEY")
    @classmethod
    def _long(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("is shorter than 32 characters")
        return value

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if not self.internal and not self.BACKEND_PUBLIC_URL:
            raise SettingsError(
                "BACKEND_PUBLIC_URL must be set in nginx mode, for example https://example.org/api."
            )
        if self.PORT == self.BE_PORT and self.HOST == self.FRONTEND_HOST:
            raise SettingsError(f"PORT and BE_PORT are both {self.PORT}.")
        if self.API_BASE:
            origin_of(self.API_BASE)
        if not self.internal:
            origin_of(self.BACKEND_PUBLIC_URL)
        self.allowed_origins, self.proxies  # noqa: B018 raise for what is malformed
        return self

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
    try:
        return Settings(environ=environ)  # what its sources read, no setting
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong: the setting or its variable, what it must be, and what it is."""
    found = error.errors(include_url=False)[0]
    message = found["msg"].removeprefix("Value error, ").replace("Input should", "must")
    if not found["loc"]:
        return message
    name = str(found["loc"][0])
    if found["type"] == "int_parsing":
        message = "must be a whole number"
    told = "" if name in SECRETS or found["type"] == "value_error" else f", not '{found['input']}'"
    return f"{name} {message}{told}."
