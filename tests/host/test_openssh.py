"""The operator's OpenSSH configuration on a real sshd: we log in where, as whom and by which keys `ssh -v` does, and
accept or refuse the same host keys."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import testinfra

from lab import hosts, paths
from provision.login.keys import keys_for
from provision.login.known_hosts import HostKey
from provision.login.openssh import NoLogin
from provision.login.probe import log_in
from provision.login.target import target_for
from tests.audit.conftest import ssh_config, url_name
from tests.host.runs import BIN, REPO

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("g-openssh")]


@pytest.fixture(scope="module")
def vps() -> Iterator[hosts.Host]:
    """A host with a second sshd, on port 2222, that shows a certificate of its host key."""
    host = hosts.up("g-openssh", suite="bookworm", shape="vps", fresh=True)
    host.exec(
        "cd /etc/ssh && ssh-keygen -qt ed25519 -N '' -f ca && cp ssh_host_ed25519_key.pub certified.pub && "
        "ssh-keygen -qs ca -h -I host -n certified,10.0.0.0 certified.pub && "
        "/usr/sbin/sshd -p 2222 -o HostCertificate=/etc/ssh/certified-cert.pub -o PidFile=/run/sshd-2222.pid"
    )
    yield host
    if not os.environ.get("KEEP_HOSTS"):
        host.down()


@dataclass
class Operator:
    """A home with keys and an agent. `read` completes a configuration with what is known of the host."""

    home: Path
    vps: hosts.Host

    def read(self, config: str) -> Path:
        def key(name: str) -> str:
            return " ".join((self.vps.root / f"etc/ssh/{name}.pub").read_text().split()[:2])

        for name, line in {
            "right": f"{self.vps.address},certified,[{self.vps.address}]:2222 {key('ssh_host_ed25519_key')}",
            "rsa": f"{self.vps.address} {key('ssh_host_rsa_key')}",
            "wrong": f"*,[*]:2222 {key('ca')}",
            "revoked": f"@revoked * {key('ssh_host_ed25519_key')}\n* {key('ssh_host_ed25519_key')}",
            "authority": f"@cert-authority certified {key('ca')}",
            "other-authority": f"@cert-authority certified {key('ssh_host_rsa_key')}",
            "compute.123": f"compute.123 {key('ssh_host_ed25519_key')}",
            "My Keys": f"{self.vps.address} {key('ssh_host_ed25519_key')}",
            "revoked.pub": key("ssh_host_ed25519_key"),
            "hashed": f"{self.vps.address} {key('ssh_host_ed25519_key')}",
        }.items():
            (self.home / name).write_text(line + "\n")
        subprocess.run(["ssh-keygen", "-qH", "-f", self.home / "hashed"], check=True, capture_output=True)
        file = self.home / f"config-{abs(hash(config))}"
        address = f"  HostName {self.vps.address}\n  User root\n"
        usual = f"Host *\n  IdentityFile {self.home}/key\n  UserKnownHostsFile {self.home}/right\n"
        usual += "  StrictHostKeyChecking yes\n  GlobalKnownHostsFile none\n"
        text = config.format(home=self.home, address=address, ip=self.vps.address, ip6=self.vps.address6)
        file.write_text(text + usual)
        return file


@pytest.fixture
def operator(tmp_path: Path, vps: hosts.Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(paths.key_file(), tmp_path / "key")
    shutil.copy(paths.key_file().with_suffix(".pub"), tmp_path / "work.pub")
    (tmp_path / "key").chmod(0o600)
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    agent = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL) as running:
        while not agent.exists():
            time.sleep(0.01)
        here = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
        for key in ("stranger", "key"):
            subprocess.run(["ssh-add", "-q", tmp_path / key], check=True, env=here)
        monkeypatch.setenv("MY_SOCK", str(agent))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield Operator(tmp_path, vps)
        running.terminate()


@dataclass
class Seen:
    """What became of a login: user, port and address; fingerprints of the keys offered; None where it failed."""

    place: tuple[str, str, int] | None
    offered: list[str]


FAILURES = ("Host key verification failed", "Permission denied", "Address family for hostname")
"""Why ssh's own login fails here: as the test means it to."""


