"""What on the host needs the operator: full disks, old certificates and backups, a due reboot, failed units.

Runs ON the host, in notify.py. It asks and changes nothing.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from provision.remote.host_files import read
from provision.remote.journal_text import last_lines
from provision.remote.readings import (
    REBOOT,
    backup_record,
    backups_since,
    output,
    reboot_since,
)
from provision.remote.web import certificate

TYPES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "vfat"}
"""File systems that hold data; a container's or an image's is not the operator's to tidy up. / always counts."""
SHARE, LEAST_FREE, SLACK = 0.1, 10 * 2**30, 1.25
"""A disk is full below a tenth, or 10 GiB, of free space; it is well again above 1.25 times as much."""
CERTIFICATE_S, CERTIFICATE_SHARE = 21 * 86400, 0.25
"""A certificate should have been renewed: less than 21 days left, or a quarter of its life where that is shorter."""
REBOOT_S, BACKUP_S, DRILL_S = 26 * 3600, 30 * 3600, 8 * 86400
IGNORED = re.compile(r"harvest-notify.*|harvest(-[a-z0-9-]+)?-(candidate|standby)@.*|run-.*\.service")
"""Our own units, and those whose failure the command that started them reports: deploys, systemd-run."""


@dataclass(frozen=True)
class Finding:
    """`what` in one line, the `command` to type, since when (seconds since the epoch), log lines."""

    key: str
    what: str
    command: str
    since: float
    log: "tuple[str, ...]" = ()


def mounted(mounts: str) -> "list[str]":
    """The mount points of /proc/mounts whose space counts."""
    fields = [line.split() for line in mounts.splitlines()]
    found = [each[1] for each in fields if len(each) > 2 and each[2] in TYPES]
    return ["/", *(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path) for path in found)]


def disks(folders: "list[str]", known: "set[str]", now: float) -> "Iterator[Finding]":
    """One for each file system that is short of space or inodes; `known` are the keys of former findings."""
    seen = set()
    for folder in folders:
        try:
            device, disk = os.stat(folder).st_dev, os.statvfs(folder)
        except OSError:
            continue
        if device in seen or not disk.f_blocks:
            continue
        seen.add(device)
        size, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        counts = (("space", size, free, LEAST_FREE), ("inodes", disk.f_files, disk.f_favail, disk.f_files))
        for what, total, left, least in counts:
            key = f"{what} {folder}"
            limit = min(total * SHARE, least) * (SLACK if key in known else 1)
            if total and left < limit:
                look = f"df -i {folder}" if what == "inodes" else f"du -xh {folder} | sort -h | tail -n 20"
                percent = 100 * left / total
                yield Finding(key, f"{folder} is almost full: {percent:.0f} % of {what} free", look, now)


def certificates(paths: "list[str]", now: float) -> "Iterator[Finding]":
    """One for each certificate that should have been renewed."""
    for path in paths:
        found = certificate(path)
        if found and found["left"] < min(CERTIFICATE_S, found["life"] * CERTIFICATE_SHARE):
            days = found["left"] / 86400
            when = f"expires in {days:.0f} days" if days > 0 else f"expired {-days:.0f} days ago"
            look = "certbot renew" if "letsencrypt" in path else f"openssl x509 -noout -dates -in {path}"
            yield Finding(f"certificate {path}", f"the certificate {path} {when}", look, now)


def backups(slugs: "list[str]", now: float) -> "Iterator[Finding]":
    """One for each instance whose last backup or drill failed or is too old; none where backups are not set up."""
    begun = backups_since()
    for slug in slugs if begun else []:
        for name, verb, oldest in (("last", "backup", BACKUP_S), ("drill", "drill", DRILL_S)):
            at, outcome = backup_record(slug, name) or (begun, "")
            if now - at <= oldest and outcome in ("", "good"):
                continue
            what = {"": f"{slug} had no {verb} yet", "good": f"the last {verb} of {slug} is too old"}
            said = what.get(outcome, f"the last {verb} of {slug} {outcome}")
            yield Finding(f"{verb} {slug}", said, f"journalctl -u 'harvest-{verb}@{slug}' -e", at)


def reboots(now: float) -> "Iterator[Finding]":
    """That a reboot, which updates asked for, did not come."""
    since = reboot_since()
    if since and now - since > REBOOT_S:
        names = sorted({line.strip() for line in read(f"{REBOOT}.pkgs").splitlines() if line.strip()})
        yield Finding("reboot", "updates wait for a reboot", "systemctl reboot", since, tuple(names[:10]))


def units(subject: str, now: float) -> "Iterator[Finding]":
    """One for each failed unit, and for `subject`, which failed just now and may run again already."""
    # An error must not look like "all is well again".
    listed = output("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full", check=True)
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    names += [subject] if "." in subject and subject not in names else []
    for name in names:
        if IGNORED.fullmatch(name):
            continue
        shown = output("systemctl", "show", "-p", "Result,StateChangeTimestampMonotonic", "--", name)
        said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        result, ago = said.get("Result", ""), said.get("StateChangeTimestampMonotonic", "")
        why = f" ({result})" if result not in ("", "success") else ""
        since = now - (time.monotonic() - int(ago) / 1e6) if ago.isdigit() else now
        look = f"systemctl status '{name}'; journalctl -u '{name}' -e"
        yield Finding(f"unit {name}", f"{name} failed{why}", look, since, tuple(last_lines(name)))
