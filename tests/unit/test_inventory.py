"""Inventory files, read by pyinfra itself; hosts of its fake connector stand in for hosts that nobody logs in on."""

import ast
import json
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from provision.inventory import Problem, check_examples, check_groups, check_inventory, told, with_logins
from provision.settings.checks import check_shape
from tests.unit.command import PYINFRA, REPO, complaints, pyinfra

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS me"
RESOLVE = "\nfrom provision.inventory import resolve\nresolve(globals())\n"
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
def test_a_resolved_inventory_has_pyinfras_own_data(
    site: Path, inventory: str, options: tuple[str, ...]
) -> None:
    text = INVENTORIES[inventory]
    (site / "more").mkdir()
    (site / "more" / "harvest_internal.py").write_text("max_upload_mb = 13\n")
    plain = run(site, dedent(text), *options)
    resolved = run(site, dedent(text) + RESOLVE, *options)
    assert resolved.returncode == plain.returncode == 0, resolved.stderr
    assert json.loads(resolved.stdout) == json.loads(plain.stdout)


def test_every_problem_of_every_host_is_told_at_once(site: Path) -> None:
    text = """
        harvest_internal = [("web1", {"base_path": "harvest", "frontend_prot": 1}), "web2"]
        harvest_nginx = [("web3", {"domain": "web 3.lan"})]
        lonely = ["web4"]
        """
    assert complaints(run(site, dedent(text) + RESOLVE, "--limit", "web2")) == [
        'stage.py: host web1: base_path: is "harvest"; must start and end with "/", like "/" or "/harvest/"',
        "stage.py: host web1: frontend_prot: is not a setting; did you mean frontend_port?",
        'stage.py: host web3: domain: is "web 3.lan"; must be a full DNS name like harvest.example.org, without '
        "scheme, port or path",
        "stage.py: host web4: mode: is not set; put the host into one of the groups harvest_internal, harvest_nginx, "
        "harvest_subpath, nobody",
    ]


def test_data_from_the_command_line_is_checked_too(site: Path) -> None:
    text = 'harvest_internal = ["web1"]' + RESOLVE
    assert complaints(run(site, text, "--data", "base_path=x"))[0].startswith(
        'stage.py: host web1: base_path: is "x"'
    )


def test_groups_that_contradict_each_other(site: Path) -> None:
    text = """
        harvest_internal = ["web1"]
        harvest_nginx = [("web1", {"domain": "web1.lan"}), ("web2", {"domain": "web2.lan"})]
        harvest_subpath = ["web2"]
        """
    assert complaints(run(site, dedent(text) + RESOLVE)) == [
        'stage.py: host web1: mode: harvest_internal says "internal", harvest_nginx says "nginx"; leave the host in '
        "one of these groups",
        'stage.py: host web2: base_path: harvest_nginx says "/", harvest_subpath says "/harvest/"; leave the host in '
        "one of these groups",
    ]


def test_a_host_may_overrule_its_groups(site: Path) -> None:
    text = 'harvest_nginx = [("@fake/a", {"base_path": "/x/", "domain": "a.lan"})]\nharvest_subpath = ["@fake/a"]'
    assert run(site, text + RESOLVE).returncode == 0


def test_an_inventory_without_hosts(site: Path) -> None:
    assert complaints(run(site, "harvest_internal = []" + RESOLVE)) == [
        "stage.py: has no hosts; add one to a group such as harvest_internal"
    ]


def test_a_secret_that_is_not_there_stops_before_any_login(site: Path) -> None:
    text = 'harvest_internal = [("web1", {"bootstrap_password": {"env": "UNSET_HERE"}}), "192.0.2.1"]'
    assert complaints(run(site, text + RESOLVE)) == [
        "stage.py: host web1: bootstrap_password: the environment variable UNSET_HERE is not set",
        "Nothing was changed on any host. To go on without a host: --exclude NAME",
    ]


