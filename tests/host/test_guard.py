"""Nobody is locked out: every change of who gets in is confirmed by a fresh login, or the host is as it was."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import hosts, keys, network
from provision.operations.access import revert
from tests.host.authority import bridge_address
from tests.host.guarding import essence, fingerprint, prepare, refresh, run, start, until

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("s-guard")]
STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjj0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c stranger"


@pytest.fixture(scope="module")
def prepared() -> Iterator[hosts.Host]:
    host = prepare("s-guard", suite="trixie")
    yield host
    if not os.environ.get("KEEP_HOSTS"):
        host.down()


@pytest.fixture
def fresh(prepared: hosts.Host) -> hosts.Host:
    """The prepared host as nobody touched it, with the settings of the lab."""
    return untouched(prepared)


def untouched(host: hosts.Host) -> hosts.Host:
    refresh(host)
    plain = {"admin_user": "sysop", "sshd_port": 22, "confirm_within_s": 60, "trusted_addresses": []}
    again = hosts.up(host.name, settings={"admin_keys": [keys.public_key()], **plain})
    again.wait()
    return again


def assert_undone(host: hosts.Host, before: list[str], code: int, said: str, *why: str) -> None:
    """The run failed, said why, and the host is byte for byte as before: root's key opens it again."""
    assert code == 1, said
    for words in why:
        assert words in said, said
    assert "reverted: accounts, keys, sudo, firewall and sshd are as they were" in said
    assert fingerprint(host) == before
    assert host.ssh("id -un", "root", port=22).stdout.strip() == "root"


def test_a_key_that_the_operator_does_not_hold_is_undone(fresh: hosts.Host) -> None:
    before = fingerprint(fresh)
    hosts.up(fresh.name, settings={"admin_keys": [STRANGER]})
    code, said = run(fresh.name)
    assert_undone(fresh, before, code, said, "a fresh login as sysop on port 22 failed", "sysop is refused")
    # The next run says what happened, and starts over.
    hosts.up(fresh.name, settings={"admin_keys": [keys.public_key()]})
    code, said = run(fresh.name)
    assert code == 0, said
    assert "an earlier access change was reverted" in said
    assert "confirmed by a fresh login as sysop on port 22, with sudo" in said


def test_allow_users_without_the_admin_is_undone(fresh: hosts.Host) -> None:
    fresh.exec("sed -i '1i AllowUsers root' /etc/ssh/sshd_config; systemctl reload ssh")
    before = fingerprint(fresh)
    code, said = run(fresh.name)
    assert_undone(fresh, before, code, said, "a fresh login as sysop on port 22 failed")


def test_a_firewall_rule_that_drops_the_controller_is_undone(fresh: hosts.Host) -> None:
    fresh.exec(
        "sed -i 's/^# ok icmp codes for INPUT$/-A ufw-before-input -p tcp --dport 22 -m conntrack --ctstate NEW"
        " -j DROP\\n&/' /etc/ufw/before.rules; grep -q 'dport 22' /etc/ufw/before.rules"
    )
    before = fingerprint(fresh)
    code, said = run(fresh.name)
    assert_undone(fresh, before, code, said, "did not answer within")


def test_an_invalid_sshd_line_is_reverted_and_sshd_says_why(fresh: hosts.Host) -> None:
    fresh.exec("echo 'NoSuchKeyword yes' >/etc/ssh/sshd_config.d/90-mine.conf")
    # With a firewall of somebody's own, which UFW comes on top of for a moment.
    fresh.exec(
        "iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT;"
        " iptables -P INPUT DROP"
    )
    before = fingerprint(fresh)
    code, said = run(fresh.name)
    assert_undone(fresh, before, code, said, "Bad configuration option: NoSuchKeyword")


def test_a_second_run_sets_no_timer_and_takes_no_lock(fresh: hosts.Host) -> None:
    assert run(fresh.name)[0] == 0
    fresh.exec("rm -f /run/harvest-lock.mutex /var/lib/harvest-guard/mutex")
    code, said = run(fresh.name)
    assert code == 0
    assert "Success" not in said.split("Results")[0], said
    assert fresh.exec("ls /run/harvest-lock.mutex /var/lib/harvest-guard/mutex", check=False).stdout == ""


