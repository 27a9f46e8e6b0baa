"""Accounts that a run can neither keep nor adopt are named before anything changes."""

from typing import Any

import pytest

from provision.operations.access.accounts import Account
from provision.operations.access.existing_accounts import Accounts, changes, problems
from tests.unit.operations.access.test_accounts import SERVICE, user
from tests.unit.states import state, text

WANT = Accounts(Account("sysop", "/home/sysop", "/bin/bash"), (SERVICE,))
FINE = {"kind": "directory", "owner": "sysop", "mode": 0o755}
LINK = {"kind": "link", "end": "/srv/x"}


def of_admin(**other: Any) -> list[str]:
    return list(problems(state(users={"sysop": user(place=FINE, **other)}), WANT))


def test_accounts_that_can_be_kept_and_ours_are_no_problem() -> None:
    ours = user(home="/var/lib/harvest", uid=998, processes=[7])
    odd = {"home": "/srv/people/sysop", "uid": 555, "processes": [5], "shell": "/bin/tcsh"}
    users = {"sysop": user(**odd, place=FINE), "harvest": ours}
    have = state(users=users, groups={"sysop": ["bob"], "harvest": []}, primary={"harvest": ["harvest"]})
    assert not text(changes(have, WANT))
    assert not text(changes(state(), WANT))
    # A system's account of that name, which nothing uses, becomes the service's.
    assert not list(problems(state(users={"harvest": user(uid=120, home="/nonexistent")}), WANT))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"uid": 0}, "is another name of root (uid 0)"),
        ({"expired": True}, "has expired, so it cannot log in; type: chage -E -1 -I -1 sysop"),
        ({"must_change": True}, "must change its password before it can do anything else"),
        (
            {"home": "/nonexistent"},
            "/nonexistent, no place for its keys; type: usermod --home /home/sysop sysop",
        ),
        ({"home": "/"}, "is /, no place for its keys"),
    ],
)
def test_an_admin_account_that_cannot_log_in_is_refused(other: dict[str, Any], words: str) -> None:
    (sentence,) = of_admin(**other)
    assert words in sentence


def test_a_home_that_belongs_to_another_account_is_refused() -> None:
    for place in ({"kind": "directory", "owner": "bob"}, {"kind": "file", "owner": "sysop"}):
        (sentence,) = problems(state(users={"sysop": user(place=place)}), WANT)
        assert ("belongs to bob" in sentence) is (place["owner"] == "bob")
    for entry in ({"kind": "directory", "owner": "bob"}, {"kind": "file"}, LINK):
        (sentence,) = problems(state(files={"/home/sysop": entry_of(entry)}), WANT)
        assert sentence.startswith("/home/sysop, the home of sysop (admin_user), is ")
    for owner in ("root", "1007"):  # left over from an account that is gone
        assert not list(
            problems(state(files={"/home/sysop": entry_of({"kind": "directory", "owner": owner})}), WANT)
        )


def entry_of(entry: dict[str, str]) -> Any:
    return type(state().files["x"])(**entry)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other", [{"uid": 1001}, {"uid": 120, "has_password": True}, {"uid": 0}, {"uid": 120, "processes": [7]}]
)
def test_a_service_name_that_a_person_or_a_program_uses_is_refused(other: dict[str, Any]) -> None:
    (sentence,) = problems(state(users={"harvest": user(home="/home/harvest", **other)}), WANT)
    assert "account harvest" in sentence


def test_others_in_the_service_group_and_a_data_folder_that_is_none_are_refused() -> None:
    for have in (
        state(groups={"harvest": ["bob"]}),
        state(groups={"harvest": []}, primary={"harvest": ["bob", "harvest"]}),
    ):
        (sentence,) = problems(have, WANT)
        assert sentence.startswith("bob would read HARVEST's data as a member of the group harvest; ")
    for folder in ("/var/lib/harvest", "/var/cache/harvest"):
        for entry, word in (({"kind": "file"}, "is a file"), (LINK, "is a link to /srv/x")):
            have = state(files={folder: entry_of(entry)})
            (sentence,) = problems(have, WANT)
            assert sentence.startswith(f"{folder}, where harvest keeps its ")
            assert word in sentence
    (command,) = text(changes(have, WANT))
    assert "Nothing was changed." in command
    assert "exit 1" in command
