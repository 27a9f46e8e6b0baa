"""Logging in on real hosts as operators do, and being told why when it does not work."""

import json
import os
import re
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab import hosts, paths
from tests.host.runs import BIN, REPO

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("g-login")]

# Debian 12: newer sshds lock a client out after a few refused logins (PerSourcePenalties), and here many are refused.
SUITE = "bookworm"
PASSWORD = "first 'password'"
RESOLVE = "\nfrom provision.inventory import resolve\nresolve(globals())\n"
STOPPED = "Nothing was changed on any host. To go on without a host: --exclude NAME"


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[hosts.Host, hosts.Host]]:
    """A vps that root enters by key, and a cloud host whose user needs a password for sudo."""
    with ThreadPoolExecutor() as pool:
        vps = pool.submit(hosts.up, "g-vps", suite=SUITE, shape="vps", fresh=True)
        cloud = pool.submit(hosts.up, "g-cloud", suite=SUITE, shape="cloud", password=PASSWORD, fresh=True)
        both = vps.result(), cloud.result()
    yield both
    if not os.environ.get("KEEP_HOSTS"):
        for host in both:
            host.down()


@pytest.fixture(scope="module")
def vps(two: tuple[hosts.Host, hosts.Host]) -> hosts.Host:
    return two[0]


@pytest.fixture(scope="module")
def cloud(two: tuple[hosts.Host, hosts.Host]) -> hosts.Host:
    return two[1]


