"""Reads a host's state in one process. Runs ON the host (`python3 -c`), so: standard library, Python 3.9, and only
what is sent along (`LOOK` in engine/state.py).

argv[1] is a JSON query, standard output the JSON answer; host_state.py gives both their types.
"""

import glob
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
import time
from collections.abc import Callable  # Python 3.9 must be able to read this, to be refused by name
from typing import Any

from provision.remote import aide, answers, health, releases, sysctl, trees, updates, web
from provision.remote.host_files import STAMPS, read

Found = dict[str, Any]


def output(*words: str) -> str:
    """A command's standard output; "" where the command is missing or fails."""
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except OSError:
        return ""


def name_of(find: "Callable[[int], Any]", number: int) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def entry(path: str) -> Found:
    """One path: what it is, whose, and its content's hash; "~name/..." is in that account's home."""
    path = os.path.expanduser(path)
    try:
        found = os.lstat(path)
    except OSError:
        return {"kind": "absent"}
    mode = stat.S_IMODE(found.st_mode)
    answer: Found = {"mode": mode, "changed": found.st_ctime}
    answer["owner"] = name_of(pwd.getpwuid, found.st_uid)
    answer["group"] = name_of(grp.getgrgid, found.st_gid)
    if stat.S_ISLNK(found.st_mode):
        end = os.path.realpath(path)
        behind = entry(end) if os.path.isdir(end) else None
        return {**answer, "kind": "link", "target": os.readlink(path), "end": end, "behind": behind}
    if stat.S_ISDIR(found.st_mode):
        return {**answer, "kind": "directory"}
    with open(path, "rb") as file:
        return {**answer, "kind": "file", "sha256": hashlib.sha256(file.read()).hexdigest()}


def packages(names: "list[str]") -> "dict[str, str]":
    """Versions of installed packages; a name that is missing is not installed."""
    lines = output(
        "dpkg-query", "-W", "-f", "${db:Status-Status}\t${Package}\t${Version}\n", *names
    ).splitlines()
    found = [line.split("\t") for line in lines]
    return {name: version for status, name, version in found if status == "installed"}


PROPERTIES = (
    "Id,Names,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,InactiveExitTimestampMonotonic,"
    "ConditionResult,AssertResult,ConditionTimestampMonotonic"
)


def units(names: "list[str]") -> Found:
    """systemd's view of each unit; `started` is seconds since the epoch, 0 for never."""
    shown = output("systemctl", "show", "--property=" + PROPERTIES, "--", *names)
    answer: Found = {}
    for name, block in zip(names, shown.strip().split("\n\n")):  # noqa: B905 - Python 3.9
        value = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        since = int(value.get("InactiveExitTimestampMonotonic") or 0) / 1e6
        unmet = "no" in (value.get("ConditionResult"), value.get("AssertResult"))
        stamp = f"{STAMPS}/{name}"
        answer[name] = {
            "load": value.get("LoadState", ""),
            "active": value.get("ActiveState", ""),
            "enabled": value.get("UnitFileState", ""),
            "needs_daemon_reload": value.get("NeedDaemonReload") == "yes",
            "started": time.time() - time.clock_gettime(time.CLOCK_MONOTONIC) + since if since else 0,
            "stamped": os.stat(stamp).st_mtime if os.path.exists(stamp) else 0,
            "noted": read(stamp),
            "skipped": unmet and int(value.get("ConditionTimestampMonotonic") or 0) > 0,
        }
    return answer


def failed() -> "list[str]":
    """The units that failed."""
    said = output("systemctl", "list-units", "--failed", "--plain", "--no-legend")
    return [line.split()[0] for line in said.splitlines() if line.strip()]


def processes(uid: int) -> "list[int]":
    """What runs as a user."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat("/proc/" + name).st_uid == uid:
                found.append(int(name))
        except OSError:  # it ended meanwhile
            pass
    return sorted(found)


def standing(account: pwd.struct_passwd, aging: "list[str]") -> Found:
    """What may keep an account from logging in, or from being changed."""
    changed, longest, grace, end = (int(aging[i]) if aging[i:] and aging[i] else -1 for i in (2, 4, 6, 7))
    today = int(time.time() // 86400)
    aged = changed > 0 and longest >= 0 and today > changed + longest
    shell = account.pw_shell or "/bin/sh"
    dead = os.path.basename(shell) in ("nologin", "false", "true", "sync")
    return {
        "logs_in": os.access(shell, os.X_OK) and not dead,
        "expired": 0 <= end <= today or (aged and grace >= 0 and today > changed + longest + grace),
        "must_change": changed == 0 or aged,
        "processes": processes(account.pw_uid)[:3] if account.pw_uid else [],
        "place": entry(os.path.realpath(account.pw_dir)),
    }


def users(names: "list[str]") -> Found:
    """Accounts, with the groups that list them and whether they have a password (not which)."""
    answer: Found = {}
    lines = [line.split(":") for line in read("/etc/shadow").splitlines() if ":" in line]
    shadow, aging = {line[0]: line[1] for line in lines}, {line[0]: line for line in lines}
    for name in names:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        answer[name] = {
            "uid": found.pw_uid,
            "home": found.pw_dir,
            "shell": found.pw_shell,
            "group": name_of(grp.getgrgid, found.pw_gid),
            "groups": sorted(group.gr_name for group in grp.getgrall() if name in group.gr_mem),
            "has_password": shadow.get(name, "*")[:1] not in ("*", "!"),
            **standing(found, aging.get(name, [])),
        }
    return answer


def authorized_keys() -> Found:
    """The public keys that lie in any account's home, by file."""
    answer: Found = {}
    for home in sorted({account.pw_dir for account in pwd.getpwall()}):
        for name in ("authorized_keys", "authorized_keys2"):
            path = os.path.join(home, ".ssh", name)
            lines = [line.strip() for line in read(path).splitlines()]
            if found := [line for line in lines if line and not line.startswith("#")]:
                answer[path] = found
    return answer


