"""Keys that no setting names."""

import dataclasses
import subprocess
from pathlib import Path

from provision.operations.access import authorized_keys
from provision.operations.files import File, Files
from tests.unit.operations.access.test_access import KEY, OTHER, told
from tests.unit.states import state, text


def test_foreign_keys_are_reported_and_removed_only_where_the_settings_say_so() -> None:
    have = state(keys={"/root/.ssh/authorized_keys": [OTHER], "/home/a/.ssh/authorized_keys": [KEY]})
    want = authorized_keys.Foreign("/home/a/.ssh/authorized_keys", remove=False)
    (sentence,) = authorized_keys.sentences(have, want)
    assert sentence.startswith("a key that no setting names lies in /root/.ssh/authorized_keys: SHA256:")
    assert not text(authorized_keys.changes(have, want))
    gone = dataclasses.replace(want, remove=True)
    assert "rm -f /root/.ssh/authorized_keys" in text(authorized_keys.changes(have, gone))[0]
    assert authorized_keys.files_to_change(have, gone) == ["/root/.ssh/authorized_keys"]


def test_a_key_is_shown_by_its_fingerprint_as_ssh_keygen_shows_it(tmp_path: Path) -> None:
    (tmp_path / "k.pub").write_text(KEY + " me\n")
    said = subprocess.run(["ssh-keygen", "-lf", tmp_path / "k.pub"], capture_output=True, text=True).stdout
    assert authorized_keys.shown(f'command="x" {KEY} me') == " ".join(said.split()[1:3])


def test_a_key_that_the_admin_file_loses_is_named() -> None:
    path = "/home/a/.ssh/authorized_keys"
    want = Files((File(path, KEY + " me\n"),))
    (sentence,) = told(authorized_keys.named(state(keys={path: [KEY + " me", OTHER]}), want))
    assert "is removed from /home/a/.ssh/authorized_keys" in sentence
    assert "other" in sentence
