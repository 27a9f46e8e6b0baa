"""Who gets in: sshd's effective values, accounts, sudo, UFW, and what listens."""

import re
import socket
from typing import Any

import pytest

from provision.operations.access.ufw import Firewall, openings
from provision.settings.model import Settings


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
def test_sshd_effectively_says(run: Any, keyword: str, value: str) -> None:
    effective = dict(line.split(" ", 1) for line in run("sshd -T").splitlines() if " " in line)
    assert effective[keyword] == value


# What a Match block may not set: its values win over ours for those whom it matches.
DECIDES = re.compile(
    r"(permitrootlogin|permitemptypasswords|passwordauthentication|kbdinteractiveauthentication|gssapiauthentication"
    r"|hostbasedauthentication|authenticationmethods|allowgroups|allowusers|authorizedkeys\w+|authorizedprincipals\w+"
    r"|trustedusercakeys)\b",
    re.IGNORECASE,
)


def test_no_match_block_of_sshd_s_lets_anybody_else_in(run: Any) -> None:
    for path in run("ls /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf").split():
        _, *blocks = re.split(r"(?im)^\s*match\s", run(f"cat {path}"))
        assert not [line for block in blocks for line in block.split("\n") if DECIDES.match(line.strip())], (
            path
        )


def test_sshd_listens_where_the_settings_say_and_nowhere_else(run: Any, settings: Settings) -> None:
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
    """Ports that the settings open beside HARVEST's."""
    opened = openings(Firewall((), settings.firewall_allow))
    return {int(port) for port, its, _ in opened if its == protocol}


def test_nothing_listens_to_the_world_but_what_the_mode_needs(run: Any, settings: Settings) -> None:
    beyond = {(a, p, n) for a, p, n in listening(run) if not a.startswith(("127.", "[::1]", "[::ffff:127."))}
    allowed = {*settings.open_ports, *others(settings, "tcp")}
    assert not [entry for entry in beyond if entry[1] not in allowed], beyond


# DHCP's clients of both families, and the clock's, which ask from a port and hear the answer there.
DATAGRAMS, CLOCKS = {68, 546}, ("chronyd", "ntpd", "systemd-timesyn")


def test_nothing_listens_for_datagrams_but_dhcp_and_the_clock(run: Any, settings: Settings) -> None:
    found = []
    for line in run("ss -Hlunp").splitlines():
        address, _, port = line.split()[3].rpartition(":")
        loopback = address.startswith(("127.", "[::1]")) or address.endswith("%lo")
        known = DATAGRAMS | others(settings, "udp")
        if not loopback and int(port) not in known and not any(f'"{name}"' in line for name in CLOCKS):
            found.append(line)
    assert found == []


def test_the_backend_listens_on_loopback_only(run: Any, settings: Settings) -> None:
    for port in settings.backend_ports:
        assert {a for a, p, _ in listening(run) if p == port} == {"127.0.0.1"}


def test_the_backend_cannot_be_reached_from_here(address: str, settings: Settings) -> None:
    for port in settings.backend_ports:
        with pytest.raises(OSError, match=r".*"):
            socket.create_connection((address, port), timeout=2).close()


def test_ufw_is_active_and_denies_by_default(run: Any) -> None:
    said = run("ufw status verbose")
    assert "Status: active" in said
    assert "Default: deny (incoming), allow (outgoing), " in said
    # What UFW says is what it was told; whether the kernel asks it is another matter.
    for tool, chain in (("iptables", "ufw-before-input"), ("ip6tables", "ufw6-before-input")):
        rules = run(f"{tool} -S INPUT").splitlines()
        assert "-P INPUT DROP" in rules
        assert f"-A INPUT -j {chain}" in rules


def test_ufw_opens_exactly_what_the_settings_need(run: Any, settings: Settings) -> None:
    rules = [
        " ".join(line.split()) for line in run("ufw status").splitlines() if re.search(" (ALLOW|DENY) ", line)
    ]
    openings = [*(f"{port}/tcp" for port in settings.open_ports), *settings.firewall_allow]
    sourced = {opening.replace(" from ", " ALLOW ") for opening in openings if " from " in opening}
    anywhere = [opening for opening in openings if " from " not in opening]
    both = {
        rule for each in anywhere for rule in (f"{each} ALLOW Anywhere", f"{each} (v6) ALLOW Anywhere (v6)")
    }
    assert set(rules) == sourced | both


def test_the_admin_has_exactly_the_keys_of_the_settings(host: Any, settings: Settings) -> None:
    home = host.user(settings.admin_user).home
    file = host.file(f"{home}/.ssh/authorized_keys")
    assert (file.user, file.mode) == (settings.admin_user, 0o600)
    assert tuple(file.content_string.splitlines()) == settings.admin_keys


def test_the_admin_may_sudo(host: Any, run: Any, settings: Settings) -> None:
    said = run(f"sudo -l -U {settings.admin_user}")
    assert ("NOPASSWD: ALL" in said) == (settings.admin_sudo == "nopasswd")
    assert "ALL" in said


def test_nobody_but_the_admin_may_log_in_and_nobody_but_root_is_root(run: Any, settings: Settings) -> None:
    """sshd asks for the group; an account is in it by the group file, or because it is the account's own."""
    effective = dict(line.split(" ", 1) for line in run("sshd -T").splitlines() if " " in line)
    accounts = [line.split(":") for line in run("getent passwd").splitlines()]
    _, _, number, members = run(f"getent group {effective['allowgroups']}").strip().split(":")
    own = {fields[0] for fields in accounts if fields[3] == number}
    assert {*members.split(","), *own} == {settings.admin_user}
    assert {fields[0] for fields in accounts if fields[2] == "0"} == {"root"}