def test_a_password_prompt_would_come_too_late(site: Path) -> None:
    (site / "stage.py").write_text('harvest_internal = ["web1"]' + RESOLVE)
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
    told_, advice = complaints(run(site, 'harvest_internal = ["no-such-host.invalid"]' + RESOLVE))
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


@pytest.mark.parametrize(
    ("group", "told_"),
    [
        ('"web1"', "is 'web1'; must be a list of hosts, like ["),
        ('("web1", "web2")', "must be a list of hosts, like ["),
        ('{"web1": {"domain": "a.lan"}}', "must be a list of hosts, like ["),
        ("[None]", "a host must be a name in quotes, or (name, {settings}); one is of the kind NoneType"),
        ('[["web1"]]', "a host must be a name in quotes, or (name, {settings}); one is of the kind list"),
        ('[("web1", "a.lan")]', 'host web1: its settings must stand in braces, like ("web1", {'),
        ('[("web1", {"domain"})]', 'host web1: its settings must stand in braces, like ("web1", {'),
    ],
)
def test_a_group_that_pyinfra_would_pass_over_is_told(group: str, told_: str) -> None:
    (problem,) = check_shape({"harvest_internal": ast.literal_eval(group)}, {"harvest_internal"})
    assert str(problem).startswith("harvest_internal: ")
    assert told_ in str(problem)


def test_other_names_than_groups_are_told(site: Path) -> None:
    text = """
        import os
        KEY = _key = "mine"
        harvest_intrnal = "web1"
        admin_user = "chief"
        bootstrap_pasword = "hunter2"
        harvest_internal = ["@fake/a"]
        """
    done = run(site, dedent(text) + RESOLVE)
    assert [line.split(": ")[1] for line in complaints(done)] == [
        "harvest_intrnal",
        "admin_user",
        "bootstrap_pasword",
    ]
    assert "did you mean harvest_internal?" in complaints(done)[0]
    assert "is a setting; put it into group_data/all.py" in complaints(done)[1]
    assert "did you mean bootstrap_password?" in complaints(done)[2]
    assert "hunter2" not in done.stderr


def test_a_misspelt_group_is_named(site: Path) -> None:
    (line,) = complaints(run(site, 'harvest_intrnal = ["web1"]' + RESOLVE))
    assert line.startswith(
        "stage.py: host web1: mode: is not set; put the host into one of the groups harvest_internal, "
    )
    assert line.endswith(
        '; its group "harvest_intrnal" has no file in group_data: did you mean harvest_internal?'
    )


@pytest.mark.parametrize(
    ("options", "told_"),
    [
        (("--limit", "nosuch"), '--limit "nosuch" matches no host; there are @fake/a, @fake/b'),
        (("--limit", "@fake/a,@fake/b"), "give each its own: --limit @fake/a --limit @fake/b; there are"),
        (("--limit", "@fake/a", "--limit", "nosuch"), '--limit "nosuch" matches no host'),
        (("--exclude", "nosuch"), '--exclude "nosuch" matches no host'),
        (("--data", "ssh_prot=1"), "host @fake/a: ssh_prot: is not a setting; did you mean ssh_port?"),
        (("--data", "word"), "--data: must be KEY=VALUE"),
        (("--group-data", "nosuch"), "--group-data: nosuch is not there"),
    ],
)
def test_an_option_that_pyinfra_would_pass_over_is_told(
    site: Path, options: tuple[str, ...], told_: str
) -> None:
    (site / "config.py").write_text((REPO / "config.py").read_text())
    done = run(site, 'harvest_internal = ["@fake/a", "@fake/b"]' + RESOLVE, *options)
    assert told_ in complaints(done)[0]
    assert "Traceback" not in done.stderr


def test_a_limit_that_leaves_no_host_is_no_success(site: Path) -> None:
    (site / "stage.py").write_text('harvest_internal = ["@fake/a"]' + RESOLVE)
    done = pyinfra(site, "stage.py", "exec", "--limit", "@fake/a", "--exclude", "@fake/*", "--", "true")
    assert complaints(done) == ["stage.py: --limit and --exclude leave no host; there are @fake/a"]


