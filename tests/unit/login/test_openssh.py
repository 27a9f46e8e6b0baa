"""OpenSSH configurations as we and `ssh -G` read them: same address, port, keys, agent, known_hosts and proxy."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provision.login import openssh
from provision.login.openssh import ConfigError
from provision.login.target import Target, target_for, targets_for
from provision.settings.model import settings_from

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS me"
BASE: dict[str, Any] = {
    "mode": "internal",
    "admin_user": "sysop",
    "admin_keys": [KEY],
    "bootstrap_user": "first",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MY_SOCK", "/run/my.sock")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/usual.sock")
    (tmp_path / ".ssh").mkdir()
    for name in ("id_x", "work.pub", "x-cert.pub", "web1.key"):
        (tmp_path / name).touch()
    return tmp_path


def read(config: str | bytes, name: str = "web1", **data: Any) -> Target:
    file = Path.home() / f"config-{abs(hash(config))}"
    file.write_bytes(config.encode() if isinstance(config, str) else config)
    merged = {**BASE, "ssh_config_file": str(file), **data}
    return target_for(name, merged, settings_from(merged))


@dataclass
class Case:
    """A configuration, and what is to be read from it; `{home}` is the operator's home in both."""

    config: str
    want: dict[str, Any] = field(default_factory=dict)
    host: str = "web1"


