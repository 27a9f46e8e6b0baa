"""From data, settings and ~/.ssh/config to who is tried, where, and with what."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.login.target import Target, target_for
from provision.settings.model import settings_from

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS me"
BASE = {"mode": "internal", "admin_user": "sysop", "admin_keys": [KEY]}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def target(
    name: str = "web1", override: dict[str, Any] | None = None, config: str = "", **data: Any
) -> Target:
    data = {**BASE, **data}
    if config:
        # An answer of ssh is remembered by the file's name.
        data["ssh_config_file"] = str(Path.home() / f"config-{abs(hash(config))}")
        Path(data["ssh_config_file"]).write_text(config)
    return target_for(name, data, settings_from(data), override)


def test_the_admin_is_tried_first_then_root_on_port_22() -> None:
    found = target()
    assert (found.address, found.users, found.ports) == ("web1", ("sysop", "root"), (22,))
    assert found.known_hosts[0] == Path.home() / ".ssh/known_hosts"
    assert found.follow


def test_a_bootstrap_user_that_is_named_is_tried_and_no_other() -> None:
    found = target(bootstrap_user="ubuntu")
    assert found.users == ("sysop", "ubuntu")
    assert not found.follow


def test_ssh_user_is_tried_alone() -> None:
    found = target(ssh_user="me")
    assert found.users == ("me",)
    assert not found.follow


def test_the_port_that_sshd_shall_have_is_tried_before_22() -> None:
    found = target(sshd_port=2222)
    assert (found.ports, found.wanted_port) == ((2222, 22), 2222)


def test_the_port_to_connect_to_is_tried_before_the_one_that_sshd_shall_have() -> None:
    found = target(ssh_port=2200, sshd_port=2222)
    assert (found.ports, found.wanted_port) == ((2200, 2222), 2222)


def test_a_port_on_the_command_line_is_tried_alone() -> None:
    assert target(ssh_port=2200, override={"ssh_port": 2200}).ports == (2200,)


def test_ports_that_the_host_was_seen_on_are_tried_last() -> None:
    (Path.home() / ".ssh/known_hosts").write_text(f"[web1]:2022 {KEY}\n")
    assert target(sshd_port=2222).ports == (2222, 22, 2022)


def test_ssh_config_gives_address_user_port_keys_known_hosts_and_jumps() -> None:
    (Path.home() / "id_x").touch()
    (Path.home() / "a.sock").touch()
    found = target(
        config="Host web1\n HostName 10.0.0.9\n User debian\n Port 2201\n IdentityFile %d/id_x\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {Path.home()}/kh1 {Path.home()}/kh2\n ProxyJump me@gate:2022,inner\n"
        " ConnectTimeout 3\n IdentityAgent ~/a.sock\n"
    )
    assert (found.address, found.users, found.ports) == ("10.0.0.9", ("sysop", "debian"), (2201, 22))
    assert found.identities == (str(Path.home() / "id_x"),)
    assert found.known_hosts == (Path.home() / "kh1", Path.home() / "kh2")
    assert found.jumps == ("me@gate:2022", "inner")
    assert (found.timeout, found.agent) == (3.0, str(Path.home() / "a.sock"))
    assert found.agent_only_identities


def test_data_beats_ssh_config() -> None:
    found = target(
        config="Host web1\n UserKnownHostsFile /kh1\n User debian\n",
        ssh_known_hosts_file="~/mine",
        bootstrap_user="ubuntu",
        ssh_key="~/key",
    )
    assert found.known_hosts == (Path.home() / "mine",)
    assert found.users == ("sysop", "ubuntu")
    assert found.key_file == str(Path.home() / "key")


@pytest.mark.parametrize("none", ["ProxyJump none\n", "ProxyCommand none\n", ""])
def test_no_jump_host_where_none_is_wanted(none: str) -> None:
    found = target(config=f"Host web1\n {none}Host *\n User me\n")
    assert (found.jumps, found.proxy_command) == ((), None)


def test_passwords_come_by_reference_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST", "hunter2")
    found = target(bootstrap_password={"env": "FIRST"})
    assert found.password == "hunter2"
    assert "hunter2" not in repr(found)


def test_a_secret_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="the environment variable NOT_SET_AT_ALL is not set"):
        target(bootstrap_password={"env": "NOT_SET_AT_ALL"})


def test_default_keys_are_those_that_exist() -> None:
    subprocess.run(
        ["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", Path.home() / ".ssh/id_ed25519"], check=True
    )
    assert target().identities == (str(Path.home() / ".ssh/id_ed25519"),)


def test_a_slow_host_is_given_more_time() -> None:
    assert target(timeout_factor=4.0).timeout == 4 * target().timeout
    assert target(config="Host web1\n ConnectTimeout 7\n", timeout_factor=2.0).timeout == 14
