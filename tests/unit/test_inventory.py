"""Inventory files, read by pyinfra itself; hosts of its fake connector stand in for hosts that nobody logs in on."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from provision.inventory import Problem, check_examples, check_groups, check_inventory, told, with_logins

REPO = Path(__file__).parents[2]
PYINFRA = Path(sys.executable).with_name("pyinfra")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS me"
SETTLE = "\nfrom provision.inventory import settle\nsettle(globals())\n"
GROUP_DATA = {
    "all": f"admin_user = 'sysop'\nadmin_keys = ['{KEY}']\nmax_upload_mb = 1\n",
    "harvest_internal": "mode = 'internal'\nbase_path = '/'\nmax_upload_mb = 2\n",
    "harvest_nginx": "mode = 'nginx'\nbase_path = '/'\n",
    "harvest_subpath": "mode = 'nginx'\nbase_path = '/harvest/'\n",
    "late": "max_upload_mb = 3\n",
    "stage": "timezone = 'Etc/UTC'\n",
    "nobody": "mode = 'internal'\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "group_data").mkdir()
    for group, text in GROUP_DATA.items():
        (tmp_path / "group_data" / f"{group}.py").write_text(text)
    return tmp_path


def run(site: Path, text: str, *options: str, name: str = "stage.py") -> subprocess.CompletedProcess[str]:
    (site / name).write_text(dedent(text))
    command = [PYINFRA, name, "debug-inventory", "--json", *options]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(site), "PYTHONPATH": str(REPO)}
    return subprocess.run(command, cwd=site, capture_output=True, text=True, env=environment)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    return [line for line in done.stderr.splitlines() if line and not line.startswith("-->")]


INVENTORIES = {
    "plain groups": """
        harvest_internal = ["@fake/a", ("@fake/b", {"max_upload_mb": 7})]
        late = ["@fake/a"]
        """,
    "the same host twice, a group with data, a private list": """
        harvest_internal = (["@fake/a", "@fake/b"], {"request_timeout_s": 20})
        late = [("@fake/b", {"hostname": "b"})]
        _private = ["@fake/x"]
        """,
    "all with data": """
        harvest_internal = ["@fake/a"]
        all = (["@fake/a", ("@fake/b", {"mode": "internal"})], {"max_upload_mb": 9})
        """,
    "the file's own group first": """
        stage = ["@fake/a"]
        harvest_internal = [("@fake/a", {"timezone": "Europe/Berlin"})]
        """,
}
OPTIONS = [
    ("--data", "max_upload_mb=11"),
    ("--group-data", "more"),
    ("--limit", "@fake/a", "--exclude", "late"),
]
CASES = [(name, ()) for name in INVENTORIES] + [(next(iter(INVENTORIES)), options) for options in OPTIONS]


@pytest.mark.parametrize(("inventory", "options"), CASES)
def test_a_settled_inventory_has_pyinfras_own_data(
    site: Path, inventory: str, options: tuple[str, ...]
) -> None:
    text = INVENTORIES[inventory]
    (site / "more").mkdir()
    (site / "more" / "harvest_internal.py").write_text("max_upload_mb = 13\n")
    plain = run(site, dedent(text), *options)
    settled = run(site, dedent(text) + SETTLE, *options)
    assert settled.returncode == plain.returncode == 0, settled.stderr
    assert json.loads(settled.stdout) == json.loads(plain.stdout)


def test_every_problem_of_every_host_is_told_at_once(site: Path) -> None:
    text = """
        harvest_internal = [("web1", {"base_path": "harvest", "frontend_prot": 1}), "web2"]
        harvest_nginx = [("web3", {"domain": "web 3.lan"})]
        lonely = ["web4"]
        """
    assert complaints(run(site, dedent(text) + SETTLE, "--limit", "web2")) == [
        'stage.py: host web1: base_path: is "harvest"; must start and end with "/", like "/" or "/harvest/"',
        "stage.py: host web1: frontend_prot: is not a setting; did you mean frontend_port?",
        'stage.py: host web3: domain: is "web 3.lan"; must be a full DNS name like harvest.example.org, without '
        "scheme, port or path",
        "stage.py: host web4: mode: is not set; put the host into one of the groups harvest_internal, harvest_nginx, "
        "harvest_subpath, nobody",
    ]


def test_data_from_the_command_line_is_checked_too(site: Path) -> None:
    text = 'harvest_internal = ["web1"]' + SETTLE
    assert complaints(run(site, text, "--data", "base_path=x"))[0].startswith(
        'stage.py: host web1: base_path: is "x"'
    )


def test_groups_that_contradict_each_other(site: Path) -> None:
    text = """
        harvest_internal = ["web1"]
        harvest_nginx = [("web1", {"domain": "web1.lan"}), ("web2", {"domain": "web2.lan"})]
        harvest_subpath = ["web2"]
        """
    assert complaints(run(site, dedent(text) + SETTLE)) == [
        'stage.py: host web1: mode: harvest_internal says "internal", harvest_nginx says "nginx"; leave the host in '
        "one of these groups",
        'stage.py: host web2: base_path: harvest_nginx says "/", harvest_subpath says "/harvest/"; leave the host in '
        "one of these groups",
    ]


def test_a_host_may_overrule_its_groups(site: Path) -> None:
    text = 'harvest_nginx = [("@fake/a", {"base_path": "/x/", "domain": "a.lan"})]\nharvest_subpath = ["@fake/a"]'
    assert run(site, text + SETTLE).returncode == 0


def test_an_inventory_without_hosts(site: Path) -> None:
    assert complaints(run(site, "harvest_internal = []" + SETTLE)) == [
        "stage.py: has no hosts; add one to a group such as harvest_internal"
    ]


def test_a_secret_that_is_not_there_stops_before_any_login(site: Path) -> None:
    text = 'harvest_internal = [("web1", {"bootstrap_password": {"env": "UNSET_HERE"}}), "192.0.2.1"]'
    assert complaints(run(site, text + SETTLE)) == [
        "stage.py: host web1: a secret cannot be read: the environment variable UNSET_HERE is not set",
        "Nothing was changed on any host. To go on without a host: --exclude NAME",
    ]


def test_a_password_prompt_would_come_too_late(site: Path) -> None:
    (site / "stage.py").write_text('harvest_internal = ["web1"]' + SETTLE)
    command = [PYINFRA, "stage.py", "debug-inventory", "--ssh-password-prompt"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(site), "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        command,
        cwd=site,
        capture_output=True,
        text=True,
        env=environment,
        input="pw\n",
        start_new_session=True,
    )
    assert done.returncode == 1
    assert (
        "stage.py: --ssh-password-prompt comes too late here; set bootstrap_password, or use --ssh-password"
        in done.stderr.splitlines()
    )


def test_a_name_that_does_not_resolve(site: Path) -> None:
    told_, advice = complaints(run(site, 'harvest_internal = ["no-such-host.invalid"]' + SETTLE))
    assert told_.startswith('stage.py: host no-such-host.invalid: "no-such-host.invalid" does not resolve (')
    assert advice == "Nothing was changed on any host. To go on without a host: --exclude NAME"


def test_the_production_example_refuses_to_run_unedited() -> None:
    command = [PYINFRA, "inventories/prod.py", "deploy.py", "-y"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    sentence = "is only an example: put the names of your own servers into the groups of this file"
    assert complaints(done) == [
        f"inventories/prod.py: host {host}: {sentence}"
        for host in ("harvest-internal.example.org", "harvest.example.org", "www.example.org")
    ]


def test_an_empty_lab_says_what_to_type(tmp_path: Path) -> None:
    command = [PYINFRA, "inventories/lab.py", "debug-inventory"]
    environment = {"PATH": "/usr/bin:/bin", "LAB_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, env=environment)
    assert complaints(done) == ["no lab host is up: type python3 -m lab up demo"]


@pytest.mark.parametrize("name", ["example.org", "www.example.com", "a.b.example.net", "web1.example"])
def test_example_names_are_refused(name: str) -> None:
    assert [problem.host for problem in check_examples([name, "web1.myexample.org"])] == [name]


def test_check_inventory_finds_nothing_wrong_with_right_settings() -> None:
    assert check_inventory({"web1": {"mode": "internal", "admin_user": "sysop", "admin_keys": [KEY]}}) == []


def test_check_groups_lets_groups_agree() -> None:
    agreeing = {"harvest_nginx": {"mode": "nginx"}, "eu": {"timezone": "Etc/UTC"}, "also": {"mode": "nginx"}}
    assert check_groups({"web1": agreeing}) == []


def test_only_a_missing_mode_is_told_in_other_words() -> None:
    problems = [Problem("web1", "mode", 'is "x"; must be ...'), Problem("web1", "domain", "is not set")]
    assert told(problems, ["harvest_nginx"]) == problems


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (["a", "b"], [("a", {"ssh_user": "me"}), "b"]),
        ([("a", {"x": 1})], [("a", {"x": 1, "ssh_user": "me"})]),
        ((["a"], {"y": 2}), ([("a", {"ssh_user": "me"})], {"y": 2})),
    ],
)
def test_logins_are_added_to_groups_as_they_are(group: Any, expected: Any) -> None:
    before = json.dumps(group)
    assert with_logins(group, {"a": {"ssh_user": "me"}}) == expected
    assert json.dumps(group) == before
