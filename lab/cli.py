"""The command `python -m lab`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lab import hosts, image, needs, paths, record, shapes, ssh, suites
from lab.errors import LabError
from lab.hosts import Host


def setting(text: str) -> tuple[str, Any]:
    """Read `key=value`: the value as JSON, or as it stands if it is not JSON."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(prog="python -m lab", description="Disposable hosts on this machine.")
    commands = top.add_subparsers(dest="command", required=True)

    def built(command: argparse.ArgumentParser, *, default: bool) -> None:
        suite, shape = ("trixie", "vps") if default else (None, None)
        command.add_argument(
            "--suite", default=suite, help=f"one of {', '.join(suites.SUITES)} (default trixie)"
        )
        command.add_argument(
            "--shape", default=shape, help=f"one of {', '.join(shapes.SHAPES)} (default vps)"
        )
        command.add_argument(
            "--mirror", help="URL of an archive of the suite (default for Ubuntu: LAB_MIRROR)"
        )
        command.add_argument("--keyring", help="keys of that archive (default for Ubuntu: LAB_KEYRING)")

    up = commands.add_parser("up", help="bring a host up; it is kept if it is there already")
    up.add_argument("name")
    up.add_argument("--group", help=f"inventory group, such as {', '.join(record.GROUPS)}")
    built(up, default=False)
    up.add_argument("--set", dest="settings", metavar="KEY=JSON", type=setting, action="append", default=[])
    up.add_argument("--alias", dest="aliases", metavar="FQDN", action="append", default=[])
    up.add_argument("--password", help="let the bootstrap user in with this password")
    up.add_argument("--no-key", dest="key", action="store_false", help="do not let the lab's key in")
    up.add_argument("--fresh", action="store_true", help="throw away what is there under this name")

    down = commands.add_parser("down", help="remove hosts without a trace")
    down.add_argument("names", nargs="*", metavar="name")
    down.add_argument("--all", action="store_true")
    down.add_argument("--keep", action="store_true", help="power off, keep the file system for the next `up`")

    listing = commands.add_parser("list", help="show all hosts")
    listing.add_argument("--json", action="store_true")

    login = commands.add_parser("ssh", help="log in, or run a command: lab ssh NAME -- uptime")
    login.add_argument("name")
    login.add_argument("--user")
    login.add_argument("remote", nargs=argparse.REMAINDER, metavar="-- command")

    reboot = commands.add_parser("reboot", help="reboot a host and wait until it is back")
    reboot.add_argument("name")

    built(commands.add_parser("image", help="build an image ahead of need"), default=True)
    commands.add_parser("clean", help="remove all hosts, images and keys")
    return top


def summary(host: Host) -> str:
    """Return what somebody wants to know about a host that is up."""
    state = "up" if host.running else "stopped"
    known = host.record
    return f"{host.name}  {state}  {known.fqdn}  {known.address}  {known.suite}/{known.shape}  {known.group}"


def _up(options: argparse.Namespace) -> None:
    began = time.monotonic()
    arguments = {
        key: value for key, value in vars(options).items() if key not in ("command", "name", "settings")
    }
    host = hosts.up(options.name, settings=dict(options.settings), **arguments)
    print(summary(host))
    print(
        f"lab: ready in {time.monotonic() - began:.1f} s; `python -m lab ssh {host.name}` logs in",
        file=sys.stderr,
    )


def _down(options: argparse.Namespace) -> None:
    if bool(options.names) == options.all:
        raise LabError("Say which hosts to take down, or --all.")
    if options.all and not options.keep:
        hosts.down_all()
        return
    for host in hosts.all_hosts() if options.all else [hosts.find(name) for name in options.names]:
        host.down(keep=options.keep)


def _list(options: argparse.Namespace) -> None:
    found = hosts.all_hosts()
    if options.json:
        print(json.dumps([{**asdict(host.record), "running": host.running} for host in found], indent=2))
        return
    for host in found:
        print(summary(host))


def _ssh(options: argparse.Namespace) -> None:
    host = hosts.find(options.name)
    user, port = host.logins()[0]
    remote = options.remote[1:] if options.remote[:1] == ["--"] else options.remote
    key = str(paths.key_file()) if host.record.key_file or user != host.record.bootstrap_user else None
    argv = ssh.ssh_command(host.address, options.user or user, port, key, interactive=True)
    os.execvp(argv[0], [*argv, *remote])  # noqa: S606 - the user's terminal becomes ssh's


def _clean() -> None:
    # Tests keep labs of their own below ours; a run that was killed may have left one up.
    for nested in sorted(paths.lab_dir().glob("labs/*")):
        environment = {**os.environ, "LAB_DIR": str(nested), "LAB_IMAGES": str(nested / "images")}
        subprocess.run([sys.executable, "-m", "lab", "clean"], cwd=paths.REPO, env=environment, check=True)
    hosts.down_all()
    shutil.rmtree(paths.images_dir(), ignore_errors=True)
    shutil.rmtree(paths.lab_dir(), ignore_errors=True)


def run(options: argparse.Namespace) -> None:
    """Do what the command line says."""
    if options.command == "list":
        _list(options)
        return
    if options.command == "ssh":
        _ssh(options)
    needs.require()
    if options.command == "up":
        _up(options)
    elif options.command == "down":
        _down(options)
    elif options.command == "reboot":
        hosts.find(options.name).reboot()
    elif options.command == "image":
        image.provide(options.suite, options.shape, options.mirror, options.keyring)
    else:
        _clean()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for everything the user can do something about."""
    try:
        run(parser().parse_args(argv))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
