"""Real hosts: booted, logged in to, rebooted, taken down."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from lab import boot, cgroups, hosts, network, paths, processes, ssh
from lab.errors import LabError
from tests.lab.conftest import lab

pytestmark = pytest.mark.host
Hosts = dict[str, hosts.Host]
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def traces() -> list[str]:
    """Everything on this machine that belongs to this lab, apart from files below its directory."""
    name = paths.lab_id()
    found = [
        str(link)
        for pattern in (f"lab-{name}", f"vb-{name}*")
        for link in Path("/sys/class/net").glob(pattern)
    ]
    for command in (["iptables-save"], ["ip6tables-save"], ["cat", "/etc/hosts", "/proc/self/mounts"]):
        lines = ssh.run(command, check=True, timeout=10).stdout.splitlines()
        found += [line for line in lines if name in line or str(paths.lab_dir()) in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        if f"--machine={name}-".encode() in words:
            found.append(str(process))
    found += [str(group.parent) for group in cgroups.host_groups(name, "x") if group.parent.exists()]
    return found + [str(path) for path in Path("/run/systemd/nspawn/propagate").glob(f"{name}-*")]


def test_hosts_started_at_once_get_their_own_addresses_and_say_so(three: Hosts) -> None:
    assert len({host.address for host in three.values()}) == 3
    assert len({host.exec("cat /etc/machine-id").stdout for host in three.values()}) == 3
    assert len({host.exec("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout for host in three.values()}) == 3
    listed = json.loads(lab("list", "--json").stdout)
    assert {host["name"] for host in listed if host["running"]} >= set(three)


@pytest.mark.parametrize(
    ("name", "user", "suite"),
    [("l-vps", "root", "bookworm"), ("l-cloud", "ubuntu", "trixie"), ("l-pass", "ubuntu", "bookworm")],
)
def test_the_bootstrap_user_logs_in_to_the_suite_asked_for(
    three: Hosts, name: str, user: str, suite: str
) -> None:
    told = three[name].ssh("whoami; hostname -f; . /etc/os-release; echo $VERSION_CODENAME").stdout.split()
    assert told == [user, f"{name}.{paths.domain()}", suite]
    assert three[name].exec("systemctl is-system-running --wait", check=False).stdout.strip() == "running"


def test_the_record_has_what_an_inventory_needs(three: Hosts) -> None:
    record = json.loads((paths.host_dir("l-cloud") / "host.json").read_text())
    assert record["group"] == "harvest_nginx"
    assert record["settings"]["max_upload_mb"] == 7
    assert record["settings"]["tls"] == "off"
    assert record["settings"]["domain"] == record["fqdn"] == f"l-cloud.{paths.domain()}"
    assert record["settings"]["admin_keys"] == [Path(record["key_file"] + ".pub").read_text().strip()]
    assert json.loads((paths.host_dir("l-pass") / "host.json").read_text())["key_file"] is None


def test_names_resolve_on_the_controller_and_between_hosts(three: Hosts) -> None:
    for host in three.values():
        assert socket.gethostbyname(host.fqdn) == host.address
    assert socket.gethostbyname("api.l-vps.test") == three["l-vps"].address
    reach = f"import socket; print(socket.create_connection(('{three['l-cloud'].fqdn}', 22), 5).recv(4))"
    assert three["l-vps"].ssh(f'python3 -c "{reach}"').stdout == "b'SSH-'\n"
    assert ssh.banner(three["l-vps"].address6)


def test_the_outside_is_reached_through_nat(three: Hosts) -> None:
    three["l-vps"].ssh("apt-get update && apt-get install -y --no-install-recommends less", timeout=120)


def test_a_client_can_come_from_another_address(three: Hosts) -> None:
    other = network.other_address()
    seen = three["l-vps"].ssh("echo $SSH_CONNECTION", options=[f"BindAddress={other}"]).stdout.split()
    assert seen[0] == other
    assert three["l-vps"].ssh("echo $SSH_CONNECTION").stdout.split()[0] != other


def test_a_cloud_host_has_the_traps_of_a_cloud_image(three: Hosts) -> None:
    host = three["l-cloud"]
    refused = host.ssh("true", user="root", check=False)
    assert refused.returncode == 142
    assert refused.stdout == 'Please login as the user "ubuntu" rather than the user "root".\n\n'
    assert host.ssh("sudo -n id -u").stdout == "0\n"
    version = host.ssh("sudo --version 2>&1; /usr/sbin/visudo --version 2>&1").stdout
    assert "sudo-rs" in version
    assert "visudo version 0" in version
    assert "passwordauthentication yes" in host.exec("sshd -T").stdout
    enabled = host.exec("systemctl is-enabled ssh.socket ssh.service", check=False).stdout.split()
    assert enabled == ["enabled", "disabled"]
    assert host.ssh("cloud-init status --wait").stdout.endswith("status: done\n")


def test_a_cloud_host_holds_apts_locks_when_the_first_login_comes(own_lab: None) -> None:
    host = hosts.up("l-locks", suite="trixie", shape="cloud")
    try:
        assert "Could not get lock" in host.ssh("sudo apt-get update 2>&1", check=False).stdout
        assert host.ssh("cloud-init status").stdout == "status: running\n"
        began = time.monotonic()
        while host.ssh("sudo dpkg --configure -a", check=False).returncode != 0:
            assert time.monotonic() < began + 20
            time.sleep(0.2)
        assert host.ssh("cloud-init status").stdout == "status: done\n"
    finally:
        host.down()


def test_a_password_logs_in_and_sudo_asks_for_it(three: Hosts) -> None:
    host = three["l-pass"]
    assert host.ssh("whoami", password="wrong", check=False).returncode == 255
    assert host.ssh("sudo -n true", check=False).returncode == 1
    assert host.ssh('echo "pass word\'1" | sudo -S id -u').stdout == "0\n"


def test_a_reboot_comes_back_as_another_boot(three: Hosts) -> None:
    for name in ("l-vps", "l-cloud"):
        before = three[name].ssh(BOOT_ID).stdout
        three[name].reboot()
        assert three[name].ssh(BOOT_ID).stdout != before
    # A reboot from inside, through the command.
    assert lab("ssh", "l-vps", "--", "systemctl reboot").returncode in (0, 255)
    deadline = time.monotonic() + 30
    generation = boot.generation("l-vps")
    while boot.generation("l-vps") == generation and time.monotonic() < deadline:
        time.sleep(0.05)
    three["l-vps"].wait()


def test_a_host_is_entered_when_ssh_is_shut(three: Hosts) -> None:
    host = three["l-vps"]
    host.exec("systemctl stop ssh")
    assert ssh.banner(host.address) is None
    assert host.exec("id -u; hostname").stdout == "0\nl-vps\n"
    host.exec("systemctl start ssh")
    host.wait()


def test_up_of_a_running_host_changes_nothing_but_what_is_asked(three: Hosts) -> None:
    before = three["l-vps"].ssh(BOOT_ID).stdout
    began = time.monotonic()
    done = lab("up", "l-vps", "--set", "sshd_port=22")
    assert done.returncode == 0
    assert time.monotonic() - began < 2
    assert hosts.find("l-vps").record.settings["sshd_port"] == 22
    assert three["l-vps"].ssh(BOOT_ID).stdout == before
    other = lab("up", "l-vps", "--suite", "trixie")
    assert other.returncode == 2
    assert other.stderr == "lab: l-vps is bookworm/vps already: `--fresh` rebuilds it.\n"


def test_a_host_that_is_kept_comes_back_as_it_was_and_a_fresh_one_does_not(three: Hosts) -> None:
    host = three["l-pass"]
    host.exec("touch /root/kept && sync")
    host.down(keep=True)
    with pytest.raises(LabError, match="does not run"):
        host.exec("true")
    again = hosts.up("l-pass")
    assert again.address == host.address
    assert again.exec("test -e /root/kept", check=False).returncode == 0
    known = paths.known_hosts()
    known.write_text(f"[{host.address}]:22 ssh-ed25519 AAAA\nelsewhere ssh-ed25519 BBBB\n")
    fresh = hosts.up("l-pass", suite="bookworm", fresh=True)
    assert fresh.exec("test -e /root/kept", check=False).returncode == 1
    assert known.read_text() == "elsewhere ssh-ed25519 BBBB\n"


def test_errors_are_one_sentence_and_exit_2(own_lab: None) -> None:
    for arguments, sentence in {
        ("up", "Bad_Name"): "cannot name a host",
        ("up", "l-x", "--suite", "woody"): "Unknown suite 'woody'",
        ("up", "l-x", "--no-key"): "needs a password",
        ("down",): "Say which hosts",
        ("ssh", "l-nobody"): "has no host 'l-nobody'",
    }.items():
        done = lab(*arguments)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1


def test_down_leaves_nothing_behind_even_after_a_crash(three: Hosts) -> None:
    others = [link for link in Path("/sys/class/net").glob("lab-*") if link.name != f"lab-{paths.lab_id()}"]
    first_state = network.SAVED_FORWARD.read_text()
    assert traces()
    for file in (boot.supervisor_file("l-vps"), boot.nspawn_file("l-cloud")):
        pid = processes.recorded(file)
        assert pid
        os.kill(pid, signal.SIGKILL)
    assert lab("down", "l-vps").returncode == 0
    assert not paths.host_dir("l-vps").exists()
    assert three["l-pass"].running
    assert lab("down", "--all").returncode == 0
    assert traces() == []
    assert hosts.all_hosts() == []
    assert not paths.hosts_dir().exists() or not list(paths.hosts_dir().iterdir())
    if not others:
        assert network.IP_FORWARD.read_text() == first_state
        assert not network.SAVED_FORWARD.exists()
