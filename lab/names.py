"""Names: a marked block in hosts files, and pinned host keys that no longer hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from lab import locks, paths
from lab.record import Record, load_all

HOSTS_FILE = Path("/etc/hosts")


def _markers(lab_id: str) -> tuple[str, str]:
    return f"# BEGIN harvest lab {lab_id}", f"# END harvest lab {lab_id}"


def without_block(text: str, lab_id: str) -> str:
    """Return a hosts file without the lab's block, otherwise byte for byte as it was."""
    begin, end = _markers(lab_id)
    kept, inside = [], False
    for line in text.splitlines(keepends=True):
        if line.rstrip("\n") == begin:
            inside = True
        if not inside:
            kept.append(line)
        if line.rstrip("\n") == end:
            inside = False
    return "".join(kept)


def with_block(text: str, lab_id: str, lines: Sequence[str]) -> str:
    """Return a hosts file with the lab's block at its end, or without one if there are no lines."""
    rest = without_block(text, lab_id)
    if not lines:
        return rest
    if rest and not rest.endswith("\n"):
        rest += "\n"
    begin, end = _markers(lab_id)
    return rest + "\n".join([begin, *lines, end]) + "\n"


def host_lines(records: Sequence[Record], *, short: bool) -> list[str]:
    """Return the lines of a hosts file; `short` adds bare names, which are for inside the lab only.

    IPv4 only: a packet filter that drops IPv6 would make every client that tries it first wait for minutes.
    """
    return [
        " ".join([record.address, record.fqdn, *([record.name] if short else []), *record.aliases])
        for record in records
    ]


def claimed(text: str, lab_id: str, fqdn: str) -> bool:
    """Say whether a hosts file gives `fqdn` to somebody outside this lab."""
    lines = (line.partition("#")[0].split() for line in without_block(text, lab_id).splitlines())
    return any(fqdn in words[1:] for words in lines)


def choose_fqdn(name: str) -> str:
    """Return the host's full name: `NAME.DOMAIN`, with the lab's id between them if another lab has that name."""
    fqdn = f"{name}.{paths.domain()}"
    if claimed(HOSTS_FILE.read_text(), paths.lab_id(), fqdn):
        return f"{name}.{paths.lab_id()}.{paths.domain()}"
    return fqdn


def _rewrite(file: Path, lines: Sequence[str]) -> None:
    if file.is_symlink() or not file.is_file():
        return  # a host's own doing: nothing outside its tree is ever written through a link
    old = file.read_text()
    new = with_block(old, paths.lab_id(), lines)
    if new != old:
        locks.write_atomic(file, new, file.stat().st_mode & 0o777)


def publish() -> None:
    """Make all hosts of the lab known to the controller and to each other. Call with the lab locked."""
    records = load_all()
    with locks.machine_lock():
        _rewrite(HOSTS_FILE, host_lines(records, short=False))
    for record in records:
        _rewrite(paths.host_dir(record.name) / "root/etc/hosts", host_lines(records, short=True))


def without_keys(text: str, hosts: Collection[str]) -> str:
    """Return a known_hosts file without the lines of these hosts, on whatever port."""
    kept = []
    for line in text.splitlines(keepends=True):
        words = line.split()
        names = words[1 if words[0].startswith("@") else 0].split(",") if words else []
        bare = {name[1:].partition("]")[0] if name.startswith("[") else name for name in names}
        if not bare & set(hosts):
            kept.append(line)
    return "".join(kept)


def forget_keys(record: Record) -> None:
    """Remove the pinned keys of a host that is new or gone: its address will be somebody else's."""
    file = paths.known_hosts()
    with locks.locked(paths.lab_dir() / "locks" / "known_hosts"):
        if file.exists():
            old = file.read_text()
            new = without_keys(old, [*record.names, record.address, record.address6])
            if new != old:
                locks.write_atomic(file, new, 0o600)
