"""Groups with exactly the named members."""

from provision.operations.access import groups
from tests.unit.operations.access.test_access import told
from tests.unit.states import state


def test_the_members_of_the_login_group_are_exactly_the_named_ones() -> None:
    want = groups.Group("g", ("sysop",))
    assert not told(groups.changes(state(groups={"g": ["sysop"]}), want))
    sentence, command = told(groups.changes(state(groups={"g": ["mallory", "sysop"]}), want))
    assert sentence == "mallory is taken out of the group g, whose members may log in"
    assert "gpasswd --members sysop g" in command
    sentence, command = told(groups.changes(state(groups={"g": ["sysop"]}, primary={"g": ["eve"]}), want))
    assert sentence == "eve is taken out of the group g, whose members may log in"
    assert "usermod --gid nogroup eve" in command
