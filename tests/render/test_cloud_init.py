"""User-data for a machine that is still to be made: YAML whose files are those that deploy.py puts in place."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from provision.cloud_init import user_data
from provision.operations.files import File
from provision.settings.model import settings_from
from tasks import access
from tests.unit.examples import GOOD, KEY
from tests.unit.states import state
from tests.unit.test_inventory import GROUP_DATA, REPO, RESOLVE


def read(**changed: Any) -> dict[str, Any]:
    text = user_data("web1", settings_from(GOOD | changed))
    assert text.startswith("#cloud-config\n")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_admin_is_born_as_deploy_makes_it() -> None:
    found = read()
    (user,) = found["users"]
    assert (user["name"], user["ssh_authorized_keys"], user["lock_passwd"]) == ("sysop", [KEY], True)
    assert user["groups"] == list(access.admin(settings_from(GOOD)).groups)
    assert (found["disable_root"], found["ssh_pwauth"]) == (True, False)


def test_its_files_are_those_that_deploy_puts_in_place() -> None:
    settings = settings_from(GOOD | {"sshd_port": 2222})
    have = state(packages={"openssh-server": "1:9.6p1"})
    born = {each["path"]: each for each in read(sshd_port=2222)["write_files"]}
    deployed = [*access.sshd_files(settings).items, *access.sudo(settings).items]
    want = [item.resolved(have) for item in deployed if isinstance(item, File)]
    assert {each.path for each in want} == set(born)
    for each in want:
        assert born[each.path]["content"].encode() == each.data
        assert int(born[each.path]["permissions"], 8) == each.mode


def test_sudo_asks_for_no_password_that_nobody_has_yet(monkeypatch: Any) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "a long and good password")
    found = read(admin_sudo="password", admin_password={"env": "ADMIN_PASSWORD"})
    text = next(each["content"] for each in found["write_files"] if "sudoers" in each["path"])
    assert "sysop ALL=(ALL:ALL) NOPASSWD: ALL" in text
    assert "a long and good password" not in str(found)


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "provision.cloud_init", "--inventory", "prod.py", *words]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(REPO)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


def test_the_command_prints_it_and_asks_no_host(tmp_path: Path) -> None:
    (tmp_path / "group_data").mkdir()
    (tmp_path / "group_data/all.py").write_text(GROUP_DATA["all"])
    (tmp_path / "group_data/harvest_internal.py").write_text(GROUP_DATA["harvest_internal"])
    (tmp_path / "prod.py").write_text(f"harvest_internal = ['web1']\n{RESOLVE}")
    done = run(tmp_path, "web1")
    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(done.stdout)["users"][0]["name"] == "sysop"
    wrong = run(tmp_path, "web2")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.strip() == "prod.py: has no host web2; there are web1"
