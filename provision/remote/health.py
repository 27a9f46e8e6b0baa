"""What a reboot or a restart would break, asked of the tools that know. Runs ON the host, within the one look.

`start` begins all checks at once, `finish` collects them while the rest of the look goes on: the whole takes as long
as the slowest, some 20 ms. A check's answer is a list of lines; none means that all is well.
"""

import os
import re
import struct
import subprocess
from contextlib import suppress
from typing import Any

from provision.remote.host_files import read

COMMANDS = {
    "sshd": ["sshd", "-t"],
    # Without -f it refuses modes that sudo itself takes.
    "sudo": ["visudo", "-cf", "/etc/sudoers"],
    "fstab": ["findmnt", "--verify"],
    "dpkg": ["dpkg", "--audit"],
    "apt": ["apt-config", "dump"],
}
STATES = ["dpkg-query", "-W", "-f", "${db:Status-Eflag} ${db:Status-Status} ${Package}\n"]
OURS = "/etc/apt/apt.conf.d/52harvest"
OPTIONAL = {"nofail", "noauto"}
AT_REST = ("installed", "config-files", "not-installed")
MARK = "HARVEST_DEPLOY=1"
"""In the environment of all that a run starts (provision/engine/operation.py)."""


def start(asked: "list[str]") -> "dict[str, subprocess.Popen[str]]":
    """Begin the checks named."""
    words = {name: COMMANDS[name] for name in asked if name in COMMANDS}
    if "dpkg" in words:
        words["states"] = STATES
    if "sshd" in words and not os.path.isdir("/run/sshd"):
        os.makedirs("/run/sshd", 0o755)  # else sshd -t speaks of this alone
    begun = {}
    environment = {**os.environ, "LC_ALL": "C"}
    environment["PATH"] = environment.get("PATH", "") + ":/usr/sbin:/sbin"
    for name, command in words.items():
        with suppress(OSError):  # not installed yet
            begun[name] = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
            )
    return begun


def finish(
    begun: "dict[str, subprocess.Popen[str]]", asked: "list[str]", units: "dict[str, Any]"
) -> "dict[str, list[str]]":
    """What the checks found, by name; `units` is what systemd says of those that were asked for."""
    said = {name: (check.communicate()[0], check.returncode) for name, check in begun.items()}
    answer = {}
    for name in asked:
        text, code = said.get(name, ("", 0))
        if name in ("sshd", "sudo"):
            answer[name] = words_of(text) if code else []
        elif name == "fstab":
            answer[name] = unbootable(text, read("/etc/fstab"))
        elif name == "apt":
            answer[name] = undone(text)
        elif name == "dpkg":
            answer[name] = half_done(text, said.get("states", ("", 0))[0])
        elif name == "units":
            answer[name] = broken(units)
        elif name == "leftovers":
            answer[name] = [f"{command} (pid {pid})" for pid, command in leftovers()]
    return answer


def words_of(text: str) -> "list[str]":
    """A checker's complaints, without what it found to be right and the quoted line with its mark."""
    lines = [line.rstrip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.endswith("parsed OK")]
    return [line for line in told if re.match(r"\S", line) and ("/" in line or len(told) == 1)] or told


def unbootable(said: str, fstab: str) -> "list[str]":
    """Lines of fstab that cannot be read, and devices without which the host would not boot."""
    options = {}
    for line in fstab.splitlines():
        fields = line.split()
        if len(fields) > 3 and not line.startswith("#"):
            options[fields[1]] = set(fields[3].split(","))
    target, answer = "", []
    for line in said.splitlines():
        if "parse error at line" in line:
            answer.append(line.partition("findmnt: ")[2] or line)
        elif line and not line.startswith(" "):
            target = line.strip()
        elif "[E] unreachable on boot required source" in line and not OPTIONAL & options.get(target, set()):
            answer.append(f"/etc/fstab: {target}: {line.split('source: ', 1)[-1]} is not there")
    return answer


