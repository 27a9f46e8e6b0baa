"""The one error that the lab raises on purpose."""

from __future__ import annotations


class LabError(Exception):
    """Something the user can act on: the message is one or two plain sentences. The command exits with 2."""
