"""One run at a time: two operators, and one who is gone; sshd behind its socket."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from lab import hosts
from tests.host.guarding import fingerprint, run, start, until

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("s-cloud")]


def holder(host: hosts.Host) -> str:
    """What the lock says; "" where there is none."""
    return host.exec("cat /run/harvest-lock/holder", check=False).stdout


@pytest.fixture(scope="module")
def cloud() -> Iterator[hosts.Host]:
    """Ubuntu's shape: ssh.socket holds the port, sudo-rs, cloud-init's traps. UFW is still to be installed."""
    host = hosts.up(
        "s-cloud",
        suite="trixie",
        shape="cloud",
        fresh=True,
        settings={"confirm_within_s": 60, "sshd_port": 22},
    )
    yield host
    if not os.environ.get("KEEP_HOSTS"):
        host.down()


def test_of_two_operators_one_is_told_who_has_the_lock_and_since_when(cloud: hosts.Host) -> None:
    first = start(cloud.name)  # it installs UFW, so it takes its time
    until(lambda: holder(cloud) != "", 90, "the first run has the lock")
    has = json.loads(holder(cloud))
    code, said = run(cloud.name)
    assert code == 1
    assert f"locked by {has['who']}, who began deploy.py at {has['since']}" in said
    assert json.loads(holder(cloud)) == has, "another's lock is never removed"
    rest, _ = first.communicate(timeout=300)
    assert first.returncode == 0, rest
    assert holder(cloud) == ""


def test_the_lock_of_a_dead_run_is_taken_over(cloud: hosts.Host) -> None:
    cloud.exec("ufw allow 5000; ufw --force disable; apt-get -qq -y purge ufw >/dev/null")
    first = start(cloud.name)
    until(lambda: holder(cloud) != "", 90, "the first run has the lock")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    code, said = run(cloud.name)
    assert code == 0, said
    assert "took over the lock of " in said
    assert holder(cloud) == ""


def test_the_lock_of_a_run_that_the_network_cut_for_ever_is_taken_over(cloud: hosts.Host) -> None:
    """Its process lives and its session stands: both ends would notice after minutes only."""
    assert run(cloud.name)[0] == 0  # it installs UFW, and iptables with it
    file = "tests/host/deploys/holds_the_lock.py"
    first = start(cloud.name, file=file, HOLD="300")
    try:
        until(lambda: holder(cloud) != "", 30, "the first run has the lock")
        code, said = run(cloud.name, file=file, HOLD="0")
        session = json.loads(holder(cloud))["session"][0]
        assert (code, f"end it on the host: kill {session}" in said) == (1, True), said
        own = f"ss -Htnp state established | grep pid={session}, | awk '{{print $4}}' | sed 's/.*://'"
        port = cloud.exec(own).stdout.strip()
        cut = [
            f"{chain} -p tcp {side} {port} -j DROP"
            for chain, side in (("INPUT", "--sport"), ("OUTPUT", "--dport"))
        ]
        cloud.exec("; ".join(f"iptables -I {rule}" for rule in cut))
        time.sleep(8)  # until then it is a run that is heard every five seconds
        code, said = run(cloud.name, file=file, HOLD="0")
        assert code == 0, said
        assert "took over the lock of " in said
        cloud.exec("; ".join(f"iptables -D {rule}" for rule in cut))
        until(
            lambda: cloud.exec(f"test ! -e /proc/{session}", check=False).returncode == 0,
            10,
            "its session is ended",
        )
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


def test_behind_a_socket_the_port_moves_too(cloud: hosts.Host) -> None:
    hosts.up(cloud.name, settings={"sshd_port": 2222})
    code, said = run(cloud.name)
    assert code == 0, said
    assert cloud.ssh("sudo id -un", "sysop", port=2222).stdout.strip() == "root"
    assert cloud.exec("systemctl is-active ssh.socket").stdout.strip() == "active"
    assert "Success" not in run(cloud.name)[1].split("Results")[0]


def test_behind_a_socket_a_move_that_cannot_be_confirmed_is_undone(cloud: hosts.Host) -> None:
    drop = "-A ufw-before-input -p tcp --dport 2200 -j DROP"
    cloud.exec(f"sed -i 's/^# ok icmp codes for INPUT$/{drop}\\n&/' /etc/ufw/before.rules; ufw reload")
    before = fingerprint(cloud)
    hosts.up(cloud.name, settings={"sshd_port": 2200})
    code, said = run(cloud.name)
    assert code == 1
    assert "on port 2200 failed" in said
    assert fingerprint(cloud) == before
    hosts.up(cloud.name, settings={"sshd_port": 2222})
    assert cloud.ssh("sudo id -un", "sysop", port=2222).stdout.strip() == "root"


def test_behind_a_socket_the_timer_undoes_a_move_whose_run_was_killed(cloud: hosts.Host) -> None:
    hosts.up(cloud.name, settings={"sshd_port": 2222, "confirm_within_s": 30})
    assert run(cloud.name)[0] == 0
    before = fingerprint(cloud)
    hosts.up(cloud.name, settings={"sshd_port": 2201})
    # Nobody gets through to the new port, so the run waits there for a while.
    drop = "-p tcp --dport 2201 -j DROP"
    cloud.exec(f"iptables -I INPUT {drop}; ip6tables -I INPUT {drop}")
    process = start(cloud.name)
    until(lambda: ":2201" in cloud.exec("ss -Hltn").stdout, 60, "sshd has moved")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    cloud.exec(f"iptables -D INPUT {drop}; ip6tables -D INPUT {drop}")
    until(lambda: (cloud.root / "var/lib/harvest-guard/reverted").exists(), 60, "the timer undoes it")
    until(lambda: fingerprint(cloud) == before, 20, "the host is as before")
    assert cloud.ssh("sudo id -un", "sysop", port=2222).stdout.strip() == "root"
    code, said = run(cloud.name)
    assert code == 0, said
    assert "an earlier access change was reverted" in said
    assert cloud.ssh("sudo id -un", "sysop", port=2201).stdout.strip() == "root"


def test_sudo_may_ask_for_a_password_from_one_run_to_the_next(
    cloud: hosts.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sudo-rs here, sudo in test_safety.py: with neither is the password another command's input."""
    assert "sudo-rs" in cloud.exec("sudo --version 2>&1").stdout
    assert run(cloud.name)[0] == 0
    monkeypatch.setenv("HARVEST_TEST_SUDO", 'sudo\'s "pass" $word')
    asks = {"admin_sudo": "password", "admin_password": {"env": "HARVEST_TEST_SUDO"}}
    for settings, refused in ((asks, 1), ({"admin_sudo": "nopasswd"}, 0)):
        host = hosts.up(cloud.name, settings=settings)
        code, said = run(cloud.name)
        assert code == 0, said
        assert "changing /etc/sudoers.d/harvest-admin" in said
        assert host.ssh("sudo -n true", "sysop", check=False).returncode == refused
        assert "Success" not in run(cloud.name)[1].split("Results")[0]
    # A password that is not the stored one is found out at once, and with it the run can undo nothing: the host does.
    before = fingerprint(cloud)
    monkeypatch.setenv("HARVEST_TEST_SUDO", "another")
    hosts.up(cloud.name, settings={**asks, "confirm_within_s": 30})
    code, said = run(cloud.name)
    assert code == 1
    assert "sysop rejected the configured sudo password" in said
    until(lambda: (cloud.root / "var/lib/harvest-guard/reverted").exists(), 60, "the timer undoes it")
    until(lambda: fingerprint(cloud) == before, 20, "the host is as before")
