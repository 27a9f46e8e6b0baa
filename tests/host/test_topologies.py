"""Every way of living behind nginx and without it, one after the other on one host, seen from outside."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from lab import hosts
from provision.settings.model import Settings, settings_from
from tests.host.authority import bridge_address, make_pair
from tests.host.browser import page_of
from tests.host.crawler import crawl, plain, shown
from tests.host.runs import deploy
from tests.host.test_converge import reachable
from tests.host.topologies import API, NAME, OTHER, PLAIN, TOPOLOGIES
from tests.host.visitor import ADMIN, Visitor, big_pdf, paper_of, password
from tests.host.web_hosts import alone, beside, change, converge, visited

pytestmark = [
    pytest.mark.xdist_group("w-web"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
    pytest.mark.parametrize(
        "lab_host",
        [{"name": "w-web", "suite": "bookworm", "group": "harvest_nginx", "aliases": [API, OTHER]}],
        indirect=True,
        scope="module",
        ids=["bookworm"],
    ),
]
urllib3.disable_warnings()
Go = Callable[[str], Settings]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company's own: the folder of its root, lab-ca.pem, and of a pair for all names of this host."""
    folder = tmp_path_factory.mktemp("authority")
    make_pair(folder, ",".join(f"DNS:{name}" for name in (NAME, API, OTHER)))
    return folder


@pytest.fixture(scope="module")
def go(lab_host: hosts.Host, authority: Path) -> Go:
    """Bring the host into a topology, by settings alone, from whichever it is in."""
    now = [""]
    fixed = {
        "tls_certificate": str(authority / "server.pem"),
        "tls_key": str(authority / "server.key"),
        "trusted_addresses": [bridge_address(lab_host)],  # floods are test_nginx.py's matter
    }

    def to(name: str) -> Settings:
        if now[0] != name:
            now[0] = ""
            (beside(lab_host, NAME, authority) if name == "beside" else alone(lab_host))
            converge(lab_host, **(PLAIN | TOPOLOGIES[name] | fixed))
            now[0] = name
        return settings_from({**hosts.find(lab_host.name).record.settings})

    return to


def visitor(url: str) -> Visitor:
    made = Visitor(url)
    made.session.verify = False
    made.session.trust_env = False  # REQUESTS_CA_BUNDLE would have it verify all the same
    return made


def paper(host: hosts.Host, settings: Settings) -> str:
    """A paper with a PDF in the host's first HARVEST: its path below the base."""
    first = settings.all_instances[0]
    project, name = paper_of(host, f"10.1000/{time.time()}")
    me = visitor(first.url(host.fqdn))
    me.sign_in()
    path = f"{me.url}proxy/pdf/{project}/{name}"
    if settings.mode == "nginx":
        path = f"{first.api_url}/api/projects/{project}/pdf/{name}"
    headers = {"Origin": me.origin, "Content-Type": "application/pdf"}
    headers |= me.ticket() if first.api_domain else {}
    put = me.session.put(path, data=big_pdf(1000), headers=headers, timeout=60)
    assert put.status_code == 200, put.text
    (found,) = set(re.findall(r"papers/\d+", plain(shown(me, f"projects/{project}"))))
    return str(found)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_everything_a_browser_asks_for_is_there_and_nothing_of_the_old_is_left(
    name: str, go: Go, lab_host: hosts.Host
) -> None:
    settings = go(name)
    nginx = settings.mode == "nginx"
    for number, each in enumerate(settings.all_instances):
        api = f"https://{each.api_domain}" if each.api_domain else ""
        one = "" if number else paper(lab_host, settings)
        troubles, seen = crawl(visitor(each.url(lab_host.fqdn)), nginx, api, one)
        assert troubles == []
        assert len(seen) > 10
        assert number or any(url.endswith(".pdf") for url in seen)
    assert present(lab_host) == wanted(settings)


def present(host: hosts.Host) -> dict[str, set[str]]:
    """What of HARVEST's is on the host, by kind."""

    def lines(command: str) -> set[str]:
        return set(host.exec(command, check=False).stdout.split())

    return {
        "sites": lines("ls /etc/nginx/sites-enabled") - {"other"},
        "includes": lines("cd /etc/nginx/harvest.d 2>/dev/null && ls -d */*.conf"),
        "snippets": lines("cd /etc/nginx && ls conf.d/*harvest* snippets/harvest* modules-enabled/*harvest*"),
        "certificates": lines("ls /etc/harvest/tls"),
        "running": lines(
            "systemctl list-units --plain --no-legend 'harvest*' | grep -oE '^harvest[^ ]*(service|socket)'"
        ),
        "units": lines(
            "cd /etc/systemd/system && ls */harvest*-frontend.* */harvest*-backend@* */harvest*-sweep.*"
            " | grep -o 'harvest[^/]*$'"
        ),
        "files": lines(
            "cd /etc/systemd/system && ls harvest*-frontend.socket harvest*-sweep.* harvest-certificates.*"
        ),
        "rules": lines("ufw status | grep ALLOW | grep -v v6 | grep -o '^[0-9]*/tcp'"),
        "ports": {line.split()[3].rpartition(":")[2] for line in host.exec("ss -Hltn").stdout.splitlines()},
        "kept": lines("ls -d /run/nginx-harvest"),
    }


def wanted(settings: Settings) -> dict[str, set[str]]:
    """What ought to be there, from the settings."""
    sites = {name for domain in settings.sites for name in settings.certificate_names(domain)}
    every = settings.all_instances
    nginx, own = settings.mode == "nginx", settings.mode == "nginx" and settings.site == "own"
    snippets = {f"snippets/harvest-{name}.conf" for name in ("answer", "frame", "proxy", "tls", "upstream")}
    includes = {f"{each.domain}/{each.name}.conf" for each in every}
    includes |= {f"{each.api_domain}/{each.name}.conf" for each in every if each.api_domain}
    own_ports = {port for each in every for port in each.ports}
    units = {f"{stem}.{kind}" for each in every for stem in each.stems for kind in ("socket", "service")}
    watched = own and settings.tls == "files"
    watch = {f"harvest-certificates.{kind}" for kind in ("path", "service")} if watched else set()
    sweeps = {f"{each.sweep}.{kind}" for each in every for kind in ("service", "timer")}
    return {
        "running": units | {"harvest-watch.service", *(f"{each.slug}-migrate.service" for each in every)},
        "sites": sites | {"00-default"} if own else set(),
        "includes": includes if nginx else set(),
        "snippets": snippets
        | {"conf.d/0-harvest.conf", "conf.d/harvest.conf", "modules-enabled/90-harvest.conf"}
        if nginx
        else set(),
        "certificates": set(settings.sites) if own and settings.tls != "off" else set(),
        "units": units | {f"{each.sweep}.timer" for each in every},
        "files": {f"{each.frontend}.socket" for each in every} | sweeps | watch,
        "rules": {f"{port}/tcp" for port in settings.open_ports},
        "ports": {str(port) for port in own_ports | set(settings.open_ports)},
        "kept": {"/run/nginx-harvest"} if nginx else set(),
    }


@pytest.mark.parametrize("name", ["root", "subpath", "several", "api", "instances", "domains", "beside"])
def test_a_real_browser_trusts_it_signs_in_and_has_nothing_to_complain(
    name: str, go: Go, lab_host: hosts.Host, authority: Path, tmp_path: Path
) -> None:
    settings = go(name)
    for number, each in enumerate(settings.all_instances):
        one = "" if number else paper(lab_host, settings)
        words, complaints = page_of(each.url(""), authority / "lab-ca.pem", tmp_path / str(number), one)
        assert ADMIN in words
        assert complaints == []


def test_nothing_answers_at_a_wrong_place(go: Go) -> None:
    go("subpath")
    me = visitor(f"https://{NAME}/harvest/")
    assert [me.get(path).status_code for path in ("/", "/_dash-layout", "/api/health", "/research/")] == [
        404
    ] * 4
    moved = me.get("/harvest")
    assert (moved.status_code, moved.headers["Location"].removeprefix(me.origin)) == (301, "/harvest/")


@pytest.mark.parametrize("name", ["root", "api"])
def test_an_unknown_name_or_a_bare_address_gets_no_answer(name: str, go: Go, lab_host: hosts.Host) -> None:
    go(name)
    for url in (f"http://{lab_host.address}/", f"https://{lab_host.address}/"):
        for host in ({}, {"Host": "unknown.example.org"}):
            with pytest.raises(requests.exceptions.ConnectionError):
                requests.get(url, headers=host, verify=False, timeout=5)


def test_the_api_name_answers_its_page_origin_only(go: Go) -> None:
    go("api")
    for origin, allowed in ((f"https://{NAME}", f"https://{NAME}"), ("https://evil.example.org", None)):
        answer = requests.get(
            f"https://{API}/api/choices", headers={"Origin": origin}, verify=False, timeout=10
        )
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert visitor(f"https://{NAME}/").get("api/choices").status_code == 404
    assert visitor(f"https://{API}/").get("_dash-layout").status_code == 404
    me = visitor(f"https://{NAME}/")
    me.sign_in()
    (cookie,) = me.session.cookies
    assert (cookie.secure, cookie.domain, cookie.path) == (True, NAME, "/")


def token(url: str) -> dict[str, str]:
    """The header of somebody who signed in by script at the API below `url`."""
    body = {"email": ADMIN, "password": password()}
    got = requests.post(f"{url}api/login", json=body, verify=False, timeout=30)
    assert got.status_code == 200, got.text
    return {"Authorization": f"Bearer {got.json()['token']}"}


@pytest.mark.parametrize("name", ["instances", "domains"])
def test_no_instance_serves_data_of_another(name: str, go: Go, lab_host: hosts.Host) -> None:
    one, two = (each.url("") for each in go(name).all_instances)
    first, second = token(one), token(two)
    project = f"Only here {time.time()}"
    made = requests.post(
        f"{one}api/projects", json={"name": project}, headers=first, verify=False, timeout=30
    )
    assert made.status_code in (200, 201), made.text
    assert project in requests.get(f"{one}api/projects", headers=first, verify=False, timeout=30).text
    assert project not in requests.get(f"{two}api/projects", headers=second, verify=False, timeout=30).text
    assert requests.get(f"{two}api/me", headers=first, verify=False, timeout=30).status_code == 401
    processes = lab_host.exec("ps -o user:32=,args= -e | grep [g]unicorn").stdout
    assert {line.split()[0] for line in processes.splitlines()} == {"harvest", "harvest-research"}
    for path in ("/var/lib/harvest", "/etc/harvest/secret_key"):
        tried = lab_host.exec(f"runuser -u harvest-research -- ls -l {path}/.", check=False)
        assert tried.returncode != 0
    secrets = lab_host.exec("cat /etc/harvest/secret_key /etc/harvest-research/secret_key").stdout.split()
    assert len(set(secrets)) == 2


def log(host: hosts.Host, since: int = 0) -> list[dict[str, Any]]:
    """nginx's own words about HARVEST's requests."""
    lines = (host.root / "var/log/nginx/harvest.access.log").read_text().splitlines()
    return [json.loads(line) for line in lines[since:]]


CHOICES_INSIDE = (
    'python3 -c "import urllib.request as u; '
    "[u.urlopen('http://127.0.0.1:5000/api/choices', timeout=60).read() for i in range({})]\""
)


def test_requests_are_spread_evenly_and_so_are_those_of_the_frontend(go: Go, lab_host: hosts.Host) -> None:
    go("several")
    since, session = len(log(lab_host)), requests.Session()
    for _ in range(60):
        session.get(f"https://{NAME}/api/choices", verify=False, timeout=10)
    assert "HARVEST_API_BASE=http://127.0.0.1:5000" in lab_host.exec("cat /etc/harvest/harvest.env").stdout
    lab_host.exec(CHOICES_INSIDE.format(60))
    counted = Counter((entry["client"], entry["backend"]) for entry in log(lab_host, since))
    assert len(counted) == 6, counted
    assert max(counted.values()) - min(counted.values()) <= 4, counted


def test_a_backend_that_stops_fails_no_request(go: Go, lab_host: hosts.Host) -> None:
    go("several")
    me = visitor(f"https://{NAME}/")
    with visited(read) as failures:
        lab_host.exec("systemctl stop harvest-backend@5002.socket harvest-backend@5002.service")
        me.sign_in()
        time.sleep(3)
        lab_host.exec(CHOICES_INSIDE.format(6))
        lab_host.exec("systemctl start harvest-backend@5002.socket harvest-backend@5002.service")
    assert failures == []


def test_where_no_backend_answers_scripts_read_so_and_the_first_that_does_is_asked(
    go: Go, lab_host: hosts.Host
) -> None:
    go("several")
    units = " ".join(
        f"harvest-backend@{port}.{kind}" for port in (5001, 5002, 5003) for kind in ("socket", "service")
    )
    session = requests.Session()
    lab_host.exec(f"systemctl stop {units}")
    try:
        down = [read(session) for _ in range(8)]
    finally:
        lab_host.exec(f"systemctl start {units}")
    up = [read(session).status_code for _ in range(8)]
    assert {answer.status_code for answer in down} == {502}
    assert {answer.json()["ok"] for answer in down} == {False}
    assert set(up) == {200}


def read(session: requests.Session) -> requests.Response:
    return session.get(f"https://{NAME}/api/choices", verify=False, timeout=60)


def test_a_backend_that_hangs_is_started_anew_and_fails_no_request(go: Go, lab_host: hosts.Host) -> None:
    """Reads and signing in are asked elsewhere; writes wait for the new process, which finds them in the socket."""
    go("several")
    me, headers = visitor(f"https://{NAME}/"), token(f"https://{NAME}/")

    def write(session: requests.Session) -> requests.Response:
        body = {"name": f"Written {time.time()}"}
        return session.post(
            f"https://{NAME}/api/projects", json=body, headers=headers, verify=False, timeout=120
        )

    def main_pid() -> str:
        return lab_host.exec("systemctl show -p MainPID --value harvest-backend@5002").stdout.strip()

    before = main_pid()
    with visited(read) as unread:
        # A write that the backend is at work on this very moment is lost with it: none is sent before.
        lab_host.exec("systemctl kill -s STOP harvest-backend@5002.service")
        with visited(write, people=4, pause=0.3) as unwritten:
            me.sign_in()
            lab_host.exec(CHOICES_INSIDE.format(6))
            deadline = time.monotonic() + 90
            while main_pid() in (before, "0"):
                assert time.monotonic() < deadline, "nothing started it anew"
                time.sleep(0.5)
    assert (unread, unwritten) == ([], [])
    assert "harvest-backend@5002 hangs" in lab_host.exec("journalctl -u harvest-watch").stdout


def test_a_foreign_site_stays_as_it_is(go: Go, lab_host: hosts.Host, authority: Path) -> None:
    go("beside")
    for scheme in ("http", "https"):
        assert requests.get(f"{scheme}://{NAME}/", verify=False, timeout=5).text == "the other site\n"
        assert requests.get(f"{scheme}://{NAME}/mine", verify=False, timeout=5).text == "mine"
    # Whether all of the name is HTTPS for two years is for its owner to say.
    assert "Strict-Transport-Security" not in visitor(f"https://{NAME}/harvest/").get("").headers
    beside(lab_host, NAME, authority, include="")
    lab_host.exec("systemctl reload nginx; sleep 1")
    run = deploy(lab_host.name)
    beside(lab_host, NAME, authority)
    lab_host.exec("systemctl reload nginx")
    assert run.code != 0
    assert (
        f"does the other site's server block say `include /etc/nginx/harvest.d/{NAME}/*.conf;`?" in run.said
    )


def test_a_broken_foreign_site_is_reported_and_everything_else_works(go: Go, lab_host: hosts.Host) -> None:
    go("root")
    broken = lab_host.root / "etc/nginx/sites-enabled/broken"
    broken.write_text("server { nonsense; }\n")
    try:
        run = change(lab_host, max_upload_mb=7)
        assert run.code != 0
        assert "the broken file is /etc/nginx/sites-enabled/broken, which is not HARVEST's" in run.said
        assert visitor(f"https://{NAME}/").get("").status_code == 200
        assert "101m" in lab_host.exec("cat /etc/nginx/snippets/harvest-answer.conf").stdout
    finally:
        broken.unlink()
    # Debian's own file of that name makes way for ours; this one has become somebody's.
    edited = lab_host.root / "etc/nginx/sites-enabled/default"
    edited.write_text("server { listen 80; server_name mine.example.org; return 200 mine; }\n")
    try:
        assert change(lab_host, max_upload_mb=100).code == 0
        mine = requests.get(f"http://{lab_host.address}/", headers={"Host": "mine.example.org"}, timeout=5)
        assert mine.text == "mine"
    finally:
        edited.unlink(missing_ok=True)


def test_a_name_that_another_site_has_is_refused(go: Go, lab_host: hosts.Host, authority: Path) -> None:
    go("root")
    beside(lab_host, NAME, authority)
    try:
        run = change(lab_host, max_upload_mb=7)
        assert run.code != 0
        assert f"another site of this host has the name {NAME}" in run.said
    finally:
        alone(lab_host)
    assert change(lab_host, max_upload_mb=100).code == 0


def test_internal_mode_opens_the_frontend_and_no_backend(go: Go, lab_host: hosts.Host) -> None:
    go("internal")
    ports = {port for port in (80, 443, 5001, 8050) if reachable(lab_host.address, port, "")}
    assert ports == {8050}
    assert lab_host.exec("systemctl is-active nginx", check=False).stdout.strip() in ("inactive", "failed")
    assert deploy(lab_host.name).changed == []
