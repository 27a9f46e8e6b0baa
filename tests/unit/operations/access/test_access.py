"""The guard's and the lock's pure halves: what is saved, in which order things change, what is told."""

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import FunctionCommand

from provision.engine import lock
from provision.engine.state import Firewall as FirewallState
from provision.operations.access import access, authorized_keys, groups, revert, sshd, ufw
from provision.operations.files import File, Files
from provision.operations.run_when_newer import Applied
from provision.operations.run_when_newer import changes as applied
from provision.remote import host_state
from provision.settings.model import Settings
from tasks.access import sshd_files
from tests.unit.states import state, text

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjj0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c other"


def told(commands: Any) -> list[str]:
    """The sentences among commands, and the commands as the shell gets them."""
    return [c.args[0] if isinstance(c, FunctionCommand) else text([c])[0] for c in commands]


def wall(*ports: int, rules: tuple[str, ...] = ()) -> FirewallState:
    v4 = [*(f"allow tcp {p} 0.0.0.0/0 any 0.0.0.0/0 in" for p in ports), *rules]
    v6 = [f"allow tcp {p} ::/0 any ::/0 in" for p in ports]
    live = {"v4": len(v4), "v6": len(v6)}
    return FirewallState(enabled=True, defaults=list(ufw.DEFAULTS), rules={"v4": v4, "v6": v6}, live=live)


def test_the_firewall_as_wanted_is_left_alone() -> None:
    assert not text(ufw.changes(state(firewall=wall(22, 80)), ufw.Firewall((22, 80))))
    assert not text(ufw.changes(state(firewall=wall(22, 80)), ufw.Firewall((22, 80), ("80/tcp",))))


def test_other_openings_are_for_those_of_their_family() -> None:
    others = ("9100/tcp from 192.0.2.0/24", "161/udp from 2001:db8::7", "25/tcp", "22/tcp")
    want = ufw.Firewall((22,), others)
    (command,) = text(ufw.changes(state(firewall=wall(22)), want))
    assert "ufw allow proto tcp from 192.0.2.0/24 to any port 9100" in command
    assert "ufw allow 25/tcp" in command
    assert ufw.tuples(want, "v4")[1:] == [
        "allow tcp 9100 0.0.0.0/0 any 192.0.2.0/24 in",
        "allow tcp 25 0.0.0.0/0 any 0.0.0.0/0 in",
    ]
    assert ufw.tuples(want, "v6")[1] == "allow udp 161 ::/0 any 2001:db8::7 in"


def test_a_stale_rule_is_named_and_deleted_after_the_wanted_ones_are_allowed() -> None:
    have = state(firewall=wall(22, 5000))
    want = ufw.Firewall((22, 80))
    assert ufw.stale_words(have, want) == [
        "removing a firewall rule that is not in firewall_allow: allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in"
    ]
    (command,) = text(ufw.changes(have, want))
    assert command.index("ufw allow 80/tcp") < command.index(
        "ufw delete allow in proto tcp from any to any port 5000"
    )


def test_a_firewall_that_is_up_is_never_down_for_a_new_rule() -> None:
    (command,) = text(ufw.changes(state(firewall=wall(22)), ufw.Firewall((22, 80))))
    assert not [word for word in ("ufw reload", "enable", "ufw default") if word in command]


def test_rules_that_the_kernel_does_not_ask_are_put_up_again() -> None:
    want = ufw.Firewall((22,))
    flushed = wall(22).model_copy(update={"live": {"v4": -1, "v6": 1}})
    (command,) = text(ufw.changes(state(firewall=flushed), want))
    assert command.index("$tool -w -A") < command.index("ufw reload") < command.index("ufw allow 22/tcp")
    opened = wall(22).model_copy(update={"live": {"v4": 2, "v6": 1}})
    (command,) = text(ufw.changes(state(firewall=opened), want))
    assert "ufw reload" in command


ASKED = (
    "-P INPUT DROP",
    "-P FORWARD DROP",
    "-A INPUT -j ufw-before-input",
    "-A ufw-before-input -j ufw-user-input",
)


def test_ufw_s_rules_count_where_the_kernel_asks_them_and_drops_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def live(*lines: str) -> int:
        said = "\n".join([*lines, "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT"])
        (tmp_path / "iptables").write_text(f"#!/bin/sh\ncat <<'EOT'\n{said}\nEOT\n")
        (tmp_path / "iptables").chmod(0o755)
        return int(host_state.firewall()["live"]["v4"])

    assert live(*ASKED) == 1
    for missing in ASKED:
        assert live(*(line for line in ASKED if line != missing)) == -1, missing


