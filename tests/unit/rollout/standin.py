"""Stands in for pyinfra and for the audit: a fleet in a JSON file, changed and asked by the same commands.

FLEET/fleet.json: {"new": ID, "hosts": {NAME: {"live": ID, "fails": [WORD, ...]}}}. A host may fail at: reach, deploy,
gate, rollback; hang: the deploy sleeps until it is interrupted.
"""

import json
import os
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["FLEET"])
WORDS = sys.argv[1:]


def values(option: str) -> list[str]:
    return [WORDS[at + 1] for at, word in enumerate(WORDS) if word == option]


def end(code: int, payload: object = None) -> None:
    (FOLDER / "fleet.json").write_text(json.dumps(fleet))
    if payload is not None:
        print(json.dumps(payload))
    sys.exit(code)


def told(messages: dict[str, str], failed: list[str]) -> dict[str, object]:
    hosts = {name: {"messages": [{"operation": "", "message": said}]} for name, said in messages.items()}
    return {"hosts": hosts, "results": {"failed_hosts": failed}}


fleet = json.loads((FOLDER / "fleet.json").read_text())
names = values("--limit")
hosts = {name: fleet["hosts"][name] for name in names}
with open(FOLDER / "typed", "a") as log:
    page = "audit" if "pytest" in WORDS else WORDS[1]
    log.write(f"{page} {' '.join(names)} {' '.join(values('--data'))}".strip() + "\n")

if "pytest" in WORDS:
    report = Path(next(word for word in WORDS if word.startswith("--report=")).partition("=")[2])
    report.mkdir(parents=True, exist_ok=True)
    results = [
        {
            "host": name,
            "id": "harvest.page",
            "sentence": "the page answers",
            "outcome": "failed" if "gate" in host["fails"] else "passed",
        }
        for name, host in hosts.items()
    ]
    (report / "audit.json").write_text(json.dumps({"results": results}))
    end(int(any("gate" in host["fails"] for host in hosts.values())))
lost = [name for name, host in hosts.items() if "reach" in host["fails"]]
for name in lost:
    print(f"inv.py: host {name}: no route to it", file=sys.stderr)
if page == "operate/releases.py":
    there = {name: f"harvest {host['live']} live 2026" for name, host in hosts.items() if name not in lost}
    end(int(bool(lost)), told(there, []))
if lost:
    print("Nothing was changed on any host. To go on without a host: --exclude NAME", file=sys.stderr)
    end(1)
broken = [name for name, host in hosts.items() if page.split("/")[-1].removesuffix(".py") in host["fails"]]
if page == "deploy.py" and any("hang" in host["fails"] for host in hosts.values()):
    (FOLDER / "hangs").touch()
    time.sleep(60)
said = {}
for name, host in hosts.items():
    said[name] = "no such luck" if name in broken else "went well"
    if name not in broken:
        data = dict(word.split("=", 1) for word in values("--data"))
        host["live"] = fleet["new"] if page == "deploy.py" else data["release"]
end(int(bool(broken)), told(said, broken))
