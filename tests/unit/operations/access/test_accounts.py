"""Accounts: made, or kept as they are."""

from pathlib import Path
from typing import Any

from provision.operations.access import accounts
from provision.settings.types import Secret
from tests.unit.operations.access.test_access import told
from tests.unit.states import state, text

NO_SHELL = {"shell": "/usr/sbin/nologin"}
SERVICE = accounts.Account("harvest", "/var/lib/harvest", "/usr/sbin/nologin", system=True)


def user(**other: Any) -> dict[str, Any]:
    plain = {"uid": 1000, "home": "/home/sysop", "shell": "/bin/bash", "group": "sysop", "groups": []}
    return {**plain, "has_password": False, **other}


def test_a_new_account_is_made_once() -> None:
    want = accounts.Account("sysop", "/home/sysop", "/bin/bash", groups=("sudo",))
    (command,) = text(accounts.changes(state(), want))
    assert (
        "useradd --user-group --create-home --groups sudo --home-dir /home/sysop --shell /bin/bash sysop"
        in command
    )
    user = {"uid": 1, "home": "/home/sysop", "shell": "/bin/bash", "group": "sysop", "groups": ["sudo"]}
    assert not text(accounts.changes(state(users={"sysop": {**user, "has_password": False}}), want))


def test_a_password_goes_by_standard_input_and_only_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    want = accounts.Account("sysop", "/home/sysop", "/bin/bash", password=Secret(file=tmp_path / "password"))
    user = {"uid": 1, "home": "/home/sysop", "shell": "/bin/bash", "group": "sysop", "groups": []}
    commands = list(accounts.changes(state(users={"sysop": {**user, "has_password": False}}), want))
    assert len(commands) == 1
    assert "hunter2" not in "".join(text(commands))
    (tmp_path / "password").unlink()  # where there is one, nobody is asked
    assert not text(accounts.changes(state(users={"sysop": {**user, "has_password": True}}), want))
    assert "hunter2" not in repr(want)


def test_home_and_shell_of_a_person_stay_and_one_that_is_no_shell_becomes_one() -> None:
    want = accounts.Account("sysop", "/home/sysop", "/bin/bash")
    own = user(home="/srv/sysop", group="users") | {"shell": "/usr/bin/fish"}
    assert not told(accounts.changes(state(users={"sysop": own}), want))
    dead = user(logs_in=False) | NO_SHELL
    sentence, command = told(accounts.changes(state(users={"sysop": dead}), want))
    assert sentence == "the shell of sysop becomes /bin/bash; it was /usr/sbin/nologin"
    assert "usermod --shell /bin/bash sysop" in command


def test_an_existing_group_is_used_for_the_new_account() -> None:
    want = accounts.Account("sysop", "/home/sysop", "/bin/bash")
    (command,) = text(accounts.changes(state(groups={"sysop": []}), want))
    assert "useradd --gid sysop --create-home" in command
    (command,) = text(accounts.changes(state(groups={"harvest": []}), SERVICE))
    assert "useradd --system --gid harvest --no-create-home" in command


def test_a_system_account_gets_the_group_home_and_shell_of_its_units() -> None:
    have = state(users={"harvest": user(home="/home/harvest", group="users")})
    group, home, _, shell = told(accounts.changes(have, SERVICE))
    assert "groupadd --system harvest; usermod --gid harvest harvest" in group
    assert "usermod --home /var/lib/harvest harvest" in home
    assert "usermod --shell /usr/sbin/nologin harvest" in shell
    right = user(home="/var/lib/harvest", group="harvest", logs_in=False) | NO_SHELL
    assert not told(accounts.changes(state(users={"harvest": right}), SERVICE))
