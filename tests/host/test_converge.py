"""A fresh host of each kind, HARVEST in each of its four places: converge, prove, change nothing, reboot, prove."""

import socket
from typing import Any

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lab import hosts, network
from tests.host.runs import audit, deploy, looks, typed
from tests.host.visitor import ADMIN, MIME, Visitor, big_pdf, paper_of, password

PLACES = [
    {"name": "t-nginx", "suite": "bookworm", "shape": "vps", "group": "harvest_nginx"},
    {"name": "t-nginx-sub", "suite": "trixie", "shape": "cloud", "group": "harvest_subpath"},
    {"name": "t-internal", "suite": "trixie", "shape": "vps", "group": "harvest_internal"},
    {
        "name": "t-internal-sub",
        "suite": "bookworm",
        "shape": "cloud",
        "group": "harvest_internal",
        "settings": {"base_path": "/harvest/"},
    },
]
URLS = {
    "t-nginx": "http://{}/",
    "t-nginx-sub": "http://{}/harvest/",
    "t-internal": "http://{}:8050/",
    "t-internal-sub": "http://{}:8050/harvest/",
}
pytestmark = [
    pytest.mark.parametrize(
        "lab_host",
        [pytest.param(place, marks=pytest.mark.xdist_group(place["name"])) for place in PLACES],
        ids=[place["name"] for place in PLACES],
        indirect=True,
        scope="module",
    ),
]


@pytest.fixture(scope="module")
def deployed(lab_host: hosts.Host) -> hosts.Host:
    run = deploy(lab_host.name)
    assert run.code == 0, run.said
    return lab_host


@pytest.fixture
def visitor(deployed: hosts.Host) -> Visitor:
    return Visitor(URLS[deployed.name].format(deployed.fqdn))


def test_the_audit_finds_what_the_settings_ask_for(deployed: hosts.Host) -> None:
    done = audit(deployed.name)
    assert done.returncode == 0, done.stdout


def test_a_second_run_changes_nothing(deployed: hosts.Host) -> None:
    run = deploy(deployed.name)
    assert (run.code, run.changed) == (0, [])


@pytest.mark.parametrize("options", [("-y",), ("--dry",), ()], ids=["-y", "--dry", "plain"])
def test_a_host_on_which_nothing_is_to_do_is_looked_at_once(
    deployed: hosts.Host, options: tuple[str, ...]
) -> None:
    code, said = typed(deployed.name, "--debug", *options)
    assert (code, looks(said)) == (0, 1), said
    assert f"[{deployed.name}] nothing to do" in said or "-y" in options
    assert f"[{deployed.name}] No changes\n" in said or "--dry" in options


def test_the_daily_sweep_takes_the_files_that_no_paper_has_from_within_its_sandbox(
    deployed: hosts.Host,
) -> None:
    folder = "/var/lib/harvest/project_pdfs/aa"
    deployed.exec(f"install -d -o harvest -g harvest -m 750 {folder}; touch -d 2020-01-01 {folder}/aa.pdf")
    deployed.exec("systemctl start harvest-sweep.service")
    assert "aa.pdf" not in deployed.exec(f"ls {folder}").stdout
    assert "1 files are deleted" in deployed.exec("journalctl -q -o cat -u harvest-sweep").stdout


def test_a_password_is_refused(deployed: hosts.Host) -> None:
    deployed.exec("cp -a /etc/shadow /run/shadow; echo root:hunter2 | chpasswd")
    try:
        for user in ("root", "sysop"):
            tried = deployed.ssh("true", user=user, password="hunter2", check=False)
            assert tried.returncode == 255
            assert "Permission denied (publickey)" in tried.stderr
    finally:
        deployed.exec("cp -a /run/shadow /etc/shadow")


def test_root_key_is_refused(deployed: hosts.Host) -> None:
    tried = deployed.ssh("true", user="root", check=False)
    assert (tried.returncode, "Permission denied" in tried.stderr) == (255, True)


