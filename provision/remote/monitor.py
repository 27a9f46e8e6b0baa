"""Looks for what needs the operator, each hour, and has it told. Runs ON the host (harvest-monitor.service).

Arguments: certificate=PATH,PATH (the first that is there counts), instance=SLUG. Root, without network: the unit
harvest-notify@monitor sends. What could not be delivered is found, and tried, again an hour later.
"""

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from provision.remote.findings import Finding, State, compare
from provision.remote.host_files import MESSAGES, read
from provision.remote.journal_text import last_lines

STATE = "/var/lib/harvest-monitor/state.json"
BACKUPS = "/var/lib/harvest-backup"
BACKUP_UNIT = "/etc/systemd/system/harvest-backup@.service"
FOLDERS = (
    "/",
    "/boot",
    "/boot/efi",
    "/home",
    "/opt",
    "/srv",
    "/tmp",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/backups",
)
SHARE, LEAST_FREE, SLACK = 0.1, 10 * 2**30, 1.25
"""A disk is full below a tenth, or 10 GiB, of free space; it is well again above 1.25 times as much."""
CERTIFICATE_S, CERTIFICATE_SHARE = 21 * 86400, 0.25
"""A certificate should have been renewed: less than 21 days left, or a quarter of its life where that is shorter."""
REBOOT_S, BACKUP_S, DRILL_S = 26 * 3600, 30 * 3600, 8 * 86400
GOOD = ("good", "ok")


def text_of(when: float) -> str:
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if when else ""  # noqa: UP017


def finding(key: str, what: str, command: str, since: float = 0, log: "list[str] | None" = None) -> Finding:
    return {
        "key": key,
        "what": what,
        "since": text_of(since or time.time()),
        "log": log or [],
        "command": command,
    }


def disks(folders: "list[str]", known: State) -> "Iterator[Finding]":
    """One for each file system that is short of space or inodes."""
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
                percent = f"{100 * left / total:.0f} % of {what} free"
                look = "df -i" if what == "inodes" else f"du -xh {folder} | sort -h | tail -n 20"
                yield finding(key, f"{folder} is almost full: {percent}", look)


def certificates(groups: "list[list[str]]", now: float) -> "Iterator[Finding]":
    """One for each certificate that should have been renewed; of each group the first file that is there counts."""
    for paths in groups:
        path = next((each for each in paths if os.path.exists(each)), "")
        command = ["openssl", "x509", "-in", path, "-noout", "-startdate", "-enddate"]
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        dates = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        if not path or "notAfter" not in dates:
            continue
        begin, end = (ssl.cert_time_to_seconds(dates[key]) for key in ("notBefore", "notAfter"))
        if end - now < min(CERTIFICATE_S, (end - begin) * CERTIFICATE_SHARE):
            days = (end - now) / 86400
            when = f"expires in {days:.0f} days" if days > 0 else f"expired {-days:.0f} days ago"
            look = "certbot renew" if "letsencrypt" in path else f"openssl x509 -noout -dates -in {path}"
            yield finding(f"certificate {path}", f"the certificate {path} {when}", look)


def backups(slugs: "list[str]", now: float) -> "Iterator[Finding]":
    """One for each instance whose last backup or drill failed or is too old; none where backups are not set up."""
    if not os.path.exists(BACKUP_UNIT):
        return
    for slug in slugs:
        for name, what, oldest in (("last", "backup", BACKUP_S), ("drill", "restore drill", DRILL_S)):
            path = f"{BACKUPS}/{slug}/{name}.json"
            try:
                record = json.loads(read(path))
                when = datetime.fromisoformat(str(record["at"]).replace("Z", "+00:00")).timestamp()
                outcome = str(record["outcome"])
            except (ValueError, KeyError, TypeError):
                when, outcome = os.stat(BACKUP_UNIT).st_mtime, "missing"
            late = now - when > oldest
            if late or outcome not in (*GOOD, "missing"):
                words = f"is {(now - when) / 86400:.1f} days old" if outcome in GOOD else f"is {outcome}"
                unit = f"harvest-{'drill' if name == 'drill' else 'backup'}@{slug}"
                yield finding(
                    f"{name} {slug}", f"{slug}: the last {what} {words}", f"journalctl -u {unit} -e", when
                )


def reboot(now: float) -> "Iterator[Finding]":
    """That a reboot, which updates asked for, did not come."""
    path = "/run/reboot-required"
    if os.path.exists(path) and now - (since := os.stat(path).st_mtime) > REBOOT_S:
        names = sorted({line.strip() for line in read(f"{path}.pkgs").splitlines() if line.strip()})
        yield finding("reboot", "updates wait for a reboot", "systemctl reboot", since, names[:10])


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=30).stdout


def failed_units() -> "Iterator[Finding]":
    """One for each failed unit, quiet where its OnFailure= told it; undelivered messages are findings as well."""
    listed = output("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full").splitlines()
    names = [line.split()[0] for line in listed if line.strip()]
    for name in names:
        subject = (
            name[len("harvest-notify@") : -len(".service")] if name.startswith("harvest-notify@") else ""
        )
        if subject in ("monitor", "test") or subject in names:
            continue
        shown = output("systemctl", "show", "--property=OnFailure,StateChangeTimestamp", "--", name)
        said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        what = f"{name} failed" if not subject else f"{subject} failed, and this could not be told then"
        unit = subject or name
        look = f"systemctl status '{unit}'; journalctl -u '{unit}' -e"
        told = f"harvest-notify@{name}.service"
        found = finding(f"unit {name}", what, look, log=last_lines(unit))
        since = said.get("StateChangeTimestamp", "") or found["since"]
        yield {
            **found,
            "since": since,
            "quiet": told in said.get("OnFailure", "").split() and told not in names,
        }


def look(words: "list[str]", known: State) -> "list[Finding]":
    """All findings, each under a key of its own."""
    said = [word.split("=", 1) for word in words]
    slugs = [value for name, value in said if name == "instance"]
    groups = [value.split(",") for name, value in said if name == "certificate"]
    folders = [*FOLDERS, *(f"/var/lib/{slug}" for slug in slugs)]
    now = time.time()
    found = [
        *disks(folders, known),
        *certificates(groups, now),
        *backups(slugs, now),
        *reboot(now),
        *failed_units(),
    ]
    return list({each["key"]: each for each in found}.values())


def write(path: str, content: object, mode: int) -> None:
    with open(os.open(f"{path}.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w") as file:
        json.dump(content, file)
    os.replace(f"{path}.new", path)


def main() -> None:
    try:
        known = json.loads(read(STATE) or "{}")
    except ValueError:  # cut off by a full disk: all is told again
        known = {}
    state, messages = compare(known, look(sys.argv[1:], known), time.time())
    for each in messages:
        print(each["what"], flush=True)
    if messages:
        write(MESSAGES, messages, 0o644)
        if subprocess.run(["systemctl", "start", "harvest-notify@monitor.service"]).returncode:
            print("<4>not delivered; tried again at the next run", flush=True)
            return
        subprocess.run(["systemctl", "reset-failed", "harvest-notify@*.service"])
    write(STATE, state, 0o600)


if __name__ == "__main__":
    main()
