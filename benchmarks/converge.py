"""How long a host takes, as ratios: `python -m benchmarks.converge [--runs 3] [--hosts 8]`.

first run   ours / the same end state by one plain bash script with pip over one SSH session (floor.sh)
no-op       ours / an empty pyinfra deploy (imports, connect, exit)
no-op, N    ours on N hosts at once / ours on one

Each pair is measured in turn on fresh lab hosts of the same image; medians are compared.
"""

import argparse
import base64
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.goals import verdict
from lab import hosts
from provision.operations.app.artifact import pack
from provision.settings.model import Settings, settings_from
from tasks import packages
from tasks.release import APP

REPO = Path(__file__).parents[1]
PYINFRA = Path(sys.executable).with_name("pyinfra")
GROUP = {"mode": "nginx", "base_path": "/"}
PUT = (
    "etc/nginx",
    "etc/harvest",
    "etc/systemd/system",
    "etc/systemd/journald.conf.d",
    "etc/ssh/sshd_config.d",
)
PUT += ("etc/sudoers.d", "etc/fail2ban", "etc/sysctl.d", "etc/apt/apt.conf.d", "etc/security/limits.d")


def settings_of(host: hosts.Host) -> Settings:
    return settings_from({**GROUP, **host.record.settings})


def deployed_files(host: hosts.Host) -> str:
    """What our deploy put on `host`, as a base64 tar: the reference gets the same files without thinking."""
    return host.exec(f"cd /; tar -cf - $(ls -d {' '.join(PUT)} 2>/dev/null) | base64").stdout.strip()


def floor_script(settings: Settings, files: str) -> str:
    """floor.sh, filled."""
    cas = io.BytesIO()
    with tarfile.open(fileobj=cas, mode="w") as archive:
        for path in settings.trusted_cas:
            archive.add(path, path.stem + ".crt")
    words = {
        "CAS": base64.encodebytes(cas.getvalue()).decode().strip(),
        "PACKAGES": " ".join(packages.names(settings)),
        "ADMIN": settings.admin_user,
        "KEY": settings.admin_keys[0],
        "FILES": files,
        "APP": base64.encodebytes(pack(APP).archive).decode().strip(),
        "BASE": settings.base_path,
    }
    text = (REPO / "benchmarks/floor.sh").read_text()
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def timed(command: list[str], stdin: str = "") -> float:
    """Seconds of wall time; a failure ends the benchmark with the command's own words."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=REPO,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "PYINFRA_PROGRESS": "off"},
    )
    spent = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return spent


def deploy(*names: str, file: str = "deploy.py") -> float:
    limits = [word for name in names for word in ("--limit", name)]
    return timed([str(PYINFRA), "inventories/lab.py", file, "-y", *limits])


def floor(host: hosts.Host, files: str) -> float:
    command = [
        "ssh",
        "-i",
        str(host.record.key_file),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "LogLevel=ERROR",
    ]
    command += ["-o", "UserKnownHostsFile=/dev/null", f"root@{host.address}", "bash -s"]
    return timed(command, floor_script(settings_of(host), files))


def fresh(name: str, suite: str) -> hosts.Host:
    return hosts.up(name, suite=suite, shape="vps", group="harvest_nginx", fresh=True)


def first_run(runs: int, suite: str) -> None:
    host = fresh("b-first", suite)
    deploy(host.name)
    files = deployed_files(host)
    script, ours = "bash script with pip", "ours"
    spent: dict[str, list[float]] = {script: [], ours: []}
    for _ in range(runs):
        for name in (script, ours):
            host = fresh("b-first", suite)
            spent[name].append(floor(host, files) if name == script else deploy(host.name))
            print(f"  {name}: {spent[name][-1]:.1f} s", flush=True)
    host.down()
    report("first run", spent[ours], spent[script], "<= 1.0")


def no_op(runs: int, count: int, suite: str) -> None:
    names = [f"b-{number}" for number in range(1, count + 1)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: fresh(name, suite), names))
    deploy(*names)
    with tempfile.NamedTemporaryFile("w", suffix=".py", dir=REPO) as empty:
        spent: dict[str, list[float]] = {"empty": [], "one": [], "all": []}
        deploy(names[0])
        for _ in range(runs):
            spent["empty"].append(deploy(names[0], file=Path(empty.name).name))
            spent["one"].append(deploy(names[0]))
            spent["all"].append(deploy(*names))
    report("no-op against an empty deploy", spent["one"], spent["empty"], "<= 1.3")
    report(f"no-op, {count} hosts against one", spent["all"], spent["one"], "<= 1.6")
    for name in names:
        hosts.find(name).down()


def report(what: str, ours: list[float], reference: list[float], goal: str) -> None:
    mine, other = statistics.median(ours), statistics.median(reference)
    ratio = mine / other
    print(
        f"{verdict(ratio, goal):6}  {what}: {mine:.2f} s / {other:.2f} s = {ratio:.2f} (goal {goal})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--suite", default="bookworm")
    options = parser.parse_args()
    first_run(options.runs, options.suite)
    no_op(options.runs, options.hosts, options.suite)


if __name__ == "__main__":
    main()
