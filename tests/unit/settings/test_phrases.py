"""Values of the wrong kind: the key, the value found, and what to write instead."""

from typing import Any

import pytest

from tests.unit.examples import KEY, problem

LIST = "must be a list, in square brackets: [...]"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trusted_addresses": "192.0.2.1"}, 'trusted_addresses: is "192.0.2.1"; '+LIST),
        ({"domain": 5}, 'domain: is 5; must be text, in quotes: "..."'),
        ({"max_upload_mb": "5"}, 'max_upload_mb: is "5"; must be a whole number, without quotes'),
        ({"confirm_within_s": 5}, "confirm_within_s: is 5; must be at least 30"),
        ({"request_timeout_s": 3601}, "request_timeout_s: is 3601; must be at most 3600"),
        ({"acme_preflight": "no"}, 'acme_preflight: is "no"; must be True or False, without quotes'),
        ({"instances": ["a"]}, 'instances: is ["a"]; must be in braces: {"KEY": VALUE}'),
        ({"instances": {"a": {"domian": "x.org"}}}, "instances.a.domian: is not a setting; did you mean domain?"),
        ({"bootstrap_password": {"evn": "X"}}, "bootstrap_password.evn: is not a setting; did you mean env?"),
        ({"bootstrap_password": {"command": "pass x"}}, "bootstrap_password.command: " + LIST),
        ({"bootstrap_password": {"command": []}}, "bootstrap_password.command: must hold at least 1"),
        ({"admin_keys": []}, "admin_keys: is []; must hold at least 1"),
        ({"ssh_prot": 2222}, "ssh_prot: is not a setting; did you mean ssh_port?"),
        ({"ssh_prt": 2222, "_sudo": True}, "ssh_prt: is not a setting; did you mean ssh_port?"),
        ({"_sudoo": True}, "_sudoo: is not a setting; did you mean _sudo?"),
        ({"wanted_ssh_port": 22}, "wanted_ssh_port: is not a setting; did you mean sshd_port?"),
        ({"ssh_zzz": 1}, "ssh_zzz: is not a setting; docs/settings.md lists them"),
        ({"ssh_port": "22"}, "ssh_port: must be a whole number, without quotes"),
        ({"ssh_port": 0}, "ssh_port: is 0; must be a port, 1 to 65535"),
        ({"ssh_user": 5}, 'ssh_user: must be text, in quotes: "..."'),
    ],
)  # fmt: skip
def test_what_was_found_and_what_to_write(changed: dict[str, Any], said: str) -> None:
    assert problem(**changed) == said


def test_a_private_key_that_is_no_list_is_not_repeated() -> None:
    assert "b3Bl" not in problem(admin_keys="-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n")


def test_a_key_as_text_is_asked_for_as_a_list() -> None:
    assert "must be a list" in problem(admin_keys=KEY)
