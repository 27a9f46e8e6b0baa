"""Results of audits that never were."""

from typing import Any

from tests.audit.report import Evidence, Report, Result


def result(host: str = "web1", id: str = "ssh.port", outcome: Any = "passed", **more: Any) -> Result:
    said = {"sentence": f"{id} is right", "severity": "medium", "mends": "", **more}
    return Result(host=host, id=id, outcome=outcome, **said)


def report(*results: Result, **more: Any) -> Report:
    said = {"at": "2026-11-25T03:00:00+00:00", "inventory": "inventories/prod.py", "took_s": 12.5, **more}
    return Report(results=list(results), **said)


FAILED = result(
    id="firewall.rules",
    outcome="failed",
    severity="high",
    mends="Configure SSH access, sudo and firewall",
    found="AssertionError: not in the settings: {'8051/tcp <ALLOW>'}",
    evidence=[Evidence(command="ufw status", code=0, output="Status: active\n8051/tcp ALLOW Anywhere")],
)
