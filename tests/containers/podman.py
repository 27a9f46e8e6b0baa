"""podman with storage of its own, and the part of compose that our file uses.

Debian 12's podman-compose 1.0.3 passes `network_mode: service:...` on to podman, which does not know it; later ones,
and docker compose, translate it as `run_command` does.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from lab import image

CONFIGURATION = """[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
"""For a machine that is a container itself: no raised limits, no systemd, and runc, which takes hybrid cgroups."""


class Podman:
    """Its images, containers, volumes and networks lie below `folder`, and go with `remove`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(storage)
        networks = f'[network]\nnetwork_config_dir = "{folder}/networks"\n'
        (folder / "containers.conf").write_text(CONFIGURATION + networks)
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_CONF": f"{folder}/containers.conf",
            "BUILDAH_ISOLATION": "chroot",
            "BUILDAH_FORMAT": "docker",
        }

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

    def up(self, folder: Path) -> "Project":
        services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
        for each in services.values():
            asked = each["build"]
            values = [word for pair in asked["args"].items() for word in ("--build-arg", "=".join(pair))]
            self.run("build", "--target", asked["target"], *values, "-t", each["image"], ".", cwd=folder)
        made = Project(self, folder, services)
        for name in sorted(services, key=lambda each: "network_mode" in services[each]):
            self.run(*made.run_command(name), cwd=folder)
        return made

    def remove(self) -> None:
        for words in (
            ["rm", "-af", "--depend", "-t", "3"],
            ["volume", "rm", "-af"],
            ["network", "prune", "-f"],
        ):
            self.run(*words)
        self.run("rmi", "-af")
        subprocess.run(["umount", self.folder / "root" / "overlay"], check=False, capture_output=True)
        shutil.rmtree(self.folder)


class Project:
    """The containers of one folder."""

    def __init__(self, podman: Podman, folder: Path, services: dict[str, Any]) -> None:
        self.podman, self.folder, self.services = podman, folder, services

    def name(self, service: str) -> str:
        return f"{self.folder.name}-{service}"

    def run_command(self, service: str) -> list[str]:
        """As compose would start it; what it does not know of our file fails here."""
        said = dict(self.services[service])
        words = ["run", "-d", "--name", self.name(service)]
        owner = said.pop("network_mode", "").removeprefix("service:")
        words += [f"--network=container:{self.name(owner)}"] if owner else []
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
        words += [f"--user={said.pop('user')}"] if "user" in said else []
        words += [said.pop("image"), *said.pop("command", [])]
        assert set(said) <= {"build", "ports", "depends_on", "stop_grace_period"}, said
        return words

    def execute(self, service: str, *words: str, **options: Any) -> str:
        return self.podman.run("exec", "-i", self.name(service), *words, **options)

    def address(self, service: str) -> str:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}{{.NetworkSettings.IPAddress}}"
        found = self.podman.run("inspect", "--format", form, self.name(service))
        return found[: len(found) // 2] if found[: len(found) // 2] == found[len(found) // 2 :] else found
