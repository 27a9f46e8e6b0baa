"""What is known about a host: `host.json`, read by inventories and tests."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import LabError
from lab.locks import write_atomic

GROUPS = ("harvest_internal", "harvest_nginx", "harvest_subpath")
ADMIN = "sysop"
EXTRA_CAS = Path("/usr/local/share/ca-certificates")


@dataclass
class Record:
    """One host of the lab."""

    name: str
    fqdn: str
    address: str
    address6: str
    suite: str
    shape: str
    group: str
    bootstrap_user: str
    key_file: str | None
    """None for a host that accepts nothing but its bootstrap password."""
    bootstrap_password: str | None
    known_hosts: str
    machine: str
    """What systemd-nspawn calls it: short, unique on the machine (the veth is named after it)."""
    aliases: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All names it answers to."""
        return [self.fqdn, self.name, *self.aliases]

    def save(self) -> None:
        """Write `host.json`; only root reads it, for it may hold a password."""
        write_atomic(path(self.name), json.dumps(asdict(self), indent=2) + "\n", 0o600)


def path(name: str) -> Path:
    """Return where the record of a host is."""
    return paths.host_dir(name) / "host.json"


def load(name: str) -> Record | None:
    """Return the record of a host, None if there is no such host."""
    try:
        return Record(**json.loads(path(name).read_text()))
    except FileNotFoundError:
        return None


def load_all() -> list[Record]:
    """Return all hosts of the lab by name."""
    found = (load(file.parent.name) for file in sorted(paths.hosts_dir().glob("*/host.json")))
    return [record for record in found if record]


def check_name(name: str) -> None:
    """Raise LabError unless `name` can be a host name, a directory and part of a domain."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise LabError(
            f"{name!r} cannot name a host: use lower-case letters, digits and inner hyphens, at most 40."
        )


def default_settings(fqdn: str, group: str, public_key: str, cas: list[str]) -> dict[str, Any]:
    """Return the settings that a host of the lab gives to whoever provisions it."""
    settings: dict[str, Any] = {
        "admin_user": ADMIN,
        "admin_keys": [public_key],
        "domain": fqdn,
        "trusted_cas": cas,
    }
    if group in ("harvest_nginx", "harvest_subpath"):
        settings["tls"] = "off"  # nobody issues certificates for a name below .test
    return settings


def extra_cas(directory: Path = EXTRA_CAS) -> list[str]:
    """Return the certificate authorities that the controller trusts on top of its distribution's."""
    return [str(file) for file in sorted(directory.rglob("*.crt"))]
