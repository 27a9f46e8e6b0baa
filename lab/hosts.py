"""The lab as tests use it: `up`, `find`, `all_hosts`, `down_all`, and what one can do with a host."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import boot, image, keys, layers, locks, names, needs, network, paths, seed, shapes, ssh, suites
from lab.errors import LabError
from lab.record import Record, check_name, default_settings, extra_cas, load, load_all

READY_SECONDS = 60


@dataclass
class Host:
    """One lab host."""

    record: Record

    @property
    def name(self) -> str:
        """Short name."""
        return self.record.name

    @property
    def fqdn(self) -> str:
        """Full name; resolves on the controller and in every host of the lab."""
        return self.record.fqdn

    @property
    def address(self) -> str:
        """IPv4 address."""
        return self.record.address

    @property
    def address6(self) -> str:
        """IPv6 address (reachable from the controller and the lab only)."""
        return self.record.address6

    @property
    def root(self) -> Path:
        """The host's file system as the controller sees it."""
        return paths.host_dir(self.name) / "root"

    @property
    def console(self) -> str:
        """Everything the console showed so far."""
        return boot.console(self.name).read_text(errors="replace") if boot.console(self.name).exists() else ""

    @property
    def running(self) -> bool:
        """Whether it is kept running (it may be in the middle of a reboot)."""
        return boot.running(self.name)

    def logins(self) -> list[tuple[str, int]]:
        """Return who can probably log in, on which port: the admin once there is one, else the bootstrap user."""
        admin, port = (
            str(self.record.settings.get("admin_user")),
            int(self.record.settings.get("sshd_port", 22)),
        )
        passwd = self.root / "etc/passwd"
        if passwd.exists() and any(line.startswith(f"{admin}:") for line in passwd.read_text().splitlines()):
            return [(admin, port)] if port == 22 else [(admin, port), (admin, 22)]
        return [(self.record.bootstrap_user, 22)]

    def ssh(
        self,
        command: str,
        user: str | None = None,
        *,
        port: int | None = None,
        check: bool = True,
        timeout: float = 120,
        options: Sequence[str] = (),
        password: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command over SSH with the lab's key (or the password); no host key is read or pinned.

        Args:
            command: goes to the user's shell on the host.
            user, port: default to `logins()[0]`.
            check: raise AssertionError with both outputs when it fails.
            timeout: seconds.
            options: more of ssh_config, such as `BindAddress=10.1.2.3`.
            password: log in with this and without a key.
        """
        login = self.logins()[0]
        if (
            password is None
            and self.record.key_file is None
            and (user or login[0]) == self.record.bootstrap_user
        ):
            password = self.record.bootstrap_password
        key = None if password is not None else str(paths.key_file())
        argv = ssh.ssh_command(self.address, user or login[0], port or login[1], key, options)
        environment = ssh.password_environment(password) if password is not None else None
        return ssh.run([*argv, command], check=check, timeout=timeout, environment=environment)

    def exec(
        self, command: str, *, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root inside the host without SSH, so that it works when SSH is shut.

        Raises:
            LabError: the host does not run.
            AssertionError: `check` is set and the command failed.
        """
        leader = boot.leader(self.name)
        if leader is None:
            raise LabError(f"{self.name} does not run: `python -m lab up {self.name}` starts it.")
        return ssh.run(ssh.inside_command(leader, command), check=check, timeout=timeout)

    def wait(self, seconds: float = READY_SECONDS, *, login: bool = True) -> None:
        """Return as soon as SSH answers and, with `login`, lets somebody of `logins()` in.

        Raises:
            LabError: not within `seconds`, or the host went away; the message has the console's last lines.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.running:
            for user, port in self.logins():
                if ssh.banner(self.address, port) and (
                    not login or self.ssh("true", user, port=port, check=False).returncode == 0
                ):
                    return
            time.sleep(0.1)
        what = f"did not answer SSH within {seconds:.0f} s" if self.running else "stopped by itself"
        tail = "\n".join(self.console.splitlines()[-15:])
        raise LabError(f"{self.name} {what}; the console ends with:\n{tail}\n({boot.console(self.name)})")

    def reboot(self, seconds: float = READY_SECONDS, *, login: bool = True) -> None:
        """Reboot in order and return when SSH answers again (see `wait`)."""
        before = boot.generation(self.name)
        # The answer may get lost in the reboot that it announces.
        self.exec("systemctl reboot", check=False)
        deadline = time.monotonic() + seconds
        while boot.generation(self.name) == before:
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not go down for a reboot within {seconds:.0f} s.")
            time.sleep(0.05)
        self.wait(seconds, login=login)

    def down(self, *, keep: bool = False) -> None:
        """Remove the host without a trace; with `keep` power it off in order and keep its file system."""
        with locks.host_lock(self.name):
            boot.shut_down(self.record) if keep else boot.halt(self.record)
            layers.detach(paths.host_dir(self.name))
            with locks.lab_lock():
                _wanted(self.name).unlink(missing_ok=True)
                if not keep:
                    _delete(self.record)
                if not any(_wanted(record.name).exists() for record in load_all()):
                    network.remove(forget=not load_all())


def _wanted(name: str) -> Path:
    """Exists from before a host starts until it was stopped: while there is one, the network stays."""
    return paths.host_dir(name) / "wanted"


def _label() -> str:
    return f"harvest-lab-{paths.lab_id()}"


def _delete(record: Record) -> None:
    """Forget a host that does not run. Call with the lab locked."""
    names.forget_keys(record)
    layers.discard(paths.host_dir(record.name))
    names.publish()


def find(name: str) -> Host:
    """Return a host of the lab.

    Raises:
        LabError: there is none of that name.
    """
    record = load(name)
    if record is None:
        raise LabError(f"The lab has no host {name!r}: `python -m lab list` shows what it has.")
    return Host(record)


def all_hosts() -> list[Host]:
    """Return all hosts by name, running or not."""
    return [Host(record) for record in load_all()]


def down_all() -> None:
    """Remove every host, and with the last one the network."""
    for host in all_hosts():
        host.down()
    with locks.lab_lock():
        if not load_all():
            # Half-made hosts of an interrupted `up` have a directory and no record.
            for directory in paths.hosts_dir().glob("*"):
                layers.discard(directory)
            names.publish()
            network.remove(forget=True)


def up(
    name: str,
    *,
    suite: str | None = None,
    shape: str | None = None,
    group: str | None = None,
    settings: Mapping[str, Any] | None = None,
    aliases: Sequence[str] = (),
    password: str | None = None,
    key: bool = True,
    fresh: bool = False,
    mirror: str | None = None,
    keyring: str | None = None,
) -> Host:
    """Return a running host that answers SSH: a new one, one that was stopped, or the one that runs already.

    Args:
        suite, shape: default to trixie and vps; an existing host keeps its own, and asking for others is an error.
        group: the inventory group, default harvest_internal.
        settings: added to the recorded settings, for whoever provisions the host.
        aliases: more full names for it.
        password: the bootstrap user's password; root's on a vps, else the user's, whose sudo then asks for it.
        key: whether the bootstrap user's key is let in (without it there must be a password).
        fresh: throw an existing host of that name away first.

    Raises:
        LabError: what the machine lacks, what is wrong with the arguments, or how the boot failed.
    """
    check_name(name)
    suites.find(suite or "trixie")
    shapes.check(shape or "vps")
    if not key and password is None:
        raise LabError("A host without a key needs a password.")
    needs.require()
    if fresh and (old := load(name)):
        Host(old).down()
    with locks.host_lock(name):
        record = load(name)
        if record is None:
            record = _create(name, suite or "trixie", shape or "vps", password, key, mirror, keyring)
        elif (suite or record.suite, shape or record.shape) != (record.suite, record.shape):
            raise LabError(f"{name} is {record.suite}/{record.shape} already: `--fresh` rebuilds it.")
        layers.attach(paths.host_dir(name), _label())
        _note(record, group, settings or {}, aliases)
        host = Host(record)
        if not host.running:
            with locks.lab_lock():
                _wanted(name).touch()
                network.ensure()
            boot.start(record)
            host.wait()
    return host


def _note(record: Record, group: str | None, settings: Mapping[str, Any], aliases: Sequence[str]) -> None:
    """Add what was asked for to the record, and publish the names. Call with the host locked."""
    record.group = group or record.group
    defaults = default_settings(record.fqdn, record.group, keys.public_key(), extra_cas())
    record.settings = {**defaults, **record.settings, **settings}
    record.aliases = sorted({*record.aliases, *aliases})
    with locks.lab_lock():
        record.save()
        names.publish()


def _create(
    name: str,
    suite: str,
    shape: str,
    password: str | None,
    key: bool,
    mirror: str | None,
    keyring: str | None,
) -> Record:
    """Give a new host an address and a file system. Call with the host locked."""
    directory = paths.host_dir(name)
    layers.discard(directory)
    paths.hosts_dir().mkdir(parents=True, mode=0o700, exist_ok=True)
    directory.mkdir()
    public_key = keys.public_key()
    new_root = directory / "root"
    base = image.provide(suite, shape, mirror, keyring)
    layers.create(base, directory, _label())
    with locks.lab_lock():
        _wanted(name).touch()
        net = network.ensure()
        number = network.free_number(net, [other.address for other in load_all()])
        record = Record(
            name=name,
            fqdn=names.choose_fqdn(name),
            address=net.address(number),
            address6=net.address6(number),
            suite=suite,
            shape=shape,
            group="harvest_internal",
            bootstrap_user=shapes.bootstrap_user(shape),
            key_file=str(paths.key_file()) if key else None,
            bootstrap_password=password,
            known_hosts=str(paths.known_hosts()),
            machine=f"{net.lab_id}-{number}",
        )
        names.forget_keys(record)
        seed.plant(new_root, net, record, public_key if key else None, image.host_apt_options(base))
        record.save()
    return record
