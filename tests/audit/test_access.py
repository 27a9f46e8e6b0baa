"""SSH access: sshd's effective values, accounts, sudo, UFW, and listening sockets."""

import re
from typing import Any

import pytest

from provision.operations.access.ufw import Firewall, openings
from provision.settings.instances import Instance
from provision.settings.model import Settings
from tests.audit.checks import ACCESS, check


@check("ssh.{keyword}", "sshd's {keyword} is {value}", severity="high", mends=ACCESS)
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("passwordauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("permitrootlogin", "no"),
        ("pubkeyauthentication", "yes"),
        ("permitemptypasswords", "no"),
        ("x11forwarding", "no"),
        ("authorizedkeysfile", ".ssh/authorized_keys"),
        ("authorizedkeyscommand", "/usr/bin/true"),
        ("authorizedprincipalsfile", "none"),
        ("authorizedprincipalscommand", "none"),
        ("trustedusercakeys", "none"),
    ],
)
def test_sshd_effective_value(run: Any, keyword: str, value: str) -> None:
    effective = dict(line.split(" ", 1) for line in run("sshd -T").splitlines() if " " in line)
    assert effective[keyword] == value


# What a Match block may not set: for the logins that it matches, its values win over ours.
DECIDES = re.compile(
    r"(permitrootlogin|permitemptypasswords|passwordauthentication|kbdinteractiveauthentication|gssapiauthentication"
    r"|hostbasedauthentication|authenticationmethods|allowgroups|allowusers|authorizedkeys\w+|authorizedprincipals\w+"
    r"|trustedusercakeys)\b",
    re.IGNORECASE,
)


@check("ssh.match-blocks", "no Match block of sshd weakens authentication", severity="high")
def test_no_match_block_of_sshd_weakens_authentication(run: Any) -> None:
    for path in run("ls /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf").split():
        _, *blocks = re.split(r"(?im)^\s*match\s", run(f"cat {path}"))
        assert not [line for block in blocks for line in block.split("\n") if DECIDES.match(line.strip())], (
            path
        )


@check("ssh.port", "sshd listens on sshd_port alone", severity="high", mends=ACCESS)
def test_sshd_listens_on_sshd_port_only(run: Any, settings: Settings) -> None:
    assert {port for _, port, name in listening(run) if "ssh" in name or name == "systemd:ssh"} <= {
        settings.sshd_port
    }
    assert settings.sshd_port in {port for _, port, _ in listening(run)}


def listening(run: Any) -> list[tuple[str, int, str]]:
    """(address, port, process) of every listening TCP socket."""
    found = []
    for line in run("ss -Hltnp").splitlines():
        words = line.split()
        address, _, port = words[3].rpartition(":")
        name = re.search(r'\(\("([^"]+)"', line)
        found.append((address, int(port), name.group(1) if name else ""))
    return found


def others(settings: Settings, protocol: str) -> set[int]:
    """Ports that firewall_allow opens next to HARVEST's."""
    opened = openings(Firewall((), settings.firewall_allow))
    return {int(port) for port, its, _ in opened if its == protocol}


@check(
    "firewall.tcp-listeners",
    "no program listens on TCP beyond loopback but on the open ports",
    severity="high",
)
def test_only_open_ports_listen_beyond_loopback(run: Any, settings: Settings) -> None:
    beyond = {(a, p, n) for a, p, n in listening(run) if not a.startswith(("127.", "[::1]", "[::ffff:127."))}
    allowed = {*settings.open_ports, *others(settings, "tcp")}
    assert not [entry for entry in beyond if entry[1] not in allowed], beyond


# DHCP clients of both families, and time clients, which hear the answer on the port that they ask from.
DATAGRAMS, CLOCKS = {68, 546}, ("chronyd", "ntpd", "systemd-timesyn")


@check("firewall.udp-listeners", "no program listens on UDP beyond loopback but DHCP and time clients")
def test_only_dhcp_and_time_clients_listen_on_udp(run: Any, settings: Settings) -> None:
    found = []
    for line in run("ss -Hlunp").splitlines():
        address, _, port = line.split()[3].rpartition(":")
        loopback = address.startswith(("127.", "[::1]")) or address.endswith("%lo")
        known = DATAGRAMS | others(settings, "udp")
        if not loopback and int(port) not in known and not any(f'"{name}"' in line for name in CLOCKS):
            found.append(line)
    assert found == []