@pytest.mark.parametrize("family", ["address", "address6"])
def test_every_other_port_is_closed(deployed: hosts.Host, family: str) -> None:
    deployed.exec("systemd-run -q --collect --unit=opened python3 -m http.server --bind :: 5999", check=False)
    is_open = {
        port
        for port in (22, 80, 443, 5000, 5001, 5999, 8050)
        if reachable(getattr(deployed, family), port, network.other_address() if family == "address" else "")
    }
    assert is_open == ({22, 80} if "nginx" in deployed.name else {22, 8050})


def reachable(address: str, port: int, source: str) -> bool:
    try:
        socket.create_connection(
            (address, port), timeout=1, source_address=(source, 0) if source else None
        ).close()
    except OSError:
        return False
    return True


def test_the_page_and_all_it_links_to_come_under_the_prefix(visitor: Visitor) -> None:
    paths = visitor.assets()
    assert len(paths) > 8
    for path in paths:
        assert path.startswith(visitor.base), path
        answer = visitor.get(path)
        kind = path.split("?")[0].rsplit(".", 1)[-1]
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"].startswith(MIME.get(kind, ("",))), path


def test_a_wrong_prefix_is_no_page(visitor: Visitor) -> None:
    if visitor.base != "/":
        assert visitor.get("/").status_code in (301, 302, 308, 404)
        assert visitor.get("/_dash-layout").status_code == 404


def test_people_sign_in_and_see_their_projects(visitor: Visitor, deployed: hosts.Host) -> None:
    """A real browser: callbacks run, nothing is fetched from elsewhere, and the console stays clean."""
    options = webdriver.ChromeOptions()
    options.add_argument("--headless=new")
    options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        browser.get(visitor.url)
        wait = WebDriverWait(browser, 30, ignored_exceptions=[StaleElementReferenceException])
        wait.until(lambda page: page.find_elements(By.NAME, "password"))
        browser.find_element(By.NAME, "email").send_keys(ADMIN)
        browser.find_element(By.NAME, "password").send_keys(password())
        browser.find_element(By.CSS_SELECTOR, "form button[type=submit]").click()
        wait.until(lambda page: ADMIN in page.find_element(By.TAG_NAME, "body").text)
        severe = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
        assert severe == []
    finally:
        browser.quit()


def test_a_pdf_of_20_mb_goes_up_and_comes_back(visitor: Visitor, deployed: hosts.Host) -> None:
    project, name = paper_of(deployed, "10.1000/twenty")
    visitor.sign_in()
    pdf = big_pdf(20 * 2**20)
    way = "api/projects/{}/pdf/{}" if "nginx" in deployed.name else "proxy/pdf/{}/{}"
    url = visitor.url + way.format(project, name)
    headers = {"Content-Type": "application/pdf", "Origin": visitor.origin}
    put = visitor.session.put(url, data=pdf, headers=headers, timeout=120)
    assert put.status_code == 200, put.text[:300]
    seen = visitor.get(way.format(project, name))
    assert (seen.status_code, seen.headers["Content-Type"]) == (200, "application/pdf")
    assert seen.content == pdf


def test_the_backend_is_reached_through_the_door_of_the_mode_only(
    visitor: Visitor, deployed: hosts.Host
) -> None:
    answer = visitor.get("api/choices")
    if "nginx" in deployed.name:
        assert len(answer.json()["entity_types"]) >= 12
        assert visitor.get("proxy/pdf/1/none.pdf").status_code == 404
    else:
        assert answer.headers["Content-Type"].startswith("text/html")  # Dash's page, not the API
        assert not reachable(deployed.address, 5001, "")


def test_no_foreign_origin_is_let_in(visitor: Visitor, deployed: hosts.Host) -> None:
    if "nginx" not in deployed.name:
        pass_through = visitor.get("proxy/pdf/1/none.pdf", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in pass_through.headers
        return
    for origin in ("https://evil.example", "null", visitor.origin + ".evil.example"):
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer: Any = requests.request(method, visitor.url + "api/choices", headers=headers, timeout=20)
            assert answer.headers.get("Access-Control-Allow-Origin") not in (origin, "*")


def test_after_a_reboot_all_is_there_again(deployed: hosts.Host) -> None:
    deployed.reboot()
    done = audit(deployed.name)
    assert done.returncode == 0, done.stdout
    run = deploy(deployed.name)
    assert (run.code, run.changed) == (0, [])
