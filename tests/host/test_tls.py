"""Certificates for real: issued, renewed, refused, and never missed, with an authority of the tests' own."""

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import hosts
from tests.host.authority import Authority, bridge_address
from tests.host.runs import deploy
from tests.host.web_hosts import change, changed, converge, served, visited

NAME = "w-tls.harvest.test"
API = "api.w-tls.test"
pytestmark = [
    pytest.mark.xdist_group("w-tls"),
    pytest.mark.parametrize(
        "lab_host",
        [{"name": "w-tls", "suite": "trixie", "group": "harvest_nginx", "aliases": [API]}],
        indirect=True,
        scope="module",
        ids=["trixie"],
    ),
]


@pytest.fixture(scope="module")
def authority(lab_host: hosts.Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Running, and trusted by the host as a company's own would be."""
    with Authority(bridge_address(lab_host), tmp_path_factory.mktemp("authority")) as started:
        for name in (NAME, API):
            started.name(name, lab_host.address)
        yield started


@pytest.fixture(scope="module")
def host(lab_host: hosts.Host, authority: Authority) -> hosts.Host:
    """Fresh, and deployed once: HTTPS comes in one go."""
    cas = [*lab_host.record.settings["trusted_cas"], str(authority.root)]
    converge(lab_host, trusted_cas=cas, **authority.settings)
    return lab_host


@pytest.fixture
def trust(authority: Authority, tmp_path: Path) -> str:
    """A browser's trust in the authority."""
    (tmp_path / "root.pem").write_bytes(authority.issuer())
    return str(tmp_path / "root.pem")


def test_the_first_run_gives_https_that_browsers_trust(host: hosts.Host, trust: str) -> None:
    page = requests.get(f"https://{NAME}/", verify=trust, timeout=10)
    assert (page.status_code, page.headers["Strict-Transport-Security"]) == (200, "max-age=63072000")
    plain = requests.get(f"http://{NAME}/x?y=1", allow_redirects=False, timeout=10)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{NAME}/x?y=1")


def test_a_renewal_under_load_changes_what_is_served_and_drops_nothing(host: hosts.Host, trust: str) -> None:
    before = served(host, NAME)
    with visited(
        lambda session: session.get(f"https://{NAME}/api/health", verify=trust, timeout=10)
    ) as failures:
        said = host.exec("certbot renew --force-renewal --no-random-sleep-on-renew 2>&1").stdout
        assert "Congratulations, all renewals succeeded" in said
        changed(host, before)
    assert failures == []
    assert deploy(host.name).changed == []


def test_the_distribution_s_timer_renews(host: hosts.Host) -> None:
    shown = host.exec("systemctl is-enabled certbot.timer; systemctl is-active certbot.timer").stdout
    assert shown.split() == ["enabled", "active"]


def test_all_names_are_in_one_certificate_and_a_removed_one_goes(host: hosts.Host, trust: str) -> None:
    converge(host, api_domain=API)
    assert served(host, NAME) == served(host, API)
    assert served(host, NAME)[1] == {NAME, API}
    choices = requests.get(
        f"https://{API}/api/choices", headers={"Origin": f"https://{NAME}"}, verify=trust, timeout=10
    )
    assert choices.headers["Access-Control-Allow-Origin"] == f"https://{NAME}"
    converge(host, api_domain=None)
    assert served(host, NAME)[1] == {NAME}


def test_a_name_that_is_not_ours_is_told_before_the_authority_is_asked(
    host: hosts.Host, authority: Authority
) -> None:
    asked = (authority.folder / "pebble.log").stat().st_size
    run = change(host, api_domain="nowhere.w-tls.test")
    assert run.code != 0
    assert "nowhere.w-tls.test does not resolve: make a DNS record" in run.said
    assert (authority.folder / "pebble.log").stat().st_size == asked
    assert served(host, NAME)[1] == {NAME}
    converge(host, api_domain=None)


def test_a_refused_challenge_leaves_the_site_as_it_was(host: hosts.Host, authority: Authority) -> None:
    authority.name(API, authority.address)  # the world's DNS says something else than ours
    before = served(host, NAME)
    run = change(host, api_domain=API)
    authority.name(API, host.address)
    assert run.code != 0
    assert "the authority could not fetch the proof" in run.said
    assert served(host, NAME) == before
    converge(host, api_domain=None)


def test_an_authority_that_is_down_is_named_and_the_site_goes_on(
    host: hosts.Host, authority: Authority
) -> None:
    before = served(host, NAME)
    authority.stop()
    failed = host.exec("certbot renew --force-renewal --no-random-sleep-on-renew 2>&1", check=False)
    run = change(host, api_domain=API)
    authority.start()
    assert failed.returncode != 0
    assert run.code != 0
    assert "cannot be reached from this host" in run.said
    assert served(host, NAME) == before
    # The authority has forgotten us: certbot makes a new account by itself.
    host.exec("rm -rf /etc/letsencrypt/accounts")
    converge(host, api_domain=None)


class Busy(http.server.BaseHTTPRequestHandler):
    """An authority that has had enough (RFC 8555, 6.6)."""

    def do_GET(self) -> None:
        body = (
            b'{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates","status":429}'
        )
        self.send_response(429)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_rate_limit_is_told_as_such(host: hosts.Host, authority: Authority) -> None:
    server = http.server.ThreadingHTTPServer((authority.address, 14001), Busy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = served(host, NAME)
    try:
        run = change(host, acme_directory=f"https://{authority.address}:14001/dir")
    finally:
        server.shutdown()
        server.server_close()
    assert run.code != 0
    assert "has had enough requests for now" in run.said
    assert served(host, NAME) == before
    converge(host, **authority.settings)


def expired(name: str) -> tuple[bytes, bytes]:
    """A certificate that ended yesterday, and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 90 * day)
        .not_valid_after(now - day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    kept = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return made.public_bytes(serialization.Encoding.PEM), kept


def test_a_certificate_that_ran_out_is_renewed_by_the_next_run(host: hosts.Host, trust: str) -> None:
    chain, key = expired(NAME)
    live = f"etc/letsencrypt/live/{NAME}"
    for file, data in (("fullchain.pem", chain), ("cert.pem", chain), ("privkey.pem", key)):
        path = host.exec(f"readlink -f /{live}/{file}").stdout.strip()
        (host.root / path.lstrip("/")).write_bytes(data)
    host.exec("systemctl restart nginx")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{NAME}/", verify=trust, timeout=10)
    run = deploy(host.name)
    assert run.code == 0, run.said
    assert requests.get(f"https://{NAME}/", verify=trust, timeout=10).status_code == 200


def test_a_pair_from_the_controller_is_served_and_watched(host: hosts.Host, tmp_path: Path) -> None:
    for number in (1, 2):
        chain, key = expired(NAME)
        (tmp_path / f"chain{number}.pem").write_bytes(chain)
        (tmp_path / f"key{number}.pem").write_bytes(key)
    pair = {"tls_certificate": str(tmp_path / "chain1.pem"), "tls_key": str(tmp_path / "key1.pem")}
    converge(host, tls="files", **pair)
    assert (
        host.exec("ls /etc/letsencrypt/live /etc/letsencrypt/renewal-hooks/deploy").stdout.split("\n")[1]
        == "README"
    )
    assert host.exec("systemctl is-active certbot.timer", check=False).stdout.strip() == "inactive"
    before = served(host, NAME)
    folder = f"/etc/harvest/tls/{NAME}"
    for there, here in (("cert.pem", "chain2.pem"), ("key.pem", "key2.pem")):
        (host.root / f"{folder}/{there}.new".lstrip("/")).write_bytes((tmp_path / here).read_bytes())
    host.exec(
        f"mv {folder}/cert.pem.new {folder}/cert.pem; mv {folder}/key.pem.new {folder}/key.pem; sleep 2"
    )
    changed(host, before)
    converge(host, tls="selfsigned")
    assert host.exec("ls /etc/systemd/system/harvest-certificates*", check=False).returncode != 0
