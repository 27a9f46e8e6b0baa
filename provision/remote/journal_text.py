"""Log lines that may leave the host: without addresses, names, secrets and what users wrote. Runs ON the host.

HARVEST's own services report errors with what a user sent, so of theirs only systemd's lines and the names of
exceptions are taken. Lines of other services are taken with everything masked that looks like a person or a secret.
"""

import json
import re
import subprocess
from typing import Any

LINES, WIDTH = 10, 200
APPLICATION = re.compile(r"harvest(-[a-z0-9-]+)?-(backend@\d+|frontend|migrate|sweep|candidate@.*)\.service")
"""Units that run HARVEST itself, of any instance."""
EXCEPTION = re.compile(
    r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Timeout))(?::|$)"
)
MASKS = (
    (re.compile(r"(?i)(\w+://)[^\s/@]+@"), r"\1***@"),
    (re.compile(r"[^\s<>\"'=:,;]+@[\w-]+(\.[\w-]+)+"), "<mail>"),
    (re.compile(r"\?[^\s\"']+"), "?***"),
    (re.compile(r"(?i)\b(authorization|cookie)(\S*\s*[:=]\s*).*"), r"\1\2***"),
    (re.compile(r"(?i)([\w-]*(?:passw|pass|token|secret|key|auth|credential)[\w-]*\s*[=:]\s*)\S+"), r"\1***"),
    (re.compile(r"(?i)\b(invalid user|user|login|password for|publickey for)(\s+|=)[^\s,;]+"), r"\1\2***"),
    (re.compile(r"(?<![\w.])\d{1,3}(\.\d{1,3}){3}(?![\w.])"), "<address>"),
    (
        re.compile(
            r"(?i)(?<![\w:])(?=[0-9a-f:]*:[0-9a-f:]*:)(?=[0-9a-f:]*[0-9a-f]{3,}|[0-9a-f:]*::)[0-9a-f:]{6,}"
        ),
        "<address>",
    ),
    (re.compile(r"(?<![\w/.-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{24,}"), "***"),
)


def masked(line: str) -> str:
    """A log line without persons and secrets, on one line of at most WIDTH characters."""
    for pattern, instead in MASKS:
        line = pattern.sub(instead, line)
    line = "".join(letter if letter.isprintable() else " " for letter in line)
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def taken(unit: str, entry: "dict[str, Any]") -> "list[str]":
    """What of one journal entry of `unit` may leave the host."""
    text = entry.get("MESSAGE")
    if not isinstance(text, str):  # journald's way to show what is no text
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    if APPLICATION.fullmatch(unit) and entry.get("_PID") != "1":
        return [found.group(1) for line in lines if (found := EXCEPTION.match(line.strip()))]
    return [masked(line) for line in lines]


def last_lines(unit: str) -> "list[str]":
    """The last log lines of a unit that may leave the host."""
    command = ["journalctl", "-q", "--no-pager", "-o", "json", "-n", str(3 * LINES), "-u", unit]
    try:
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    found: list[str] = []
    for line in said.decode(errors="replace").splitlines():
        try:
            found += taken(unit, json.loads(line))
        except ValueError:
            continue
    return found[-LINES:]
