"""Writes figures of HARVEST for Prometheus' node exporter. Runs ON the host each minute (harvest-metrics.service).

Its argument is a JSON file: {"apps": [{"name", "root", "backends": [ports]}], "certificates": {site: path}}.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

from provision.remote import answers, releases, updates, web
from provision.remote.host_files import read
from provision.remote.readings import backup_record, output, reboot_since

FOLDER = "/var/lib/harvest-metrics"
LISTS = ("/var/lib/dpkg/status", "/var/lib/apt/lists", "/var/cache/apt/pkgcache.bin")
"""Whose changes bring other pending updates: asking apt takes half a second, so it is asked only then."""
Sample = tuple[str, dict[str, str], float]
"""Name, labels, value."""


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def exposition(samples: "Iterable[Sample]") -> str:
    """Prometheus' text format: each name's samples together, after its type."""
    lines: dict[str, list[str]] = {}
    for name, labels, value in samples:
        shown = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
        lines.setdefault(name, []).append(f"{name}{{{shown}}} {value!r}" if shown else f"{name} {value!r}")
    kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in lines}
    return "".join(
        f"# HELP {name} {HELP.get(name, 'As the application itself reports it.')}\n"
        f"# TYPE {name} {kinds[name]}\n" + "\n".join(lines[name]) + "\n"
        for name in sorted(lines)
    )


HELP = {
    "harvest_up": "Whether a backend reports its figures.",
    "harvest_release_info": "The live release.",
    "harvest_backup_timestamp_seconds": "When the last backup ended.",
    "harvest_backup_good": "Whether the last backup succeeded.",
    "harvest_drill_timestamp_seconds": "When the last restore drill ended.",
    "harvest_drill_good": "Whether the last restore drill succeeded.",
    "harvest_certificate_expiry_timestamp_seconds": "When the certificate of a site expires.",
    "harvest_updates_pending": "Packages that an upgrade would bring.",
    "harvest_security_updates_pending": "Packages that an upgrade would bring from a security archive.",
    "harvest_reboot_pending": "Whether an update waits for a reboot.",
    "harvest_failed_units": "Units of systemd that failed.",
}


def of_app(app: "dict[str, Any]") -> "Iterable[Sample]":
    """An instance's release, backups, and what each of its backends reports."""
    label = {"app": app["name"]}
    live = releases.read(app["root"])["live"]
    yield "harvest_release_info", {**label, "release": live}, 1.0
    for name, verb in (("last", "backup"), ("drill", "drill")):
        record = backup_record(app["name"], name)
        if record:
            yield f"harvest_{verb}_timestamp_seconds", label, record[0]
            yield f"harvest_{verb}_good", label, float(record[1] == "good")
    for port in app["backends"]:
        labels = {**label, "backend": str(port)}
        answer = answers.get(f"http://127.0.0.1:{port}/api/metrics", 5)
        yield "harvest_up", labels, float(answer["status"] == 200)
        if answer["status"] == 200:
            yield from relabelled(answer["body"], labels)


def relabelled(text: str, labels: "dict[str, str]") -> "Iterable[Sample]":
    """The application's own samples, with labels that tell the backends apart; what is no sample is left out."""
    for line in text.splitlines():
        head, _, value = line.rpartition(" ")
        name, _, own = head.partition("{")
        if line.startswith("#") or not name.startswith("harvest_"):
            continue
        try:
            pairs = [pair.split("=", 1) for pair in own.rstrip("}").split(",") if pair]
            yield name, {**labels, **{key: text.strip('"') for key, text in pairs}}, float(value)
        except ValueError:
            continue


def of_host(certificates: "dict[str, str]") -> "Iterable[Sample]":
    for site, path in certificates.items():
        found = web.certificate(path)
        if found:
            name = "harvest_certificate_expiry_timestamp_seconds"
            yield name, {"site": site}, float(round(time.time() + found["left"]))
    waiting, security = pending()
    yield "harvest_updates_pending", {}, float(waiting)
    yield "harvest_security_updates_pending", {}, float(security)
    yield "harvest_reboot_pending", {}, float(bool(reboot_since()))
    failed = output("systemctl", "list-units", "--failed", "--plain", "--no-legend", check=True)
    yield "harvest_failed_units", {}, float(len(failed.splitlines()))


def pending() -> "tuple[int, int]":
    """Pending updates, and those of security, from memory while apt's files are the same."""
    now = [os.stat(path).st_mtime if os.path.exists(path) else 0.0 for path in LISTS]
    try:
        known = json.loads(read(f"{FOLDER}/updates.json"))
        if known["files"] == now:
            return known["waiting"], known["security"]
    except (ValueError, KeyError, TypeError):
        pass
    found = updates.pending()
    answer = len(found), sum(found.values())
    write("updates.json", json.dumps({"files": now, "waiting": answer[0], "security": answer[1]}))
    return answer


def write(name: str, text: str) -> None:
    """Whole or not at all: the exporter may read at any moment."""
    with open(f"{FOLDER}/.{name}", "w") as file:
        file.write(text)
    os.chmod(f"{FOLDER}/.{name}", 0o644)
    os.replace(f"{FOLDER}/.{name}", f"{FOLDER}/{name}")


def main() -> None:
    asked = json.loads(read(sys.argv[1]))
    samples = [sample for app in asked["apps"] for sample in of_app(app)]
    write("harvest.prom", exposition([*samples, *of_host(asked["certificates"])]))


if __name__ == "__main__":
    main()