@check(
    "firewall.internal-ports",
    "HARVEST's internal ports listen on loopback alone",
    severity="high",
    mends="install units",
)
def test_ports_behind_nginx_listen_on_loopback_only(run: Any, settings: Settings, instance: Instance) -> None:
    found: dict[int, set[str]] = {port: set() for port in internal_ports(settings, instance)}
    for address, port, _ in listening(run):
        found.get(port, set()).add(address)
    assert found == {port: {"127.0.0.1"} for port in found}, found


def internal_ports(settings: Settings, instance: Instance) -> list[int]:
    """The instance's ports that nobody but this host may reach."""
    return [port for port in instance.ports if port not in settings.open_ports]


@check(
    "firewall.active",
    "UFW is active, denies by default, and the kernel runs its rules",
    severity="high",
    mends=ACCESS,
)
def test_ufw_is_active_and_denies_by_default(run: Any) -> None:
    said = run("ufw status verbose")
    assert "Status: active" in said
    assert "Default: deny (incoming), allow (outgoing), " in said
    # UFW reports its configuration; whether the kernel runs its chains is another matter.
    for tool, chain in (("iptables", "ufw-before-input"), ("ip6tables", "ufw6-before-input")):
        rules = run(f"{tool} -S INPUT").splitlines()
        assert "-P INPUT DROP" in rules
        assert f"-A INPUT -j {chain}" in rules


@check("firewall.rules", "UFW allows exactly the ports that the settings open", severity="high", mends=ACCESS)
def test_ufw_allows_exactly_the_open_ports(run: Any, settings: Settings) -> None:
    rules = [
        " ".join(line.split()) for line in run("ufw status").splitlines() if re.search(" (ALLOW|DENY) ", line)
    ]
    openings = [*(f"{port}/tcp" for port in settings.open_ports), *settings.firewall_allow]
    sourced = {opening.replace(" from ", " ALLOW ") for opening in openings if " from " in opening}
    anywhere = [opening for opening in openings if " from " not in opening]
    both = {
        rule for each in anywhere for rule in (f"{each} ALLOW Anywhere", f"{each} (v6) ALLOW Anywhere (v6)")
    }
    extra, missing = set(rules) - sourced - both, (sourced | both) - set(rules)
    assert (extra, missing) == (set(), set()), f"not in the settings: {extra}; missing: {missing}"


@check(
    "ssh.admin-keys",
    "the admin's authorized keys are exactly those of the settings",
    severity="high",
    mends=ACCESS,
)
def test_authorized_keys_hold_exactly_admin_keys(host: Any, settings: Settings) -> None:
    home = host.user(settings.admin_user).home
    file = host.file(f"{home}/.ssh/authorized_keys")
    assert (file.user, file.mode) == (settings.admin_user, 0o600)
    assert tuple(file.content_string.splitlines()) == settings.admin_keys


@check("accounts.sudo", "sudo asks the admin as admin_sudo says", severity="high", mends=ACCESS)
def test_sudo_of_the_admin_is_as_admin_sudo_says(host: Any, run: Any, settings: Settings) -> None:
    said = run(f"sudo -l -U {settings.admin_user}")
    assert ("NOPASSWD: ALL" in said) == (settings.admin_sudo == "nopasswd")
    assert "ALL" in said


@check(
    "accounts.logins",
    "the admin alone can log in, and root alone has uid 0",
    severity="high",
    mends=ACCESS,
)
def test_only_the_admin_can_log_in_and_only_root_has_uid_0(run: Any, settings: Settings) -> None:
    """sshd asks for the group; an account is in it by the group file, or because it is the account's own."""
    effective = dict(line.split(" ", 1) for line in run("sshd -T").splitlines() if " " in line)
    accounts = [line.split(":") for line in run("getent passwd").splitlines()]
    _, _, number, members = run(f"getent group {effective['allowgroups']}").strip().split(":")
    own = {fields[0] for fields in accounts if fields[3] == number}
    assert {*members.split(","), *own} == {settings.admin_user}
    assert {fields[0] for fields in accounts if fields[2] == "0"} == {"root"}
