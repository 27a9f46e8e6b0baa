"""The guard's and the lock's pure halves: what is saved, in which order things change, what is told."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import FunctionCommand

from provision.operations.access import access, authorized_keys, revert, sshd
from provision.operations.files import File
from provision.remote import host_state
from provision.settings.model import Settings
from tasks.access import sshd_files
from tests.unit.states import state, text

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjj0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c other"


def told(commands: Any) -> list[str]:
    """The sentences among commands, and the commands as the shell gets them."""
    return [c.args[0] if isinstance(c, FunctionCommand) else text([c])[0] for c in commands]


@pytest.mark.parametrize("said", ["Match User x", "Port 22\nmatch all"])
def test_a_match_block_is_found_however_it_is_written(said: str, tmp_path: Path) -> None:
    (tmp_path / "sshd_config").write_text(f"{said}\n  PermitRootLogin yes\n")
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config.d" / "50.conf").write_text("# Match nobody\n# match me\n")
    patterns = [pattern.replace("/etc/ssh", str(tmp_path)) for pattern in sshd.MATCHES]
    assert {path for pattern in patterns for path in host_state.find(pattern)} == {f"{tmp_path}/sshd_config"}


@pytest.mark.parametrize(
    "script",
    [
        revert.revert_program(60),
        revert.arm_script(["/etc/ssh", "/a b"], 60),
        revert.disarm_script(),
        revert.revert_script("it's"),
        revert.postpone_script(),
    ],
)
def test_every_script_is_one_that_the_shell_can_read(script: str) -> None:
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_timer_is_set_before_the_script_ends_and_everything_is_saved_before_it() -> None:
    script = revert.arm_script(["/etc/ssh"], 77)
    assert "OnActiveSec=77" in script
    assert (
        script.index("cp -a")
        < script.index(f">{revert.ARMED}")
        < script.index("systemctl restart harvest-guard.timer")
    )
    assert "'/a b'" in revert.arm_script(["/a b"], 60)


def test_the_users_files_and_a_home_that_is_still_to_be_made_are_saved() -> None:
    settings = Settings(mode="internal", admin_user="a", admin_keys=(KEY,))
    want = type(
        "W",
        (),
        {"account": type("A", (), {"home": "/home/a"}), "foreign": authorized_keys.Foreign("x", False)},
    )
    paths = access.saved(state(), want)  # type: ignore[arg-type]
    assert {"/etc/passwd", "/etc/shadow", "/etc/ssh", "/etc/ufw", "/etc/sudoers.d", "/home/a"} <= set(paths)
    assert "PermitRootLogin no" in drop_in(settings, "1:9.2p1-2+deb12u7")


def drop_in(settings: Settings, version: str) -> str:
    item = sshd_files(settings).items[0]
    assert isinstance(item, File)
    return item.resolved(state(packages={"openssh-server": version})).data.decode()


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("1:8.9p1-3ubuntu0.13", False),
        ("1:9.2p1-2+deb12u7", False),
        ("1:9.8p1-1", True),
        ("1:10.0p1-7+deb13u1", True),
    ],
)
def test_sshd_penalties_spare_the_trusted_where_sshd_has_them(version: str, knows: bool) -> None:
    trusting = Settings(
        mode="internal", admin_user="a", admin_keys=(KEY,), trusted_addresses=("192.0.2.1", "10.0.0.0/8")
    )
    line = "PerSourcePenaltyExemptList 192.0.2.1,10.0.0.0/8\n"
    assert (line in drop_in(trusting, version)) is knows
    nobody = trusting.model_copy(update={"trusted_addresses": ()})
    assert "PerSourcePenalty" not in drop_in(nobody, version)