def by_ssh(file: Path, host: str) -> Seen:
    command = ["ssh", "-v", "-F", str(file), "-o", "BatchMode=yes", host, "true"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    # Behind jump hosts the last login is the one that counts.
    offered = re.findall(
        r"Offering public key: .* (SHA256:\S+)", done.stderr.rpartition("Authenticating to ")[2]
    )
    place = re.findall(r"Authenticating to (\S+):(\d+) as '(\S+)'", done.stderr)
    if done.returncode:
        assert any(words in done.stderr for words in FAILURES), done.stderr
        return Seen(None, offered)
    address, port, user = place[-1]
    return Seen((user, address, int(port)), offered)


def by_us(file: Path, host: str) -> Seen:
    target = target_for(host, {"ssh_config_file": str(file)}, None)
    keys, _ = keys_for(target, target.users[0])
    offered = [HostKey("", base64.b64encode(key.blob or b"").decode()).fingerprint for key in keys]
    try:
        login = log_in(target)
    except NoLogin:
        return Seen(None, offered)
    login.link.close()
    return Seen((login.user, target.address, login.link.port), offered)


PLACES = {
    "another Match Host above": "Match Host old\n  HostName 192.0.2.1\nHost web1\n{address}",
    "exec": 'Match host web1 exec "true"\n  Port 2222\nHost web1\n{address}',
    "final": "Match final host {ip}\n  Port 2222\nHost web1\n{address}",
    "a port by name": "Host web1\n  Port ssh\n{address}",
    "IPv6": "Host web1\n  HostName {ip6}\n  HostKeyAlias certified\n  User root\n",
    "IPv6 alone, to a host of IPv4": "Host web1\n  AddressFamily inet6\n{address}",
    "agent of a variable, public key alone": "Host web1\n  IdentityAgent $MY_SOCK\n  IdentitiesOnly yes\n"
    "  IdentityFile {home}/work.pub\n{address}",
    "agent with more keys": "Host web1\n  IdentityAgent $MY_SOCK\n{address}",
    "no agent, two files": "Host web1\n  IdentityAgent none\n  IdentityFile {home}/stranger\n{address}",
    "keys of one user": "Match user root\n  IdentityFile {home}/stranger\nHost web1\n{address}",
    "nobody's key": "Host web1\n  PubkeyAuthentication no\n{address}",
    "jump host with a jump host of its own": "Host web1\n  ProxyJump ssh://root@gate:2222\n{address}"
    "Host gate\n  HostName {ip}\n  ProxyJump outer\nHost outer\n{address}",
    "proxy command with a pipe": "Host web1\n  ProxyCommand cat | ssh -F none -i {home}/key -o "
    "UserKnownHostsFile={home}/right -W %h:%p root@{ip} | cat\n{address}",
}
KEYS = {
    "right": "Host web1\n{address}",
    "wrong": "Host web1\n  UserKnownHostsFile {home}/wrong\n{address}",
    "of another type": "Host web1\n  UserKnownHostsFile {home}/rsa\n{address}",
    "hashed": "Host web1\n  UserKnownHostsFile {home}/hashed\n{address}",
    "none": "Host web1\n  UserKnownHostsFile none\n{address}",
    "revoked": "Host web1\n  UserKnownHostsFile {home}/revoked\n{address}",
    "revoked by a file": "Host web1\n  RevokedHostKeys {home}/revoked.pub\n{address}",
    "others revoked by a file": "Host web1\n  RevokedHostKeys {home}/work.pub\n{address}",
    "no such list of revoked keys": "Host web1\n  RevokedHostKeys {home}/absent\n{address}",
    "algorithms": "Host web1\n  HostKeyAlgorithms ssh-ed25519\n  Ciphers aes128-ctr\n{address}",
    "algorithms of another key": "Host web1\n  HostKeyAlgorithms rsa-sha2-512\n{address}",
    "by port": "Host web1\n  Port 2222\n{address}",
    "alias": "Host web1\n  HostKeyAlias compute.123\n  UserKnownHostsFile {home}/%k\n{address}",
    "alias, another key": "Host web1\n  HostKeyAlias compute.123\n  UserKnownHostsFile {home}/wrong\n{address}",
    "quotes and blanks": 'Host web1\n  UserKnownHostsFile "{home}/My Keys" {home}/absent\n{address}',
    "Vagrant": "Host web1\n  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n{address}",
    "authority": "Host web1\n  HostKeyAlias certified\n  Port 2222\n  UserKnownHostsFile {home}/authority\n{address}",
    "another authority": "Host web1\n  HostKeyAlias certified\n  Port 2222\n"
    "  UserKnownHostsFile {home}/other-authority\n{address}",
    "authority, no certificate": "Host web1\n  HostKeyAlias certified\n"
    "  UserKnownHostsFile {home}/authority\n{address}",
}


@pytest.mark.parametrize("config", PLACES.values(), ids=PLACES.keys())
def test_the_login_is_the_one_of_ssh(operator: Operator, config: str) -> None:
    file = operator.read(config)
    ssh, ours = by_ssh(file, "web1"), by_us(file, "web1")
    assert ours.place == ssh.place
    assert ours.offered[: len(ssh.offered)] == ssh.offered


@pytest.mark.parametrize("config", KEYS.values(), ids=KEYS.keys())
def test_host_keys_are_accepted_and_refused_as_by_ssh(operator: Operator, config: str) -> None:
    file = operator.read(config)
    ssh, ours = by_ssh(file, "web1"), by_us(file, "web1")
    assert ours.place == ssh.place


def accepted(vps: hosts.Host) -> int:
    return vps.exec("journalctl --sync; journalctl -q -o cat -t sshd").stdout.count("Accepted publickey")


def test_a_jump_host_is_passed_through_its_own_jump_host(operator: Operator, vps: hosts.Host) -> None:
    file = operator.read(PLACES["jump host with a jump host of its own"])
    before = accepted(vps)
    by_us(file, "web1")
    assert accepted(vps) - before == 3


def test_jump_hosts_are_pinned_at_first_sight_and_told(
    operator: Operator, vps: hosts.Host, capsys: pytest.CaptureFixture[str]
) -> None:
    config = "Host web1\n  ProxyJump gate\n{address}Host gate\n  UserKnownHostsFile {home}/new\n  Port 2222\n{address}"
    file = operator.read(config)
    file.write_text(file.read_text().replace("  StrictHostKeyChecking yes\n", ""))
    assert by_us(file, "web1").place is not None
    assert f"[{vps.address}]:2222" in (operator.home / "new").read_text()
    assert "host web1: a jump host is seen for the first time: ssh pinned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            "Host web1\n  ProxyJump nobody@{ip}\n{address}",
            r"is behind the jump host nobody@\[[\d.]+\], which failed \(nobody@[\d.]+: Permission denied \(publickey",
        ),
        (
            "Host web1\n  ProxyJump gate\nHost *\n  UserKnownHostsFile {home}/wrong\n{address}",
            r"is behind the jump host gate, which failed \(.*Host key verification failed",
        ),
        (
            "Host web1\n  ProxyJump gate\n  Port 2999\n{address}Host gate\n  Port 2222\n{address}",
            r"is not reachable at [\d.]+ through gate: port 2999 cannot be reached \(.*[Cc]onnection refused",
        ),
        (
            "Host web1\n  ProxyCommand echo no way >&2\n{address}",
            r"is behind the proxy command `echo no way >&2`, which failed \(no way\). Try: echo no way >&2",
        ),
        (
            "Host web1\n  UserKnownHostsFile {home}/other-authority\n  HostKeyAlias certified\n  Port 2222\n{address}",
            "proves its key by no certificate of an @cert-authority, and StrictHostKeyChecking is yes",
        ),
    ],
)
def test_what_stands_in_the_way_is_told_in_one_sentence(operator: Operator, config: str, told: str) -> None:
    target = target_for("web1", {"ssh_config_file": str(operator.read(config)), "ssh_port": 0}, None)
    with pytest.raises(NoLogin, match=told):
        log_in(replace(target, ports=target.ports[:1]))


