"""`notify`: who is told when something on the host fails, by a webhook or by mail."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from provision.settings.phrases import TYPES
from provision.settings.types import DomainName, MailAddress, Port, Secret

FORMS = ("ntfy", "slack", "mattermost", "matrix", "plain", "mail")
TOKEN = re.compile(r"[\x21-\x7e]+")


class Webhook(BaseModel):
    """A JSON POST to `url`, in the words of the service behind it; `matrix` is matrix-hookshot's webhook."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    form: Literal["ntfy", "slack", "mattermost", "matrix", "plain"]
    url: Secret
    token: Secret | None = None
    """Sent as `Authorization: Bearer`."""


class Mail(BaseModel):
    """A mail through the operator's own SMTP relay."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    form: Literal["mail"]
    relay: DomainName | Annotated[str, Field(pattern=r"^[0-9.]+$|^[0-9a-fA-F:]+$")]
    port: Port = 587
    tls: Literal["starttls", "tls", "off"] = "starttls"
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1)
    user: Annotated[str, Field(min_length=1)] | None = None
    password: Secret | None = None


Receiver = Webhook | Mail
READER: TypeAdapter[Receiver] = TypeAdapter(Annotated[Receiver, Field(discriminator="form")])


def _shape(value: Any) -> Any:
    if isinstance(value, Receiver):
        return value
    if not isinstance(value, dict) or value.get("form") not in FORMS:
        raise ValueError(f'must be in braces, with "form": one of {", ".join(FORMS)}')
    try:
        found = READER.validate_python(value)
    except ValidationError as error:
        raise ValueError(_sentence(error, value["form"])) from None
    if isinstance(found, Mail):
        if (found.user is None) != (found.password is None):
            raise ValueError("password: goes with user, and that needs it")
        if found.password is not None and found.tls == "off":
            raise ValueError('tls: is "off"; a password is sent encrypted only, by "starttls" or "tls"')
    return found


def _sentence(error: ValidationError, form: str) -> str:
    """The first error, without the value: it may be the secret itself."""
    detail = error.errors()[0]
    key = ".".join(str(part) for part in detail["loc"][1:2])
    keys = Mail.model_fields if form == "mail" else Webhook.model_fields
    if detail["type"] == "extra_forbidden":
        return f'{key}: is not a key of "form": "{form}"; there are {", ".join(keys)}'
    if detail["type"] == "missing":
        return f'{key}: is not set; "form": "{form}" needs it'
    words = TYPES.get(str(detail["type"]), "").format(**detail.get("ctx", {}))
    return f"{key}: {words or str(detail['msg']).removeprefix('Value error, ')}"


Notify = Annotated[Receiver, BeforeValidator(_shape)]


def secrets_of(notify: Receiver) -> Iterator[tuple[str, Secret]]:
    """(key, reference) for each secret."""
    for key in type(notify).model_fields:
        if isinstance(secret := getattr(notify, key), Secret):
            yield key, secret


def value_problem(notify: Receiver, key: str, value: str) -> str:
    """Why the value of a secret cannot be used; "" where it can. Does not repeat the value."""
    if key == "url":
        return _url_problem(value, notify.form)
    if key == "token" and not TOKEN.fullmatch(value):
        return "holds characters that an HTTP header cannot carry"
    return ""


def _url_problem(value: str, form: str) -> str:
    try:
        url = urlsplit(value)
        name, _ = url.hostname, url.port  # a port that is no number is told here
    except ValueError:
        return "is no URL"
    if url.scheme not in ("http", "https") or not name or not TOKEN.fullmatch(value):
        return "must be a URL like https://ntfy.example.org/harvest"
    if url.scheme == "http" and not _is_private(name):
        return "must begin with https://; http:// is taken for a private address only, like http://10.0.0.5"
    if url.username is not None:
        return 'holds a user or password; "token" is the place for a credential'
    if form == "ntfy" and not url.path.strip("/"):
        return "lacks the topic: https://ntfy.example.org/TOPIC"
    return ""


def _is_private(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return False
