"""Units of instances or backends that the settings no longer name: stopped and gone. Their data stays."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query

ETC = "/etc/systemd/system"
WANTED = f"{ETC}/*.target.wants"
STARTED = (
    f"{WANTED}/harvest*-frontend.*",
    f"{WANTED}/harvest*-backend@*.*",
    f"{WANTED}/harvest*-sweep.timer",
)
FILES = (
    f"{ETC}/harvest*-frontend.*",
    f"{ETC}/harvest*-backend@.*",
    f"{ETC}/harvest*-candidate@.*",
    f"{ETC}/harvest*-standby@.*",
    f"{ETC}/harvest*-migrate.service",
    f"{ETC}/harvest*-sweep.*",
)


@dataclass(frozen=True)
class FormerUnits:
    """All of HARVEST's units are those of `stems` (names without .service and .socket)."""

    stems: tuple[str, ...]


def _stem(path: str) -> str:
    """The unit's name; that of a folder of drop-ins is its unit's, with which it stays or goes."""
    return posixpath.basename(path).removesuffix(".d").rpartition(".")[0]


def _kinds(stem: str) -> tuple[str, ...]:
    return ("timer",) if stem.endswith("-sweep") else ("socket", "service")


def changes(have: HostState, want: FormerUnits) -> Iterator[Command]:
    """Stop, then forget: a run that dies in between finds them enabled still, and goes on from there."""
    slugs = {stem.removesuffix("-frontend") for stem in want.stems if stem.endswith("-frontend")}
    stems = {*want.stems, *(f"{slug}-sweep" for slug in slugs)}
    enabled = {_stem(path) for pattern in STARTED for path in have.found[pattern]}
    gone = [f"{stem}.{kind}" for stem in sorted(enabled - stems) for kind in _kinds(stem)]
    if gone:
        names = " ".join(map(shlex.quote, gone))
        yield script(f"systemctl stop {names}; systemctl disable --quiet {names}")
    # A backend's file is a template: harvest-backend@.service serves harvest-backend@5001.service.
    templates = {stem.partition("@")[0] + "@" if "@" in stem else stem for stem in stems}
    templates |= {f"{slug}-{name}" for slug in slugs for name in ("migrate", "candidate@", "standby@")}
    files = sorted(path for pattern in FILES for path in have.found[pattern] if _stem(path) not in templates)
    if files:
        alone = " ".join(
            shlex.quote(posixpath.basename(path)) for path in files if "@." not in path and path[-2:] != ".d"
        )
        stop = f"systemctl stop {alone}; " if alone else ""
        yield script(f"{stop}rm -rf {' '.join(map(shlex.quote, files))}; systemctl daemon-reload")


def plan(have: HostState, want: FormerUnits) -> list[str]:
    return ["stop and remove units that the settings no longer name; their data stays"]


remove = converge(lambda want: Query(found={*STARTED, *FILES}), changes, plan=plan)
