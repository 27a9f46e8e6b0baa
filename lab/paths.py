"""Where the lab keeps things, and the identity that follows from it.

One lab belongs to one directory (`<checkout>/.lab`, or `LAB_DIR`), so checkouts never share a bridge, a rule or a
line in /etc/hosts. `LAB_IMAGES` lets several labs share one image cache.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def lab_dir() -> Path:
    """Return the directory with everything that belongs to this lab."""
    return Path(os.environ.get("LAB_DIR") or REPO / ".lab").resolve()


def images_dir() -> Path:
    """Return the image cache."""
    return Path(os.environ.get("LAB_IMAGES") or lab_dir() / "images").resolve()


def hosts_dir() -> Path:
    """Return the directory with one directory per host."""
    return lab_dir() / "hosts"


def host_dir(name: str) -> Path:
    """Return the directory of one host: `host.json`, `console.log`, pid files, and `root`, its file system."""
    return hosts_dir() / name


def known_hosts() -> Path:
    """Return the file in which consumers pin host keys; the lab only removes lines from it."""
    return lab_dir() / "known_hosts"


def key_file() -> Path:
    """Return the lab's private key; the public one stands beside it with `.pub`."""
    return lab_dir() / "id_ed25519"


def lab_id() -> str:
    """Return eight hex digits that name this lab in everything it creates on the machine."""
    return hashlib.sha256(str(lab_dir()).encode()).hexdigest()[:8]


def domain() -> str:
    """Return the domain below which hosts get their names (`LAB_DOMAIN`; `.test` never resolves outside)."""
    return os.environ.get("LAB_DOMAIN") or "harvest.test"
