"""The commands that a rollout types, and what their answers mean. Pure: words in, words out."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIVE = re.compile(r"(\S+) (\S+) live\b")
"""A line of operate/releases.py (operations/app/rollback.py writes it)."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")
WORKERS = 4


@dataclass(frozen=True)
class Words:
    """How this machine types: the folder with pyinfra and pytest, and the inventory."""

    bin: Path
    inventory: str

    def pyinfra(self, page: str, hosts: Iterable[str], **data: str) -> list[str]:
        """A page of operate/, or deploy.py, on these hosts; its answer is JSON on standard output."""
        words = [str(self.bin / "pyinfra"), self.inventory, page, "-y", "--json", *_limits(hosts)]
        return [*words, *(word for key, value in data.items() for word in ("--data", f"{key}={value}"))]

    def deploy(self, hosts: Iterable[str]) -> list[str]:
        return self.pyinfra("deploy.py", hosts)

    def releases(self, hosts: Iterable[str]) -> list[str]:
        return self.pyinfra("operate/releases.py", hosts)

    def rollback(self, hosts: Iterable[str], instance: str, release: str) -> list[str]:
        return self.pyinfra("operate/rollback.py", hosts, instance=instance, release=release, rollout="yes")

    def audit(self, hosts: Sequence[str], gate: str, report: Path) -> list[str]:
        """The audit's checks that `gate` chooses; its answer is audit.json in the folder `report`.

        Paths stand behind "=": of a word that is a path pytest thinks that tests lie there, and its own settings.
        """
        words = [str(self.bin / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/audit"]
        words += [f"--inventory={self.inventory}", *_limits(hosts), "-m", gate, f"--report={report}"]
        several = ["-n", str(min(WORKERS, len(hosts))), "--dist", "loadgroup"]
        return words + (several if len(hosts) > 1 else [])


def _limits(hosts: Iterable[str]) -> list[str]:
    return [word for host in hosts for word in ("--limit", host)]


@dataclass(frozen=True)
class Answer:
    """What pyinfra said of its hosts: messages of those that went well, and why each other failed."""

    messages: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def live(self, host: str) -> dict[str, str]:
        """Instance to live release, of operate/releases.py's answer."""
        found = (LIVE.match(line) for line in self.messages.get(host, ()))
        return {match[1]: match[2] for match in found if match}


def answer_of(hosts: Iterable[str], code: int, printed: str, said: str) -> Answer:
    """pyinfra's answer on `hosts`: its exit code, standard output (JSON, or nothing) and standard error."""
    try:
        payload: dict[str, Any] = json.loads(printed)
    except ValueError:
        payload = {}
    seen: Mapping[str, Any] = payload.get("hosts") or {}
    broken = set((payload.get("results") or {}).get("failed_hosts") or ())
    good, failed = {}, {}
    for host in hosts:
        messages = [str(each["message"]) for each in seen.get(host, {}).get("messages", ())]
        if host in seen and host not in broken:
            good[host] = messages
        else:
            failed[host] = " ".join(messages[-2:]) or last_words(host, said) or f"exit code {code}"
    return Answer(good, failed)


def last_words(host: str, said: str) -> str:
    """What a run said last of a host; "" where it said nothing at all."""
    lines = [ANSI.sub("", line).strip() for line in said.splitlines()]
    lines = [line for line in lines if line and not line.startswith("-->")]
    own = [line for line in lines if f"[{host}]" in line or f"host {host}:" in line]
    own = [line for line in own if "its words stand above" not in line] or own
    if own:
        return own[-1].replace(f"[{host}]", "").strip()
    if any(" host " in line for line in lines):  # the inventory's own complaint, before any host was changed
        return "not begun, because the run stopped at another host"
    return lines[-1] if lines else ""


def tail(host: str, said: str, count: int = 8) -> list[str]:
    """The last lines of a command's output that name the host, else the last lines."""
    lines = [line for each in said.splitlines() if (line := ANSI.sub("", each).rstrip())]
    return ([line for line in lines if f"[{host}]" in line] or lines)[-count:]


def checks_of(hosts: Sequence[str], report: Path) -> dict[str, tuple[int, list[str]]]:
    """By host: how many checks passed, and the sentences of those that failed; no entry where none was asked.

    The audit writes hosts as they stand in testinfra's URLs, where an IPv6 address is none.
    """
    try:
        results = json.loads((report / "audit.json").read_text())["results"]
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[str, tuple[int, list[str]]] = {}
    for host in hosts:
        plain = re.sub(r"[^A-Za-z0-9._-]", "-", host).strip("-")
        own = [each for each in results if each["host"] in (host, plain)]
        if own:
            wrong = [
                f"{each['id']}: not so: {each['sentence']}" for each in own if each["outcome"] == "failed"
            ]
            found[host] = sum(each["outcome"] == "passed" for each in own), wrong
    return found


def ways_back(
    before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """(instance, former release) to the hosts that have to go back there. Without a former release there is no way."""
    found: dict[tuple[str, str], list[str]] = {}
    for host, live in now.items():
        for instance, release in live.items():
            former = before.get(host, {}).get(instance, "")
            if former and former != release:
                found.setdefault((instance, former), []).append(host)
    return found
