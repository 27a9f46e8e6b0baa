"""The desired state of one host: every key, its default and its rules, and nowhere else.

Group data is flat and plain; `settings_from` turns one host's data into `Settings` or says, a sentence a key,
what is wrong. Deploy, templates, audit and tests read the same object.
"""

import difflib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from provision.values import (
    BasePath,
    DomainName,
    HostName,
    LocalFile,
    LoginName,
    Port,
    PublicKey,
    Secret,
    ServicePort,
    TimeZone,
    UserName,
)


class SettingsError(ValueError):
    """What is wrong with one host's data: `problems` holds (key, sentence) pairs."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {sentence}" for key, sentence in problems))
        self.problems = problems


class Settings(BaseModel):
    """One host. Units are in the names or the descriptions; `docs/settings.md` is made from this class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["internal", "nginx"] = Field(
        description="internal: the frontend's port is the door; nginx: nginx is, and HARVEST stays on loopback."
    )
    base_path: BasePath = Field("/", description='Where HARVEST lives in URLs: "/" or "/x/".')
    domain: DomainName | None = Field(None, description="The site's DNS name; nginx mode needs one.")
    tls: Literal["selfsigned", "files", "off"] = Field(
        "selfsigned", description="Where the site's certificate comes from; off serves plain HTTP."
    )
    tls_certificate: LocalFile | None = Field(
        None, description="tls = files: the chain, PEM, on the controller."
    )
    tls_key: LocalFile | None = Field(
        None, description="tls = files: the private key, PEM, on the controller."
    )

    admin_user: UserName = Field(description="The sudo user that is made; the only one who may log in.")
    admin_keys: tuple[PublicKey, ...] = Field(
        min_length=1, description="Its public keys: lines, or paths that end in .pub."
    )
    admin_sudo: Literal["nopasswd", "password"] = Field(
        "nopasswd", description="Whether sudo asks the admin for a password."
    )
    admin_password: Secret | None = Field(
        None, description="Where the admin's sudo password comes from (admin_sudo = password)."
    )
    bootstrap_user: LoginName = Field("root", description="Who can log in on a fresh host.")
    bootstrap_password: Secret | None = Field(
        None, description="The bootstrap user's password, where no key is set."
    )
    ssh_port: Port = Field(22, description="The port that sshd listens on.")

    frontend_port: ServicePort = Field(8050, description="The frontend's port.")
    backend_ports: tuple[ServicePort, ...] = Field(
        (5001,), min_length=1, max_length=16, description="The backends' ports, always on loopback only."
    )
    max_upload_mb: int = Field(
        100, strict=True, ge=1, le=2048, description="Largest upload in MiB, everywhere."
    )
    request_timeout_s: int = Field(
        300, strict=True, ge=10, le=3600, description="Longest request in seconds."
    )

    hostname: HostName | None = Field(None, description="The host's name; unset leaves it as it is.")
    timezone: TimeZone | None = Field(None, description="The host's time zone; unset leaves it as it is.")
    trusted_cas: tuple[LocalFile, ...] = Field(
        (), description="PEM certificate authorities that the host is to trust besides its distribution's."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        ports = [self.ssh_port, self.frontend_port, *self.backend_ports]
        if self.mode == "nginx":
            ports += [80, 443]
        twice = sorted({port for port in ports if ports.count(port) > 1})
        if twice:
            raise ValueError(
                f"backend_ports: port {twice[0]} is used twice (ssh_port, frontend_port, backend_ports, nginx)"
            )
        if self.mode == "nginx" and self.domain is None:
            raise ValueError(
                "domain: is not set; nginx mode needs the site's DNS name, like harvest.example.org"
            )
        if self.tls == "files" and not (self.tls_certificate and self.tls_key):
            raise ValueError("tls_certificate: is not set; tls = files needs tls_certificate and tls_key")
        if (self.admin_sudo == "password") != (self.admin_password is not None):
            raise ValueError("admin_password: goes with admin_sudo = password, and that needs it")
        return self

    @cached_property
    def scheme(self) -> str:
        """What a browser says before the colon."""
        return "https" if self.mode == "nginx" and self.tls != "off" else "http"

    def url(self, host: str) -> str:
        """Where a browser finds HARVEST, ending in "/"; `host` stands in where no domain is set."""
        port = f":{self.frontend_port}" if self.mode == "internal" else ""
        return f"{self.scheme}://{self.domain or host}{port}{self.base_path}"

    @cached_property
    def open_ports(self) -> tuple[int, ...]:
        """TCP ports that the world may reach."""
        if self.mode == "internal":
            return (self.ssh_port, self.frontend_port)
        return (self.ssh_port, 80) if self.tls == "off" else (self.ssh_port, 80, 443)


# Keys of pyinfra's own that share the host's data: connection settings and global arguments.
FOREIGN = ("ssh_", "_")


def settings_from(data: Mapping[str, Any]) -> Settings:
    """One host's merged data as `Settings`.

    `wanted_ssh_port` is set beside `ssh_port` while the host still listens elsewhere: then `ssh_port`, which
    pyinfra connects to, is where sshd is, and `wanted_ssh_port` is where it shall be.
    Raises `SettingsError` with every problem of the host, none of the input of secrets repeated.
    """
    own = {key: value for key, value in data.items() if not key.startswith(FOREIGN)}
    port = own.pop("wanted_ssh_port", data.get("ssh_port"))
    if port is not None:
        own["ssh_port"] = port
    try:
        return Settings.model_validate(own)
    except ValidationError as error:
        details = error.errors()
        # A list whose item is wrong is reported "too short" as well: one sentence is enough.
        inner = {detail["loc"][:-1] for detail in details if len(detail["loc"]) > 1}
        raise SettingsError([_problem(dict(d)) for d in details if d["loc"] not in inner]) from None


def _problem(detail: dict[str, Any]) -> tuple[str, str]:
    """pydantic's error as (key, sentence)."""
    key = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Settings.model_fields, n=1)
        return key, "is not a setting; " + (
            f"did you mean {near[0]}?" if near else "docs/settings.md lists them"
        )
    if detail["type"] == "missing":
        return key, f"is not set; {Settings.model_fields[key].description}"
    if not key:  # _fit_together names its key itself
        key, _, message = message.partition(": ")
        return key, message
    if "password" in key or "PRIVATE key" in message:
        return key, message
    if detail["type"] == "literal_error":
        message = f"must be {detail['ctx']['expected']}"
    elif detail["type"] != "value_error":
        message = message[0].lower() + message[1:]
    return key, f"is {_shown(detail['input'])}; {message}"


def _shown(value: Any) -> str:
    """A value on one line, in quotes where it is text, cut at 80 characters."""
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= 80 else text[:77] + "..."
