"""SSH access: the admin's account, keys and sudo, UFW and sshd, changed together, confirmed by a login or reverted.

The order of a change: save and set the timer, add the new way in (sshd shuts root out only once the admin has keys and
sudo), log in again as the admin on the new port with sudo, close what only the old way in needed, log in again, stop
the timer. Whatever fails on the way is reverted at once; where the run itself no longer can (the controller died, the
network went, the host rebooted), the timer reverts it.
"""

import shlex
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from pyinfra import host
from pyinfra.api import FunctionCommand, operation
from pyinfra.api.operation import OperationMeta

from provision.engine import lock, patience
from provision.engine.operation import Command, call, converge, log, log_sentence, record, script
from provision.engine.state import HostState, Query, forget, state_of
from provision.operations import files
from provision.operations.access import accounts, confirm, groups, homes, revert, sshd, ufw
from provision.operations.access import authorized_keys as public_keys
from provision.pyinfra_bridge.report import Difference, Step, operation_name, report_of

# Users' and groups' files, with the copies that shadow's tools leave.
PASSWD = tuple(
    f"/etc/{name}{copy}"
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
    for copy in ("", "-")
)
SYSTEMD = "/etc/systemd/system"
SAVED = (
    "/etc/ssh",
    "/etc/ufw",
    "/etc/default/ufw",
    "/etc/sudoers.d",
    f"{SYSTEMD}/ssh.socket.d",
    f"{SYSTEMD}/sockets.target.wants/ssh.socket",
    f"{SYSTEMD}/multi-user.target.wants/ssh.service",
    f"{SYSTEMD}/ssh.service.requires",
    f"{SYSTEMD}/sshd.service",
)


@dataclass(frozen=True)
class Access:
    """The whole access configuration. A change is reverted unless it is confirmed within `within_s` seconds."""

    group: groups.Group
    account: accounts.Account
    keys: files.Files
    sudo: files.Files
    firewall: ufw.Firewall
    sshd_files: files.Files
    sshd: sshd.Sshd
    foreign: public_keys.Foreign
    within_s: int


def query(want: Access) -> Query:
    parts = (accounts.query(want.account), groups.query(want.group), ufw.query(want.firewall))
    asked = homes.query(want.account, want.keys) | Query(notes={revert.ARMED}) | sshd.query(want.sshd)
    for part in (
        *parts,
        public_keys.query(want.foreign),
        *map(files.query, (want.keys, sudo_alone(want.sudo), want.sshd_files)),
    ):
        asked |= part
    return asked


def opening(have: HostState, want: Access, here: int) -> Iterator[Command]:
    """The new way in, next to the old one: at every moment one account can both log in and become root."""
    both = tuple(dict.fromkeys((*want.firewall.open_ports, here)))
    yield from groups.made(have, want.group)
    account, keys = accounts.changes(have, want.account), files.changes(have, want.keys)
    yield from public_keys.named(have, want.keys)
    # An account that moves to another home finds its keys there.
    yield from (*keys, *account) if want.account.name in have.users else (*account, *keys)
    yield from map(log, [*files.remarks(have, want.sudo), *files.remarks(have, want.sshd_files)])
    yield from files.changes(have, sudo_added(have, want.sudo))
    wall = replace(want.firewall, open_ports=both)
    if list(ufw.changes(have, want.firewall)):  # else the old port is closed already
        yield from map(log, ufw.stale_words(have, wall))
        yield from ufw.changes(have, wall)
    placed = list(files.changes(have, want.sshd_files))
    yield from placed
    yield from sshd.changes(files.after(have, want.sshd_files) if placed else have, want.sshd)


def closing(have: HostState, want: Access) -> Iterator[Command]:
    """Take away what only the old way in needed: its port, other members, their keys, a former admin's right."""
    yield from map(log, ufw.stale_words(have, want.firewall))
    yield from ufw.changes(have, want.firewall)
    yield from groups.changes(have, want.group)
    yield from public_keys.changes(have, want.foreign)
    yield from files.changes(have, sudo_alone(want.sudo))


NEXT = "-next"


def sudo_added(have: HostState, want: files.Files) -> files.Files:
    """The right as a further file where one of ours is there: that may be whose right this run works by."""
    return replace(want, items=tuple(_added(have, item) for item in want.items))


def _added(have: HostState, item: files.Item) -> files.Item:
    if isinstance(item, files.File) and have.files[item.path].kind != "absent":
        return item if item.fits(have.files[item.path]) else replace(item, path=item.path + NEXT)
    return item


def sudo_alone(want: files.Files) -> files.Files:
    """The right in its own file, without the further one."""
    further = [files.Absent(item.path + NEXT) for item in want.items if isinstance(item, files.File)]
    return replace(want, items=(*want.items, *further))


def saved(have: HostState, want: Access) -> list[str]:
    """The paths that a change may touch; a home that is still to be made goes as a whole."""
    home = want.account.home
    made = have.files[home].kind == "absent"
    return [
        *SAVED,
        *PASSWD,
        home if made else f"{home}/.ssh",
        *public_keys.files_to_change(have, want.foreign),
    ]


