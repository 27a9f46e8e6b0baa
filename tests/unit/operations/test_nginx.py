"""nginx's files and operations: what is rendered for which host, and what is left alone."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import Entry, HostState
from provision.engine.templates import render
from provision.operations import files, nginx, systemd
from provision.operations.nginx import CONF, SITES, Connections, Stopped, check
from provision.operations.nginx_files import MARK, listen, nginx_version, pair_for
from provision.settings.model import settings_from
from tests.unit.examples import GOOD
from tests.unit.states import state, text

FILE = Entry(kind="file")


@pytest.mark.parametrize(
    ("version", "flag"), [("1.18.0-0ubuntu1", " http2"), ("1.22.1-9", " http2"), ("1.26.3-3", "")]
)
def test_http2_is_said_as_this_nginx_wants_it(version: str, flag: str) -> None:
    said = listen("443 ssl", nginx_version(state(packages={"nginx": version})), ipv6=True)
    assert f"listen 443 ssl{flag};" in said
    assert ("http2 on;" in said) == (not flag)


def test_a_host_without_ipv6_is_not_asked_to_listen_there() -> None:
    assert listen("80", (1, 22, 1), ipv6=False) == "    listen 80;"


def test_a_content_that_waits_for_the_host_is_asked_when_it_is_placed() -> None:
    def content(have: HostState) -> str:
        return have.packages["nginx"]

    want = files.Files((files.File("/etc/x", content),))
    (command,) = files.changes(state(packages={"nginx": "1.22"}), want)
    assert command.connector_arguments["_stdin"]  # type: ignore[union-attr]


def test_what_is_stale_goes_and_what_holds_something_wanted_stays() -> None:
    want = files.Files((files.File("/etc/d/a/x", ""),), stale=("/etc/d/*",))
    left = files.leftovers(state(found={"/etc/d/*": ["/etc/d/a", "/etc/d/b"]}), want)
    assert left == [files.Absent("/etc/d/b")]


def run_check(said: str, code: int, names: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """The checker's script with an nginx that says and does so."""
    fake = folder / "nginx"
    fake.write_text(f"#!/bin/sh\ncat <<'EOT' >&2\n{said}\nEOT\nexit {code}\n")
    fake.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(["sh", "-c", check(MARK, names)], env=environment, capture_output=True, text=True)


def test_what_nginx_accepts_is_accepted(tmp_path: Path) -> None:
    assert run_check("syntax is ok", 0, ("a.org",), tmp_path).returncode == 0


