"""podman with storage of its own, and the part of compose that our file uses.

Debian 12's podman-compose 1.0.3 passes `network_mode: service:...` on to podman, which does not know it; later ones,
and docker compose, translate it as `run_command` does.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from lab import image

CONFIGURATION = """[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
"""
"""For a machine that is a container itself: no raised limits, no systemd, and runc, which takes hybrid cgroups. Locks
are files, so that nothing is shared with the podman that the machine may have in use."""


class Podman:
    """Its images, containers and volumes lie below `folder`, which must not be in use, and go with `remove`.

    Its network is slirp4netns: a process a container, and neither a bridge nor a rule on the machine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_CONF": f"{folder}/containers.conf",
            "BUILDAH_ISOLATION": "chroot",
            "BUILDAH_FORMAT": "docker",
        }
        if folder.exists():  # of a run that was killed
            self.remove()
        folder.mkdir(parents=True)
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(storage)
        own = f'tmp_dir = "{folder}/tmp"\n[network]\nnetwork_config_dir = "{folder}/networks"\n'
        (folder / "containers.conf").write_text(CONFIGURATION + own)

    def run(self, *words: str, **options: Any) -> str:
        """podman's output; its words are the failure."""
        done = subprocess.run(
            ["podman", *words], capture_output=True, text=True, env=self.environment, check=False, **options
        )
        assert done.returncode == 0, (
            f"podman {' '.join(words[:3])}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        )
        return done.stdout.strip()

    def base(self) -> str:
        """A Debian made by mmdebstrap, with this machine's authorities, by its digest."""
        context, root = self.folder / "base", image.provide("trixie", "vps")
        context.mkdir()
        subprocess.run(["tar", "-C", root, "-cf", context / "root.tar", "."], check=True)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", context / "ca.crt")
        lines = "FROM scratch\nADD root.tar /\nCOPY ca.crt /etc/ssl/certs/ca-certificates.crt\n"
        lines += "COPY ca.crt /usr/local/share/ca-certificates/all.crt\n"
        (context / "Containerfile").write_text(lines)
        self.run("build", "-q", "-t", "localhost/harvest-base:test", str(context))
        digest = self.run("image", "inspect", "--format", "{{.Digest}}", "localhost/harvest-base:test")
        return f"localhost/harvest-base@{digest}"

    def up(self, folder: Path, ports: dict[str, str]) -> "Project":
        """Build and start what `folder` holds; `ports` are PORT_80 and the like, as compose takes them."""
        services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
        for each in services.values():
            asked = each["build"]
            values = [word for pair in asked["args"].items() for word in ("--build-arg", "=".join(pair))]
            self.run("build", "--target", asked["target"], *values, "-t", each["image"], ".", cwd=folder)
        made = Project(self, folder, services, ports)
        for name in sorted(services, key=lambda each: len(services[each].get("depends_on", {}))):
            for before, asked in services[name].get("depends_on", {}).items():
                if asked["condition"] == "service_healthy":
                    made.wait_until_healthy(before)
            made.start(name)
        return made

    def remove(self) -> None:
        """The newest container first: the network that it is in belongs to an older one."""
        for container in reversed(self.run("ps", "-aq", "--sort", "created").split()):
            self.run("rm", "-f", "-t", "3", container)
        self.run("rmi", "-af")
        self.run("volume", "rm", "-af")
        subprocess.run(["umount", self.folder / "root" / "overlay"], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def left_behind(self) -> list[str]:
        """What still names the folder: mounts and processes."""
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return [line for line in mounts + processes.splitlines() if str(self.folder) in line]


class Project:
    """The containers of one folder."""

    def __init__(self, podman: Podman, folder: Path, services: dict[str, Any], ports: dict[str, str]) -> None:
        self.podman, self.folder, self.services, self.ports = podman, folder, services, ports

    def name(self, service: str) -> str:
        return f"{self.folder.name}-{service}"

    def run_command(self, service: str) -> list[str]:
        """As compose would start it; what it does not know of our file fails here."""
        said = dict(self.services[service])
        words = ["run", "-d", "--name", self.name(service)]
        kind, _, owner = said.pop("network_mode", "slirp4netns").partition(":")
        words += [f"--network=container:{self.name(owner)}" if owner else f"--network={kind}"]
        words += [f"-p={self.published(port)}" for port in said.pop("ports", [])]
        words += ["--read-only"] if said.pop("read_only") else []
        words += ["-m", said.pop("mem_limit"), f"--pids-limit={said.pop('pids_limit')}"]
        words += [f"--restart={said.pop('restart')}"]
        for key, option in {
            "cap_drop": "--cap-drop",
            "cap_add": "--cap-add",
            "security_opt": "--security-opt",
            "tmpfs": "--tmpfs",
            "env_file": "--env-file",
        }.items():
            words += [f"{option}={value}" for value in said.pop(key, [])]
        for volume in said.pop("volumes"):
            source, _, rest = volume.partition(":")
            at = f"{self.folder}/{source}" if source.startswith("./") else f"{self.folder.name}-{source}"
            words += ["-v", f"{at}:{rest}"]
        words += [f"--env={name}={value}" for name, value in said.pop("environment", {}).items()]
        words += [f"--{key.replace('_', '-')}={said.pop(key)}" for key in ("user", "shm_size") if key in said]
        words += [said.pop("image"), *said.pop("command", ())]
        assert set(said) <= {"build", "depends_on", "stop_grace_period"}, said
        return words

    def execute(self, service: str, *words: str, **options: Any) -> str:
        return self.podman.run("exec", "-i", self.name(service), *words, **options)

    def start(self, service: str) -> None:
        self.podman.run(*self.run_command(service), cwd=self.folder)

    def wait_until_healthy(self, service: str) -> None:
        """At most 60 s; then the failure are the service's last log lines."""
        stop = time.monotonic() + 60
        while True:
            try:
                self.podman.run("healthcheck", "run", self.name(service))
                return
            except AssertionError as error:
                if time.monotonic() > stop:
                    logs = self.podman.run("logs", "--tail", "20", self.name(service))
                    raise AssertionError(f"{service} is not healthy in 60 s: {error} {logs}") from error
            time.sleep(0.3)

    def published(self, port: str) -> str:
        """`${PORT_80:-80}:80` as compose reads it."""
        return re.sub(r"\$\{(\w+):-(\w+)\}", lambda found: self.ports.get(found[1], found[2]), port)
