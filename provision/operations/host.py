"""The host as a whole: readiness to be worked on, its name, its time zone, its clock."""

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.engine.sudo import as_root as as_root
from provision.operations.apt import APT_WAIT_S

LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
BUSY = f"""
import fcntl, os, sys
for path in {LOCKS!r}:
    try:
        with open(path, "a") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        inode = ":%d " % os.stat(path).st_ino
        pids = [line.split()[4] for line in open("/proc/locks") if inode in line]
        comm = "/proc/%s/comm" % (pids or ["0"])[0]
        name = open(comm).read().strip() if os.path.exists(comm) else "a process"
        sys.exit("apt's lock %s is held by %s (pid %s)" % (path, name, ", ".join(pids) or "unknown"))
    except FileNotFoundError:
        pass
if os.path.exists("/usr/bin/cloud-init"):
    import subprocess
    said = subprocess.run(["cloud-init", "status"], stdout=subprocess.PIPE, text=True).stdout
    if "running" in said or "not started" in said:
        sys.exit("cloud-init is still running")
"""


@dataclass(frozen=True)
class Quiet:
    """Nobody else is setting the host up: cloud-init is done and apt's locks are free, within `limit_s` seconds.

    Asked only where one of `packages` is still to be installed, or others' packages are to be put right: a run that
    installs nothing waits for no one.
    """

    packages: tuple[str, ...]
    limit_s: int = APT_WAIT_S


def _wait(state: State, host: Host, limit_s: int) -> bool:
    started = time.monotonic()
    told = ""
    while True:
        ok, said = host.run_shell_command(StringCommand("python3", "-c", QuoteString(BUSY)), **as_root(host))
        if ok:
            return True
        spent = int(time.monotonic() - started)
        reason = said.stderr.strip().splitlines()[-1]
        if spent >= limit_s:
            host.log(f"gave up after {spent} s: {reason}. Look with: ps -ef | grep -E 'apt|dpkg|cloud'")
            return False
        if reason != told or spent % 10 < 2:
            host.log(f"waiting, {spent} s of at most {limit_s} s: {reason}")
            told = reason
        time.sleep(1)


def _quiet_changes(have: HostState, want: Quiet) -> Iterator[Command]:
    if set(want.packages) - set(have.packages) or have.health.get("dpkg"):
        yield FunctionCommand(_wait, (want.limit_s,), {})


@dataclass(frozen=True)
class Identity:
    """The host's name and time zone; None leaves either as it is."""

    hostname: str | None
    timezone: str | None


def _identity_changes(have: HostState, want: Identity) -> Iterator[Command]:
    if want.hostname and want.hostname != have.system.hostname:
        name = shlex.quote(want.hostname)
        short = shlex.quote(want.hostname.split(".")[0])
        # sudo and others look the name up: it must resolve without DNS (hosts(5), Debian policy: 127.0.1.1).
        yield script(
            f"hostnamectl hostname {name} 2>/dev/null || hostnamectl set-hostname {name}\n"
            "sed -i '/^127\\.0\\.1\\.1[[:space:]]/d' /etc/hosts\n"
            f"printf '127.0.1.1 %s %s\\n' {name} {short} >>/etc/hosts"
        )
    if want.timezone and want.timezone != have.system.timezone:
        yield script(f"timedatectl set-timezone {shlex.quote(want.timezone)}")


CLOCK_LIMIT_S = 300


@dataclass(frozen=True)
class Clock:
    """The host's clock, whose difference from the controller's is told."""


def clock_remarks(have: HostState, want: Clock) -> Iterator[str]:
    off = have.system.ahead_s
    if abs(off) > CLOCK_LIMIT_S:
        shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(have.system.now))
        yield (
            f"the clock says {shown}, {span(abs(off))} {'ahead of' if off > 0 else 'behind'} this machine's; apt, "
            "certificates and logs go by it. Set the wrong one right: timedatectl set-ntp true, or date -s"
        )


def span(seconds: float) -> str:
    """A time span in its largest unit."""
    for unit, length in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def _quiet_plan(have: HostState, want: Quiet) -> Iterator[str]:
    yield "wait until cloud-init is done and apt's locks are free"


def _identity_plan(have: HostState, want: Identity) -> Iterator[str]:
    if want.hostname and want.hostname != have.system.hostname:
        yield f"set the host name to {want.hostname} (is {have.system.hostname})"
    if want.timezone and want.timezone != have.system.timezone:
        yield f"set the time zone to {want.timezone} (is {have.system.timezone})"


check_clock = converge(lambda want: Query(), lambda have, want: (), clock_remarks)
quiet = converge(
    lambda want: Query(packages=set(want.packages), health={"dpkg"}), _quiet_changes, plan=_quiet_plan
)
identify = converge(lambda want: Query(), _identity_changes, plan=_identity_plan)
