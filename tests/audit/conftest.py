"""The audit: proves on running hosts what the settings ask for, and changes nothing.

    pytest tests/audit --inventory inventories/prod.py -n 4 --dist loadgroup

Hosts, logins and settings come from the inventory itself, through pyinfra's own `debug-inventory`.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from provision.login.shells import wrapped
from provision.settings.instances import FIRST, Instance
from provision.settings.model import Settings, settings_from
from provision.settings.secrets import value_of
from tests.audit import recording
from tests.audit.checks import check_of
from tests.audit.recording import evidence, fact, pytest_runtest_makereport

__all__ = ["evidence", "fact", "pytest_runtest_makereport"]

HANDED_ON = "HARVEST_AUDIT"
"""The environment variable by which pytest-xdist's workers learn what the first process resolved."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inventory", help="the pyinfra inventory to audit, e.g. inventories/prod.py")
    parser.addoption(
        "--limit", action="append", default=[], help="audit this host or group only, as with pyinfra"
    )
    recording.pytest_addoption(parser)


def pytest_configure(config: pytest.Config) -> None:
    recording.register(config)
    inventory = config.getoption("--inventory")
    if not inventory:
        return
    if HANDED_ON not in os.environ or not hasattr(config, "workerinput"):
        os.environ[HANDED_ON] = json.dumps(resolve(inventory, config.getoption("--limit")))
    handed = json.loads(os.environ[HANDED_ON])
    config.option.hosts = ",".join(handed["urls"])
    config.audited = handed["hosts"]  # type: ignore[attr-defined]


