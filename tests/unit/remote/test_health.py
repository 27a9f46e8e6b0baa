"""What a reboot would break: what the tools' words are taken for."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from provision.engine.state import LOOK, Query
from provision.remote import health

SSHD = """/etc/ssh/sshd_config.d/90-mine.conf: line 1: Bad configuration option: Nosuch
/etc/ssh/sshd_config.d/90-mine.conf: terminating, 1 bad configuration options
"""
VISUDO = """/etc/sudoers.d/mine:1:25: syntax error
alice ALL=(ALL) NOPASSWD ALL
                        ^~~
/etc/sudoers.d/README: parsed OK
"""
FSTAB = """/dev/sda1 / ext4 defaults 0 1
UUID=1 /data ext4 defaults 0 2
UUID=2 /backup ext4 defaults,nofail 0 2
# UUID=3 /old ext4 nofail 0 2
"""
FINDMNT = """/data
   [E] unreachable on boot required target: No such file or directory
   [E] unreachable on boot required source: UUID=1
/backup
   [E] unreachable on boot required source: UUID=2
/boot/efi
   [W] unreachable source: /dev/sdz1: No such file or directory
findmnt: /etc/fstab: parse error at line 9 -- ignored
"""


def test_the_look_runs_as_it_is_sent_with_the_modules_that_it_imports() -> None:
    done = subprocess.run(
        ["python3", "-I", "-c", LOOK, Query(health={"leftovers"}).json()],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    # What runs on this machine is its own business.
    assert isinstance(json.loads(done.stdout)["health"]["leftovers"], list)


def test_complaints_of_a_checker_are_told_with_file_and_line() -> None:
    assert health.words_of(SSHD) == SSHD.splitlines()
    assert health.words_of(VISUDO) == ["/etc/sudoers.d/mine:1:25: syntax error"]
    assert health.words_of("sshd: no hostkeys available -- exiting.\n") == [
        "sshd: no hostkeys available -- exiting."
    ]


def test_fstab_is_told_where_the_boot_needs_what_is_not_there() -> None:
    assert health.unbootable(FINDMNT, FSTAB) == [
        "/etc/fstab: /data: UUID=1 is not there",
        "/etc/fstab: parse error at line 9 -- ignored",
    ]


def test_installed_is_configured() -> None:
    at_rest = "ok installed a\nok config-files b\nok not-installed c\n"
    states = at_rest + "ok triggers-pending d\nreinstreq half-installed e\n"
    assert health.half_done("", states) == ["d is triggers-pending", "e is in need of a reinstallation"]
    assert health.half_done("", "ok installed a\n") == []
    assert health.half_done("missing md5sums:\n a\n", "ok installed a\n") == ["missing md5sums: a"]


def test_a_package_that_another_dpkg_is_at_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "locked", lambda path: True)
    assert health.half_done("", "ok unpacked a\n") == []


def test_a_lock_is_seen_without_being_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert not health.locked(str(path))
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print('held'); input()"
    )
    with subprocess.Popen(
        ["python3", "-u", "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        assert health.locked(str(path))
        holder.communicate("\n")
    assert not health.locked(str(path))


@pytest.mark.parametrize(
    "line",
    [
        'APT::Periodic::Unattended-Upgrade "0";',
        "#clear APT::Periodic;",
        'apt { periodic { unattended-upgrade "0"; } }',
    ],
)
def test_the_file_that_overrides_an_apt_setting_is_found_by_asking_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    ours = tmp_path / "52harvest"
    ours.write_text('// Ours\nAPT::Periodic::Unattended-Upgrade "1";\n')
    for name, said in (
        ("20auto", 'APT::Periodic::Unattended-Upgrade "0";'),
        ("99-provider", line),
        ("99zz", ""),
    ):
        (tmp_path / name).write_text(said + "\n")
    monkeypatch.setattr(health, "OURS", str(ours))
    whole = tmp_path / "whole.conf"
    whole.write_text(f'Dir::Etc::parts "{tmp_path}"; Dir::Etc::main "/nowhere";')

    def dump() -> str:
        environment = {**os.environ, "APT_CONFIG": str(whole)}
        return subprocess.run(
            ["apt-config", "dump"], stdout=subprocess.PIPE, text=True, env=environment
        ).stdout

    (said,) = health.undone(dump())
    assert said.startswith("APT::Periodic::Unattended-Upgrade is ")
    assert said.endswith(f'instead of "1": {tmp_path}/99-provider')
    (tmp_path / "99-provider").unlink()
    assert health.undone(dump()) == []


def test_what_a_run_started_is_known_by_its_environment() -> None:
    environment = {**os.environ, "HARVEST_DEPLOY": "1"}
    with (
        subprocess.Popen(["sleep", "60"], env=environment) as ours,
        subprocess.Popen(["sleep", "60"]) as other,
    ):
        for process in (ours, other):
            while not Path(f"/proc/{process.pid}/environ").read_bytes():
                pass  # the kernel tells of an exec before it has placed the environment
        found = dict(health.leftovers())
        for process in (ours, other):
            process.kill()
    assert found.get(ours.pid) == "sleep"
    assert other.pid not in found
