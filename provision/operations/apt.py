"""Debian packages, installed in one apt run that waits for others' locks."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query

APT_WAIT_S = 300
"""How long a run waits for another apt or dpkg, in seconds."""

ENVIRONMENT = "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8"
OPTIONS = (
    f"-qq -o DPkg::Lock::Timeout={APT_WAIT_S} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
    "-o Dpkg::Use-Pty=0"
)


POLICY = "/usr/sbin/policy-rc.d"
OURS = f"{POLICY} :: harvest-provision"
"""Left by a run that ended with the host's power: no upgrade could restart a daemon any more."""


@dataclass(frozen=True)
class Packages:
    """Names that shall be installed, without what they merely recommend."""

    names: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    """Packages of which any will do; the first is installed where none is."""


def _query(want: Packages) -> Query:
    return Query(packages={*want.names, *(name for names in want.one_of for name in names)}, found={OURS})


def install_script(names: list[str]) -> str:
    """`apt-get update` and `install`; update does not know DPkg::Lock::Timeout for its lists, hence the loop.

    policy-rc.d keeps freshly installed daemons from starting with their packages' configuration: they start
    when ours is in place (invoke-rc.d(8)). `dpkg --configure -a` heals a run that was killed half-way.
    """
    return f"""{ENVIRONMENT}
waited=0
stamp=/run/harvest-stamps/apt-update
[ -z "$(find $stamp -mmin -10 2>/dev/null)" ] || fresh=1
until [ -n "${{fresh-}}" ] || said=$(apt-get {OPTIONS} update 2>&1); do
  case $said in *"Could not get lock"*) ;; *) printf '%s\\n' "$said" >&2; exit 1 ;; esac
  [ $waited -lt {APT_WAIT_S} ] || {{ printf '%s\\n' "$said" >&2; exit 1; }}
  sleep 2; waited=$((waited + 2))
done
mkdir -p /run/harvest-stamps; [ -n "${{fresh-}}" ] || touch $stamp
if [ ! -e {POLICY} ] || grep -q harvest-provision {POLICY}; then
  printf '#!/bin/sh\n# harvest-provision\nexit 101\n' >{POLICY}; chmod 755 {POLICY}
fi
trap 'grep -qs harvest-provision {POLICY} && rm -f {POLICY}' EXIT
dpkg --configure -a >&2
apt-get {OPTIONS} install --no-install-recommends {" ".join(map(shlex.quote, names))} >&2"""


def upgrade_script() -> str:
    """All that is pending, from lists that `install_script` has just fetched; services are restarted as they need."""
    return f"{ENVIRONMENT}\napt-get {OPTIONS} upgrade --with-new-pkgs >&2"


def changes(have: HostState, want: Packages) -> Iterator[Command]:
    missing = [name for name in want.names if name not in have.packages]
    missing += [names[0] for names in want.one_of if not set(names) & set(have.packages)]
    if missing:
        yield script(install_script(missing))
    elif have.found[OURS]:
        yield script(f"rm -f {POLICY}")


def words(have: HostState, want: Packages) -> Iterator[str]:
    if have.found[OURS]:
        yield f"removing {POLICY}, which a run that was cut off left: it kept daemons from being restarted"


install = converge(_query, changes, words)
