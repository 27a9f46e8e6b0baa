"""Which HARVEST: the one in app/, with the environment that its lock file describes."""

import re
from pathlib import Path

from provision.operations.app.artifact import pack
from provision.operations.app.release import Release

APP = Path(__file__).parents[1] / "app"


def wanted_release(root: str) -> Release:
    """The release below `root`: each instance has its own."""
    return Release(root, pack(APP), (APP / "requirements.txt").read_text())


def version() -> str:
    """What app/ calls itself; "" where it does not say."""
    found = re.search(r'^VERSION = "([^"]+)"', (APP / "harvest/__init__.py").read_text(), re.MULTILINE)
    return found[1] if found else ""