MATCHED = "10.0.0.1"
CASES = {
    "another Match Host above": Case(
        "Match Host old-server\n HostName 10.0.0.2\n User old\nHost web1\n HostName 10.0.0.1\n",
        {"address": MATCHED},
    ),
    "tagged": Case("Match tagged x\n Port 23\n", {"port": 22}),
    "sessiontype": Case("Match sessiontype shell\n Port 23\n"),
    "version": Case('Match version "OpenSSH_1.*"\n Port 23\n', {"port": 22}),
    "command": Case("Match command uptime\n Port 23\n", {"port": 22}),
    "localnetwork": Case("Match localnetwork 192.0.2.0/24\n Port 23\n", {"port": 22}),
    "exec that is true": Case('Match host web1 exec "true"\n Port 2222\n', {"port": 2222}),
    "exec that is false": Case('Match host web1 exec "false"\n Port 2222\n', {"port": 22}),
    "exec of tokens": Case('Match exec "test %n = web1"\n Port 2222\n', {"port": 2222}),
    "negated": Case("Match !host web1\n Port 2222\n", {"port": 22}),
    "originalhost": Case("Host web1\n HostName 10.0.0.1\nMatch originalhost web1\n Port 2\n", {"port": 2}),
    "host after HostName": Case("Host web1\n HostName 10.0.0.1\nMatch host 10.0.0.1\n Port 2\n", {"port": 2}),
    "localuser": Case(f"Match localuser {openssh._own().pw_name}\n Port 2\n", {"port": 2}),
    "final": Case("Match final all\n HostName 10.0.0.1\nHost web1\n Port 2\n", {"port": 2}),
    "canonical": Case(
        "CanonicalizeHostname yes\nCanonicalDomains invalid\nMatch canonical all\n Port 2\n", {"port": 2}
    ),
    "tokens in HostName": Case("Host web*\n HostName %h.lan\n", {"address": "web1.lan"}),
    "first value wins": Case("Host web1\n Port 1\nHost *\n Port 2\n", {"port": 1}),
    "quotes, equals, case": Case('hOsT "web1"\n  pOrT="3"\n hostname = 10.0.0.1\n', {"port": 3}),
    "a port by name": Case("Host web1\n Port ssh\n", {"port": 22}),
    "time formats": Case("Host web1\n ConnectTimeout 1m30s\n", {"timeout": 90.0}),
    "seconds": Case("Host web1\n ConnectTimeout 30s\n", {"timeout": 30.0}),
    "no time-out": Case("Host web1\n ConnectTimeout none\n", {"timeout": 5.0}),
    "alias": Case("Host web1\n HostKeyAlias compute.123\n Port 2222\n", {"known_as": "compute.123"}),
    "known_hosts by token": Case(
        "Host web1\n UserKnownHostsFile {home}/known.d/%k\n", {"known_hosts": ("{home}/known.d/web1",)}
    ),
    "known_hosts by alias": Case(
        "Host web1\n HostKeyAlias a\n UserKnownHostsFile {home}/known.d/%k\n",
        {"known_hosts": ("{home}/known.d/a",)},
    ),
    "known_hosts by variable": Case(
        "Host web1\n UserKnownHostsFile ${{HOME}}/k\n", {"known_hosts": ("{home}/k",)}
    ),
    "known_hosts in quotes": Case(
        'Host web1\n UserKnownHostsFile "{home}/My Keys/known" {home}/second\n',
        {"known_hosts": ("{home}/My Keys/known", "{home}/second")},
    ),
    "known_hosts at home": Case(
        "Host web1\n UserKnownHostsFile ~/.ssh/known_hosts.d/%k\n",
        {"known_hosts": ("{home}/.ssh/known_hosts.d/web1",)},
    ),
    "no known_hosts": Case("Host web1\n UserKnownHostsFile none\n", {"known_hosts": (), "strict": "ask"}),
    "Vagrant": Case(
        "Host web1\n HostName 127.0.0.1\n Port 2200\n UserKnownHostsFile /dev/null\n StrictHostKeyChecking no\n",
        {"known_hosts": (), "strict": "no", "unpinned": True, "port": 2200},
    ),
    "strict": Case("Host web1\n StrictHostKeyChecking yes\n", {"strict": "yes"}),
    "accept-new": Case("Host web1\n StrictHostKeyChecking accept-new\n", {"strict": "accept-new"}),
    "agent of the environment": Case(
        "Host web1\n IdentityAgent SSH_AUTH_SOCK\n", {"agent": "/run/usual.sock"}
    ),
    "agent of a variable": Case("Host web1\n IdentityAgent $MY_SOCK\n", {"agent": "/run/my.sock"}),
    "agent of a variable in braces": Case(
        "Host web1\n IdentityAgent ${{MY_SOCK}}\n", {"agent": "/run/my.sock"}
    ),
    "agent of a variable that is not set": Case("Host web1\n IdentityAgent $NOT_SET\n", {"agent": None}),
    "no agent": Case("Host web1\n IdentityAgent none\n", {"agent": None}),
    "agent by default": Case("", {"agent": "/run/usual.sock"}),
    "agent in quotes": Case('Host web1\n IdentityAgent "{home}/a b.sock"\n', {"agent": "{home}/a b.sock"}),
    "identities that exist": Case(
        "Host web1\n IdentityFile %d/id_x\n IdentityFile ~/absent\n IdentityFile ~/%n.key\n",
        {"identities": ("{home}/id_x", "{home}/web1.key")},
    ),
    "a public key": Case(
        "Host web1\n IdentitiesOnly yes\n IdentityFile ~/work.pub\n",
        {"identities": ("{home}/work.pub",), "agent_only_identities": True},
    ),
    "a private key of which only the public half is here": Case(
        "Host web1\n IdentityFile ~/work\n", {"identities": ("{home}/work",)}
    ),
    "a certificate": Case(
        "Host web1\n CertificateFile ~/x-cert.pub\n", {"certificates": ("{home}/x-cert.pub",)}
    ),
    "no keys": Case("Host web1\n PubkeyAuthentication no\n IdentityFile ~/id_x\n", {"identities": ()}),
    "jump": Case("Host web1\n ProxyJump ssh://ops@gate:2022\n", {"jumps": ("ops@gate:2022",)}),
    "jump over two": Case("Host web1\n ProxyJump a,me@b:3\n", {"jumps": ("a", "me@b:3")}),
    "no jump": Case("Host web1\n ProxyJump none\nHost *\n ProxyJump gate\n", {"jumps": (), "command": None}),
    "proxy command": Case(
        "Host web1\n HostName 10.0.0.1\n ProxyCommand nc -x p%%q %h %p %r %n\n",
        {"command": "nc -x p%q 10.0.0.1 24 me web1"},
    ),
    "the first of proxy command and jump": Case(
        "Host web1\n ProxyCommand nc %h\n ProxyJump gate\n", {"jumps": (), "command": "nc web1"}
    ),
    "Include": Case("Include {home}/more\n", {"port": 2007}),
    "Include within a Match that is false": Case("Match host other\n Include {home}/more\n", {"port": 22}),
    "IPv6": Case("", {"address": "fd00::1", "known_as": "fd00::1"}, host="fd00::1"),
    "IPv6 in brackets": Case("", {"address": "fd00::1"}, host="[fd00::1]"),
    "IPv6 with a zone": Case("", {"address": "fe80::1%eth0"}, host="fe80::1%eth0"),
    "IPv6 of an alias": Case("Host web1\n HostName fd00::1\n", {"address": "fd00::1"}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_read_as_ssh_reads_it(case: Case) -> None:
    here = str(Path.home())
    (Path.home() / "more").write_text("Port 2007\n")
    config = case.config.format(home=here)
    (Path.home() / "ssh-config").write_text(config)
    command = ["ssh", "-G", "-F", str(Path.home() / "ssh-config"), case.host.strip("[]")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:  # a word that this ssh is too old for
        with pytest.raises(ConfigError, match=re.escape(done.stderr.splitlines()[0].rpartition(": ")[2])):
            read(config, case.host)
        return
    found = read(config, case.host)
    seen = {
        "port": found.ports[0],
        "known_as": found.known_as(found.ports[0]),
        "known_hosts": tuple(map(str, found.known_hosts)),
        "command": found.proxy("me", 24),
    }
    for key, wanted in case.want.items():
        full = tuple(each.format(home=here) for each in wanted) if isinstance(wanted, tuple) else wanted
        full = full.format(home=here) if isinstance(full, str) else full
        assert seen.get(key, getattr(found, key, None)) == full, key
    ssh = openssh.parse(done.stdout)
    assert (found.address, str(found.ports[0])) == (ssh.one("hostname"), ssh.one("port"))


@pytest.mark.parametrize(
    ("config", "user"),
    [
        ("Host web1\n User debian\n", "debian"),
        ("Match host web1\n User debian\n", "debian"),
        ("Match host other\n User debian\n", "root"),
        ("Match final all\n User debian\n", "debian"),
        (f"Host web1\n User {openssh._own().pw_name}\n", openssh._own().pw_name),
        ("", "root"),
    ],
)
def test_a_user_that_is_configured_is_the_bootstrap_user(
    config: str, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(BASE, "bootstrap_user")
    assert read(config).users == ("sysop", user)


def test_the_operators_own_name_counts_where_it_is_configured() -> None:
    file = Path.home() / "config"
    file.write_text("")
    assert openssh.configured_user("web1", str(file)) is None
    file = Path.home() / "config-user"
    file.write_text(f"Match host web1\n User {openssh._own().pw_name}\n")
    assert openssh.configured_user("web1", str(file)) == openssh._own().pw_name
    assert openssh.configured_user("web2", str(file)) is None


def test_keys_of_one_user_alone() -> None:
    found = read("Match user sysop\n IdentityFile ~/id_x\nMatch user root\n IdentityFile ~/%r.key\n")
    (Path.home() / "root.key").touch()
    assert found.as_user("sysop").identities == (f"{Path.home()}/id_x",)
    assert found.as_user("root").identities == (f"{Path.home()}/root.key",)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b"\xef\xbb\xbfHost web1\n Port 23\n", "line 1: Bad configuration option: "),
        (b"Host web1\n Port many\n", 'line 2: Bad number "many"|line 2: '),
        (b"Host web1\n NoSuchOption yes\n", "line 2: Bad configuration option: nosuchoption"),
        (b"Match nonsense x\n Port 3\n", "line 1: "),
        (b'Host "web1\n Port 3\n', "line 1: "),
    ],
)
def test_what_ssh_cannot_read_is_told_in_its_words(config: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as said:
        read(config)
    file = next(Path.home().glob("config-*"))
    assert str(said.value).startswith("ssh cannot use its configuration: ")
    assert str(file) in str(said.value).partition("Correct it")[0]
    assert str(said.value).endswith(f"Correct it, then try: ssh -G -F {file} web1")


@pytest.mark.parametrize("config", [b"# caf\xe9 \xff\nHost web1\n Port 23\n", b"Host web1\r\n Port 23\r\n"])
def test_what_ssh_reads_is_read(config: bytes) -> None:
    assert read(config).ports[0] == 23


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="Can't open user config file /nowhere"):
        target_for("web1", {"ssh_config_file": "/nowhere"}, None)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (None, "ssh is not installed on this machine; install OpenSSH's client: apt install openssh-client"),
        ("echo unknown option -- G >&2; exit 255", "is older than OpenSSH 6.8"),
        ("echo Dropbear SSH client", "is it OpenSSH's?"),
    ],
)
def test_without_openssh(
    program: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    if program:
        (folder / "ssh").write_text(f"#!/bin/sh\n{program}\n")
        (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    data = {**BASE, "ssh_config_file": str(tmp_path / "c")}
    targets, failures = targets_for({"fresh-host": data}, {})
    assert (targets, told in failures["fresh-host"]) == ({}, True)


def test_all_hosts_are_asked_about_and_each_trouble_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    (Path.home() / "good").write_text("Host *\n Port 23\n")
    (Path.home() / "bad").write_text("Rubbish yes\n")
    hosts = {
        name: {**BASE, "ssh_config_file": str(Path.home() / file)}
        for name, file in (("b", "good"), ("a", "good"), ("c", "bad"))
    } | {
        "d": {**BASE, "ssh_config_file": str(Path.home() / "good"), "bootstrap_password": {"env": "NOT_SET"}}
    }
    targets, failures = targets_for(hosts, {})
    assert list(targets) == ["b", "a"]
    assert {name: target.ports[0] for name, target in targets.items()} == {"a": 23, "b": 23}
    assert sorted(failures) == ["c", "d"]


def test_jump_hosts_are_passed_by_ssh_itself_which_never_asks() -> None:
    """What our file adds is in force for the hop, for hops of its own, and only where the operator says nothing."""
    found = read("Host web1\n ProxyJump outer,ops@gate:2022\nHost gate\n ProxyJump far\n Hostname 10.0.0.1\n")
    command = found.proxy("sysop", 2222)
    assert command is not None
    words = command.split()
    config = words[words.index("-F") + 1]
    assert words[3:] == ["-J", "outer", "-W", "'[web1]:2222'", "--", "ssh://ops@gate:2022"]
    for hop, address in (("gate", "10.0.0.1"), ("outer", "outer")):
        said = subprocess.run(["ssh", "-G", "-F", config, hop], capture_output=True, text=True, check=True)
        answer = openssh.parse(said.stdout)
        assert (answer.one("batchmode"), answer.one("hostname")) == ("yes", address)
        assert answer.one("stricthostkeychecking") == "accept-new"
    strict = openssh.jump_config(str(_write("Host *\n StrictHostKeyChecking yes\n")))
    said = subprocess.run(["ssh", "-G", "-F", strict, "gate"], capture_output=True, text=True, check=True)
    assert openssh.parse(said.stdout).one("stricthostkeychecking") in ("true", "yes")
    assert os.stat(config).st_mode & 0o077 == 0 or os.stat(Path(config).parent).st_mode & 0o077 == 0


def _write(text: str) -> Path:
    file = Path.home() / "strict"
    file.write_text(text)
    return file
