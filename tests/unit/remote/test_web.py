"""What the host tells of its certificates, and of certbot's files, as certbot 1.21 to 4 write them."""

import subprocess
from pathlib import Path

import pytest

from provision.remote import web

CONF = """# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = {base}/archive/{name}
cert = {base}/live/{name}/cert.pem
privkey = {base}/live/{name}/privkey.pem
chain = {base}/live/{name}/chain.pem
fullchain = {base}/live/{name}/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 0123abcd
server = https://ca.example.org/dir
"""
WEBROOT = """authenticator = webroot
webroot_path = /var/www/x,
[[webroot_map]]
a.org = /var/www/x
b.org = /var/www/y
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """certbot's folder with one certificate, a.org."""
    monkeypatch.setattr(web, "LETSENCRYPT", str(tmp_path))
    live, archive = tmp_path / "live/a.org", tmp_path / "archive/a.org"
    for folder in (live, archive, tmp_path / "renewal", tmp_path / "accounts/ca.example.org/dir/0123abcd"):
        folder.mkdir(parents=True)
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.org"
    words += f" -addext subjectAltName=DNS:a.org -keyout {archive}/privkey1.pem -out {archive}/cert1.pem"
    subprocess.run(words.split(), check=True, capture_output=True)
    for name in ("chain", "fullchain"):
        (archive / f"{name}1.pem").write_bytes((archive / "cert1.pem").read_bytes())
    for name in ("cert", "privkey", "chain", "fullchain"):
        (live / f"{name}.pem").symlink_to(f"../../archive/a.org/{name}1.pem")
    (tmp_path / "renewal/a.org.conf").write_text(CONF.format(base=tmp_path, name="a.org") + WEBROOT)
    return tmp_path


def test_a_renewal_file_says_how_and_where(base: Path) -> None:
    found = web.lineages()["a.org"]
    assert found == {
        "renewed": True,
        "whole": True,
        "authenticator": "webroot",
        "server": "https://ca.example.org/dir",
        "roots": ["/var/www/x", "/var/www/y"],
        "hooks": [],
        "account": True,
        "names": ["a.org"],
    }
    conf = base / "renewal/a.org.conf"
    conf.write_text(CONF.format(base=base, name="a.org") + "authenticator = standalone\npre_hook = stop it\n")
    (base / "accounts/ca.example.org/dir/0123abcd").rmdir()
    found = web.lineages()["a.org"]
    assert (found["authenticator"], found["roots"], found["hooks"]) == ("standalone", [], ["stop it"])
    assert not found["account"]


@pytest.mark.parametrize(
    "harm",
    [
        "rm live/a.org/privkey.pem",
        "rm archive/a.org/privkey1.pem",
        "rm -r live",
        "rm renewal/a.org.conf",
        "cp -rL live/a.org x; rm -r live/a.org; mv x live/a.org",
        "openssl genrsa -out archive/a.org/privkey1.pem 2048",
        "sed -i s,live/,live/x/, renewal/a.org.conf",
        "truncate -s 0 renewal/a.org.conf",
    ],
)
def test_what_certbot_could_not_renew_is_not_whole(harm: str, base: Path) -> None:
    subprocess.run(["sh", "-euc", harm], cwd=base, check=True, capture_output=True)
    assert not web.lineages()["a.org"]["whole"]


def test_a_certificate_without_its_own_key_does_not_fit(base: Path) -> None:
    path = base / "archive/a.org/cert1.pem"
    pair = (base / "cert.pem", base / "key.pem")
    for there, source in zip(pair, (path, base / "archive/a.org/privkey1.pem"), strict=True):
        there.write_bytes(source.read_bytes())
    assert web.certificate(str(pair[0]))["fits"]
    assert web.certificate(str(pair[0]))["self_signed"]
    pair[1].write_text("")
    assert not web.certificate(str(pair[0]))["fits"]
    pair[1].unlink()
    assert not web.certificate(str(pair[0]))["fits"]
