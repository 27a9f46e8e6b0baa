"""The admin's home: where the account has it, not where we would have put it."""

from copy import copy
from dataclasses import replace

from provision.engine.state import Entry, HostState, Query
from provision.operations.access.accounts import Account
from provision.operations.files import Directory, File, Files

GROUP_AND_OTHERS_WRITE = 0o022


def query(want: Account, keys: Files) -> Query:
    """The files of `keys` are in "~NAME"; where no such account is there yet, they will be in its future home."""
    paths = {item.path for item in keys.items}
    return Query(files={want.home, *paths, *(_at(want.name, want.home, path) for path in paths)})


def resolved(have: HostState, want: Account, keys: Files) -> tuple[HostState, Account, Files]:
    """The state, the account and its files by the home that the account really has.

    sshd (StrictModes) takes no key from a home that others may write: such a right goes, all else stays.
    """
    user = have.users.get(want.name)
    home = (user.home.rstrip("/") if user else "") or want.home
    files = copy(have.files)
    if user:
        files.update({_at(want.name, home, path): have.files[path] for path in have.files if path[:1] == "~"})
    group = user.group if user else want.name
    items = []
    for item in keys.items:
        path = _at(want.name, home, item.path)
        if isinstance(item, Directory | File) and item.group == want.name:
            item = replace(item, group=group)
        item = replace(item, path=path)
        if isinstance(item, Directory) and path == home and user:
            item = _kept(item, files[home].behind or files[home], want.name)
        items.append(item)
    return (
        have.model_copy(update={"files": files}),
        replace(want, home=home),
        replace(keys, items=tuple(items)),
    )


def _kept(item: Directory, found: Entry, name: str) -> Directory:
    if found.kind != "directory":
        return item
    owner = found.owner if found.owner in (name, "root") else name
    return Directory(item.path, found.mode & ~GROUP_AND_OTHERS_WRITE, owner, found.group)


def _at(name: str, home: str, path: str) -> str:
    tilde = f"~{name}"
    return home + path[len(tilde) :] if path == tilde or path.startswith(f"{tilde}/") else path
