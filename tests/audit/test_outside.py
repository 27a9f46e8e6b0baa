"""The host as the world finds it: ports, what the running sshd offers, and how the site answers strangers."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from provision.settings.instances import Instance, in_url
from provision.settings.model import Settings
from tests.audit import probe
from tests.audit.checks import ACCESS, check
from tests.audit.doors import get
from tests.audit.probe import Offer
from tests.audit.test_access import internal_ports, others
from tests.audit.test_hardening import WEAK

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS")

USUAL = (
    21,
    23,
    25,
    53,
    80,
    111,
    139,
    443,
    445,
    2375,
    3306,
    5432,
    5601,
    6379,
    8000,
    8080,
    8888,
    9090,
    9200,
    27017,
)
"""Ports of what is most often forgotten on a host."""


def tried(settings: Settings) -> set[int]:
    own = {port for each in settings.all_instances for port in each.ports}
    return {*USUAL, *own, *settings.open_ports}


def reached(address: str, wanted: Iterable[int]) -> dict[int, probe.Answer]:
    """How ports answer this machine. Skips the check where this machine has no way to the host at all."""
    found = probe.ports(address, wanted)
    if "open" not in found.values() and "closed" not in found.values():
        pytest.skip(f"no port of {address} can be reached from here, so none can be said to be closed")
    return found


@check(
    "firewall.from-outside",
    "no port answers this machine but those that the settings open",
    severity="high",
    mends=ACCESS,
)
def test_only_open_ports_answer_from_outside(address: str, settings: Settings) -> None:
    found = reached(address, tried(settings))
    allowed = {*settings.open_ports, *others(settings, "tcp")}
    surplus = sorted(port for port, answer in found.items() if answer == "open" and port not in allowed)
    assert not surplus, f"{address} answers on {surplus}"


@check(
    "firewall.from-outside-ipv6",
    "no port answers this machine over IPv6 but those that the settings open",
    severity="high",
    mends=ACCESS,
)
def test_only_open_ports_answer_over_ipv6(run: Any, settings: Settings) -> None:
    scopes = json.loads(run("ip -6 -j addr show scope global"))
    addresses = [each["local"] for link in scopes for each in link.get("addr_info", ()) if each]
    if not addresses:
        pytest.skip("the host has no IPv6 address")
    found = reached(addresses[0], tried(settings))
    allowed = {*settings.open_ports, *others(settings, "tcp")}
    surplus = sorted(port for port, answer in found.items() if answer == "open" and port not in allowed)
    assert not surplus, f"{addresses[0]} answers on {surplus}"


@check(
    "firewall.internal-ports-from-outside",
    "HARVEST's internal ports cannot be reached from outside",
    severity="high",
    mends=ACCESS,
)
def test_ports_behind_nginx_are_closed_to_this_machine(
    address: str, settings: Settings, instance: Instance
) -> None:
    found = reached(address, tried(settings))
    assert [port for port in internal_ports(settings, instance) if found[port] == "open"] == []


@pytest.fixture(params=["root", "admin"])
def offer(request: pytest.FixtureRequest, host: Any, settings: Settings) -> Offer:
    """What sshd itself offers, asked from here: its files may say otherwise."""
    user = "root" if request.param == "root" else settings.admin_user
    found = probe.ssh_offer(host.backend.ssh_config, host.backend.get_hostname(), user)
    if isinstance(found, str):
        pytest.fail(f"ssh cannot ask: {found}")
    return found


@check("ssh.offered-{offer}", "sshd offers {offer} the key alone to log in", severity="high", mends=ACCESS)
def test_the_running_sshd_offers_keys_alone(offer: Offer) -> None:
    assert offer.methods == ("publickey",)


@check(
    "ssh.offered-algorithms-{offer}", "sshd offers {offer} no weak algorithm", severity="high", mends=ACCESS
)
def test_the_running_sshd_offers_no_weak_algorithm(offer: Offer) -> None:
    weak = {kind: [name for name in names if WEAK.search(name)] for kind, names in offer.algorithms.items()}
    assert {kind: names for kind, names in weak.items() if names} == {}


@pytest.fixture
def _nginx(settings: Settings) -> None:
    if settings.mode != "nginx":
        pytest.skip("internal mode has no nginx")
    if settings.site == "beside":
        pytest.skip("the other site answers")


@check("nginx.bare-address", "who asks for the bare address gets no answer", severity="low")
@pytest.mark.usefixtures("_nginx")
def test_a_bare_address_gets_no_answer(address: str) -> None:
    unanswered(address, in_url(address))


@check("nginx.unknown-name", "who asks for a name that is not HARVEST's gets no answer", severity="low")
@pytest.mark.usefixtures("_nginx")
def test_an_unknown_name_gets_no_answer(address: str) -> None:
    unanswered(address, "not-harvest.invalid")


def unanswered(address: str, name: str) -> None:
    found = probe.ports(address, (80, 443))
    for scheme, port in (("http", 80), ("https", 443)):
        if found[port] != "open":
            continue
        try:
            answer = requests.get(
                f"{scheme}://{in_url(address)}/", headers={"Host": name}, verify=False, timeout=10
            )
        except requests.exceptions.ConnectionError:
            continue
        pytest.fail(f"{scheme}://{name} is answered with {answer.status_code}")


@check("tls.redirect", "plain HTTP leads to HTTPS", severity="high")
@pytest.mark.usefixtures("_nginx")
def test_http_leads_to_https(address: str, settings: Settings, instance: Instance) -> None:
    if settings.tls == "off":
        pytest.skip("tls = off")
    url = instance.inner_url(address)
    answer = get(address, url.replace("https://", "http://", 1))
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == url


@check("harvest.asset", "the page's scripts and styles can be had", severity="high")
def test_what_the_page_links_to_can_be_had(address: str, instance: Instance) -> None:
    url = instance.inner_url(address)
    text = get(address, url).text
    links = [
        link for link in re.findall(r'(?:src|href)="(/[^"#]+)"', text) if re.search(r"\.(js|css)\b", link)
    ]
    assert links, f"{url} links to no script"
    found = {link: get(address, urljoin(url, link)).status_code for link in links}
    wrong = {link: code for link, code in found.items() if code != 200}
    assert not wrong, wrong
