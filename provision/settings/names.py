"""Names that others gave: of domains and hosts in DNS, of people by mail, of time zones."""

import difflib
import re
import zoneinfo
from functools import cache

import idna

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 5321, 4.1.2: a dot-atom. What it leaves out (quotes, blanks) no mail system of today gives out.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(\.{ATOM})*")


def domain_name(value: str) -> str:
    """A DNS name in lower case, unicode turned into punycode (IDNA 2008, as registrars do)."""
    name, why = value.lower(), ""
    if not value.isascii() or "xn--" in name:
        try:
            name = idna.encode(value, uts46=True).decode()
        except idna.IDNAError as error:
            name, why = "", f" ({error})"
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError(
            f"must be a full DNS name like harvest.example.org, without scheme, port or path{why}"
        )
    if labels[-1].isdigit():
        raise ValueError("must be a DNS name, not an IP address")
    return name


def host_name(value: str) -> str:
    """A host name, short or full (hostname(7))."""
    if len(value) > 64 or not all(LABEL.fullmatch(label) for label in value.split(".")):
        raise ValueError("must be a host name of a-z, 0-9 and -, at most 64 characters")
    return value


def mail_address(value: str) -> str:
    """A mail address (RFC 5321) as mail systems give them out: a dot-atom, one @, a domain in ASCII."""
    local, _, domain = value.rpartition("@")
    labels = domain.lower().split(".")
    whole = len(value) <= 254 and len(local) <= 64 and len(labels) > 1 and not labels[-1].isdigit()
    if not whole or not LOCAL_PART.fullmatch(local) or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("must be a mail address like someone@example.org")
    return value


def email(value: str) -> str:
    """The address of an account in HARVEST, in lower case."""
    return mail_address(value).lower()


@cache
def time_zones() -> frozenset[str]:
    """The names of the tz database on this machine."""
    return frozenset(zoneinfo.available_timezones())


def time_zone(value: str) -> str:
    """A name of the tz database, like Europe/Berlin."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", value):
        raise ValueError("must be a time zone like Europe/Berlin or Etc/UTC")
    if time_zones() and value not in time_zones():  # a machine may have no tz database
        near = difflib.get_close_matches(value, sorted(time_zones()), n=1)
        raise ValueError(
            "is no time zone; "
            + (f"did you mean {near[0]}?" if near else "look with: timedatectl list-timezones")
        )
    return value