def resolve(inventory: str, limits: list[str]) -> dict[str, Any]:
    """testinfra's URL and the inventory's data for each host. In a process of its own: pyinfra patches sockets."""
    pyinfra = Path(sys.executable).with_name("pyinfra")
    command = [
        str(pyinfra),
        inventory,
        *(word for limit in limits for word in ("--limit", limit)),
        "debug-inventory",
        "--json",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise pytest.UsageError(f"{' '.join(command)} failed; its words stand above")
    folder = Path(tempfile.mkdtemp(prefix="harvest-audit-"))
    urls, hosts = [], {}
    for host in json.loads(done.stdout):
        data = host["data"]
        if "ssh_user" not in data:  # beyond the limits: nobody looked who can log in there
            continue
        alias = url_name(host["name"], hosts)
        config = folder / alias
        config.write_text(ssh_config(alias, host["name"], data, folder))
        sudo = "&sudo=true" if data.get("_sudo") else ""
        urls.append(f"ssh://{alias}?ssh_config={config}{sudo}")
        hosts[alias] = {**data, "ssh_hostname": data.get("ssh_hostname") or host["name"]}
    if not urls:
        raise pytest.UsageError(f"{inventory} holds no host of: {', '.join(limits) or 'any name'}")
    return {"urls": urls, "hosts": hosts}


def url_name(name: str, taken: Collection[str]) -> str:
    """A host's name where testinfra's URLs take it: an IPv6 address is none there."""
    alias = plain = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip("-")
    while alias in taken:
        alias = f"{plain}-{len(taken)}"
    return alias


def ssh_config(alias: str, name: str, data: dict[str, Any], folder: Path) -> str:
    """OpenSSH's configuration for the login that pyinfra would use, one shared connection a host."""
    address = str(data.get("ssh_hostname") or name).replace("%", "%%")
    lines = [f"Host {alias}", f"  HostName {address}", f"  Port {data.get('ssh_port') or 22}"]
    lines += [f"  User {data['ssh_user']}"]
    lines += [f"  {option}" for option in data.get("ssh_options") or ()]
    if data.get("ssh_known_hosts_file"):
        lines += [f'  UserKnownHostsFile "{data["ssh_known_hosts_file"]}"']
    lines += [f"  StrictHostKeyChecking {data.get('ssh_strict_host_key_checking') or 'yes'}"]
    lines += ["  ControlPath " + f"{folder}/%C", "  ControlMaster auto", "  ControlPersist 60"]
    # The operator's own files come last: jump hosts are described there, what is pinned above wins.
    own = Path(data.get("ssh_config_file") or "~/.ssh/config").expanduser()
    files = [own, *([] if data.get("ssh_config_file") else [Path("/etc/ssh/ssh_config")])]
    includes = [f'  Include "{file}"' for file in files if file.exists()]
    return "\n".join([*lines, "Host *", "  BatchMode yes", "  LogLevel ERROR", *includes, ""])


def instances_of(config: pytest.Config) -> dict[str, list[str]]:
    """The names of each host's instances; {} where no inventory is named."""
    audited: dict[str, dict[str, Any]] = getattr(config, "audited", {})
    return {
        alias: [each.name for each in settings_from(data).all_instances] for alias, data in audited.items()
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `instance` runs once for each HARVEST of a host, and carries its name."""
    if "instance" in metafunc.fixturenames:
        found = instances_of(metafunc.config).values()
        names = list(dict.fromkeys(name for names in found for name in names))
        metafunc.parametrize("instance", names or [FIRST], indirect=True)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One host's tests stay on one worker, so that they share its connection; a host has its own instances only."""
    for item in items:
        item.add_marker(check_of(item).concern)
    recording.check_waivers(config, items)
    there = instances_of(config)
    kept = []
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "_testinfra_host" in params:
            name = params["_testinfra_host"].backend.get_hostname()
            if "instance" in params and params["instance"] not in there.get(name, [params["instance"]]):
                continue
            item.add_marker(pytest.mark.xdist_group(name))
        kept.append(item)
    items[:] = kept


@pytest.fixture(autouse=True)
def _never_the_controller(request: pytest.FixtureRequest) -> None:
    """testinfra falls back to this very machine when no host is named; an audit of it would prove nothing."""
    if not request.config.getoption("--inventory"):
        pytest.fail("name the inventory to audit: pytest tests/audit --inventory inventories/prod.py")
    if "host" in request.fixturenames and request.getfixturevalue("host").backend.NAME != "ssh":
        pytest.fail("this would audit the controller itself; hosts come from --inventory alone")


@pytest.fixture(autouse=True)
def _any_login_shell_will_do(request: pytest.FixtureRequest) -> None:
    """The admin may have fish or tcsh."""
    if "host" in request.fixturenames:
        backend = request.getfixturevalue("host").backend
        backend.run_ssh = lambda command: type(backend).run_ssh(backend, wrapped(command))


@pytest.fixture(autouse=True)
def _sudo_is_given_its_password(request: pytest.FixtureRequest) -> None:
    """Where `admin_sudo` is "password": on sudo's standard input, which no process list shows."""
    if "host" not in request.fixturenames:
        return
    backend = request.getfixturevalue("host").backend
    settings = settings_from(request.config.audited[backend.get_hostname()])  # type: ignore[attr-defined]
    if not backend.sudo or settings.admin_password is None:
        return
    password = value_of(settings.admin_password)

    def run_local(command: str, *words: str) -> Any:
        line = backend.quote(command, *words)
        done = subprocess.run(["sh", "-c", line], input=f"{password}\n".encode(), capture_output=True)
        return backend.result(done.returncode, line.encode(), done.stdout, done.stderr)

    backend.get_sudo_command = lambda command, _: f"sudo -k -S -p '' /bin/sh -c {shlex.quote(command)}"
    backend.run_local = run_local


@pytest.fixture
def data(request: pytest.FixtureRequest, host: Any) -> dict[str, Any]:
    """The inventory's data for this host."""
    found: dict[str, Any] = request.config.audited[host.backend.get_hostname()]  # type: ignore[attr-defined]
    return found


@pytest.fixture
def settings(data: dict[str, Any]) -> Settings:
    """What this host shall be."""
    return settings_from(data)


@pytest.fixture
def instance(request: pytest.FixtureRequest, settings: Settings) -> Instance:
    """One HARVEST of this host."""
    return next(each for each in settings.all_instances if each.name == request.param)


@pytest.fixture
def address(data: dict[str, Any]) -> str:
    """Where the world finds this host."""
    return str(data["ssh_hostname"])


@pytest.fixture
def run(host: Any) -> Any:
    """A command on the host that must succeed; gives its standard output."""

    def run_it(command: str, *words: str) -> str:
        try:
            done = host.run(command + "".join(" " + shlex.quote(word) for word in words))
        except RuntimeError as error:  # 255, which ssh itself would end with
            (done,) = error.args
        assert done.rc == 0, f"{command}: {done.stderr}"
        return str(done.stdout)

    return run_it
