"""Nothing that we do makes a host refuse its operator: refused starts, then a good first run, and none after it."""

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import hosts
from tests.host.guarding import run

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("s-shutout")]
FILE = "tests/host/deploys/access_and_fail2ban.py"
FAILED = "Invalid user|Failed|Connection (closed|reset) by (authenticating|invalid)|not allowed|authentication failure"


@pytest.fixture(
    params=[("bookworm", "vps", "v4", 12), ("trixie", "cloud", "v6", 4)],
    ids=["bookworm-vps-v4", "trixie-cloud-v6"],
)
def case(request: pytest.FixtureRequest) -> Iterator[tuple[hosts.Host, str, int]]:
    """A fresh host, the address by which it is reached, and how many starts are refused: on trixie few are enough for
    sshd's own penalties, which each start waits for."""
    suite, shape, family, starts = request.param
    host = hosts.up("s-shutout", suite=suite, shape=shape, fresh=True, settings={"sshd_port": 22})
    yield host, host.address if family == "v4" else host.address6, starts
    if not os.environ.get("KEEP_HOSTS"):
        host.down()


def journal(host: hosts.Host, since: float) -> list[str]:
    """What sshd said of failed logins since a moment."""
    said = host.exec(
        f"journalctl -q -o cat --since=@{since:.0f} _COMM=sshd + _COMM=sshd-session | grep -E '{FAILED}'",
        check=False,
    )
    return said.stdout.splitlines()


def test_refused_starts_then_a_good_first_run(case: tuple[hosts.Host, str, int], tmp_path: Path) -> None:
    host, address, starts = case
    there = ("--data", f"ssh_hostname={address}", "--data", f"ssh_known_hosts_file={tmp_path}/known")
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", tmp_path / "wrong"], check=True)
    wrong = (*there, "--data", f"ssh_key={tmp_path}/wrong")
    assert run(host.name, *wrong, file=FILE)[0] == 1  # it pins the host
    with ThreadPoolExecutor(3 if starts > 4 else 1) as pool:
        refused = list(pool.map(lambda _: run(host.name, *wrong, file=FILE), range(starts - 1)))
    assert {code for code, _ in refused} == {1}
    assert all("is refused" in said for _, said in refused), refused
    time.sleep(1)
    began = time.time()
    code, said = run(host.name, *there, file=FILE)
    assert code == 0, said
    assert journal(host, began) == [], "a normal first run leaves no failed login"
    assert len(journal(host, began - 600)) > starts, "else nothing was counted"
    # Refused starts while the jail runs, after a login: it cleared the address.
    for _ in range(3):
        assert run(host.name, *wrong, file=FILE)[0] == 1
    # A mistyped admin and dry runs in between: sshd notes unknown users.
    for number in range(6):
        assert run(host.name, *there, "--data", f"admin_user=typo{number}", "--dry", file=FILE)[0] == 1
        assert number % 3 or run(host.name, *there, "--dry", file=FILE)[0] == 0
    time.sleep(3)  # fail2ban reads on
    status = host.exec("fail2ban-client status sshd").stdout
    assert "Currently banned:\t0" in status, status
    code, said = run(host.name, *there, file=FILE)
    assert code == 0, said
    assert "Success" not in said.split("Results")[0], said
