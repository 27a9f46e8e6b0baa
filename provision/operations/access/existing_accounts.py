"""Accounts that are there already and are not what a run takes them for: refused before anything changes."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query, User
from provision.operations.access.accounts import Account

FIRST_OF_PEOPLE = 1000
"""Lower uids are the system's own (login.defs)."""
NOT_A_HOME = (
    "",
    "/",
    "/root",
    "/nonexistent",
    "/dev",
    "/etc",
    "/bin",
    "/sbin",
    "/usr",
    "/proc",
    "/sys",
    "/run",
)


@dataclass(frozen=True)
class Accounts:
    """The admin's account and the services', each of which has its data in its home."""

    admin: Account
    services: tuple[Account, ...]


def cache(name: str) -> str:
    """Where a service keeps its cache: systemd's CacheDirectory, named for its account."""
    return f"/var/cache/{name}"


def query(want: Accounts) -> Query:
    names = {account.name for account in (want.admin, *want.services)}
    files = {account.home for account in (want.admin, *want.services)}
    files |= {cache(account.name) for account in want.services}
    return Query(users=names, groups=names, files=files)


def problems(have: HostState, want: Accounts) -> Iterator[str]:
    """A sentence for each account that a run can neither keep nor adopt."""
    user = have.users.get(want.admin.name)
    yield from _of_admin(user, want.admin.name) if user else _of_new_home(have, want.admin)
    for service in want.services:
        yield from _of_service(have, service)


def _of_admin(user: User, name: str) -> Iterator[str]:
    if user.uid == 0:
        yield f"{name} (admin_user) is another name of root (uid 0), who may not log in; set another admin_user"
        return
    if user.expired:
        yield f"the account of {name} (admin_user) has expired, so it cannot log in; type: chage -E -1 -I -1 {name}"
    elif user.must_change:
        yield (
            f"{name} (admin_user) must change its password before it can do anything else; "
            f"type: passwd {name}, or: chage -d $(date +%F) -M -1 {name}"
        )
    if user.home.rstrip("/") in NOT_A_HOME or user.place.kind not in ("directory", "absent"):
        what = "not a directory" if user.place.kind == "file" else "no place for its keys"
        yield (
            f"the home of {name} (admin_user) is {user.home or 'not set'}, {what}; "
            f"type: usermod --home /home/{name} {name}, or set another admin_user"
        )
    owner = user.place.owner
    if user.place.kind == "directory" and owner not in (name, "root") and not owner.isdigit():
        yield f"the home of {name} (admin_user), {user.home}, belongs to {owner}; type: chown {name}: {user.home}"


def _of_new_home(have: HostState, want: Account) -> Iterator[str]:
    found = have.files[want.home]
    there = found.behind or found
    if there.kind not in ("directory", "absent"):
        yield f"{want.home}, the home of {want.name} (admin_user), is a {found.kind} and no directory; remove it"
    elif there.kind == "directory" and there.owner != "root" and not there.owner.isdigit():
        yield (
            f"{want.home}, the home of {want.name} (admin_user), is there already and belongs to {there.owner}; "
            f"rename it, or type: chown root: {want.home}"
        )


def _of_service(have: HostState, want: Account) -> Iterator[str]:
    name, user = want.name, have.users.get(want.name)
    others = sorted({*have.groups.get(name, []), *have.primary.get(name, [])} - {name})
    if others:
        yield (
            f"{' and '.join(others)} would read HARVEST's data as a member of the group {name}; "
            f"type: gpasswd -d {others[0]} {name}, or usermod -g another group where it is the account's first"
        )
    if user and user.home.rstrip("/") != want.home:
        running = f", processes {', '.join(map(str, user.processes))} run as it" if user.processes else ""
        if user.uid >= FIRST_OF_PEOPLE or user.has_password or user.uid == 0:
            yield (
                f"an account {name} is there that is not HARVEST's own (uid {user.uid}, home {user.home}, shell "
                f"{user.shell}{running}); rename it (usermod -l NEW {name}; groupmod -n NEW {name}), or name the "
                "instance (instances)"
            )
        elif user.processes:
            yield (
                f"the account {name} (home {user.home}) is in use{running}; stop what runs there: "
                f"systemctl status {user.processes[0]}"
            )
    yield from _of_folder(have, want.home, f"{name} keeps its data", "StateDirectory")
    yield from _of_folder(have, cache(name), f"{name} keeps its cache", "CacheDirectory")


def _of_folder(have: HostState, path: str, use: str, systemds: str) -> Iterator[str]:
    found = have.files[path]
    if found.kind == "file":
        yield f"{path}, where {use}, is a file; it must be a directory"
    elif found.kind == "link":
        yield (
            f"{path}, where {use}, is a link to {found.end}, which systemd does not take for a service's {systemds}; "
            f"remove it and mount the folder there: {found.end} {path} none bind 0 0 in /etc/fstab"
        )


def changes(have: HostState, want: Accounts) -> Iterator[Command]:
    found = list(problems(have, want))
    if found:
        words = "; ".join(found) + ". Nothing was changed."
        yield script(f"echo {shlex.quote(words)} >&2; exit 1")


require = converge(query, changes, refusals=problems)
