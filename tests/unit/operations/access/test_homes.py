"""The admin's files lie in the home that the account has."""

from provision.engine.state import Entry
from provision.operations import files
from provision.operations.access import homes
from provision.settings.model import Settings
from tasks.access import admin, admin_keys
from tests.unit.operations.access.test_access import KEY
from tests.unit.operations.access.test_accounts import user
from tests.unit.states import state

SETTINGS = Settings(mode="internal", admin_user="sysop", admin_keys=(KEY,))
KEYS = admin_keys(SETTINGS, "~sysop")


def home_of(have: object, **other: object) -> list[object]:
    known = state(users={"sysop": user(home="/srv/sysop/", group="users", **other)}, files={"~sysop": have})
    resolved, account, keys = homes.resolved(known, admin(SETTINGS), KEYS)
    assert account.home == "/srv/sysop"
    return files.due(resolved, keys)


def test_a_home_that_is_there_keeps_its_mode_but_for_what_sshd_refuses() -> None:
    for entry, mode in ((Entry(kind="directory", mode=0o777, owner="1007", group="staff"), 0o755),):
        home, ssh, keys = home_of(entry)
        assert home == files.Directory("/srv/sysop", mode, "sysop", "staff")
        assert (ssh, keys.path) == (  # type: ignore[attr-defined]
            files.Directory("/srv/sysop/.ssh", 0o700, "sysop", "users"),
            "/srv/sysop/.ssh/authorized_keys",
        )
    fine = Entry(kind="directory", mode=0o701, owner="root", group="staff")
    for entry in (fine, Entry(kind="link", end="/srv/disk", behind=fine)):
        assert [item.path for item in home_of(entry)] == [  # type: ignore[attr-defined]
            "/srv/sysop/.ssh",
            "/srv/sysop/.ssh/authorized_keys",
        ]


def test_a_new_home_belongs_to_the_new_account() -> None:
    have, account, keys = homes.resolved(state(), admin(SETTINGS), KEYS)
    assert account.home == "/home/sysop"
    assert files.due(have, keys)[0] == files.Directory("/home/sysop", 0o750, "sysop", "sysop")
    assert {"/home/sysop", "~sysop/.ssh", "/home/sysop/.ssh"} <= homes.query(account, KEYS).files
