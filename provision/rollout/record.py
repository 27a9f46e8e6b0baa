"""What is known of an inventory's rollout, kept on this machine: where each host stands, and where it came from.

It lies in the user's state folder, not next to the inventory: that is a git checkout which others share. Which release
a host runs is asked of the host, so that a lost record costs no more than the way back by one word.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

Stage = Literal["waiting", "deploying", "checking", "done", "failed", "returning", "returned"]
State = Literal["running", "interrupted", "failed", "returned", "done"]
UNTOUCHED: tuple[Stage, ...] = ("waiting", "returned")
"""Hosts that run what they ran before the rollout."""


class Busy(Exception):
    """Another process is at this inventory's rollout."""


class HostRecord(BaseModel):
    """One host. `before` and `release`: instance to the id of its live release, before the rollout and as last seen."""

    stage: Stage = "waiting"
    before: dict[str, str] = {}
    release: dict[str, str] = {}
    why: str = ""
    """Why it failed, or was not returned."""


class Record(BaseModel):
    """One rollout of one inventory."""

    inventory: str
    """As the commands take it."""
    began: str
    """UTC."""
    gate: str
    batches: list[list[str]]
    state: State = "running"
    hosts: dict[str, HostRecord]

    @property
    def touched(self) -> list[str]:
        """The hosts that the rollout reached, in its order."""
        return [name for batch in self.batches for name in batch if self.hosts[name].stage not in UNTOUCHED]

    @property
    def is_over(self) -> bool:
        """Whether nothing is half-way."""
        return self.state in ("done", "returned")


def folder_of(inventory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the record, the log and the audits' reports of an inventory's rollout lie."""
    top = environment.get("XDG_STATE_HOME") or "~/.local/state"
    name = f"{inventory.stem}-{hashlib.sha256(str(inventory.resolve()).encode()).hexdigest()[:8]}"
    return Path(top).expanduser() / "harvest-provision" / "rollouts" / name


def read(folder: Path) -> Record | None:
    """The last rollout; None where there was none."""
    try:
        return Record.model_validate_json((folder / "record.json").read_text())
    except (OSError, ValueError):
        return None


def write(folder: Path, record: Record) -> None:
    """In one step, for the process may end at any moment."""
    new = folder / "record.json.new"
    new.write_text(record.model_dump_json(indent=1) + "\n")
    new.replace(folder / "record.json")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time; the lock ends with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield
