"""What nginx does in trouble and under abuse: limits, pages, uploads, and who is believed about what."""

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from typing import Any

import pytest
import requests

from lab import hosts
from tests.host.authority import bridge_address
from tests.host.runs import typed
from tests.host.visitor import From, Visitor, big_pdf, paper_of
from tests.host.web_hosts import change

NAME = "w-nginx.harvest.test"
URL = f"http://{NAME}/harvest/"
pytestmark = [
    pytest.mark.xdist_group("w-nginx"),
    pytest.mark.parametrize(
        "lab_host",
        [
            {
                "name": "w-nginx",
                "suite": "trixie",
                "group": "harvest_subpath",
                "settings": {"max_upload_mb": 2},
            }
        ],
        indirect=True,
        scope="module",
        ids=["trixie"],
    ),
]


@pytest.fixture(scope="module")
def host(lab_host: hosts.Host) -> hosts.Host:
    run = change(
        lab_host, trusted_addresses=[bridge_address(lab_host)]
    )  # fail2ban would ban the floods below
    assert run.code == 0, run.said
    steps = [step for step in run.changed if step in ("harvest: export static files", "harvest: start units")]
    assert steps == ["harvest: export static files", "harvest: start units"]
    return lab_host


FORGED = {"X-Forwarded-For": "1.2.3.4, 127.0.0.1", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
# gunicorn refuses two that differ.
FORGED |= {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl"}
SEEN = "SELECT DISTINCT address FROM login_failure WHERE email = 'forger@b.org'"


def test_what_a_client_says_about_its_address_is_believed_neither_by_nginx_nor_by_harvest(
    host: hosts.Host,
) -> None:
    """Else whoever guesses passwords would choose whom HARVEST locks out for it. First, while nobody is yet."""
    guess = {"email": "forger@b.org", "password": "wrong"}
    by_api = requests.post(f"{URL}api/login", json=guess, headers=FORGED, timeout=10)
    by_page = requests.post(f"{URL}login", data=guess, headers=FORGED, timeout=10, allow_redirects=False)
    assert (by_api.status_code, by_page.headers["Location"]) == (401, "/harvest/?sign-in=wrong")
    database = 'sqlite3.connect("/var/lib/harvest/harvest.db")'
    seen = host.exec(
        f"python3 <<'EOT'\nimport sqlite3\nprint({database}.execute(\"{SEEN}\").fetchall())\nEOT"
    ).stdout
    assert seen.strip() == f"[('{bridge_address(host)}',)]"
    lines = (host.root / "var/log/nginx/harvest.access.log").read_text().splitlines()
    logins = [json.loads(line) for line in lines if "login" in line]
    assert {entry["client"] for entry in logins} == {bridge_address(host)}


def test_guessing_passwords_is_slowed_down_and_nobody_else_is(host: hosts.Host) -> None:
    """The guesser and the person who works share one address, as behind an institute's router."""
    worked: list[int] = []

    def work() -> None:
        me = Visitor(URL)
        for _ in range(60):
            worked.append(me.get("_dash-layout").status_code)
            worked.append(me.get("api/choices").status_code)
            time.sleep(0.05)

    person = threading.Thread(target=work)
    person.start()
    guesses = [
        # Upstream's names of signing in are more ways to guess.
        requests.post(
            f"{URL}api/{('login', 'admin/auth', 'admin/export/triples')[n % 3]}",
            json={"email": "a@b.org", "password": f"x{n}"},
            timeout=30,
        )
        for n in range(100)
    ]
    person.join()
    # HARVEST itself locks an account out after some failures, and says 900 s: that is not nginx's limit.
    refused = [guess for guess in guesses if guess.headers.get("Retry-After") == "5"]
    assert len(refused) >= 10
    assert {guess.status_code for guess in refused} == {429}
    assert {guess.url.rpartition("/")[2] for guess in refused} == {"login", "auth", "triples"}
    assert refused[-1].json()["ok"] is False
    assert set(worked) == {200}


def test_all_ipv6_addresses_of_one_guesser_count_as_one(host: hosts.Host) -> None:
    route = subprocess.run(
        ["ip", "-j", "-6", "route", "get", host.address6], stdout=subprocess.PIPE, check=True, text=True
    )
    link, prefix = json.loads(route.stdout)[0]["dev"], host.address6.rpartition("::")[0]
    mine = [f"{prefix}::be:{n}" for n in range(2)]
    seen = []
    for address in mine:
        subprocess.run(["ip", "addr", "add", f"{address}/128", "dev", link, "nodad"], check=True)
    try:
        for address, guesses in zip(mine, (100, 1), strict=True):
            with requests.Session() as session:
                session.mount("http://", From(address))
                for n in range(guesses):
                    login = {"email": "a@b.org", "password": f"x{n}"}
                    url = f"http://[{host.address6}]/harvest/api/login"
                    answer = session.post(url, json=login, headers={"Host": NAME}, timeout=30)
                    seen.append(answer.headers.get("Retry-After"))
    finally:
        for address in mine:
            subprocess.run(["ip", "addr", "del", f"{address}/128", "dev", link], check=True)
    assert seen[-2:] == ["5", "5"], "refused by nginx, from the other address as well"


def test_no_visitor_chooses_what_others_get_as_the_page_frame(host: hosts.Host) -> None:
    """nginx keeps it for all, below its plain name; HARVEST answers other spellings of the name with another page."""
    for name in ("_dash-layout", "_dash-dependencies"):
        time.sleep(
            3.1
        )  # until the one that is kept is too old: two seconds, which nginx counts in whole ones
        odd = http.client.HTTPConnection(NAME, timeout=10)
        odd.request("GET", f"/harvest/x/..//{name}")
        assert odd.getresponse().status == 200
        assert Visitor(URL).get(name).headers["Content-Type"] == "application/json"


def test_no_visitor_waits_while_the_page_frame_is_fetched_again(host: hosts.Host) -> None:
    """Whoever comes first asks HARVEST; the others get what is kept, though it is too old."""
    assert Visitor(URL).get("_dash-layout").status_code == 200
    time.sleep(3.2)
    host.exec("systemctl kill -s STOP harvest-frontend.service")
    first = threading.Thread(target=lambda: Visitor(URL).get("_dash-layout"))
    try:
        first.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert Visitor(URL).get("_dash-layout").status_code == 200
        assert time.monotonic() - began < 1
    finally:
        host.exec("systemctl kill -s CONT harvest-frontend.service")
        first.join()


def flood(method: str, path: str, people: int, each: int) -> Counter[int]:
    """The answers to so many requests, as fast as they go."""
    seen: Counter[int] = Counter()

    def person() -> None:
        session = requests.Session()
        for _ in range(each):
            answer = session.request(method, f"{URL}{path}", timeout=30, allow_redirects=False)
            seen[answer.status_code] += 1

    threads = [threading.Thread(target=person) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


@pytest.mark.parametrize(
    ("method", "path", "served", "people", "each"),
    [
        # Few enough for the limit of all calls of the API: what refuses here is the limit of writes.
        ("POST", "api/projects", 401, 4, 50),
        ("POST", "login", 303, 2, 45),
        ("GET", "_dash-layout", 200, 4, 250),
        ("GET", "api/choices", 200, 4, 250),
    ],
    ids=["writes", "sign-ins", "pages", "api"],
)
def test_a_flood_is_answered_with_429_and_never_an_error(
    method: str, path: str, served: int, people: int, each: int, host: hosts.Host
) -> None:
    seen = flood(method, path, people, each)
    assert set(seen) == {served, 429}
    assert seen[429] >= 10
    time.sleep(1)
    assert requests.get(f"{URL}api/choices", timeout=10).status_code == 200
    assert requests.get(f"{URL}_dash-layout", timeout=10).status_code == 200


def test_maintenance_is_one_file_and_says_when_to_come_back(host: hosts.Host) -> None:
    host.exec("touch /var/lib/harvest-maintenance")
    try:
        page, api = requests.get(URL, timeout=10), requests.get(f"{URL}api/choices", timeout=10)
        login = requests.post(f"{URL}api/login", json={}, timeout=10)
    finally:
        host.exec("rm /var/lib/harvest-maintenance")
    assert (page.status_code, api.status_code, login.status_code) == (503, 503, 503)
    assert "HARVEST is being worked on" in page.text
    assert api.json()["ok"] is False
    assert page.headers["Retry-After"] == api.headers["Retry-After"] == "120"
    assert requests.get(URL, timeout=10).status_code == 200


def test_maintenance_shows_a_text_passes_addresses_and_outlives_a_deploy(host: hosts.Host) -> None:
    def maintenance(*words: str) -> str:
        data = [part for word in words for part in ("--data", word)]
        code, said = typed(host.name, *data, "-y", file="operate/maintenance.py", answer=None)
        assert code == 0, said
        return said

    def answers() -> list[int]:
        return [requests.get(f"{URL}{page}", timeout=10).status_code for page in ("", "api/choices")]

    try:
        maintenance("on=yes", "text=Back at 14:00")
        assert answers() == [503, 503]
        assert "Back at 14:00" in requests.get(URL, timeout=10).text
        assert "No changes" in maintenance("on=yes", "text=Back at 14:00")
        run = change(host, trusted_addresses=[bridge_address(host)])  # asks whether HARVEST answers
        assert (run.code, run.changed, answers()) == (0, [], [503, 503]), run.said
        code, said = typed(host.name, file="operate/status.py", answer=None)
        assert (code, "maintenance is on" in said) == (0, True), said
        maintenance("on=yes", f"allow={bridge_address(host)}")
        assert answers() == [200, 200]
    finally:
        maintenance("off=yes")
    assert answers() == [200, 200]
    assert "No changes" in maintenance("off=yes")


def test_a_stopped_harvest_has_a_page_of_its_own(host: hosts.Host) -> None:
    units = "harvest-frontend.socket harvest-frontend.service harvest-backend@5001.socket harvest-backend@5001.service"
    host.exec(f"systemctl stop {units}; sleep 3.1")  # until the frame that is kept is too old
    try:
        page, api = requests.get(URL, timeout=10), requests.get(f"{URL}api/choices", timeout=10)
        assets = requests.get(f"{URL}_dash-component-suites/none.js", timeout=10)
    finally:
        host.exec(f"systemctl start {units}")
    assert (page.status_code, api.status_code, assets.status_code) == (502, 502, 502)
    assert "HARVEST does not answer" in page.text
    assert api.json()["ok"] is False
    for answer in (page, api):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "nginx/" not in answer.text + answer.headers["Server"]


LIMIT = 2 * 2**20


def test_uploads_end_at_the_setting_to_the_byte(host: hosts.Host) -> None:
    project, name = paper_of(host, f"10.1000/{time.time()}")
    me = Visitor(URL)
    me.sign_in()
    headers = {"Content-Type": "application/pdf", "Origin": me.origin}
    # The second is refused by HARVEST, the last by nginx.
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413), (LIMIT + 2**20 + 1, 413)):
        pdf = big_pdf(LIMIT // 2).ljust(size, b"\n")
        answer = me.session.put(
            f"{URL}api/projects/{project}/pdf/{name}", data=pdf, headers=headers, timeout=30
        )
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert status == 200 or "2 MiB" in answer.json()["error"]


def logged(host: hosts.Host, path: str) -> dict[str, Any]:
    """The newest line of the access log, as soon as it is of `path`."""
    log = host.root / "var/log/nginx/harvest.access.log"
    deadline = time.monotonic() + 5
    while not (lines := log.read_text().splitlines()) or json.loads(lines[-1])["path"] != path:
        assert time.monotonic() < deadline, lines[-1:]
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def test_the_log_goes_on_in_a_new_file_when_it_is_rotated_and_holds_no_query(host: hosts.Host) -> None:
    requests.get(f"{URL}api/choices?who=me", timeout=10)
    before = logged(host, "/harvest/api/choices")
    host.exec("logrotate -f /etc/logrotate.d/nginx")
    requests.get(f"{URL}api/projects?who=me", timeout=10)
    assert logged(host, "/harvest/api/projects")["id"] != before["id"]
    folder = host.root / "var/log/nginx"
    assert before["id"] in (folder / "harvest.access.log.1").read_text()
    assert before["id"] not in (folder / "harvest.access.log").read_text()
    assert "who=me" not in (folder / "harvest.access.log").read_text()


def test_files_come_from_disk_compressed_and_python_is_not_asked(host: hosts.Host) -> None:
    me = Visitor(URL)
    scripts = [path for path in me.assets() if path.endswith(".js")]
    units = "harvest-frontend.socket harvest-frontend.service"
    host.exec(f"systemctl stop {units}")
    try:
        answers = [me.get(path) for path in scripts]
    finally:
        host.exec(f"systemctl start {units}")
    assert {answer.status_code for answer in answers} == {200}
    big = [answer for answer in answers if len(answer.content) > 2000]
    assert {answer.headers["Content-Encoding"] for answer in big} == {"gzip"}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"public, max-age=31536000, immutable"}


def test_a_new_file_of_a_release_is_served_before_a_page_names_it(host: hosts.Host) -> None:
    """Its new fingerprint lets browsers keep it for a year: the old content under it would stay as long."""
    me = Visitor(URL)
    assert me.get("assets/harvest.css").status_code == 200
    now = host.exec("readlink /opt/harvest/static").stdout.strip()
    host.exec(
        f"cd /opt/harvest && cp -a {now} newer && rm newer/assets/harvest.css.gz"
        " && echo '/* newer */' >newer/assets/harvest.css && ln -sfnT newer static"
    )
    time.sleep(1.1)  # new code takes longer to start
    try:
        assert "newer" in me.get("assets/harvest.css?m=9999999999.0").text
    finally:
        host.exec(f"cd /opt/harvest && ln -sfnT {now} static && rm -r newer")


def test_a_thousand_connections_are_served_without_an_error(host: hosts.Host) -> None:
    said = host_load(f"{URL}api/health", connections=1000, seconds=4)
    assert "Socket errors" not in said, said
    assert "Non-2xx" not in said, said


def host_load(url: str, connections: int, seconds: int) -> str:
    """wrk's words about so many connections at once."""
    import shutil
    import subprocess

    wrk = shutil.which("wrk")
    if wrk is None:
        pytest.skip("no wrk on this machine")
    command = [wrk, "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