def values(dump: str) -> "dict[str, str]":
    """apt's settings, by name in lower case: apt knows no other."""
    pairs = (re.match(r'(\S+) "(.*)";', line) for line in dump.splitlines())
    return {pair.group(1).lower(): pair.group(2) for pair in pairs if pair}


def undone(dump: str) -> "list[str]":
    """Settings of ours that a file which apt reads later sets otherwise."""
    wanted, have = values(read(OURS)), values(dump)
    answer = []
    for line in read(OURS).splitlines():
        name = line.split(" ")[0]
        want = wanted.get(name.lower())
        if want is not None and have and have.get(name.lower(), "") != want:
            now = have.get(name.lower(), "")
            answer.append(f'{name} is "{now}" instead of "{want}": {undoer(name.lower(), want)}')
    return answer


def undoer(name: str, want: str) -> str:
    """The file that sets `name` otherwise, found by asking apt with one file more each time."""
    import tempfile  # dear, and hardly ever needed

    parts = os.path.dirname(OURS)
    later = [os.path.join(parts, part) for part in sorted(os.listdir(parts)) if part > os.path.basename(OURS)]
    alone = 'Dir::Etc::parts "/nowhere"; Dir::Etc::main "/nowhere";\n#include "' + OURS + '";\n'
    for path in [*later, "/etc/apt/apt.conf"]:
        if not os.path.isfile(path):
            continue
        alone += f'#include "{path}";\n'
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(alone)
            file.flush()
            environment = {**os.environ, "APT_CONFIG": file.name}
            said = subprocess.run(
                ["apt-config", "dump"], stdout=subprocess.PIPE, text=True, env=environment
            ).stdout
        if values(said).get(name, "") != want:
            return path
    return "a file that apt reads after " + OURS


def half_done(audit: str, states: str) -> "list[str]":
    """Packages that are neither installed nor gone. None while another dpkg is at work: its are no news."""
    answer = []
    for line in states.splitlines():
        flag, status, package = line.split()
        if status not in AT_REST or flag != "ok":
            answer.append(package + " is " + (status if flag == "ok" else "in need of a reinstallation"))
    updates = "/var/lib/dpkg/updates"
    if os.path.isdir(updates) and any(name.isdigit() for name in os.listdir(updates)):
        answer.append("dpkg was interrupted")
    if not answer and audit.strip():
        answer = [" ".join(audit.split())]
    busy = answer and any(map(locked, ("/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend")))
    return [] if busy else answer


def locked(path: str) -> bool:
    """Whether a process holds a lock on a file (fcntl, as dpkg's); asks without taking it."""
    import fcntl

    try:
        with open(path) as file:
            want = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            found = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, want))
            return bool(found[0] != fcntl.F_UNLCK)
    except OSError:
        return False


def broken(units: "dict[str, Any]") -> "list[str]":
    """Units that run still, but whose files systemd would refuse at the next start."""
    answer = []
    for name, unit in units.items():
        if unit["load"] in ("bad-setting", "error"):
            command = ["systemctl", "show", "-p", "LoadError,FragmentPath,DropInPaths", "--", name]
            shown = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
            value = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
            files = value.get("FragmentPath", "") + " " + value.get("DropInPaths", "")
            # LoadError is D-Bus's name for it and the words, quoted.
            why = re.sub(r'^\S+ "(.*)"$', r"\1", value.get("LoadError", ""))
            answer.append(f"{name} cannot be started again: {why or unit['load']} ({files.strip()})")
    return answer


def leftovers() -> "list[tuple[int, str]]":
    """Processes that a run of deploy.py started and that are at work still: (pid, name)."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with (
                suppress(OSError),
                open("/proc/" + entry + "/environ", "rb") as file,
            ):  # it may just have ended
                if MARK.encode() in file.read().split(b"\0"):
                    found.append((int(entry), read("/proc/" + entry + "/comm").strip()))
    return found