def test_what_an_authority_proves_is_pinned_for_the_next_run(operator: Operator, vps: hosts.Host) -> None:
    file = operator.read(KEYS["authority"])
    for text in ("@cert-authority certified ", "\ncertified ssh-ed25519 "):
        assert by_us(file, "web1").place is not None
        assert text in "\n" + (operator.home / "authority").read_text()


AUDITED = {
    "Vagrant": ("web1", KEYS["Vagrant"]),
    "alias": ("web1", KEYS["alias"]),
    "quotes and blanks": ("web1", KEYS["quotes and blanks"]),
    "IPv6": ("ip6", "Host *\n  User root\n  HostKeyAlias certified\n"),
    "agent": ("web1", PLACES["agent of a variable, public key alone"]),
    "jump": ("web1", PLACES["jump host with a jump host of its own"]),
    "proxy command": ("web1", PLACES["proxy command with a pipe"]),
    "another name": ("alias", "Host alias\n  Port 2222\n{address}"),
}


@pytest.mark.parametrize(("name", "config"), AUDITED.values(), ids=AUDITED.keys())
def test_the_audit_logs_in_as_the_run_does(operator: Operator, name: str, config: str) -> None:
    name = operator.vps.address6 if name == "ip6" else name
    data: dict[str, Any] = {"ssh_config_file": str(operator.read(config))}
    login = log_in(target_for(name, data, None))
    data |= login.data()
    login.link.close()
    alias = url_name(name, ())
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:  # a socket's path must be short
        file = Path(folder, alias)
        file.write_text(ssh_config(alias, name, data, Path(folder)))
        host = testinfra.get_host(f"ssh://{alias}?ssh_config={file}")
        assert host.check_output("id -un") == "root"
        subprocess.run(["ssh", "-F", file, "-O", "exit", alias], capture_output=True, check=True)


def test_an_inventory_may_name_ipv6_addresses(operator: Operator, vps: hosts.Host) -> None:
    data = {"mode": "internal", "admin_user": "sysop", "ssh_key": str(operator.home / "key")}
    data |= {"admin_keys": [(operator.home / "work.pub").read_text().strip()]}
    hosts_ = [(vps.address6, data), ("web1", {**data, "ssh_hostname": f"[{vps.address6}]"})]
    text = f"harvest_internal = {hosts_!r}\nfrom provision.inventory import resolve\nresolve(globals())\n"
    (operator.home / "site.py").write_text(text)
    done = subprocess.run(
        [BIN / "pyinfra", "site.py", "-y", "debug-inventory", "--json"],
        cwd=operator.home,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [each["data"]["ssh_hostname"] for each in json.loads(done.stdout)] == [vps.address6] * 2
    assert f"{vps.address6} ssh-ed25519 " in (operator.home / ".ssh/known_hosts").read_text()
