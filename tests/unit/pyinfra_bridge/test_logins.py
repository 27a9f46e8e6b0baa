"""The proof that the admin gets in: which connection the run goes on with, and which stays open."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provision.login.probe import Login
from provision.login.reach import Link
from provision.login.target import Target
from provision.pyinfra_bridge import logins

REPO = Path(__file__).parents[3]


@dataclass
class Wire:
    """A connection that tells whether it is still open."""

    port: int = 22
    transport: object = None
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Someone:
    user: str
    link: Wire
    sudo_password: str | None = None
    shell: str = ""


class Host:
    name = "web1"

    def __init__(self) -> None:
        self.connector = type("Connector", (), {"client": None})()


@pytest.mark.parametrize(
    ("came_as", "goes_on_as_the_new_one"), [("root", False), ("chief", False), ("sysop", True)]
)
def test_the_run_goes_on_as_the_new_admin_and_the_former_connection_holds_the_lock(
    came_as: str, goes_on_as_the_new_one: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, proof = Someone(came_as, Wire(transport="first")), Someone("chief", Wire(transport="proof"))
    target = Target("web1", "10.0.0.9", (22,), (came_as,), (tmp_path / "known",))
    for name, value in (("_targets", {"web1": target}), ("_logins", {"web1": first}), ("_former", [])):
        monkeypatch.setattr(logins, name, value)
    monkeypatch.setattr(logins, "log_in", lambda fresh: proof)
    monkeypatch.setattr(logins, "learn", lambda login: None)
    host: Any = Host()
    assert logins.probe_login(host, "chief", 22) is None
    assert not first.link.closed
    assert proof.link.closed is not goes_on_as_the_new_one
    used = host.connector.client
    assert (used._transport if used else None) == ("proof" if goes_on_as_the_new_one else None)


@pytest.mark.parametrize(("timeout", "limit"), [(5.0, "30"), (1.0, "30"), (20.0, "120")])
def test_sudo_is_given_as_long_as_a_slow_host_needs(
    timeout: float, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` is the target's, which timeout_factor has multiplied."""
    target = Target("web1", "10.0.0.9", (22,), ("sysop",), (), timeout=timeout)
    host: Any = Host()
    login: Any = Login("sysop", Link(target, 22, None), sudo_password="x")  # type: ignore[arg-type]
    logins._work_over(host.connector, login)

    class Silent:
        channel: Any = None
        limit = 0.0

        def settimeout(self, seconds: float) -> None:
            self.limit = seconds

        def readline(self) -> str:
            raise TimeoutError

        def write(self, text: str) -> None: ...

        def flush(self) -> None: ...

    silent = Silent()
    silent.channel = silent
    monkeypatch.setattr(logins.SSHClient, "exec_command", lambda *words, **more: (silent, silent, silent))
    with pytest.raises(
        TimeoutError, match=f"within {limit} s; where the host is that slow, set timeout_factor"
    ):
        host.connector.client.exec_command(logins.SUDO + "true")
    assert silent.limit == float(limit)


def test_logins_of_an_inventory_take_keys_on_security_tokens() -> None:
    """Logins precede pyinfra's connections, which would prepare paramiko for such keys too late (paramiko 2462)."""
    code = (
        "import provision.inventory; from paramiko.auth_handler import AuthHandler;"
        "assert AuthHandler._get_key_type_and_bits._pyinfra_sk_patch"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