def test_ufw_s_ipv6_is_on_also_where_the_kernel_has_none(tmp_path: Path) -> None:
    """IPv6's rules are counted where the kernel has it; UFW shall know them on the day that it gets it."""
    want = ufw.Firewall((22,))
    without = wall(22).model_copy(update={"live": {"v4": 1, "v6": -1}})
    assert not text(ufw.changes(state(firewall=without, system={"ipv6": False}), want))
    off = [line for line in ufw.DEFAULTS if "IPV6" not in line]
    (tmp_path / "ufw").symlink_to("/bin/true")
    file, path = tmp_path / "default", {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for said in ("IPV6=no", ""):
        off_here = wall(22).model_copy(update={"defaults": [*off, *([said] if said else [])]})
        (command,) = text(ufw.changes(state(firewall=off_here), want))
        assert "ufw reload" in command
        file.write_text(f"A=1\n{said}\n")
        subprocess.run(["sh", "-c", command.replace("/etc/default/ufw", str(file))], check=True, env=path)
        assert file.read_text().split() == ["A=1", "IPV6=yes"]


@pytest.mark.parametrize("said", ["Match User x", "Port 22\nmatch all"])
def test_a_match_block_is_found_however_it_is_written(said: str, tmp_path: Path) -> None:
    (tmp_path / "sshd_config").write_text(f"{said}\n  PermitRootLogin yes\n")
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config.d" / "50.conf").write_text("# Match nobody\n# match me\n")
    patterns = [pattern.replace("/etc/ssh", str(tmp_path)) for pattern in sshd.MATCHES]
    assert {path for pattern in patterns for path in host_state.find(pattern)} == {f"{tmp_path}/sshd_config"}


def test_the_old_port_stays_open_until_the_confirmation() -> None:
    have = state(firewall=wall(22))
    both = text(ufw.changes(have, ufw.Firewall((2222, 22))))
    assert "ufw allow 2222/tcp" in both[0]
    assert "delete" not in both[0]
    then = state(firewall=wall(2222, 22))
    assert (
        "delete allow in proto tcp from any to any port 22"
        in text(ufw.changes(then, ufw.Firewall((2222,))))[0]
    )


def test_the_members_of_the_login_group_are_exactly_the_named_ones() -> None:
    want = groups.Group("g", ("sysop",))
    assert not told(groups.changes(state(groups={"g": ["sysop"]}), want))
    sentence, command = told(groups.changes(state(groups={"g": ["mallory", "sysop"]}), want))
    assert sentence == "mallory is taken out of the group g, whose members may log in"
    assert "gpasswd --members sysop g" in command
    sentence, command = told(groups.changes(state(groups={"g": ["sysop"]}, primary={"g": ["eve"]}), want))
    assert sentence == "eve is taken out of the group g, whose members may log in"
    assert "usermod --gid nogroup eve" in command


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


def test_a_key_that_the_admin_s_file_loses_is_named() -> None:
    path = "/home/a/.ssh/authorized_keys"
    want = Files((File(path, KEY + " me\n"),))
    (sentence,) = told(authorized_keys.named(state(keys={path: [KEY + " me", OTHER]}), want))
    assert "is removed from /home/a/.ssh/authorized_keys" in sentence
    assert "other" in sentence


@pytest.mark.parametrize(
    "script",
    [
        revert.REVERT,
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
        < script.index(f"touch {revert.ARMED}")
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
    return item.settled(state(packages={"openssh-server": version})).data.decode()


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("1:8.9p1-3ubuntu0.13", False),
        ("1:9.2p1-2+deb12u7", False),
        ("1:9.8p1-1", True),
        ("1:10.0p1-7+deb13u1", True),
    ],
)
def test_sshd_s_own_penalties_spare_the_trusted_where_sshd_has_them(version: str, knows: bool) -> None:
    trusting = Settings(
        mode="internal", admin_user="a", admin_keys=(KEY,), trusted_addresses=("192.0.2.1", "10.0.0.0/8")
    )
    line = "PerSourcePenaltyExemptList 192.0.2.1,10.0.0.0/8\n"
    assert (line in drop_in(trusting, version)) is knows
    nobody = trusting.model_copy(update={"trusted_addresses": ()})
    assert "PerSourcePenalty" not in drop_in(nobody, version)


def test_something_is_applied_once_and_again_when_its_file_is_newer() -> None:
    want = Applied("x", "do it", ("/etc/x",))
    (command,) = text(applied(state(), want))
    assert "\ndo it\nmv -f /var/lib/harvest-provision/x.new /var/lib/harvest-provision/x" in command
    old = {"kind": "file", "changed": 5.0}
    entry = type(state().files["x"])
    there = {"/var/lib/harvest-provision/x": entry(**old)}
    assert not text(applied(state(files={**there, "/etc/x": entry(kind="file", changed=4.0)}), want))
    assert text(applied(state(files={**there, "/etc/x": entry(kind="file", changed=6.0)}), want))


@pytest.fixture
def locking(tmp_path: Path) -> Any:
    """The lock's script, run here, with its folder here."""
    script = lock.SCRIPT.replace(lock.FOLDER, str(tmp_path / "lock"))

    def run(verb: str, token: str) -> subprocess.CompletedProcess[str]:
        holder = json.dumps({"who": f"{token}@here", "what": "deploy.py", "token": token})
        return subprocess.run(["python3", "-c", script, verb, holder], capture_output=True, text=True)

    return run


def test_a_lock_is_the_first_one_s_until_it_gives_it_back(locking: Any) -> None:
    assert locking("take", "ann").returncode == 0
    refused = locking("take", "bob")
    assert refused.returncode == 1
    assert refused.stderr.startswith("locked by ann@here, who began deploy.py at ")
    assert locking("release", "bob").returncode == 0
    assert locking("take", "bob").returncode == 1, "another's lock is never removed"
    assert locking("release", "ann").returncode == 0
    assert locking("take", "bob").returncode == 0


def test_the_lock_of_a_session_that_is_gone_is_taken_over(locking: Any, tmp_path: Path) -> None:
    assert locking("take", "ann").returncode == 0
    file = tmp_path / "lock" / "holder"
    file.write_text(json.dumps({**json.loads(file.read_text()), "session": [1, "0"]}))
    taken = locking("take", "bob")
    assert taken.returncode == 0
    assert taken.stdout.startswith("took over the lock of ann@here")
