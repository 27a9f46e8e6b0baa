"""Certificates for real: issued, renewed, refused, and never missed, with an authority of the tests' own."""

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import hosts
from provision.operations import systemd
from provision.operations.nginx import OURS
from tests.host.authority import Authority, bridge_address
from tests.host.guarding import until
from tests.host.runs import audit, deploy
from tests.host.web_hosts import change, changed, converge, served, visited

NAME = "w-tls.harvest.test"
API = "api.w-tls.test"
OTHER = "research.w-tls.test"
SPLIT = "split.w-tls.test"
"""A name that the world's DNS has, and ours has not."""
urllib3.disable_warnings()
pytestmark = [
    pytest.mark.xdist_group("w-tls"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
    pytest.mark.parametrize(
        "lab_host",
        [{"name": "w-tls", "suite": "trixie", "group": "harvest_nginx", "aliases": [API, OTHER]}],
        indirect=True,
        scope="module",
        ids=["trixie"],
    ),
]


@pytest.fixture(scope="module")
def authority(lab_host: hosts.Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Running, and trusted by the host as a company's own would be."""
    with Authority(bridge_address(lab_host), tmp_path_factory.mktemp("authority")) as started:
        for name in (NAME, API, OTHER, SPLIT):
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
    done = audit(host.name)
    assert done.returncode == 0, done.stdout


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


def test_a_renewal_next_to_a_broken_site_drops_nothing_and_is_served_once_that_is_repaired(
    host: hosts.Host, trust: str
) -> None:
    before = served(host, NAME)
    host.exec("echo nonsense >/etc/nginx/sites-enabled/broken")
    said = host.exec("certbot renew --force-renewal --no-random-sleep-on-renew 2>&1", check=False).stdout
    assert 'unexpected end of file, expecting ";" or "}" in /etc/nginx/sites-enabled/broken' in said
    assert served(host, NAME) == before
    assert requests.get(f"https://{NAME}/", verify=trust, timeout=10).status_code == 200
    host.exec("rm /etc/nginx/sites-enabled/broken")
    assert deploy(host.name).code == 0
    changed(host, before)


def test_the_distribution_timer_renews(host: hosts.Host) -> None:
    shown = host.exec("systemctl is-enabled certbot.timer; systemctl is-active certbot.timer").stdout
    assert shown.split() == ["enabled", "active"]


def test_all_names_are_in_one_certificate_and_a_removed_one_goes(
    host: hosts.Host, authority: Authority, trust: str
) -> None:
    # Meanwhile another certbot is at work, and the operator's address has changed.
    hold = "import fcntl, time; f = open('/etc/letsencrypt/.certbot.lock', 'w'); fcntl.lockf(f, 2); time.sleep(15)"
    host.exec(f'systemd-run -q --collect python3 -c "{hold}"')
    converge(host, api_domain=API, acme_email="ops@example.org")
    shown = host.exec(f"certbot show_account --server {authority.settings['acme_directory']} 2>&1").stdout
    assert "Email contact: ops@example.org" in shown
    assert served(host, NAME) == served(host, API)
    assert served(host, NAME)[1] == {NAME, API}
    choices = requests.get(
        f"https://{API}/api/choices", headers={"Origin": f"https://{NAME}"}, verify=trust, timeout=10
    )
    assert choices.headers["Access-Control-Allow-Origin"] == f"https://{NAME}"
    converge(host, api_domain=None, acme_email=authority.settings["acme_email"])
    assert served(host, NAME)[1] == {NAME}


def test_two_sites_of_one_host_have_a_certificate_each_and_one_that_goes_takes_its_own(
    host: hosts.Host, trust: str
) -> None:
    second = {"domain": OTHER, "frontend_port": 8051, "backend_ports": [5011]}
    converge(host, instances={"harvest": {}, "research": second})
    assert served(host, NAME)[1] == {NAME}
    assert served(host, OTHER)[1] == {OTHER}
    for name in (NAME, OTHER):
        assert requests.get(f"https://{name}/", verify=trust, timeout=10).status_code == 200
    converge(host, instances={})
    assert host.exec("ls /etc/letsencrypt/renewal").stdout.split() == [f"{NAME}.conf"]


def test_a_name_that_is_not_ours_is_told_before_the_authority_is_asked(
    host: hosts.Host, authority: Authority
) -> None:
    asked = (authority.folder / "pebble.log").stat().st_size
    run = change(host, api_domain="nowhere.w-tls.test")
    assert run.code != 0
    assert "nowhere.w-tls.test does not resolve: make a DNS record" in run.said
    assert run.changed == []  # also the old site is as it was
    assert (authority.folder / "pebble.log").stat().st_size == asked
    assert "set acme_preflight = False" in run.said
    assert served(host, NAME)[1] == {NAME}
    converge(host, api_domain=None)


@pytest.mark.parametrize(
    "past",
    [
        "systemctl stop nginx; certbot certonly --standalone --force-renewal -n --cert-name {name} -d {name} "
        "--server {server}; systemctl start nginx; cp -r live/{name} live/{name}-0001; "
        "cp -r archive/{name} archive/{name}-0001; cd live/{name}-0001; "
        "for pem in *.pem; do ln -sf ../../archive/{name}-0001/$(basename $(readlink $pem)) $pem; done; "
        "sed 's/{name}/{name}-0001/' ../../renewal/{name}.conf >../../renewal/{name}-0001.conf",
        "cp -rL live/{name} live/x; rm -rf live/{name} renewal/{name}*; mv live/x live/{name}; rm -rf archive/{name}",
        "rm live/{name}/privkey.pem",
        "rm -rf live/{name} archive/{name}",
    ],
    ids=["standalone", "copied from another host", "half gone", "renewal file alone"],
)
def test_whatever_certbot_did_before_the_run_ends_with_what_is_renewed(
    past: str, host: hosts.Host, authority: Authority
) -> None:
    server = str(authority.settings["acme_directory"])
    done = host.exec(f"cd /etc/letsencrypt; {past.format(name=NAME, server=server)}", check=False)
    run = deploy(host.name)
    assert run.code == 0, done.stdout + run.said
    assert deploy(host.name).changed == []
    kept = host.exec("ls /etc/letsencrypt/renewal /etc/letsencrypt/live").stdout.split()
    assert sorted(name for name in kept if name.startswith(NAME)) == [NAME, f"{NAME}.conf"]
    said = host.exec("certbot renew --force-renewal --no-random-sleep-on-renew 2>&1", check=False).stdout
    assert "Congratulations, all renewals succeeded" in said
    file = host.exec(f"openssl x509 -in /etc/letsencrypt/live/{NAME}/fullchain.pem -outform DER | sha256sum")
    until(lambda: served(host, NAME)[0] == file.stdout.split()[0], 10, "the renewed one is served")


def test_where_the_world_dns_is_another_the_look_can_be_left_out(host: hosts.Host) -> None:
    run = change(host, api_domain=SPLIT)
    assert run.code != 0
    assert f"{SPLIT} does not resolve" in run.said
    converge(host, api_domain=SPLIT, acme_preflight=False)
    assert served(host, NAME)[1] == {NAME, SPLIT}
    converge(host, api_domain=None, acme_preflight=True)


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
    # Due as it is in its last 30 days, and tried by the unit that the timer starts.
    conf = f"/etc/letsencrypt/renewal/{NAME}.conf"
    host.exec(f"cp {conf} /root/kept; sed -i '1i renew_before_expiry = 1000 days' {conf}")
    failed = host.exec("systemctl start certbot.service", check=False)
    audited = audit(host.name)
    host.exec(f"cp /root/kept {conf}")
    run = change(host, api_domain=API)
    authority.start()
    assert failed.returncode != 0
    assert "the last renewal failed; look with: journalctl -u certbot" in audited.stdout
    assert run.code != 0
    assert "cannot be reached from this host" in run.said
    assert served(host, NAME) == before
    host.exec("systemctl reset-failed certbot.service")
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


def pair_of(name: str, days: int) -> tuple[bytes, bytes]:
    """A certificate that ends in so many days, and its key, PEM."""
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
        .not_valid_after(now + days * day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    kept = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return made.public_bytes(serialization.Encoding.PEM), kept


def test_a_certificate_that_ran_out_is_renewed_by_the_next_run(host: hosts.Host, trust: str) -> None:
    chain, key = pair_of(NAME, -1)
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


@pytest.fixture
def pairs(tmp_path: Path) -> list[dict[str, str]]:
    """Four pairs on the controller, as settings; the third ends soon, the last is for all names of the domain."""
    made = []
    wild = NAME.replace("w-tls", "*")
    for number, (name, days) in enumerate(((NAME, 60), (NAME, 30), (NAME, 10), (wild, 60))):
        paths = {"tls_certificate": tmp_path / f"chain{number}.pem", "tls_key": tmp_path / f"key{number}.pem"}
        for path, data in zip(paths.values(), pair_of(name, days), strict=True):
            path.write_bytes(data)
        made.append({key: str(path) for key, path in paths.items()})
    return made


def test_a_pair_from_the_controller_is_served_and_watched(
    host: hosts.Host, pairs: list[dict[str, str]]
) -> None:
    converge(host, tls="files", **pairs[3])
    shown = host.exec("ls /etc/letsencrypt/live /etc/letsencrypt/renewal-hooks/deploy").stdout
    assert shown.split("\n")[1] == "README"
    assert host.exec("systemctl is-active certbot.timer", check=False).stdout.strip() == "inactive"
    done = audit(host.name)
    assert done.returncode == 0, done.stdout


def test_a_run_and_a_renewal_can_reload_nginx_at_the_same_time(
    host: hosts.Host, pairs: list[dict[str, str]]
) -> None:
    converge(host, tls="files", **pairs[3])
    renewals = "for i in $(seq 40); do systemctl start harvest-certificates || echo renewal $i failed; done"
    reloads = f"for i in $(seq 40); do ( {systemd.act(OURS, 'reload')} ) || echo reload $i failed; done"
    assert host.exec(f"( {renewals} ) & {reloads}; wait").stdout == ""


def test_what_somebody_puts_in_its_place_is_served_and_left_alone(
    host: hosts.Host, pairs: list[dict[str, str]]
) -> None:
    converge(host, tls="files", **pairs[0])
    before = served(host, NAME)
    folder = f"/etc/harvest/tls/{NAME}"
    for there, here in (("cert.pem", "tls_certificate"), ("key.pem", "tls_key")):
        (host.root / f"{folder}/{there}.new".lstrip("/")).write_bytes(Path(pairs[1][here]).read_bytes())
    host.exec(f"mv {folder}/cert.pem.new {folder}/cert.pem")
    told = "journalctl -u harvest-certificates.service"
    until(lambda: "key values mismatch" in host.exec(told).stdout, 20, "the lone certificate is refused")
    assert served(host, NAME) == before  # a certificate whose key is still to come is not taken
    assert requests.get(f"https://{NAME}/", verify=False, timeout=10).status_code == 200
    host.exec(f"mv {folder}/key.pem.new {folder}/key.pem")
    changed(host, before)
    theirs = served(host, NAME)
    run = deploy(host.name)
    assert (run.code, run.changed) == (0, []), run.said
    assert f"{folder}/cert.pem was replaced on the host, and is left alone (29 days left)" in run.said
    assert served(host, NAME) == theirs
    run = converge(host, **pairs[2])  # the controller's changed: now it is the newer word
    assert "was replaced on the host" not in run.said
    assert served(host, NAME) not in (before, theirs)


def test_the_audit_fails_where_a_certificate_ends_within_two_weeks(
    host: hosts.Host, pairs: list[dict[str, str]]
) -> None:
    converge(host, tls="files", **pairs[2])
    assert f"{NAME}'s certificate ends in 9 days" in audit(host.name).stdout
    converge(host, tls="selfsigned")
    assert host.exec("ls /etc/systemd/system/harvest-certificates*", check=False).returncode != 0
    done = audit(host.name)
    assert done.returncode == 0, done.stdout