def test_the_port_moves_and_the_old_one_closes(fresh: hosts.Host) -> None:
    assert run(fresh.name)[0] == 0
    hosts.up(fresh.name, settings={"sshd_port": 2222})
    code, said = run(fresh.name)
    assert code == 0, said
    assert "confirmed by a fresh login as sysop on port 2222" in said
    assert fresh.ssh("sudo id -un", "sysop", port=2222).stdout.strip() == "root"
    assert "22/tcp" not in fresh.exec("ufw status").stdout.replace("2222/tcp", "")
    assert "Success" not in run(fresh.name)[1].split("Results")[0]
    # And back, with another admin, as whom the run goes on: the former one has no sudo by then.
    hosts.up(fresh.name, settings={"sshd_port": 22, "admin_user": "chief"})
    code, said = run(fresh.name, "--data", "bootstrap_user=sysop")
    assert code == 0, said
    assert "logging in as sysop; chief cannot log in yet" in said
    assert fresh.ssh("sudo id -un", "chief", port=22).stdout.strip() == "root"
    assert fresh.ssh("true", "sysop", port=22, check=False).returncode == 255
    assert "Success" not in run(fresh.name)[1].split("Results")[0]
    fresh.exec("rm -rf /home/chief")


def test_the_port_moves_back_where_it_cannot_be_reached(fresh: hosts.Host) -> None:
    assert run(fresh.name)[0] == 0
    drop = "-A ufw-before-input -p tcp --dport 2222 -j DROP"
    fresh.exec(f"sed -i 's/^# ok icmp codes for INPUT$/{drop}\\n&/' /etc/ufw/before.rules; ufw reload")
    before = fingerprint(fresh)
    hosts.up(fresh.name, settings={"sshd_port": 2222})
    code, said = run(fresh.name)
    assert code == 1
    assert "on port 2222 failed" in said
    assert fingerprint(fresh) == before
    assert fresh.ssh("sudo id -un", "sysop", port=22).stdout.strip() == "root"


def test_a_reboot_while_armed_brings_the_host_back_as_it_was(fresh: hosts.Host) -> None:
    hosts.up(fresh.name, settings={"confirm_within_s": 300})
    before = fingerprint(fresh)
    process = start(fresh.name)
    until(lambda: (fresh.root / "var/lib/harvest-guard/armed").exists(), 60, "the timer is set")
    until(lambda: "sysop" in (fresh.root / "etc/passwd").read_text(), 60, "the admin is made")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    fresh.reboot(login=False)
    until(lambda: (fresh.root / "var/lib/harvest-guard/reverted").exists(), 60, "the change is undone")
    until(lambda: fingerprint(fresh) == before, 20, "the host is as before")
    assert fresh.ssh("id -un", "root", port=22).stdout.strip() == "root"
    code, said = run(fresh.name)
    assert code == 0, said
    assert "an earlier access change was reverted" in said


def test_a_cut_network_undoes_the_change_and_no_step_of_it_comes_after(fresh: hosts.Host) -> None:
    """The controller lives on and finds the network again, but the host has undone the change by then."""
    hosts.up(fresh.name, settings={"confirm_within_s": 30})
    before = fingerprint(fresh)
    process = start(fresh.name)
    until(lambda: "sysop" in (fresh.root / "etc/passwd").read_text(), 60, "the admin is made")
    fresh.exec("ip link set host0 down")
    try:
        until(lambda: (fresh.root / "var/lib/harvest-guard/reverted").exists(), 60, "the timer undoes it")
        until(lambda: fingerprint(fresh) == before, 20, "the host is as before")
    finally:
        fresh.exec("ip link set host0 up")
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 1, said
    assert "confirmed by a fresh login" not in said
    assert fingerprint(fresh) == before
    assert fresh.ssh("id -un", "root", port=22).stdout.strip() == "root"
    code, said = run(fresh.name)
    assert code == 0, said
    assert "an earlier access change was reverted" in said
    assert "it was not confirmed in time" in said