def plan(have: HostState, want: Access, here: int) -> Iterator[str]:
    """What `apply` changes, and how it is made safe."""
    if want.group.name not in have.groups:
        yield f"add the group {want.group.name}"
    yield from accounts.plan(have, want.account)
    sentences = map(log_sentence, [*groups.changes(have, want.group), *public_keys.named(have, want.keys)])
    yield from filter(None, sentences)
    for part in _parts(want):
        yield from files.plan(have, part)
    yield from ufw.plan(have, want.firewall)
    if list(sshd.changes(files.after(have, want.sshd_files), want.sshd)):
        yield f"reload sshd, on port {want.sshd.port}"
    yield f"confirm by a fresh login as {want.account.name}, else undo within {want.within_s} s"


def _parts(want: Access) -> tuple[files.Files, ...]:
    return want.keys, want.sshd_files, want.sudo


def _diff(have: HostState, want: Access) -> list[str]:
    return [line for part in _parts(want) for line in files.diff(host, have, part)]


def differences(have: HostState, want: Access, here: int) -> Iterator[Difference]:
    """The plan as data, without the confirmation at its end."""
    placed = [each for part in _parts(want) for each in files.differences(have, part)]
    told = {each.what for each in placed}
    yield from placed
    yield from (Difference(words) for words in list(plan(have, want, here))[:-1] if words not in told)


def apply(want: Access) -> Generator[Command, None, None]:
    declared = want
    have, want = _at_home(state_of(host, query(declared)), declared)
    here = int(host.data.get("ssh_port") or 22)
    if earlier := sshd.overriding(have, want.sshd):
        words = f"{' and '.join(earlier)} is read before {want.sshd.config} and could undo it; rename or remove it"
        if not host.state.is_executing:
            why = Difference(words)
            report_of(host).plan.append(Step(operation_name(host), stops=[words], differences=[why]))
        yield script(f"echo {shlex.quote(words)} >&2; exit 1")
        return
    remarks = [*public_keys.sentences(have, want.foreign), *sshd.sentences(have, want.sshd)]
    if host.state.is_executing:
        for sentence in remarks:
            host.log(sentence)
    else:
        report_of(host).noted += remarks
    waiting = revert.ARMED in have.notes  # a run was cut off before its confirmation
    if not (waiting or list(opening(have, want, here)) or list(closing(have, want))):
        return
    step = Step(
        operation_name(host),
        list(plan(have, want, here)),
        _diff(have, want) if host.state.config.DIFF else [],
        differences=list(differences(have, want, here)),
    )
    if not host.state.is_executing:
        report_of(host).plan.append(step)
    else:
        record(step)
    if host.state.is_executing and not lock.holds(host):
        yield lock.take()
    yield script(revert.arm_script(saved(have, want), int(patience.limit(host, want.within_s))))
    have = _now(declared)  # the timer may have fired just before
    for command in opening(have, want, here):
        yield confirm.guarded(command)
    yield confirm.proven(want.account.name, want.sshd.port)
    rest = list(closing(_now(declared), want))
    for command in rest:
        yield confirm.guarded(command)
    if rest:
        yield confirm.proven(want.account.name, want.sshd.port)
    yield script(revert.disarm_script())
    if host.state.is_executing:
        forget(host)


def _now(want: Access) -> HostState:
    """The host as it is now."""
    if host.state.is_executing:
        forget(host)
    return _at_home(state_of(host, query(want)), want)[0]


def _at_home(have: HostState, want: Access) -> tuple[HostState, Access]:
    """Both by the home that the admin's account really has."""
    have, account, keys = homes.resolved(have, want.account, want.keys)
    own = f"{account.home}/.ssh/authorized_keys"
    return have, replace(want, account=account, keys=keys, foreign=replace(want.foreign, own=own))


_wrapped = operation()(apply)


def configure(name: str, want: Access) -> OperationMeta:
    """The operation, announced as `converge` does for the others."""
    files.manage(*want.sudo.items, *want.sshd_files.items)
    return call(query(want), lambda: _wrapped(name=name, want=want))


@dataclass(frozen=True)
class Interrupted:
    """An earlier run that did not come to its end is heard of, and does not end in the middle of this one."""


def _resume(have: HostState, want: Interrupted) -> Iterator[Command]:
    if revert.ARMED in have.notes:
        until = have.notes[revert.ARMED].strip() or "in a moment"
        yield log(
            "an earlier run was interrupted while it changed SSH access, which the host would revert "
            f"at {until}; this run continues from there"
        )
        yield script(revert.postpone_script())
    elif revert.REVERTED in have.notes:
        why = have.notes[revert.REVERTED].strip()
        yield log(f"an earlier access change was reverted ({why}); starting over")
        yield script(f"rm -f {revert.REVERTED}")


check_interrupted = converge(lambda want: Query(notes={revert.ARMED, revert.REVERTED}), _resume)


def _unlock() -> Generator[FunctionCommand, None, None]:
    if lock.holds(host):
        yield lock.release()


_release = operation()(_unlock)


def release_lock(name: str) -> OperationMeta:
    """Give the lock back, at the end of a run that took it."""
    return call(Query(), lambda: _release(name=name))
