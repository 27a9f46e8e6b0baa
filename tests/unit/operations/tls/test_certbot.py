"""When an authority is asked, with which words, and what is said when it gives nothing."""

import errno
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.operations.tls import acme_preflight
from provision.operations.tls.certbot import (
    ACCOUNT,
    ALREADY,
    TIMER,
    Kept,
    Lineage,
    _forget,
    account_changes,
    certbot,
    changes,
    command,
    explain,
    require,
)
from tests.unit.states import state, text

DAY = 86400.0
WANT = Lineage("a.org", ("a.org", "api.a.org"), "https://ca.example.org/dir", "/var/www/x")


OURS: dict[str, Any] = {
    "whole": True,
    "authenticator": "webroot",
    "server": WANT.directory,
    "roots": ["/var/www/x"],
    "names": list(WANT.names),
}
PAST: dict[str, dict[str, Any]] = {
    "standalone": {"authenticator": "standalone", "roots": []},
    "dns": {"authenticator": "dns-rfc2136", "roots": []},
    "another folder": {"roots": ["/var/www/html"]},
    "another authority": {"server": "https://other.example.org/dir"},
    "hooks": {"hooks": ["systemctl stop nginx"]},
    "no account": {"account": False},
    "broken": {"whole": False},
    "no renewal file": {"renewed": False, "whole": False},
}


def have(names: tuple[str, ...] = WANT.names, left: float = 60 * DAY, **kept: Any) -> Any:
    found = {"names": sorted(names), "left": left, "life": 90 * DAY, **kept.pop("certificate", {})}
    return state(certificates={WANT.chain: found}, lineages={"a.org": OURS | kept})


def test_a_certificate_that_is_right_costs_nothing() -> None:
    assert not list(changes(have(), WANT))


@pytest.mark.parametrize(
    "difference",
    [
        {"names": ("a.org",)},
        {"left": 29 * DAY},
        {"left": -DAY},
        *PAST.values(),
        {"certificate": {"fits": False}},
        {"certificate": {"self_signed": True}},
    ],
)
def test_another_name_or_authority_or_a_near_end_asks_after_a_look(difference: dict[str, Any]) -> None:
    assert len(list(changes(have(**difference), WANT))) == 2  # the look, then the question


def test_what_is_broken_is_moved_aside_and_comes_back_where_nothing_is_given(tmp_path: Path) -> None:
    """Else certbot gives the new one another name, or has it issued and finds its place taken."""
    script = command(WANT, anew=False, broken=True)
    for real, place in (("/etc/letsencrypt", "le"), ("/var/backups", "backups")):
        script = script.replace(real, str(tmp_path / place))
    (tmp_path / "le/renewal").mkdir(parents=True)
    for given, left in ((1, True), (0, False)):
        conf = tmp_path / "le/renewal/a.org.conf"
        conf.write_text("old")
        live = tmp_path / "le/live/a.org"
        fake = tmp_path / "certbot"
        made = f"mkdir -p {live}; touch {live}/fullchain.pem" if not given else ":"
        fake.write_text(f"#!/bin/sh\n[ ! -e {conf} ] || exit 9\n{made}\nexit {given}\n")
        fake.chmod(0o755)
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(["sh", "-euc", script], env=path, capture_output=True, text=True)
        assert (done.returncode, conf.exists()) == (given, left), done.stderr