class Site:
    """An operator's home and inventory. `hosts` maps names to what is special to them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.known_hosts = home / ".ssh" / "known_hosts"
        self.environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO)}
        public = paths.key_file().with_suffix(".pub").read_text().strip()
        self.settings = {"mode": "internal", "admin_user": "sysop", "admin_keys": [public]}

    def config(self, text: str) -> None:
        (self.home / ".ssh").mkdir(exist_ok=True)
        (self.home / ".ssh" / "config").write_text(text)

    def pyinfra(
        self, machines: dict[str, dict[str, Any]], *words: str, key: bool = True
    ) -> subprocess.CompletedProcess[str]:
        common = {"ssh_key": str(paths.key_file())} if key else {}
        group = [(name, {**self.settings, **common, **data}) for name, data in machines.items()]
        (self.home / "site.py").write_text(f"harvest_internal = {group!r}{RESOLVE}")
        command = [str(BIN / "pyinfra"), "site.py", "-y", *(words or ("debug-inventory", "--json"))]
        return subprocess.run(
            command,
            cwd=self.home,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def logins(self, machines: dict[str, dict[str, Any]], key: bool = True) -> dict[str, dict[str, Any]]:
        done = self.pyinfra(machines, key=key)
        assert done.returncode == 0, done.stderr
        return {host["name"]: host["data"] for host in json.loads(done.stdout)}

    def refusal(self, machines: dict[str, dict[str, Any]], key: bool = True) -> list[str]:
        done = self.pyinfra(machines, key=key)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        return [line for line in done.stderr.splitlines() if line.startswith(("site.py: ", "Nothing"))]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def at(host: hosts.Host, **data: Any) -> dict[str, dict[str, Any]]:
    return {"web1": {"ssh_hostname": host.address, **data}}


def host_key(host: hosts.Host, kind: str = "ed25519") -> str:
    return " ".join((host.root / f"etc/ssh/ssh_host_{kind}_key.pub").read_text().split()[:2])


def stranger(folder: Path) -> Path:
    """A key that no host lets in."""
    file = folder / "stranger"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", file], check=True)
    return file


def accepted(host: hosts.Host) -> list[str]:
    """The logins that sshd has let in so far."""
    log = host.exec("journalctl --sync; journalctl -q -o cat -t sshd").stdout
    return [line for line in log.splitlines() if line.startswith("Accepted")]


def test_a_fresh_vps_is_entered_as_root_and_its_key_pinned(site: Site, vps: hosts.Host) -> None:
    first = site.pyinfra(at(vps))
    (login,) = json.loads(first.stdout)
    expected = {"ssh_user": "root", "ssh_port": 22, "ssh_hostname": vps.address, "_sudo": False}
    assert expected.items() <= login["data"].items()
    assert site.known_hosts.read_text() == f"{vps.address} {host_key(vps)}\n"
    fingerprint = vps.exec("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    assert (
        f"host web1: seen for the first time: pinned ed25519 key {fingerprint} for {vps.address}"
        in first.stderr
    )
    assert "host web1: logging in as root; sysop cannot log in yet" in first.stderr
    assert "first time" not in site.pyinfra(at(vps)).stderr


def test_the_trap_of_cloud_images_is_recognised_and_its_user_tried(site: Site, cloud: hosts.Host) -> None:
    data = {"bootstrap_password": {"env": "FIRST"}}
    site.environment["FIRST"] = PASSWORD
    began = time.monotonic()
    assert site.logins(at(cloud, **data))["web1"]["ssh_user"] == "ubuntu"
    assert time.monotonic() - began < 8  # the trap itself holds a login for ten seconds
    assert site.refusal(at(cloud, bootstrap_user="root", **data))[0].startswith(
        f"site.py: host web1: no login with root rights succeeded: sysop is refused (offered {paths.key_file()}); root "
        'logs in but may not run commands (the host says: log in as "ubuntu"; set bootstrap_user = "ubuntu"). Try: '
    )


def test_a_password_logs_in_and_serves_sudo_without_being_shown(site: Site, cloud: hosts.Host) -> None:
    site.environment["FIRST"] = PASSWORD
    data = {
        "bootstrap_user": "ubuntu",
        "bootstrap_password": {"env": "FIRST"},
        "ssh_key": str(stranger(site.home)),
    }
    done = site.pyinfra(at(cloud, **data))
    (login,) = json.loads(done.stdout)
    assert (login["data"]["ssh_user"], login["data"]["_sudo"]) == ("ubuntu", True)
    ran = site.pyinfra(at(cloud, **data), "exec", "--", "id -un")
    assert (ran.returncode, "[web1] root" in ran.stdout + ran.stderr) == (0, True), ran.stderr
    assert accepted(cloud)[-1].startswith("Accepted password for ubuntu")
    for text in (done.stdout, done.stderr, ran.stdout, ran.stderr):
        assert PASSWORD not in text


def test_what_is_wrong_with_a_password_is_told(site: Site, cloud: hosts.Host) -> None:
    site.environment["FIRST"] = "wrong"
    wrong = {"bootstrap_user": "ubuntu", "bootstrap_password": {"env": "FIRST"}}
    strange = stranger(site.home)
    machines = {
        "absent": at(cloud, bootstrap_user="ubuntu")["web1"],
        "sudo": at(cloud, **wrong)["web1"],
        "login": at(cloud, **wrong, ssh_key=str(strange))["web1"],
    }
    key, try_ = paths.key_file(), f"Try: ssh -v -p 22 ubuntu@{cloud.address}"
    nobody = "no login with root rights succeeded: sysop is refused"
    assert site.refusal(machines) == [
        f"site.py: host absent: {nobody} (offered {key}); ubuntu needs a password for sudo, and none is set "
        f"(bootstrap_password, admin_password). {try_}",
        f"site.py: host sudo: {nobody} (offered {key}); ubuntu rejected the configured sudo password. {try_}",
        f"site.py: host login: {nobody} (offered {strange}); ubuntu is refused (offered {strange}, the "
        f"password). {try_}",
        STOPPED,
    ]


def test_another_host_key_is_refused_until_the_printed_command_was_typed(site: Site, vps: hosts.Host) -> None:
    other = " ".join(stranger(site.home).with_suffix(".pub").read_text().split()[:2])
    (site.home / ".ssh").mkdir()
    site.known_hosts.write_text(f"{vps.address} {other}\n")
    told, stop = site.refusal(at(vps))
    assert told.startswith("site.py: host web1: host key has changed: expected ssh-ed25519 SHA256:")
    assert stop == STOPPED
    assert site.known_hosts.read_text() == f"{vps.address} {other}\n"
    typed = told.rpartition("type: ")[2]
    assert typed == f"ssh-keygen -R {vps.address} -f {site.known_hosts}"
    subprocess.run(shlex.split(typed), check=True, capture_output=True)
    assert site.logins(at(vps))["web1"]["ssh_user"] == "root"


def test_a_pinned_key_of_another_type_is_no_change(site: Site, vps: hosts.Host) -> None:
    (site.home / ".ssh").mkdir()
    site.known_hosts.write_text(f"{vps.address} {host_key(vps, 'rsa')}\n@cert-authority * {host_key(vps)}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", site.known_hosts], check=True, capture_output=True)
    before = site.known_hosts.read_text()
    done = site.pyinfra(at(vps), "exec", "--", "id -un")
    assert done.returncode == 0, done.stderr
    assert "first time" not in done.stderr
    assert site.known_hosts.read_text() == before


def encrypted(site: Site) -> Path:
    """The lab's key behind a passphrase, in the place where ssh looks for it."""
    file = site.home / ".ssh" / "id_ed25519"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(paths.key_file().read_bytes())
    file.chmod(0o600)
    subprocess.run(["ssh-keygen", "-qp", "-N", "secret", "-P", "", "-f", file], check=True)
    return file


