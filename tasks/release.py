"""Which HARVEST: the one in app/, with the environment that its lock file describes."""

from pathlib import Path

from provision.operations.app.artifact import pack
from provision.operations.app.release import Release

APP = Path(__file__).parents[1] / "app"


def release(root: str) -> Release:
    """The release below `root`: each instance has its own."""
    return Release(root, pack(APP), (APP / "requirements.txt").read_text())