def test_a_broken_file_of_another_program_is_reported_as_foreign(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("server { nonsense; }")
    done = run_check(f'nginx: [emerg] unknown directive "nonsense" in {other}:1', 1, (), tmp_path)
    assert done.returncode == 1
    assert f"the broken file is {other}, which is not HARVEST's" in done.stdout


def test_our_own_broken_file_is_not_blamed_on_others(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_text(f"# {MARK}; changes here are undone")
    done = run_check(f"nginx: [emerg] trouble in {ours}:1", 1, (), tmp_path)
    assert done.returncode == 1
    assert "which is not HARVEST's" not in done.stdout


def test_a_name_that_another_site_claims_is_refused(tmp_path: Path) -> None:
    warning = 'nginx: [warn] conflicting server name "a.org" on 0.0.0.0:80, ignored'
    assert run_check(warning, 0, ("a.org",), tmp_path).returncode == 1
    assert run_check(warning, 0, ("b.org",), tmp_path).returncode == 0


def found(number: int) -> dict[str, list[str]]:
    patterns = {f"{CONF} :: worker_connections {each};": [] for each in (768, 1024, 4096)}
    patterns[nginx.ANY_NUMBER] = [CONF]
    return patterns | {f"{CONF} :: worker_connections {number};": [CONF]}


@pytest.mark.parametrize(
    ("now", "wanted", "changed"), [(768, 4096, 1), (4096, 4096, 0), (4096, 0, 1), (768, 0, 0), (1024, 0, 0)]
)
def test_connections_are_raised_and_our_own_number_taken_back(now: int, wanted: int, changed: int) -> None:
    have = state(files={CONF: FILE}, found=found(now))
    assert len(text(nginx._tune(have, Connections(wanted)))) == changed


def test_an_nginx_conf_that_names_no_number_is_left_alone() -> None:
    none = {pattern: [] for pattern in found(768)}
    assert not text(nginx._tune(state(files={CONF: FILE}, found=none), Connections(4096)))


@pytest.mark.parametrize(
    ("says", "word"),
    [
        ("a duplicate default server for 0.0.0.0:80 in {ours}:6", "default_server"),
        ('limit_req_zone "harvest_api" is already bound to key "$x" in {ours}:6', "harvest_api"),
        (
            '"server_names_hash_bucket_size" directive is duplicate in {ours}:6',
            "server_names_hash_bucket_size",
        ),
        ('unknown log format "harvest" in {ours}:6', "harvest.d"),
    ],
)
def test_where_nginx_blames_ours_the_other_file_is_named(
    says: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "sites" / "ours", tmp_path / "sites" / "theirs"
    ours.parent.mkdir()
    ours.write_text(f"# {MARK}\n{word}\n")
    theirs.write_text(f"{word};\n")
    monkeypatch.setattr(nginx, "PLACES", str(ours.parent))
    done = run_check(f"nginx: [emerg] {says.format(ours=ours)}", 1, (), tmp_path)
    assert (done.returncode, f"{word} also occurs in: {theirs}" in done.stdout) == (1, True), done.stdout
    assert f"{ours} " not in done.stdout.partition("also occurs")[2]


def test_every_run_asks_nginx_what_others_changed_since() -> None:
    loaded = nginx.Loaded(MARK, ("a.org",))
    clash = 'nginx: [warn] conflicting server name "a.org" on 0.0.0.0:80, ignored'
    for said, accepted, refused in (("", True, 0), (clash, True, 1), ("[emerg] x", False, 1)):
        have = state(nginx={"accepted": accepted, "said": said, "includes": []})
        assert len(text(nginx._verify(have, loaded))) == refused


def test_an_nginx_conf_that_would_not_read_our_files_is_told() -> None:
    want = nginx.Included(("/etc/nginx/conf.d/harvest.conf", "/etc/nginx/sites-enabled/a.org"))
    for includes, told in (
        (None, []),
        (["/etc/nginx/conf.d/*.conf", "/etc/nginx/sites-enabled/*"], []),
        (["/etc/nginx/conf.d/*.conf", "/etc/nginx/mime.types"], ["include /etc/nginx/sites-enabled/*;"]),
        (["/etc/nginx/sites-enabled/*.conf"], ["include /etc/nginx/conf.d/*.conf;", "sites-enabled/*;"]),
    ):
        said = text(nginx._require(state(nginx={"includes": includes}), want))
        assert [word in line for word, line in zip(told, said, strict=True)] == [True] * len(told)


def unit(active: str) -> dict[str, Any]:
    return {
        "nginx.service": {
            "load": "loaded",
            "active": active,
            "enabled": "enabled" if active == "active" else "disabled",
            "needs_daemon_reload": False,
            "started": 0,
            "stamped": 0,
        }
    }


def test_nginx_stops_with_our_last_site_and_stays_for_another() -> None:
    assert text(nginx._leave(state(units=unit("active"), found={SITES: []}), Stopped()))
    assert not text(nginx._leave(state(units=unit("active"), found={SITES: ["/x"]}), Stopped()))
    assert not text(nginx._leave(state(units=unit("inactive"), found={SITES: []}), Stopped()))


def test_nginx_forgets_our_site_where_it_stays_for_another() -> None:
    """It would go on serving what it has loaded."""
    removed = {"/etc/nginx/conf.d": Entry(kind="directory", changed=10)}
    beside = state(units=unit("active"), found={SITES: ["/x"]}, files=removed)
    (command,) = text(nginx._leave(beside, Stopped()))
    assert "systemctl reload nginx.service" in command
    since = unit("active")
    since["nginx.service"]["stamped"] = 20
    assert not text(nginx._leave(state(units=since, found={SITES: ["/x"]}, files=removed), Stopped()))
    assert not text(
        nginx._leave(state(units=unit("inactive"), found={SITES: ["/x"]}, files=removed), Stopped())
    )


def test_the_site_has_its_own_certificate_until_the_authority_gave_one() -> None:
    settings = settings_from(GOOD | {"tls": "letsencrypt"})
    domain = "harvest.example.org"
    live = f"/etc/letsencrypt/live/{domain}/fullchain.pem"
    without = state(certificates={live: {}})
    assert pair_for(settings, domain, without).certificate == f"/etc/harvest/tls/{domain}/cert.pem"
    given = state(certificates={live: {"names": [domain], "left": 1e6, "life": 7e6}})
    assert pair_for(settings, domain, given).certificate == live


def test_browsers_insist_on_https_only_where_they_can_trust_it() -> None:
    assert not settings_from(GOOD).trusted
    assert settings_from(GOOD | {"tls": "letsencrypt"}).trusted
    assert not settings_from(GOOD | {"tls": "letsencrypt", "site": "beside"}).trusted
    staging = "https://acme-staging-v02.api.letsencrypt.org/directory"
    assert not settings_from(GOOD | {"tls": "letsencrypt", "acme_directory": staging}).trusted


def test_each_nginx_reload_has_its_own_temporary_stamp() -> None:
    """Else who comes second finds the stamp moved away, and fails: a run, certbot's hook, a watched certificate."""
    who = (
        systemd.act(nginx.OURS, "reload"),
        render("nginx/renewal-hook"),
        render("systemd/harvest-certificates.service"),
    )
    stamps = [set(re.findall(r"harvest-stamps/(nginx\.service\.\w+)", script)) for script in who]
    assert [len(names) for names in stamps] == [1, 1, 1]
    assert len(set.union(*stamps)) == 3