def firewall() -> Found:
    """UFW: what is configured (its own rule files) and what the kernel holds (`live` counts rules)."""
    rules = {}
    for family, path in (("v4", "/etc/ufw/user.rules"), ("v6", "/etc/ufw/user6.rules")):
        found = [line[14:] for line in read(path).splitlines() if line.startswith("### tuple ### ")]
        rules[family] = [" ".join(line.split()) for line in found]
    live = {}
    for family, tool, own in (("v4", "iptables", "ufw"), ("v6", "ip6tables", "ufw6")):
        listed = output(tool, "-w", "-S").splitlines()
        asked = {f"-A INPUT -j {own}-before-input", f"-A {own}-before-input -j {own}-user-input"}
        whole = asked | {"-P INPUT DROP", "-P FORWARD DROP"} <= set(listed)
        chains = tuple(f"-A {own}-user-{way} " for way in ("input", "output", "forward"))
        live[family] = sum(line.startswith(chains) for line in listed) if whole else -1
    return {
        "enabled": "ENABLED=yes" in read("/etc/ufw/ufw.conf").splitlines(),
        "defaults": sorted(
            line for line in read("/etc/default/ufw").splitlines() if line.startswith(("DEFAULT_", "IPV6="))
        ),
        "rules": rules,
        "live": live,
    }


def find(pattern: str) -> "list[str]":
    """Paths that match a glob pattern; behind " :: " stand words that a file must hold."""
    shape, _, words = pattern.partition(" :: ")
    return sorted(path for path in glob.glob(shape) if not words or words in "\n" + read(path))


COUNT = """import sqlite3, sys
base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
able = "SELECT count(*) FROM user_account WHERE active AND password_hash IS NOT NULL"
print(base.execute(able).fetchone()[0])"""


def accounts(path: str) -> int:
    """How many accounts can sign in at a HARVEST. Asked as its user: what SQLite makes next to a database is his."""
    try:
        owner = os.stat(path)
    except OSError:
        return 0
    words = [sys.executable, "-c", COUNT, path]
    who: Found = (
        {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/", **who)
    return int(done.stdout) if done.returncode == 0 else -1


def system() -> Found:
    pairs = [line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line]
    release = {key: value.strip('"') for key, value in pairs}
    disk = os.statvfs("/opt" if os.path.isdir("/opt") else "/")
    zone = os.path.realpath("/etc/localtime")
    return {
        "os": release.get("ID", ""),
        "version": release.get("VERSION_ID", ""),
        "pretty": release.get("PRETTY_NAME", "an unknown system"),
        "systemd": os.path.isdir("/run/systemd/system"),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "hostname": read("/etc/hostname").strip(),
        "timezone": zone.partition("/zoneinfo/")[2],
        "free_mb": disk.f_bavail * disk.f_frsize // 2**20,
        "cores": os.cpu_count() or 1,
        "cloud_init": bool(os.path.exists("/usr/bin/cloud-init")),
        "ipv6": os.path.exists("/proc/net/if_inet6"),
        "trusts": hashlib.sha256(read("/etc/ssl/certs/ca-certificates.crt").encode()).hexdigest(),
    }


def main() -> None:
    asked = json.loads(sys.argv[1])
    walks, checks = trees.begin(asked["foreign"], asked["edited"]), health.start(asked["health"])
    assigned = sysctl.begin() if asked["sysctl"] else None
    answer: Found = {"system": system(), "files": {path: entry(path) for path in asked["files"]}}
    answer["packages"] = packages(asked["packages"]) if asked["packages"] else {}
    answer["units"] = units(asked["units"]) if asked["units"] else {}
    answer["users"] = users(asked["users"])
    answer["firewall"] = firewall() if asked["firewall"] else None
    answer["certificates"] = {path: web.certificate(path) for path in asked["certificates"]}
    answer["found"] = {pattern: find(pattern) for pattern in asked["found"]}
    answer["notes"] = {path: read(path)[:4096] for path in asked["notes"] if os.path.exists(path)}
    answer["groups"] = {g.gr_name: sorted(g.gr_mem) for g in grp.getgrall() if g.gr_name in asked["groups"]}
    numbers = {g.gr_gid: g.gr_name for g in grp.getgrall() if g.gr_name in asked["groups"]}
    answer["primary"] = {
        name: sorted(user.pw_name for user in pwd.getpwall() if numbers.get(user.pw_gid) == name)
        for name in numbers.values()
    }
    answer["keys"] = authorized_keys() if asked["keys"] else {}
    answer["lineages"] = web.lineages() if asked["lineages"] else {}
    answer["nginx"] = web.nginx() if asked["nginx"] else {}
    answer["failed"] = failed() if asked["failed"] else []
    answer["updates"] = updates.pending() if asked["updates"] else {}
    answer["urls"] = {url: answers.get(url) for url in asked["urls"]}
    answer["integrity"] = {path: aide.differing(path) for path in asked["integrity"]}
    answer["accounts"] = {path: accounts(path) for path in asked.get("accounts", ())}
    answer["releases"] = releases.every(asked["releases"])
    found = trees.finish(walks)
    for kind in ("foreign", "edited"):
        answer[kind] = {path: found.get(path, []) for path in asked[kind]}
    answer["health"] = health.finish(checks, asked["health"], answer["units"])
    answer["sysctl"] = sysctl.values(
        asked["sysctl"], assigned.communicate()[0].splitlines() if assigned else []
    )
    answer["system"]["now"] = time.time()  # last: the controller compares it with its own
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