@pytest.mark.parametrize("elsewhere", [False, True], ids=["with-the-snapshot", "elsewhere"])
def test_on_a_full_disk_the_undoing_empties_no_file(fresh: hosts.Host, elsewhere: bool) -> None:
    """The room for the old files is kept free beside the snapshot; if they lie elsewhere, it is waited for."""
    guards = "mount --bind /srv/guard /var/lib/harvest-guard"
    fresh.exec(
        "mkdir -p /var/lib/harvest-guard; mount -t tmpfs -o size=24M,mode=755 none /srv; mkdir /srv/guard; "
        f"cp -a /etc /srv; mount --bind /srv/etc /etc; {'true' if elsewhere else guards}"
    )
    try:
        before = fingerprint(fresh)
        process = start(fresh.name)
        until(lambda: "sysop" in fresh.exec("cat /etc/passwd").stdout, 60, "the admin is made")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        fresh.exec("cat /dev/zero >/srv/full", check=False)
        undone = fresh.exec("systemctl start harvest-guard.service", check=False)  # as docs/security.md says
        if elsewhere:
            assert undone.returncode != 0
            assert someone_gets_in(fresh)
            fresh.exec("rm /srv/full")
        until(
            lambda: fresh.exec("test -e /var/lib/harvest-guard/reverted", check=False).returncode == 0,
            30,
            "undone",
        )
        until(lambda: fingerprint(fresh) == before, 20, "the host is as before")
        assert fresh.ssh("id -un", "root", port=22).stdout.strip() == "root"
    finally:
        fresh.exec("umount /etc; umount /var/lib/harvest-guard; umount /srv", check=False)


OPENED = {
    "flushed": "for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -F; done",
    "bypassed": "for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -F INPUT; done",
    "without IPv6": "sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw",
}


def test_a_firewall_that_somebody_opened_below_ufw_is_put_up_and_shuts_nobody_out(fresh: hosts.Host) -> None:
    assert run(fresh.name)[0] == 0
    before = fingerprint(fresh)
    for how, command in OPENED.items():
        fresh.exec(command)
        code, said = run(fresh.name)
        assert code == 0, f"{how}: {said}"
        assert fingerprint(fresh) == before, how
    assert "Success" not in run(fresh.name)[1].split("Results")[0]
    fresh.exec(
        f"{revert.arm_script(['/etc/ufw'], 60)}\n{OPENED['flushed']}\nsystemctl start harvest-guard.service"
    )
    assert fingerprint(fresh) == before, "flushed while a confirmation was awaited"
    fresh.exec(OPENED["flushed"])
    hosts.up(fresh.name, settings={"sshd_port": 2222})
    fresh.exec("sed -i '1i Port 22' /etc/ssh/sshd_config")  # it would stay open, too
    flushed = fingerprint(fresh)
    code, said = run(fresh.name)
    assert (code, "reverted: " in said) == (1, True), said
    assert "refused: another file of sshd names another Port than 2222" in said
    assert someone_gets_in(fresh), "the undoing leaves it as open as it was"
    after = fingerprint(fresh)
    assert without_ufw(after) == without_ufw(flushed)
    assert {"-N ufw-before-input", "-N ufw6-before-input"} <= set(after), "they were there before"


def without_ufw(lines: list[str]) -> list[str]:
    """A fingerprint without UFW's own rules and chains, for where it is not up and they are of no account."""
    return [line for line in lines if "-N ufw" not in line and "-A ufw" not in line and "-j ufw" not in line]


def test_no_program_and_no_authority_names_a_key_for_the_admin(fresh: hosts.Host) -> None:
    """As some companies' images have it: a directory is asked for keys, or a certificate says who somebody is."""
    fresh.exec(
        """cd /root; rm -f thief* guest*; ssh-keygen -qt ed25519 -N '' -f thief; ssh-keygen -qt ed25519 -N '' -f guest
        ssh-keygen -qs thief -I guest -n sysop guest.pub; cp thief.pub /etc/ssh
        cat >/etc/ssh/sshd_config.d/90-mine.conf <<'EOT'
AuthorizedKeysCommand /bin/cat /etc/ssh/thief.pub
AuthorizedKeysCommandUser nobody
TrustedUserCAKeys /etc/ssh/thief.pub
EOT"""
    )
    assert run(fresh.name)[0] == 0
    thief, guest = (
        f"ssh -i /root/{name} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        " sysop@localhost id -un"
        for name in ("thief", "guest")
    )
    assert [fresh.exec(login, check=False).stdout for login in (thief, guest)] == ["", ""]
    ours = "/etc/ssh/sshd_config.d/00-harvest.conf"
    fresh.exec(
        f"sed -i '/^Authorized.*Command/d; /^TrustedUserCAKeys/d' {ours}; systemctl reload ssh; sleep 0.5"
    )
    assert [fresh.exec(login, check=False).stdout for login in (thief, guest)] == ["sysop\n"] * 2, (
        "else they would"
    )


