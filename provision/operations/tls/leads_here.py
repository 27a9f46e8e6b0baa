"""Whether a site's names lead to this host, asked before anything is switched to them.

Where our nginx serves already, it answers for any name below the challenges' folder. Where port 80 is free, a small
server answers for the moment. Where something else has the port, DNS alone is asked.
"""

import contextlib
import posixpath
import secrets
import shlex
import socket

from pyinfra.api import StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine.operation import script
from provision.engine.sudo import as_root
from provision.operations.tls.acme_preflight import addresses, trouble
from provision.remote import source

CHALLENGES = ".well-known/acme-challenge"
ELSEWHERE = (
    "If the world sees it otherwise than this machine (split DNS, NAT), set acme_preflight = False: then the authority "
    "is asked without a look."
)
UNIT = "harvest-preflight"
LONGEST_S = 120
"""Seconds after which the small server ends by itself, should the run be killed."""


def served(host: Host, names: tuple[str, ...], webroot: str) -> list[str]:
    """What is wrong with each name, as nginx serves the challenges' folder below any of them."""
    token, file = secrets.token_hex(16), f"harvest-{secrets.token_hex(8)}"
    path = posixpath.join(webroot, CHALLENGES, file)
    write = script(f"umask 022; mkdir -p {posixpath.dirname(path)}; echo {token} >{path}")
    host.run_shell_command(write, **as_root(host))
    try:
        return [why for name in names if (why := trouble(name, f"/{CHALLENGES}/{file}", token))]
    finally:
        host.run_shell_command(StringCommand(f"rm -f {path}"), **as_root(host))


def own_addresses(host: Host) -> set[str]:
    """The host's addresses, and those by which this machine found it."""
    _, said = host.run_shell_command(StringCommand("hostname -I || true"), **as_root(host))
    found = {word for line in said.stdout_lines for word in line.split()}
    name = str(host.data.get("ssh_hostname") or host.name)
    with contextlib.suppress(OSError):  # an alias of OpenSSH's: only its configuration knows
        found |= {str(each[4][0]) for each in socket.getaddrinfo(name, 22, type=socket.SOCK_STREAM)}
    return found


def unserved(host: Host, names: tuple[str, ...]) -> list[str]:
    """What is wrong with each name, on a host that no site of ours is on yet.

    An address of the host's own that cannot be reached yet is no fault: its firewall opens later in the run.
    """
    own = own_addresses(host)
    token, path = secrets.token_hex(16), f"/{CHALLENGES}/harvest-{secrets.token_hex(8)}"
    words = shlex.join(["python3", "-c", source("responder"), path, token, str(LONGEST_S)])
    start = (
        "! ss -Hltn 'sport = :80' | grep -q . || exit 3\n"
        f"systemd-run --quiet --collect --unit {UNIT} {words}\n"
        "for i in $(seq 30); do ss -Hltn 'sport = :80' | grep -q . && exit 0; sleep 0.1; done; exit 3"
    )
    answers, _ = host.run_shell_command(script(start), **as_root(host))
    try:
        if answers:
            return [why for name in names if (why := trouble(name, path, token, own))]
        return [
            f"{name} does not resolve: make a DNS record for it that points to this host."
            for name in names
            if not addresses(name)
        ]
    finally:
        host.run_shell_command(
            StringCommand(f"systemctl stop {UNIT}.service 2>/dev/null || true"), **as_root(host)
        )


def check(state: State, host: Host, names: tuple[str, ...], webroot: str, live: bool) -> bool:
    """Refuse the run where a name leads elsewhere."""
    wrong = served(host, names, webroot) if live else unserved(host, names)
    for why in wrong:
        host.log(f"{why} The authority was not asked, and nothing was changed.")
    if wrong:
        host.log(ELSEWHERE)
    return not wrong