def test_an_encrypted_key_needs_its_passphrase_or_an_agent(site: Site, vps: hosts.Host) -> None:
    file = encrypted(site)
    told = site.refusal(at(vps), key=False)[0]
    assert (
        f"sysop has no key or password to offer; root has no key or password to offer; {file} is encrypted"
        in told
    )
    assert f"ssh-add {file}. Try: " in told
    assert site.logins(at(vps, ssh_key_password="secret"), key=False)["web1"]["ssh_key"] == str(file)

    ask = site.home / "ask"
    ask.write_text("#!/bin/sh\necho secret\n")
    ask.chmod(0o700)
    agent = site.home / "agent.sock"
    with subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL) as running:
        while not agent.exists():
            time.sleep(0.01)
        site.environment["SSH_AUTH_SOCK"] = str(agent)
        add = {**site.environment, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", "-q", file], check=True, env=add)
        assert site.logins(at(vps), key=False)["web1"]["ssh_user"] == "root"
        file.unlink()  # the agent alone
        assert "ssh_key" not in site.logins(at(vps), key=False)["web1"]
        running.terminate()


def test_an_alias_behind_a_jump_host(site: Site, vps: hosts.Host, cloud: hosts.Host) -> None:
    site.config(
        f"Host gate\n HostName {vps.address}\n User root\n"
        f"Host inner\n HostName {cloud.address}\n User ubuntu\n ProxyJump gate\n"
        f"Host direct\n HostName {cloud.address}\n User ubuntu\n ProxyCommand ssh -i {paths.key_file()} "
        f"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -W %h:%p root@{vps.address}\n"
        f"Host *\n IdentityFile {paths.key_file()}\n"
    )
    site.environment["FIRST"] = PASSWORD
    for alias in ("inner", "direct"):
        machines = {alias: {"bootstrap_password": {"env": "FIRST"}}}
        before = len(accepted(cloud))
        done = site.pyinfra(machines, "exec", "--", "id -un", key=False)
        assert (done.returncode, f"[{alias}] root" in done.stdout + done.stderr) == (0, True), done.stderr
        (line,) = accepted(cloud)[before:]
        assert re.match(rf"Accepted publickey for ubuntu from {re.escape(vps.address)} ", line)
    login = site.logins({"inner": {"bootstrap_password": {"env": "FIRST"}}}, key=False)["inner"]
    assert (login["ssh_proxy_jump"], login["ssh_hostname"]) == ("gate", cloud.address)
    assert {line.split()[0] for line in site.known_hosts.read_text().splitlines()} == {
        vps.address,
        cloud.address,
    }


def test_a_jump_host_that_refuses_is_named(site: Site, vps: hosts.Host, cloud: hosts.Host) -> None:
    site.config(f"Host inner\n HostName {cloud.address}\n ProxyJump nobody@{vps.address}\n")
    told = site.refusal({"inner": {}}, key=False)[0]
    assert told == (
        f"site.py: host inner: is behind the jump host nobody@[{vps.address}], which failed (nobody@{vps.address}: "
        f"Permission denied (publickey,password).). Try: ssh -v -J 'nobody@[{vps.address}]' {cloud.address}"
    )


def test_the_wanted_port_is_used_as_soon_as_sshd_listens_there(site: Site, vps: hosts.Host) -> None:
    login = site.logins(at(vps, sshd_port=2222))["web1"]
    assert (login["ssh_port"], login["sshd_port"]) == (22, 2222)
    vps.exec("/usr/sbin/sshd -p 2222 -o PidFile=/run/sshd-2222.pid")
    done = site.pyinfra(at(vps, sshd_port=2222))
    login = json.loads(done.stdout)[0]["data"]
    assert (login["ssh_port"], login["sshd_port"]) == (2222, 2222)
    assert "first time" not in done.stderr  # the same key was seen on port 22
    assert site.known_hosts.read_text().splitlines()[1] == f"[{vps.address}]:2222 {host_key(vps)}"
    # Where the settings move on, the port that it was seen on last is tried as well.
    vps.exec("systemctl stop ssh; mkdir -p /run/sshd")
    try:
        login = site.logins(at(vps, sshd_port=2300))["web1"]
        assert (login["ssh_port"], login["sshd_port"]) == (2222, 2300)
    finally:
        vps.exec("systemctl start ssh; kill $(cat /run/sshd-2222.pid)")


def test_the_wanted_port_with_another_key_is_refused(site: Site, vps: hosts.Host) -> None:
    site.logins(at(vps))
    vps.exec("rm -f /run/k*; ssh-keygen -qt ed25519 -N '' -f /run/k")
    vps.exec(
        "/usr/sbin/sshd -p 2223 -h /run/k -o HostKeyAlgorithms=ssh-ed25519 -o PidFile=/run/sshd-2223.pid"
    )
    try:
        told = site.refusal(at(vps, sshd_port=2223))[0]
        assert "shows another host key on port 2223 than on the port it was pinned on" in told
        assert "2223" not in site.known_hosts.read_text()
    finally:
        vps.exec("kill $(cat /run/sshd-2223.pid)")


def test_all_troubles_are_told_at_once_and_nothing_is_run(site: Site, vps: hosts.Host) -> None:
    network = vps.address.rpartition(".")[0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def hang_up() -> None:
            connection = server.accept()[0]
            connection.sendall(b"220 not ssh\r\n")
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        machines = {
            "good": {"ssh_hostname": vps.address},
            "down": {"ssh_hostname": f"{network}.250"},
            "shut": {"ssh_hostname": vps.address, "sshd_port": 2323},
            "mail": {"ssh_hostname": "127.0.0.1", "ssh_port": port, "sshd_port": 22},
            "strange": {"ssh_hostname": vps.address, "ssh_key": str(stranger(site.home))},
        }
        vps.exec("rm -f /root/ran")
        done = site.pyinfra(machines, "exec", "--", "touch /root/ran")
    lines = [line for line in done.stderr.splitlines() if line.startswith(("site.py: ", "Nothing"))]
    assert done.returncode == 1
    assert [line.split()[2].rstrip(":") for line in lines[:-1]] == ["down", "mail", "strange"]
    assert re.match(rf"site.py: host down: is not reachable at {network}\.250: port 22 ", lines[0])
    assert lines[1].startswith(
        f"site.py: host mail: takes connections on port {port} but does not speak SSH ("
    )
    assert "root is refused (offered " in lines[2]
    assert lines[3] == (
        "Nothing was changed on any host; the other 2 can be logged in on. To go on without a host: --exclude NAME"
    )
    assert not (vps.root / "root/ran").exists()
    some = site.pyinfra(machines, "exec", "--limit", "good", "--", "touch /root/ran")
    assert some.returncode == 0, some.stderr
    assert (vps.root / "root/ran").exists()


PROBE = """
import sys
from provision.pyinfra_bridge.logins import probe_login
from pyinfra import host
from pyinfra.facts.server import Command
for user, port in (("root", 22), ("sysop", 22), ("root", 2999)):
    print("probe", probe_login(host, user, port), file=sys.stderr)
host.connector.client.close()
host.disconnect()
host.connect(raise_exceptions=True)
print("again", host.get_fact(Command, "id -un"), file=sys.stderr)
"""


def test_a_guard_can_log_in_afresh_and_a_lost_connection_is_made_again(site: Site, vps: hosts.Host) -> None:
    (site.home / "probe.py").write_text(PROBE)
    done = site.pyinfra(at(vps), "probe.py")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith(("probe", "again"))]
    assert said[0] == "probe None"
    assert said[1].startswith("probe no login with root rights succeeded: sysop is refused (offered ")
    assert said[2].startswith(f"probe is not reachable at {vps.address}: port 2999 is closed; ")
    assert said[3] == "again root"


def test_the_admin_is_preferred_over_one_connection_a_run(site: Site, vps: hosts.Host) -> None:
    """Last, for it makes the admin."""
    vps.exec("echo 'DebianBanner no' >/etc/ssh/sshd_config.d/00-harvest.conf; systemctl reload ssh")
    vps.exec(
        "useradd -m sysop -s /bin/bash; install -d -o sysop -g sysop -m 700 /home/sysop/.ssh; "
        "install -o sysop -g sysop -m 600 /root/.ssh/authorized_keys /home/sysop/.ssh/authorized_keys"
    )
    # A run that died before sudo was set up: root is still needed.
    assert site.logins(at(vps))["web1"]["ssh_user"] == "root"
    vps.exec("echo 'sysop ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/sysop")
    before = len(accepted(vps))
    done = site.pyinfra(at(vps), "exec", "--", "id -un")
    assert (done.returncode, "[web1] root" in done.stdout + done.stderr) == (0, True), done.stderr
    (line,) = accepted(vps)[before:]
    assert line.startswith("Accepted publickey for sysop")