def test_a_host_that_is_known_by_another_of_its_keys_stays_known(fresh: hosts.Host, tmp_path: Path) -> None:
    """Pinned by an older ssh, or by ssh-keyscan; from now on sshd shows its ed25519 key alone."""
    public = fresh.exec("cat /etc/ssh/ssh_host_rsa_key.pub").stdout
    (tmp_path / "known").write_text(f"{fresh.address} {public}")
    code, said = run(fresh.name, "--data", f"ssh_known_hosts_file={tmp_path}/known")
    assert code == 0, said
    assert "seen for the first time" not in said


def test_sshd_penalties_spare_trusted_addresses_only(fresh: hosts.Host) -> None:
    """OpenSSH 9.8 and newer shut out who fails; an operator's agent full of keys, or an audit, looks just so."""
    hosts.up(fresh.name, settings={"trusted_addresses": [bridge_address(fresh)]})
    assert run(fresh.name)[0] == 0
    codes = []
    for options in ([], [f"BindAddress={network.other_address()}"]):
        with ThreadPoolExecutor(4) as pool:  # a second a failure, and nothing below 15
            list(
                pool.map(
                    lambda _, by=options: fresh.ssh("true", "root", port=22, options=by, check=False),
                    range(40),
                )
            )
        codes.append(fresh.ssh("true", "sysop", port=22, options=options, check=False).returncode)
    assert codes == [0, 255]


def test_ctrl_c_is_no_success_and_locks_nobody_out(fresh: hosts.Host) -> None:
    """At three moments: somebody logs in, the host is asked, who gets in changes."""
    for moment in ("logging in as root", "Starting operation", "Configure SSH access, sudo and firewall"):
        process = start(fresh.name)
        assert process.stdout
        for line in process.stdout:
            if moment in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert process.returncode not in (0, None), f"{moment}: {said}"
        assert someone_gets_in(fresh), moment
    code, said = run(fresh.name)
    assert code == 0, said


def someone_gets_in(host: hosts.Host) -> bool:
    """Whether an account can log in and become root; those that most probably can are asked first."""
    done = (host.root / "etc/ssh/sshd_config.d/00-harvest.conf").exists()
    users = ("sysop", "chief", "root") if done else ("root", "sysop")
    return any(host.ssh("sudo -n true", user, port=22, check=False).returncode == 0 for user in users)


def killed_at_every_step(host: hosts.Host, *options: str) -> int:
    """Kill a run once it set the timer and each next one, which goes on from there, after one change more, until a run
    comes to its end. Each time one account can log in and become root. Returns the number of changes."""
    for number in range(40):
        step = min(2 + 2 * number, 4)  # the lock and the timer; then the lock, the timer twice, and a change
        code, said = run(host.name, *options, file="tests/host/deploys/killed_after.py", KILL_AFTER=str(step))
        if code == 0:
            return number
        assert code == -signal.SIGKILL, said
        assert someone_gets_in(host), f"killed after {number} changes: {said}"
    raise AssertionError("no run comes to its end")


def test_a_run_killed_at_any_step_leaves_one_account_that_logs_in_and_becomes_root(
    fresh: hosts.Host,
) -> None:
    quiet = {"trusted_addresses": [bridge_address(fresh)], "confirm_within_s": 300}
    hosts.up(fresh.name, settings=quiet)
    assert killed_at_every_step(fresh) > 5
    # To another admin, as the former one: no moment without a right either.
    hosts.up(fresh.name, settings={**quiet, "admin_user": "chief"})
    assert killed_at_every_step(fresh, "--data", "bootstrap_user=sysop") > 5
    fresh.exec("rm -rf /home/chief")


def test_a_run_that_meets_an_unconfirmed_change_says_until_when_and_converges(
    fresh: hosts.Host, clean: list[str]
) -> None:
    hosts.up(fresh.name, settings={"confirm_within_s": 60})
    code, said = run(fresh.name, file="tests/host/deploys/killed_after.py", KILL_AFTER="6")
    assert code == -signal.SIGKILL, said
    armed = (fresh.root / "var/lib/harvest-guard/armed").read_text().strip()
    code, said = run(fresh.name)
    assert code == 0, said
    assert f"which the host would revert at {armed}; this run continues from there" in said
    assert essence(fresh) == clean


@pytest.fixture(scope="module")
def clean(prepared: hosts.Host) -> list[str]:
    """What a run leaves that nobody killed."""
    untouched(prepared)
    assert run(prepared.name)[0] == 0
    return essence(prepared)
