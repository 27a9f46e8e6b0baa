"""Debian packages, installed in one apt run that waits for others' locks."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, log_output, script
from provision.engine.state import Containing, HostState, Query
from provision.engine.templates import shell
from provision.pyinfra_bridge.report import Difference
from provision.remote import program
from provision.remote.apt_update import STAMP

APT_WAIT_S = 300
"""How long a run waits for another apt or dpkg, in seconds."""

ENVIRONMENT = "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8"
OPTIONS = (
    f"-qq -o DPkg::Lock::Timeout={APT_WAIT_S} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
    "-o Dpkg::Use-Pty=0"
)


POLICY = "/usr/sbin/policy-rc.d"
OURS = Containing(POLICY, "harvest-provision")
"""Left by a run that ended with the host's power: no upgrade could restart a daemon any more."""


@dataclass(frozen=True)
class Packages:
    """Names that shall be installed, without what they merely recommend."""

    names: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    """Packages of which any will do; the first is installed where none is."""


def _query(want: Packages) -> Query:
    return Query(packages={*want.names, *(name for names in want.one_of for name in names)}, found={OURS})


BLOCKED = shell("apt-block-daemons", policy=POLICY) + "\n"
"""policy-rc.d keeps freshly installed daemons from starting with their packages' configuration: they start when ours
is in place (invoke-rc.d(8))."""
UPDATE = f"python3 -c {shlex.quote(program('apt_update', 'host_files'))} {APT_WAIT_S} {OPTIONS}"


def install_script(names: list[str]) -> str:
    """Update the lists and install; what an update could not fetch is fatal only where a package then lacks.

    An update of the last ten minutes that was enough is not repeated, unless the installation fails on it.
    """
    install = f"apt-get {OPTIONS} install --no-install-recommends {' '.join(map(shlex.quote, names))}"
    return shell(
        "apt-install",
        environment=ENVIRONMENT,
        update=UPDATE,
        blocked=BLOCKED,
        install=install,
        stamp=STAMP,
        stamps=posixpath.dirname(STAMP),
    )


def upgrade_script() -> str:
    """All that is pending, from lists that `install_script` has just fetched; services are restarted as they need."""
    return f"{ENVIRONMENT}\napt-get {OPTIONS} upgrade --with-new-pkgs >&2"


def repair_script(again: list[str]) -> str:
    """Finish what an interrupted apt or dpkg left; `again` are packages that must be unpacked once more.

    Each step is tried, even if the one before failed; the last one reports what cannot be repaired.
    """
    reinstall = f"apt-get {OPTIONS} install --reinstall {' '.join(map(shlex.quote, again))}" if again else ":"
    return shell("apt-repair", environment=ENVIRONMENT, blocked=BLOCKED, reinstall=reinstall, options=OPTIONS)


def _missing(have: HostState, want: Packages) -> list[str]:
    missing = [name for name in want.names if name not in have.packages]
    return missing + [names[0] for names in want.one_of if not set(names) & set(have.packages)]


def plan(have: HostState, want: Packages) -> Iterator[str]:
    if missing := _missing(have, want):
        yield f"install {', '.join(missing)}"
    yield from remarks(have, want)


def changes(have: HostState, want: Packages) -> Iterator[Command]:
    if missing := _missing(have, want):
        yield log_output(script(install_script(missing)))
    elif have.found[OURS]:
        yield script(f"rm -f {POLICY}")


def remarks(have: HostState, want: Packages) -> Iterator[str]:
    if have.found[OURS]:
        yield f"removing {POLICY}, which an interrupted run left: it kept daemons from being restarted"


def differences(have: HostState, want: Packages) -> Iterator[Difference]:
    yield from (
        Difference(f"install {name}", name, "installed", "not installed") for name in _missing(have, want)
    )
    yield from map(Difference, remarks(have, want))


packages = converge(_query, changes, remarks, plan=plan, differences=differences)
