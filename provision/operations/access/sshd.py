"""sshd takes over its configuration, whether ssh.service or ssh.socket holds the port."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, script
from provision.engine.state import Containing, HostState, Query
from provision.operations import systemd


@dataclass(frozen=True)
class Sshd:
    """The drop-ins that the daemon and the socket read, and the port where sshd shall be."""

    config: str
    socket_config: str
    port: int


SOCKET, SERVICE = "ssh.socket", "ssh.service"
DROP_INS = "/etc/ssh/sshd_config.d/*.conf"
MATCHES = {
    Containing(path, f"\n{word} ")
    for path in ("/etc/ssh/sshd_config", DROP_INS)
    for word in ("Match", "match")
}


def query(want: Sshd) -> Query:
    return Query(units={SOCKET, SERVICE}, files={want.config, want.socket_config}, found={DROP_INS, *MATCHES})


def changes(have: HostState, want: Sshd) -> Iterator[Command]:
    """The unit that is enabled stays the one: moving to another is not ours to decide.

    A restart of either cuts no session that is open: sessions are processes of their own (KillMode=process).
    """
    if have.units[SOCKET].active == "active":
        yield from _behind_the_socket(have, want)
        return
    yield from systemd.changes(have, systemd.Units((systemd.Unit(SERVICE, (want.config,), reload=True),)))


def _behind_the_socket(have: HostState, want: Sshd) -> Iterator[Command]:
    """The daemon behind the socket, where one stays (Ubuntu, Debian 13), is stopped for the socket's restart, which
    systemd refuses else, and is restarted for its file: a reload would have it bind the port that the socket holds.
    Where each connection starts its own (Debian 12), there is none."""
    socket = systemd.Unit(SOCKET, (want.socket_config,))
    daemon = have.units[SERVICE].active == "active"
    if not (daemon and systemd.is_stale(have, socket)):
        yield from systemd.changes(have, systemd.Units((socket,)))
        if daemon:
            yield from systemd.changes(
                have, systemd.Units((systemd.Unit(SERVICE, (want.config,), static=True),))
            )
        return
    start = systemd.act(systemd.Unit(SERVICE, static=True), "start")
    yield script(
        f"systemctl daemon-reload; systemctl stop {SERVICE}\n{systemd.act(socket, 'restart')}\n{start}"
    )


def overriding(have: HostState, want: Sshd) -> list[str]:
    """Drop-ins that sshd reads before ours: its first value for a keyword wins, so they could undo ours."""
    return sorted(path for path in have.found[DROP_INS] if path < want.config)


def sentences(have: HostState, want: Sshd) -> list[str]:
    """What is reported on every run: a Match block's values win over all others, whichever was read first."""
    return [
        f"{path} has a Match block: what it sets wins over {want.config} for those whom it matches"
        for path in sorted({path for pattern in MATCHES for path in have.found[pattern]})
    ]