def run_with(folder: Path, script: str, certbot: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with `certbot` in the program's place, and the host's folders in `folder`."""
    for real, place in (("/etc/letsencrypt", "le"), ("/var/lib/harvest-provision", "state")):
        script = script.replace(real, str(folder / place))
    for name, words in (("certbot", certbot), ("sleep", f"echo >>{folder}/slept")):
        (folder / name).write_text(f"#!/bin/sh\n{words}\n")
        (folder / name).chmod(0o755)
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(["sh", "-euc", script], env=path, capture_output=True, text=True)


def test_another_certbot_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "le/live/a.org").mkdir(parents=True)
    (tmp_path / "le/live/a.org/fullchain.pem").touch()
    busy = (
        f"[ -e {tmp_path}/slept ] || {{ echo Another instance of Certbot is already running. >&2; exit 1; }}"
    )
    busy += "; echo ok"
    done = run_with(tmp_path, command(WANT, anew=False, broken=False), busy)
    assert (done.returncode, done.stdout) == (0, "ok\n")
    for_ever = "echo Another instance of Certbot is already running.; exit 1"
    done = run_with(tmp_path, command(WANT, anew=False, broken=False), for_ever)
    assert done.returncode == 1
    assert "pgrep -af certbot" in explain(WANT, done.stdout)
    other = "echo no; exit 7"
    (tmp_path / "slept").unlink()
    assert run_with(tmp_path, command(WANT, anew=False, broken=False), other).returncode == 7
    assert not (tmp_path / "slept").exists()


MAIL = replace(WANT, email="a@a.org")


def test_a_new_account_needs_no_word_of_its_address_and_an_old_one_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "le/live/a.org").mkdir(parents=True)
    (tmp_path / "le/live/a.org/fullchain.pem").touch()
    note = tmp_path / "state/acme-account"
    run_with(tmp_path, command(MAIL, anew=False, broken=False), "exit 1")
    assert not note.exists()
    run_with(tmp_path, command(MAIL, anew=False, broken=False), "exit 0")
    assert note.read_text() == f"{MAIL.directory} a@a.org\n"
    assert not list(account_changes(state(notes={ACCOUNT: note.read_text()}), MAIL))
    note.unlink()
    (tmp_path / "le/accounts/ca.example.org/dir/x").mkdir(parents=True)
    run_with(tmp_path, command(MAIL, anew=False, broken=False), "exit 0")
    assert not note.exists(), "certbot does not tell an account that is there already"
    for want, words in ((MAIL, "--email a@a.org"), (WANT, "--register-unsafely-without-email")):
        (only,) = account_changes(state(notes={ACCOUNT: "https://ca.example.org/dir old@a.org"}), want)
        script = only.args[1]  # type: ignore[union-attr]
        assert (
            "certbot update_account --non-interactive --agree-tos --server https://ca.example.org/dir"
            in script
        )
        assert words in script
        assert run_with(tmp_path, script, "exit 3").returncode == 3
    assert not note.exists()
    run_with(tmp_path, script, "exit 0")
    assert note.read_text() == f"{WANT.directory} -\n"


def past(**others: dict[str, Any]) -> Any:
    """A host whose site is new, with what certbot keeps for others."""
    return state(
        certificates={WANT.chain: {}},
        lineages={name.replace("_", "."): OURS | kept for name, kept in others.items()},
        found={ALREADY: []},
        units={"nginx.service": RUNNING},
    )


RUNNING = {"load": "loaded", "active": "active", "enabled": "enabled"}
RUNNING |= {"needs_daemon_reload": False, "started": 0, "stamped": 0}


@pytest.mark.parametrize(
    ("kept", "refused"),
    [
        ({"authenticator": "standalone", "names": ["mail.org"]}, True),
        ({"authenticator": "standalone", "names": ["mail.org"], "hooks": ["systemctl stop nginx"]}, False),
        ({"authenticator": "nginx", "names": ["mail.org"]}, False),
        ({"authenticator": "webroot", "roots": ["/x"], "names": ["mail.org"]}, False),
        ({"authenticator": "webroot", "roots": ["/x"], "names": ["mail.org", "a.org"]}, True),
        ({"whole": False, "names": []}, True),
        ({"whole": False, "renewed": False, "names": []}, False),
        ({"authenticator": "standalone", "names": ["a.org"]}, False),
    ],
)
def test_a_certificate_of_others_that_could_not_be_renewed_next_to_us_is_refused_by_name(
    kept: dict[str, Any], refused: bool
) -> None:
    have = past(other=kept)
    commands = list(require(have, (WANT,)))
    assert len(commands) == 1 + refused  # the last asks where the names lead
    if refused:
        (said,) = commands[0].args[0]
        assert "certbot cannot renew other on this host" in said
        assert said.endswith("certbot delete --cert-name other")


def test_a_former_certificate_of_the_same_names_goes_once_ours_is_there() -> None:
    have = renewals("a.org")
    have.lineages = past(a_org_0001=OURS | {"authenticator": "standalone", "roots": []}).lineages
    (only,) = text(_forget(have, Kept("/var/www/x", ("a.org",), WANT.names)))
    assert "certbot delete --quiet --non-interactive --cert-name a.org.0001" in only
    assert "grep -rlsF --exclude-dir=letsencrypt" in only


def test_names_are_asked_for_before_anything_changes_but_not_for_a_mere_renewal() -> None:
    rest = {"found": {ALREADY: []}, "units": {"nginx.service": RUNNING}}
    for certificate, asked in (({}, 1), ({"left": DAY}, 0)):
        found = {"names": sorted(WANT.names), "left": 60 * DAY, "life": 90 * DAY}
        have = state(
            certificates={WANT.chain: found | certificate if certificate else {}},
            lineages={"a.org": OURS},
            **rest,
        )
        assert len(list(require(have, (WANT,)))) == asked


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
        ("Another instance of Certbot is already running.", "look with: pgrep -af certbot"),
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
