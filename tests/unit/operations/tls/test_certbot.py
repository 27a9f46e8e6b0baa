"""When an authority is asked, with which words, and what is said when it gives nothing."""

import errno
from dataclasses import replace
from typing import Any

import pytest

from provision.operations.tls import acme_preflight
from provision.operations.tls.certbot import TIMER, Kept, Lineage, _forget, certbot, changes, explain
from tests.unit.states import state, text

DAY = 86400.0
WANT = Lineage("a.org", ("a.org", "api.a.org"), "https://ca.example.org/dir", "/var/www/x")


def have(names: tuple[str, ...] = WANT.names, left: float = 60 * DAY, here: bool = True) -> Any:
    found = {"names": sorted(names), "left": left, "life": 90 * DAY}
    return state(certificates={WANT.chain: found}, found={WANT.authority: ["x"] if here else []})


def test_a_certificate_that_is_right_costs_nothing() -> None:
    assert not list(changes(have(), WANT))


@pytest.mark.parametrize(
    "difference", [{"names": ("a.org",)}, {"left": 29 * DAY}, {"left": -DAY}, {"here": False}]
)
def test_another_name_or_authority_or_a_near_end_asks_after_a_look(difference: dict[str, Any]) -> None:
    assert len(list(changes(have(**difference), WANT))) == 2  # the look, then the question


def test_where_the_world_sees_another_dns_the_look_is_left_out() -> None:
    assert len(list(changes(have(left=DAY), replace(WANT, preflight=False)))) == 1


def test_certbot_is_told_all_names_and_nothing_secret() -> None:
    words = certbot(WANT, anew=False)
    assert "-d a.org -d api.a.org" in words
    assert "--keep-until-expiring" in words
    assert "--force-renewal" in certbot(WANT, anew=True)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("urn:ietf:params:acme:error:rateLimited :: too many certificates", "has had enough requests"),
        ("Connection refused", "cannot be reached from this host"),
        ("CERTIFICATE_VERIFY_FAILED", "does not trust"),
        ("Some challenges have failed. Detail: Connection refused", "could not fetch the proof"),
        ("something else", "gave no certificate"),
    ],
)
def test_a_failure_is_told_in_one_sentence(said: str, sentence: str) -> None:
    assert sentence in explain(WANT, said)


def renewals(*ours: str, others: tuple[str, ...] = ()) -> Any:
    every = [f"/etc/letsencrypt/renewal/{name}.conf" for name in (*ours, *others)]
    mine = [f"/etc/letsencrypt/renewal/{name}.conf" for name in ours]
    timer = {"load": "loaded", "active": "active", "enabled": "enabled"}
    timer |= {"needs_daemon_reload": False, "started": 0, "stamped": 0}
    found = {"/etc/letsencrypt/renewal/*.conf": every, "/etc/letsencrypt/renewal/*.conf :: /var/www/x": mine}
    return state(found=found, units={TIMER: timer})


def test_a_site_that_is_gone_leaves_no_certificate_and_no_timer() -> None:
    first, second = text(_forget(renewals("a.org"), Kept("/var/www/x")))
    assert "certbot delete --quiet --non-interactive --cert-name a.org" in first
    assert "systemctl disable --now --quiet certbot.timer" in second


def test_others_certificates_and_their_timer_stay() -> None:
    (only,) = text(_forget(renewals("a.org", others=("b.org",)), Kept("/var/www/x")))
    assert "a.org" in only
    assert not text(_forget(renewals("a.org"), Kept("/var/www/x", ("a.org",))))


def look(monkeypatch: pytest.MonkeyPatch, addresses: list[str], answers: dict[str, Any]) -> str:
    """What the look says where DNS and the addresses answer so."""

    def fetch(name: str, address: str, path: str) -> tuple[int, str]:
        if isinstance(answers[address], OSError):
            raise answers[address]
        return answers[address]  # type: ignore[no-any-return]

    monkeypatch.setattr(acme_preflight, "addresses", lambda name: addresses)
    monkeypatch.setattr(acme_preflight, "fetch", fetch)
    return acme_preflight.trouble("a.org", "/x", "token")


GOOD = (200, "token")
NO_WAY = OSError(errno.ENETUNREACH, "Network is unreachable")


def test_a_name_that_leads_here_is_fine_even_without_a_way_to_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, ["192.0.2.1"], {"192.0.2.1": GOOD}) == ""
    assert look(monkeypatch, ["192.0.2.1", "2001:db8::1"], {"192.0.2.1": GOOD, "2001:db8::1": NO_WAY}) == ""


@pytest.mark.parametrize(
    ("addresses", "answers", "sentence"),
    [
        ([], {}, "does not resolve"),
        (["192.0.2.1"], {"192.0.2.1": OSError(errno.ECONNREFUSED, "refused")}, "port 80 cannot be reached"),
        (["192.0.2.1"], {"192.0.2.1": (404, "")}, "another host or another site"),
        (["192.0.2.1", "2001:db8::1"], {"192.0.2.1": GOOD, "2001:db8::1": (200, "x")}, "2001:db8::1"),
        (["2001:db8::1"], {"2001:db8::1": NO_WAY}, "cannot be reached from here"),
    ],
)
def test_a_name_that_does_not_is_told(
    addresses: list[str], answers: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = look(monkeypatch, addresses, answers)
    assert said.startswith("a.org ")
    assert sentence in said
