"""Hosts whose first runs were cut off, and hosts on which something else is broken: healed, or named."""

import pytest

from lab import hosts
from tests.host.runs import Run, deploy

HOST = {"name": "t-health", "suite": "trixie", "shape": "vps", "group": "harvest_nginx"}
pytestmark = [
    pytest.mark.parametrize("lab_host", [HOST], ids=["t-health"], indirect=True, scope="module"),
    pytest.mark.xdist_group("t-health"),
]

RESOLVER = "/etc/resolv.conf"
VENDOR = "/etc/apt/sources.list.d/vendor.list"
# dpkg dies as it begins to process triggers, which Debian 13 does not forgive.
KILLER = """
until grep -qs ' trigproc ' /var/log/dpkg.log; do sleep 0.01; done
kill -9 $(pidof dpkg)
"""


@pytest.fixture(scope="module")
def without_names(lab_host: hosts.Host) -> Run:
    """A first run on a host whose resolver answers nothing."""
    lab_host.exec(f"cp {RESOLVER} /root; rm {RESOLVER}; echo nameserver 127.0.0.9 >{RESOLVER}")
    try:
        return deploy(lab_host.name)
    finally:
        lab_host.exec(f"rm {RESOLVER}; cp /root/resolv.conf {RESOLVER}")


@pytest.fixture(scope="module")
def killed(lab_host: hosts.Host, without_names: Run) -> Run:
    """The next one, whose dpkg is killed, while a third party's repository cannot be reached."""
    lab_host.exec(f"echo 'deb http://127.0.0.1:9/debian stable main' >{VENDOR}")
    (lab_host.root / "root/killer.sh").write_text(KILLER)
    lab_host.exec("rm -f /var/log/dpkg.log; systemd-run -q --unit=killer sh /root/killer.sh")
    return deploy(lab_host.name)


@pytest.fixture(scope="module")
def healed(lab_host: hosts.Host, killed: Run) -> Run:
    """The one after that."""
    return deploy(lab_host.name)


@pytest.fixture(scope="module")
def deployed(lab_host: hosts.Host, healed: Run) -> hosts.Host:
    assert healed.code == 0, healed.said
    lab_host.exec(f"rm {VENDOR}")
    deploy(lab_host.name)
    return lab_host


def test_a_dead_resolver_is_told_in_apt_words_and_the_next_run_asks_again(
    without_names: Run, killed: Run
) -> None:
    assert without_names.code == 1
    assert (
        "apt-get update: /etc/apt/sources.list: Failed to fetch http://deb.debian.org" in without_names.said
    )
    assert "resolving 'deb.debian.org'" in without_names.said
    assert "deb.debian.org" not in killed.said
    assert "python3-pip-whl" not in killed.said


def test_a_third_party_repository_is_named_by_its_file_and_stops_nothing(killed: Run, healed: Run) -> None:
    assert f"apt-get update: {VENDOR}: Failed to fetch http://127.0.0.1:9/debian" in killed.said
    assert healed.code == 0


def test_a_run_that_was_killed_at_dpkg_triggers_is_finished_by_the_next(
    lab_host: hosts.Host, killed: Run, healed: Run
) -> None:
    assert killed.code == 1
    assert "dpkg was interrupted" in killed.said
    assert "finishing what an interrupted apt or dpkg left: " in healed.said
    assert (healed.code, lab_host.exec("dpkg --audit").stdout) == (0, "")
    assert lab_host.exec("ls /usr/sbin/policy-rc.d", check=False).returncode == 2
    lab_host.exec("systemctl is-active harvest-frontend.service nginx fail2ban")


def test_a_half_configured_package_of_others_is_configured(deployed: hosts.Host) -> None:
    status = "/^Package: logrotate$/,/^$/s/^Status: .*/Status: install ok unpacked/"
    deployed.exec(f"sed -i '{status}' /var/lib/dpkg/status")
    run = deploy(deployed.name)
    assert run.code == 0
    assert "finishing what an interrupted apt or dpkg left: logrotate is unpacked" in run.said
    assert deploy(deployed.name).changed == []


