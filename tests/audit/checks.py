"""What a check of the audit says of itself: its id, its sentence, how bad a failure is, and what puts it right.

    @check("ssh.root-login", "root cannot log in over SSH", severity="high", mends="Configure SSH access, ...")

The id's first word is the concern, by which `-m ssh` chooses. Words in braces are the test's own parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

Severity = Literal["high", "medium", "low"]
CONCERNS = {
    "ssh": "SSH and logins",
    "firewall": "firewall and open ports",
    "bans": "fail2ban",
    "updates": "updates and reboots",
    "kernel": "kernel and boot",
    "accounts": "accounts, sudo and shells",
    "integrity": "what was changed outside of deploy",
    "logs": "journal, logs and clock",
    "harvest": "HARVEST itself",
    "nginx": "nginx",
    "tls": "certificates and TLS",
    "notify": "messages to the operator",
    "metrics": "figures for Prometheus",
}
"""The concerns, in the order of reports."""
ACCESS = "Configure SSH access, sudo and firewall"
"""The operation that puts most of the ways in right."""


@dataclass(frozen=True)
class Check:
    """`secret`: what its commands print is not kept as evidence."""

    id: str
    sentence: str
    severity: Severity = "medium"
    mends: str = ""
    secret: bool = False

    @property
    def concern(self) -> str:
        return self.id.partition(".")[0]


def check(
    id: str, sentence: str, *, severity: Severity = "medium", mends: str = "", secret: bool = False
) -> pytest.MarkDecorator:
    """Mark a test as a check."""
    return pytest.mark.check(Check(id, sentence, severity, mends, secret))


def check_of(item: pytest.Item) -> Check:
    """A test's check, its parameters filled in; a test without one is told, since reports could not name it."""
    mark = item.get_closest_marker("check")
    if mark is None:
        raise pytest.UsageError(f"{item.nodeid}: says no check; decorate it with @check(id, sentence)")
    said: Check = mark.args[0]
    values = _parameters(item)
    return Check(
        said.id.format(**values), said.sentence.format(**values), said.severity, said.mends, said.secret
    )


def _parameters(item: pytest.Item) -> Mapping[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}
