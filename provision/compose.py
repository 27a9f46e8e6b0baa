"""HARVEST in containers: a folder from which docker compose or podman-compose builds and runs what deploy.py deploys.

    python -m provision.compose [--inventory inventories/prod.py] [--postgresql] --base IMAGE@sha256:... HOST FOLDER

The release, its environment and nginx's files are those that the host would get; docs/containers.md says what differs.
"""

import argparse
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provision.engine.state import HostState
from provision.engine.templates import render
from provision.inventory import settings_of
from provision.operations.app import sources
from provision.operations.app.release import build_script
from provision.operations.files import File, Link
from provision.operations.nginx_files import ETC, live
from provision.operations.tls.certificates import self_signed_script
from provision.pyinfra_bridge import command_line
from provision.settings.instances import Instance
from provision.settings.model import Settings
from tasks import application, nginx
from tasks.release import wanted_release

CONTAINERFILE = Path(__file__).parents[1] / "Containerfile"
PINNED = re.compile(r"[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}")
MOUNTS = (
    "nginx/conf.d",
    "nginx/harvest.d",
    "nginx/modules-enabled",
    "nginx/sites-available",
    "nginx/sites-enabled",
    "nginx/snippets",
)
"""Folders below /etc that nginx's container takes from ours."""


def image_state(settings: Settings) -> HostState:
    """The image as a host: what nginx it has is not known here, so its files are those for the oldest supported one,
    which later ones read too. Containers are reached by IPv4, whatever their host has."""
    system = {
        "os": "",
        "version": "",
        "pretty": "",
        "systemd": False,
        "python": "",
        "hostname": "",
        "timezone": "",
    }
    system |= {"free_mb": 0, "cores": 0, "cloud_init": False, "trusts": "", "ipv6": False}
    unknown: dict[str, Any] = {
        "files": {},
        "packages": {},
        "units": {},
        "users": {},
        "firewall": None,
        "urls": {},
    }
    certificates: dict[str, Any] = {live(domain).certificate: {} for domain in settings.sites}
    return HostState.model_validate({**unknown, "system": system, "certificates": certificates})


def problems(settings: Settings) -> Iterator[str]:
    """Each setting that containers cannot have, with the value found and those that are allowed."""
    if settings.instances:
        yield "instances: names several; containers take one HARVEST a folder, so give each a host in the inventory"
    if settings.mode == "nginx" and settings.site == "beside":
        yield 'site: is "beside"; containers have an nginx to themselves: "own"'
    if settings.mode == "nginx" and settings.tls == "letsencrypt":
        yield 'tls: is "letsencrypt"; containers take "selfsigned", "files", or "off" behind a proxy that ends TLS'
    if not all(sources.native(each) for each in settings.all_instances):
        yield "app_source: is without the command line `python -m harvest`, which containers start with"


def nginx_files(settings: Settings) -> dict[str, str]:
    """Below the folder, path to text, or to "-> target" of a link: what a host has below /etc/nginx."""
    found, have = {}, image_state(settings)
    for item in nginx.site(settings) if settings.mode == "nginx" else ():
        if isinstance(item, File):
            found[_inside(item.path)] = item.resolved(have).data.decode()
        elif isinstance(item, Link):
            found[_inside(item.path)] = f"-> {item.target}"
    return found


def _inside(path: str) -> str:
    return f"nginx/{posixpath.relpath(path, ETC)}"


def backend(instance: Instance, port: int) -> str:
    """A backend's service: "backend" where there is one."""
    return "backend" if len(instance.backend_ports) == 1 else f"backend-{port}"


def published(settings: Settings) -> list[str]:
    """Ports that lead to HARVEST: those of the settings, or what PORT_80 (443, 8050 ...) in the environment says."""
    ports = [port for port in settings.open_ports if port != settings.sshd_port]
    return [f"${{PORT_{port}:-{port}}}:{port}" for port in ports]


def compose_yaml(host: str, settings: Settings, base: str, postgresql: bool) -> str:
    (instance,) = settings.all_instances
    options = {"settings": settings, "instance": instance, "workers": application.WORKERS, "native": True}
    return render(
        "compose/compose.yaml",
        host=host,
        settings=settings,
        instance=instance,
        base=base,
        release=wanted_release(instance).source.id,
        postgresql=postgresql,
        backend=lambda port: backend(instance, port),
        ports=published(settings),
        connections=nginx.CONNECTIONS,
        gunicorn=render("systemd/_gunicorn", **options).strip(),
        mounts=MOUNTS,
    )


def texts(host: str, settings: Settings, base: str, postgresql: bool) -> dict[str, str]:
    """Every text of the folder by its path there, as `nginx_files` says; no secret is among them."""
    (instance,) = settings.all_instances
    release = wanted_release(instance)
    environment = application.environment(instance)
    (env,) = (
        item
        for item in application.configuration(settings, instance)
        if isinstance(item, File) and item.path == environment
    )
    return {
        "Containerfile": CONTAINERFILE.read_text(),
        "compose.yaml": compose_yaml(host, settings, base, postgresql),
        "postgresql.sh": render("compose/postgresql.sh"),
        "build.sh": build_script(release.venv("image"), "/opt/uv", release.requirements),
        "harvest.env": env.data.decode(),
        **nginx_files(settings),
    }


def write(folder: Path, host: str, settings: Settings, base: str, postgresql: bool = False) -> None:
    """Write the folder; nginx's former files go first, a self-signed certificate stays."""
    (instance,) = settings.all_instances
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "nginx", ignore_errors=True)
    for name, text in texts(host, settings, base, postgresql).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text.removeprefix("-> "))
        else:
            path.write_text(text)
    (folder / "release.tar.gz").write_bytes(wanted_release(instance).source.archive)
    for domain in settings.sites if settings.tls != "off" else ():
        certificate(folder / "tls" / domain, settings, domain)


def certificate(folder: Path, settings: Settings, domain: str) -> None:
    """cert.pem and key.pem: those that the settings name, or a self-signed pair, made where there is none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.tls == "files" and settings.tls_certificate and settings.tls_key:
        (folder / "cert.pem").write_bytes(settings.tls_certificate.read_bytes())
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(settings.tls_key.read_bytes())
    elif not (folder / "cert.pem").is_file():
        made = self_signed_script(".", settings.certificate_names(domain))
        subprocess.run(["sh", "-c", f"set -e\n{made}"], cwd=folder, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m provision.compose", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--inventory", default="inventories/prod.py", help="the inventory that has the host")
    parser.add_argument("--base", required=True, help="a Debian or Ubuntu image by digest: NAME@sha256:...")
    parser.add_argument(
        "--postgresql",
        action="store_true",
        help="keep the data in PostgreSQL, in a container, instead of SQLite",
    )
    parser.add_argument("host", help="the host's name in the inventory")
    parser.add_argument("folder", type=Path, help="where compose.yaml and all that it needs are written")
    words = parser.parse_args()
    if not PINNED.fullmatch(words.base):
        command_line.stop([f"--base: is {words.base}; pin it by its digest: NAME@sha256: and 64 hex digits"])
    settings = settings_of(words.inventory, words.host)
    if wrong := list(problems(settings)):
        command_line.stop([f"{words.inventory}: host {words.host}: {each}" for each in wrong])
    write(words.folder, words.host, settings, words.base, words.postgresql)
    print(f"Written: {words.folder}/compose.yaml. Next: cd {words.folder} && docker compose up -d --build")
    return 0


if __name__ == "__main__":
    sys.exit(main())
