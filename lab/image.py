"""Images: built once per suite, shape and recipe by mmdebstrap; hosts put a layer of their own over them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import needs, paths, shapes, tree
from lab.errors import LabError
from lab.locks import locked
from lab.run import run
from lab.suites import Suite, find
from lab.tree import Files

# What no two hosts may share.
UNIQUE = ("etc/machine-id", "etc/hostname", "etc/resolv.conf", "var/lib/dbus/machine-id")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is in an image; its digest says whether a cached one is still the right one."""

    suite: str
    bootstrap: tuple[str, ...]
    sources: tuple[str, ...]
    files: Files
    commands: tuple[tuple[str, ...], ...]

    @property
    def digest(self) -> str:
        """Sixteen hex digits."""
        parts = [self.suite, self.bootstrap, self.sources, sorted(self.files.items()), self.commands]
        return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]

    def build_command(self, target: Path, options: Sequence[str] = ()) -> list[str]:
        """Return the command that fills `target`, with more options for apt."""
        more = [f"--aptopt={option}" for option in options]
        return ["mmdebstrap", *self.bootstrap, *more, self.suite, str(target), *self.sources]


CHECKS = "Acquire::Check-"
UNCHECKED = "apt-unchecked"
"""In an image's directory: the options without which its archive would have been refused for its dates."""


def carried_apt_options(
    dump: str, prefixes: Sequence[str] = ("Acquire::http::Proxy", "Acquire::https::Proxy")
) -> list[str]:
    """Pick from `apt-config dump` what this network needs to reach an archive: its proxies."""
    return [
        line.strip() for line in dump.splitlines() if line.startswith(tuple(prefixes)) and ' ""' not in line
    ]


def apt_options() -> list[str]:
    """Return the options of the controller's apt that its network asks for; none where it has no apt."""
    return carried_apt_options(_apt_dump())


def _apt_dump() -> str:
    return run(["apt-config", "dump"]) if shutil.which("apt-config") else ""


def host_apt_options(image: Path) -> list[str]:
    """Return what apt in a host of this image needs. Checks of dates are left out only where the archive that this
    network offers is too old for them, which the image's build found out: hosts must see apt as it is."""
    kept = image.parent / UNCHECKED
    return [*apt_options(), *(kept.read_text().splitlines() if kept.exists() else [])]


def source_lines(suite: Suite, mirror: str | None, keyring: str | None) -> tuple[str, ...]:
    """Return apt source lines for a mirror of one's own; none means the ones that mmdebstrap knows."""
    if not mirror:
        return ()
    options = f"[signed-by={keyring}] " if keyring else ""
    pockets = ["", "-updates"] + (["-security"] if suite.distribution == "ubuntu" else [])
    return tuple(f"deb {options}{mirror} {suite.name}{pocket} {suite.components}" for pocket in pockets)


def recipe(
    suite: Suite,
    shape: str,
    mirror: str | None = None,
    keyring: str | None = None,
    options: Sequence[str] = (),
) -> Recipe:
    """Return how to build the image of a suite and shape."""
    bootstrap = [
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(shapes.packages(shape, suite))}",
        f"--components={suite.components.replace(' ', ',')}",
    ]
    if keyring:
        bootstrap.append(f"--keyring={keyring}")
    bootstrap += [f"--aptopt={option}" for option in options]
    return Recipe(
        suite=suite.name,
        bootstrap=tuple(bootstrap),
        sources=source_lines(suite, mirror, keyring),
        files=shapes.files(shape),
        commands=tuple(tuple(command) for command in shapes.commands(shape, suite)),
    )


def build_failure(plan: Recipe) -> str:
    """Return what to do about a build that failed."""
    keyless = not any(option.startswith("--keyring=") for option in plan.bootstrap)
    if keyless and find(plan.suite).distribution == "ubuntu":
        advice = "name the keys of Ubuntu's archive with --keyring (Debian 13 has them in its package ubuntu-keyring)."
    else:
        advice = "check the network, or name an archive with --mirror (and its --keyring)."
    return f"mmdebstrap could not build {plan.suite} (its own words are above): {advice}"


def _prune(root: Path) -> None:
    """Remove what must differ between hosts; an empty machine-id is filled at boot."""
    for path in [*UNIQUE, *(str(key.relative_to(root)) for key in root.glob("etc/ssh/ssh_host_*"))]:
        (root / path).unlink(missing_ok=True)
    (root / "etc/machine-id").touch(mode=0o444)


def _build(plan: Recipe, target: Path) -> None:
    needs.require_builder()
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    checks = carried_apt_options(_apt_dump(), (CHECKS,))
    unchecked: list[str] = []
    for unchecked in ([], checks) if checks else ([],):
        build = plan.build_command(target, unchecked)
        if subprocess.run(build, stdout=sys.stderr, env=environment).returncode == 0:
            break
        shutil.rmtree(target, ignore_errors=True)
    else:
        raise LabError(build_failure(plan))
    if unchecked:
        (target.parent / UNCHECKED).write_text("".join(f"{option}\n" for option in unchecked))
    tree.write(target, plan.files)
    for command in plan.commands:
        run(["chroot", str(target), *command])
    _prune(target)


def provide(suite_name: str, shape: str, mirror: str | None = None, keyring: str | None = None) -> Path:
    """Return the root directory of the image, built if there is none yet.

    For Ubuntu mirror and keyring default to LAB_MIRROR and LAB_KEYRING. Two processes never build the same image
    twice, and a build that is killed leaves no half image behind. A changed recipe makes another image: hosts stand
    on the old one.

    Raises:
        LabError: unknown suite or shape, a tool is missing, or the build failed.
    """
    suite = find(suite_name)
    shapes.check(shape)
    if suite.distribution == "ubuntu":
        mirror, keyring = mirror or os.environ.get("LAB_MIRROR"), keyring or os.environ.get("LAB_KEYRING")
    if keyring and not Path(keyring).is_file():
        raise LabError(f"The keyring {keyring} does not exist.")
    plan = recipe(suite, shape, mirror, keyring, apt_options())
    image = paths.images_dir() / f"{suite_name}-{shape}-{plan.digest}"

    def waiting() -> None:
        print(
            f"lab: waiting for the image {suite_name}-{shape}, which another process builds", file=sys.stderr
        )

    if not image.exists():
        with locked(image.with_name(f".{image.name}.lock"), waiting):
            if not image.exists():
                _create(plan, image)
    return image / "root"


def _create(plan: Recipe, image: Path) -> None:
    name, began = image.name.rpartition("-")[0], time.monotonic()
    print(f"lab: building the image {name} (about 20 s)", file=sys.stderr)
    temporary = image.with_name(f".{image.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)  # a killed build's
    temporary.mkdir()
    try:
        _build(plan, temporary / "root")
    except LabError:
        shutil.rmtree(temporary)
        raise
    temporary.chmod(0o700)  # it is full of setuid programs that are nobody's business outside of a host
    temporary.rename(image)
    print(f"lab: built {name} in {time.monotonic() - began:.0f} s", file=sys.stderr)
