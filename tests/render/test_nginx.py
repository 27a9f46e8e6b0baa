"""nginx itself accepts what is rendered, in every topology."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import HostState
from provision.operations.files import File, Link
from provision.settings.model import settings_from
from tasks.nginx import site
from tests.unit.examples import GOOD, TWO
from tests.unit.states import state

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
TOPOLOGIES: dict[str, dict[str, Any]] = {
    "root": {},
    "subpath": {"base_path": "/harvest/"},
    "plain": {"tls": "off"},
    "api": {"api_domain": "api.example.org"},
    "several": {"backend_ports": [5001, 5002, 5003]},
    "several-subpath": {"backend_ports": [5001, 5002, 5003], "base_path": "/harvest/"},
    "several-api": {"backend_ports": [5001, 5002], "api_domain": "api.example.org"},
    "instances": {"instances": TWO},
    "aliases": {"domain_aliases": ["www.example.org", "old.example.org"], "api_domain": "api.example.org"},
    "aliases-plain": {"domain_aliases": ["www.example.org"], "tls": "off"},
    "authority": {"tls": "letsencrypt"},
    "behind-proxy": {"behind_proxy": ["10.0.0.0/8", "2001:db8::7"]},
    "behind-proxy-plain": {
        "behind_proxy": ["10.0.0.7"],
        "tls": "off",
        "public_url": "https://harvest.example.org:8443",
    },
    "alias-plain": {"tls": "off", "domain_aliases": ["www.example.org"]},
    "long-names": {"api_domain": ".".join(["a" * 60] * 3) + ".example.org"},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cert.pem and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
    words += " -keyout key.pem -out cert.pem"
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)
    return folder


def installed() -> str:
    """This machine's nginx as dpkg would name its version."""
    said = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True).stderr
    return said.strip().rpartition("/")[2] + "-1"


def host(version: str) -> HostState:
    live = {f"/etc/letsencrypt/live/{name}/fullchain.pem": {} for name in ("harvest.example.org",)}
    return state(packages={"nginx": version}, certificates=live)


def write(folder: Path, settings: Any, have: HostState, pair: Path) -> None:
    """The site's files below `folder` instead of /etc/nginx."""

    def moved(text: str) -> str:
        text = text.replace("/etc/nginx", str(folder)).replace("/var/log/nginx", str(folder))
        text = text.replace("/run/nginx-harvest", str(folder / "kept"))
        for name in ("cert.pem", "key.pem"):
            text = text.replace(f"/etc/harvest/tls/harvest.example.org/{name}", str(pair / name))
        return text

    for item in site(settings):
        if isinstance(item, File):
            path = Path(moved(item.path))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(moved(item.resolved(have).data.decode()))
        elif isinstance(item, Link):
            path = Path(moved(item.path))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(item.target)
    (folder / "nginx.conf").write_text(
        f"include {folder}/modules-enabled/*.conf;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{\naccess_log {folder}/access.log;\n"
        f"include {folder}/conf.d/*.conf;\ninclude {folder}/sites-enabled/*;\n}}\n"
    )


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_nginx_takes_it_without_a_word(name: str, tmp_path: Path, pair: Path) -> None:
    write(tmp_path, settings_from(GOOD | TOPOLOGIES[name]), host(installed()), pair)
    command = [str(NGINX), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("tls", "scheme"), [("selfsigned", "https"), ("letsencrypt", "https"), ("off", "http")]
)
def test_a_further_name_redirects_to_the_site_and_is_in_its_certificate(tls: str, scheme: str) -> None:
    settings = settings_from(GOOD | {"tls": tls, "domain_aliases": ["www.example.org"]})
    assert settings.certificate_names("harvest.example.org") == ("harvest.example.org", "www.example.org")
    files = {item.path: item for item in site(settings) if isinstance(item, File)}
    text = files["/etc/nginx/sites-available/www.example.org"].resolved(host("1.26.3-1")).data.decode()
    to = f"return 301 {scheme}://harvest.example.org$request_uri;"
    assert text.count(to) == text.count("return 301") == (1 if tls == "off" else 2)
    assert "location ^~ /.well-known/acme-challenge/" in text  # before anything is switched to the authority


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_nginx_would_refuse_a_wrong_line(tmp_path: Path, pair: Path) -> None:
    write(tmp_path, settings_from(GOOD), host(installed()), pair)
    (tmp_path / "conf.d" / "wrong.conf").write_text("nonsense;\n")
    command = [str(NGINX), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    assert subprocess.run(command, capture_output=True).returncode == 1


@pytest.mark.parametrize("version", ["1.18.0-1", "1.26.3-1"])
def test_no_location_goes_without_the_headers(version: str) -> None:
    settings = settings_from(GOOD | {"api_domain": "api.example.org", "backend_ports": [5001, 5002]})
    for item in site(settings):
        if isinstance(item, File) and "/harvest.d/" in item.path and item.path.endswith(".conf"):
            for block in item.resolved(host(version)).data.decode().split("\nlocation ")[1:]:
                body = block[: block.index("\n}")]
                assert "include snippets/harvest-" in body or "return 30" in body or "return 404" in body, (
                    block
                )