def test_nothing_is_changed_on_top_of_a_broken_way_in(deployed: hosts.Host) -> None:
    """Over which sshd runs on until the next reboot."""
    deployed.exec(
        "echo 'Ciphers nosuch' >/etc/ssh/sshd_config.d/90-mine.conf; chmod 600 /etc/harvest/harvest.env; "
        "echo 'alice ALL=(ALL) NOPASSWD ALL' >/etc/sudoers.d/mine"
    )
    run = deploy(deployed.name)
    deployed.exec("rm /etc/ssh/sshd_config.d/90-mine.conf /etc/sudoers.d/mine")
    assert run.code == 1
    assert "/etc/ssh/sshd_config.d/90-mine.conf line 1: Bad SSH2 cipher spec 'nosuch'" in run.said
    assert "/etc/sudoers.d/mine:1:" in run.said
    assert deployed.exec("stat -c %a /etc/harvest/harvest.env").stdout == "600\n"
    assert deploy(deployed.name).code == 0


def test_a_broken_file_of_ours_is_put_right(deployed: hosts.Host) -> None:
    deployed.exec("echo 'Ciphers nosuch' >>/etc/ssh/sshd_config.d/00-harvest.conf")
    assert deploy(deployed.name).code == 0
    deployed.exec("sshd -t")


def test_what_a_reboot_would_break_is_named_and_the_rest_of_the_run_is_done(deployed: hosts.Host) -> None:
    drop_in = "/etc/systemd/system/harvest-backend@.service.d"
    deployed.exec(
        "chmod 755 /etc/cron.d; cp /etc/fstab /root; "
        "echo 'UUID=12 /data ext4 defaults 0 2' >>/etc/fstab; "
        "echo 'APT::Periodic::Unattended-Upgrade \"0\";' >/etc/apt/apt.conf.d/99-provider; "
        f"mkdir {drop_in}; printf '[Service]\\nExecStart=\\n' >{drop_in}/mine.conf; systemctl daemon-reload"
    )
    run = deploy(deployed.name)
    deployed.exec(
        f"cp /root/fstab /etc/fstab; rm -r {drop_in} /etc/apt/apt.conf.d/99-provider; systemctl daemon-reload; "
        "systemctl restart 'harvest-backend@*.service'"
    )
    assert run.code == 1
    for words in (
        "/etc/fstab: /data: UUID=12 is not there",
        'APT::Periodic::Unattended-Upgrade is "0" instead of "1": /etc/apt/apt.conf.d/99-provider',
        "harvest-backend@5001.service cannot be started again: ",
        f"{drop_in}/mine.conf",
    ):
        assert words in run.said, run.said
    assert deployed.exec("stat -c %a /etc/cron.d").stdout == "700\n"
    assert deploy(deployed.name).code == 0


def test_what_an_earlier_run_left_at_work_is_ended(deployed: hosts.Host) -> None:
    deployed.exec("HARVEST_DEPLOY=1 setsid sleep 600 >/dev/null 2>&1 &")
    run = deploy(deployed.name)
    assert run.changed[:1] == ["Check for commands of an earlier run"]
    assert "ending sleep (pid " in run.said
    assert deployed.exec("pgrep -fx 'sleep 600'", check=False).stdout == ""


def test_changes_by_a_failed_run_are_not_blamed_on_others(deployed: hosts.Host) -> None:
    idle, broken = "/etc/profile.d/harvest-idle.sh", "/etc/nginx/conf.d/broken.conf"
    deployed.exec(f"echo nonsense >{broken}")
    hosts.up(deployed.name, settings={"idle_logout_min": 7})
    failed = deploy(deployed.name)
    assert failed.code == 1
    assert f"changing {idle}" in failed.said
    deployed.exec(f"rm {broken}; echo '# mine' >>/etc/host.conf")
    run = deploy(deployed.name)
    assert run.code == 0
    assert "UTC: /etc/host.conf\n" in run.said
    assert f"UTC: {idle}" not in run.said
    assert deploy(deployed.name).changed == []


def test_a_host_without_python3_is_told_what_to_type(deployed: hosts.Host) -> None:
    deployed.exec("chmod -x /usr/bin/python3.*")
    try:
        run = deploy(deployed.name)
    finally:
        deployed.exec("chmod +x /usr/bin/python3.*")
    assert run.code == 1
    assert "python3 is not installed" in run.said
    assert "Traceback" not in run.said