@pytest.mark.parametrize(
    ("text", "told_"),
    [
        (
            "mode = internal\n",
            "line 1, mode: name 'internal' is not defined; text stands in quotes, like \"internal\"",
        ),
        ("mode = 'internal\n", "line 1, mode: is not Python ("),
        ("bootstrap_password = hunter2\n", "line 1, bootstrap_password: names a thing that is not there"),
        ("mode = open('/nowhere').read()\n", "line 1, mode: FileNotFoundError: "),
        ("x = '\xe4'\n", "is not UTF-8 text ("),
    ],
)
def test_a_file_that_is_no_python_is_told_in_one_sentence(site: Path, text: str, told_: str) -> None:
    place = "group_data/harvest_internal.py" if "mode" in text else "stage.py"
    (site / "config.py").write_text((REPO / "config.py").read_text())
    (site / "stage.py").write_text('harvest_internal = ["@fake/a"]' + RESOLVE)
    (site / place).write_bytes(text.encode("latin-1") + (RESOLVE.encode() if place == "stage.py" else b""))
    done = pyinfra(site, "stage.py", "debug-inventory")
    (line,) = complaints(done)
    assert told_ in line
    assert place in line
    assert "hunter2" not in done.stderr


def test_a_port_that_may_be_meant_for_sshd_is_asked_about(site: Path) -> None:
    text = (
        'harvest_internal = [("web1", {"ssh_port": 2222}), ("@fake/b", {"ssh_port": 2222, "sshd_port": 22})]'
    )
    assert complaints(run(site, text + RESOLVE)) == [
        "stage.py: host web1: ssh_port: is 2222, which is only where to connect now; say where sshd shall listen as "
        "well: sshd_port = 2222 if there"
    ]
    assert run(site, 'harvest_internal = ["@fake/b"]' + RESOLVE, "--ssh-port", "2222").returncode == 0


def test_a_run_may_start_in_any_folder(site: Path, tmp_path: Path) -> None:
    (site / "inventories").mkdir()
    (site / "inventories/prod.py").write_text(
        (REPO / "inventories/prod.py")
        .read_text()
        .replace("harvest-internal.example.org", "@fake/a")
        .partition("# HARVEST behind")[0]
        + "resolve(globals())\n"
    )
    (site / "provision").symlink_to(REPO / "provision")
    command = [PYINFRA, str(site / "inventories/prod.py"), "debug-inventory", "--json"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(site)}
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["data"]["max_upload_mb"] == 2


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


def test_a_host_that_a_look_leaves_out_is_in_no_group() -> None:
    group = (["a", ("b", {"x": 1})], {"y": 2})
    assert with_logins(group, {"a": {"ssh_user": "me"}}, {"b"}) == ([("a", {"ssh_user": "me"})], {"y": 2})


FROM_LIST = """
from pathlib import Path
from provision.inventory import hosts_from, resolve
globals().update(hosts_from(Path(__file__).with_name("hosts.csv")))
resolve(globals())
"""


def test_hosts_of_a_list_are_hosts_of_the_inventory(site: Path) -> None:
    (site / "hosts.csv").write_text("name,group,max_upload_mb\n@fake/a,harvest_internal,7\n")
    done = run(site, FROM_LIST)
    assert done.returncode == 0, done.stderr
    (host,) = json.loads(done.stdout)
    assert (host["name"], host["data"]["mode"], host["data"]["max_upload_mb"]) == ("@fake/a", "internal", 7)


def test_a_mistake_in_a_list_is_one_sentence(site: Path) -> None:
    (site / "hosts.csv").write_text("name,group\n@fake/a,\n")
    done = run(site, FROM_LIST)
    sentence = "hosts.csv, line 2: has no group; name one, like harvest_nginx"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, sentence)
