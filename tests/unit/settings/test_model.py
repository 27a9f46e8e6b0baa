"""Settings: what is refused, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from provision.settings.model import SettingsError, settings_from
from tests.unit.examples import GOOD, KEY, problem


def test_good_settings_are_taken_with_their_defaults() -> None:
    settings = settings_from(GOOD)
    assert (settings.base_path, settings.backend_ports, settings.sshd_port) == ("/", (5001,), 22)
    assert settings.url("10.0.0.1") == "https://harvest.example.org/"


def test_pyinfra_keys_are_not_ours() -> None:
    assert (
        settings_from(
            GOOD | {"ssh_user": "root", "_sudo": True, "ssh_hostname": "10.0.0.1", "ssh_port": 2200}
        ).sshd_port
        == 22
    )


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    assert problem(domian="x.org") == "domian: is not a setting; did you mean domain?"


def test_a_wrong_mode_is_told_the_right_ones() -> None:
    assert problem(mode="docker") == "mode: is \"docker\"; must be 'internal' or 'nginx'"


def test_a_missing_key_says_what_it_is_for() -> None:
    with pytest.raises(SettingsError) as refused:
        settings_from({key: value for key, value in GOOD.items() if key != "admin_user"})
    assert refused.value.problems == [
        ("admin_user", "is not set; The sudo user that is made; the only one who may log in.")
    ]


@pytest.mark.parametrize("path", ["harvest", "/harvest", "harvest/", ""])
def test_a_base_path_without_its_slashes_is_refused(path: str) -> None:
    assert 'must start and end with "/"' in problem(base_path=path)


@pytest.mark.parametrize(
    "path", ["/../", "/a/../b/", "/a b/", "/'a'/", '/"/', "//", "/a//b/", "/a;b/", "/ä/", "/a\n/", "/$x/"]
)
def test_a_base_path_that_nginx_or_a_shell_could_misread_is_refused(path: str) -> None:
    assert "between single slashes" in problem(base_path=path)


@pytest.mark.parametrize("path", ["/api/", "/x/api/", "/proxy/", "/_dash-layout/"])
def test_a_base_path_of_harvest_is_refused(path: str) -> None:
    assert "base_path: is" in problem(base_path=path)


@pytest.mark.parametrize(
    "name", ["root", "harvest", "a b", "a;b", "$(id)", "a\nb", "Über", "-a", "A", "a" * 32, ""]
)
def test_a_user_name_that_a_tool_could_misread_or_that_is_taken_is_refused(name: str) -> None:
    assert problem(admin_user=name).startswith("admin_user: is ")


@pytest.mark.parametrize(
    "name", ["a", "a..b", "-a.org", "a;b.org", "a.org\nx", "10.0.0.1", "http://a.org", "a.org:80", "a_b.org"]
)
def test_a_domain_that_is_none_is_refused(name: str) -> None:
    assert problem(domain=name).startswith("domain: is ")


def test_a_unicode_domain_becomes_punycode() -> None:
    assert settings_from(GOOD | {"domain": "Bücher.example.org"}).domain == "xn--bcher-kva.example.org"


@pytest.mark.parametrize("port", [0, 65536, -1, "8050", 80])
def test_a_port_out_of_range_is_refused(port: Any) -> None:
    assert problem(frontend_port=port).startswith("frontend_port: is ")


@pytest.mark.parametrize(
    "ports", [{"frontend_port": 5001}, {"sshd_port": 80}, {"backend_ports": [5001, 5001]}]
)
def test_a_port_used_twice_is_refused(ports: dict[str, Any]) -> None:
    assert "is used twice" in problem(**ports)


def test_a_garbled_public_key_is_refused() -> None:
    assert "is cut or garbled" in problem(admin_keys=[KEY[:40]])


def test_a_private_key_is_refused_and_not_repeated() -> None:
    said = problem(admin_keys=["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"])
    assert "is a PRIVATE key" in said
    assert "b3BlbnNzaC1rZXk" not in said


def test_key_options_are_refused() -> None:
    assert "must be one line" in problem(admin_keys=[f'command="sh" {KEY}'])


def test_a_key_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(KEY + "\n")
    assert settings_from(GOOD | {"admin_keys": [str(tmp_path / "id.pub")]}).admin_keys == (KEY,)


def test_a_key_file_that_is_missing_is_told() -> None:
    assert "cannot be read" in problem(admin_keys=["/nowhere/id.pub"])


def test_a_secret_value_in_the_inventory_is_refused_and_not_repeated() -> None:
    said = problem(bootstrap_password="hunter2")
    assert said.startswith("bootstrap_password: must be a reference")
    assert "hunter2" not in said


def test_nginx_mode_needs_a_domain() -> None:
    assert problem(domain=None).startswith("domain: is not set; nginx mode needs")


def test_a_network_of_ipv6_stays_one() -> None:
    given = ["2001:db8::/32", "192.0.2.7/32", "2001:db8::7/128", "10.0.0.0/8"]
    kept = ("2001:db8::/32", "192.0.2.7", "2001:db8::7", "10.0.0.0/8")
    assert settings_from(GOOD | {"trusted_addresses": given}).trusted_addresses == kept


def test_what_else_the_firewall_opens_is_a_port_a_protocol_and_a_source() -> None:
    good = ("9100/tcp", "161/udp from 192.0.2.7", "9100/tcp from 2001:db8::/32")
    assert (
        settings_from(
            GOOD | {"firewall_allow": [*good[:1], "161/udp from 192.0.2.7/32", good[2]]}
        ).firewall_allow
        == good
    )
    for bad in (
        "9100",
        "9100/sctp",
        "0/tcp",
        "70000/tcp",
        "9100/tcp; rm",
        "9100/tcp from here",
        "9100/tcp from 10.0.0.1/8",
    ):
        assert f'firewall_allow.0: is "{bad}"; must be' in problem(firewall_allow=[bad])
    assert "5001/tcp is HARVEST's own" in problem(firewall_allow=["5001/tcp from 192.0.2.7"])


def test_internal_mode_opens_ssh_and_the_frontend_only() -> None:
    assert settings_from(GOOD | {"mode": "internal"}).open_ports == (22, 8050)


def test_nginx_mode_opens_ssh_and_nginx_only() -> None:
    assert settings_from(GOOD).open_ports == (22, 80, 443)
    assert settings_from(GOOD | {"tls": "off"}).open_ports == (22, 80)
