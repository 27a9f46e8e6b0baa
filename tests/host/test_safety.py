"""What goes wrong is refused or healed, said in plain words, and changes nothing else."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from lab import hosts, network
from tests.host.authority import bridge_address
from tests.host.guarding import until
from tests.host.runs import REPO, Run, accept_all, audit, deploy
from tests.host.visitor import From, password

# With all that a shell, sudo and Python could trip over.
SUDO = {"name": "HARVEST_TEST_SUDO", "value": 'xk7Quiet\'s "pass" $word \\ é'}
HOST = {
    "name": "t-safety",
    "suite": "bookworm",
    "shape": "vps",
    "group": "harvest_nginx",
    "settings": {"admin_sudo": "password", "admin_password": {"env": SUDO["name"]}},
}
pytestmark = [
    pytest.mark.parametrize(
        "lab_host",
        [HOST],
        ids=["t-safety"],
        indirect=True,
        scope="module",
    ),
    pytest.mark.xdist_group("t-safety"),
]


# Runs on the host during the first run: all that a process list, a unit or a temporary file shows to anybody.
LOOK = """
import glob, subprocess, time
seen = set()
with open("/run/seen", "ab", 0) as out:
    while True:
        for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/tmp/**", recursive=True) + glob.glob("/var/tmp/*"):
            try:
                data = open(path, "rb").read(200000)
            except OSError:
                continue
            if data not in seen:
                seen.add(data)
                out.write(data.replace(b"\\0", b" ") + b"\\n")
        time.sleep(0.01)
"""
LOUD = ("-vvv", "--diff", "--debug")


@pytest.fixture(autouse=True, scope="module")
def _sudo_s_password() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SUDO["name"], SUDO["value"])
        yield


@pytest.fixture(scope="module")
def first(lab_host: hosts.Host) -> Run:
    """The first run, as loud as it can be, and watched."""
    hosts.up(lab_host.name, settings={"trusted_addresses": [bridge_address(lab_host)]})
    (lab_host.root / "root/look.py").write_text(LOOK)
    lab_host.exec("systemd-run -q --unit=look python3 /root/look.py")
    run = deploy(lab_host.name, options=LOUD)
    lab_host.exec("systemctl stop look")
    return run


@pytest.fixture(scope="module")
def deployed(lab_host: hosts.Host, first: Run) -> hosts.Host:
    assert first.code == 0, first.said
    return lab_host


def listing(host: hosts.Host) -> str:
    """Every file of /etc and /opt/harvest with its time of change."""
    return host.exec("find /etc /opt/harvest -xdev -printf '%p %C@\\n' | sort").stdout


def test_an_unsupported_release_is_refused_by_name(lab_host: hosts.Host) -> None:
    lab_host.exec(
        "mount --bind /usr/lib/os-release /usr/lib/os-release && cp -L /etc/os-release /run/os && "
        "sed -i 's/^VERSION_ID=.*/VERSION_ID=\"11\"/; s/12 (bookworm)/11 (bullseye)/' /run/os && "
        "mount --bind /run/os /usr/lib/os-release"
    )
    before = lab_host.exec(
        "find /etc /usr /opt -xdev -newermt '-1 second' -type f | head; dpkg -l | md5sum"
    ).stdout
    try:
        run = deploy(lab_host.name)
    finally:
        lab_host.exec("umount /usr/lib/os-release; umount /usr/lib/os-release")
    assert run.code == 1
    assert "this host runs Debian GNU/Linux 11 (bullseye); supported are Ubuntu 22.04" in run.said
    assert lab_host.exec("dpkg -l | md5sum").stdout in before
    assert "sysop" not in lab_host.exec("cat /etc/passwd").stdout


def test_no_room_for_a_release_is_told_before_one_is_begun(lab_host: hosts.Host) -> None:
    lab_host.exec("mount -t tmpfs -o size=200M none /opt")
    try:
        run = deploy(lab_host.name)
    finally:
        lab_host.exec("umount /opt")
    assert run.code == 1
    assert "MiB are free below /opt; a release needs 1024" in run.said


@pytest.mark.parametrize(
    ("case", "path", "words"),
    [
        ("sshd", "/etc/ssh/sshd_config.d/01-broken.conf", "unsupported option"),
        ("sudo", "/etc/sudoers.d/broken", "syntax error"),
        ("systemd", "/etc/systemd/system/broken.service", "/nowhere/at/all"),
    ],
)
def test_a_file_that_its_daemon_refuses_is_not_put(
    deployed: hosts.Host, case: str, path: str, words: str
) -> None:
    before = listing(deployed)
    run = deploy(deployed.name, file="tests/host/deploys/broken_files.py", environment={"BROKEN": case})
    assert run.code == 1
    assert words in run.said
    assert "refused by its own checker" in run.said
    assert deployed.exec(f"test -e {path}", check=False).returncode == 1
    assert listing(deployed) == before
    assert "harvest-stage" not in deployed.exec("ls /run").stdout


def started(host: hosts.Host, unit: str) -> str:
    return host.exec(f"systemctl show -p ActiveEnterTimestampMonotonic --value {unit}").stdout


def test_a_restart_that_an_earlier_run_lost_is_made_up_for(deployed: hosts.Host) -> None:
    """As after a run that died between writing the file and restarting the service."""
    before = started(deployed, "harvest-backend@5001.service")
    time.sleep(0.1)
    deployed.exec("chmod 640 /etc/harvest/harvest.env")
    run = deploy(deployed.name)
    assert (run.code, [name for name in run.changed if "start units" in name]) == (
        0,
        ["harvest: start units"],
    )
    assert started(deployed, "harvest-backend@5001.service") != before
    assert deploy(deployed.name).changed == []


def test_a_changed_file_is_put_back(deployed: hosts.Host) -> None:
    deployed.exec(
        "echo HARVEST_MAX_UPLOAD_MB=1 >>/etc/harvest/harvest.env; chmod 666 /etc/harvest/secret_key"
    )
    run = deploy(deployed.name)
    assert run.code == 0
    assert {"harvest: write configuration", "harvest: create secret key"} <= set(run.changed)
    assert "changing /etc/harvest/harvest.env" in run.said
    assert "MB=1\n" not in deployed.exec("cat /etc/harvest/harvest.env").stdout
    assert deployed.exec("stat -c %a /etc/harvest/secret_key").stdout == "640\n"


def test_a_stopped_service_runs_again(deployed: hosts.Host) -> None:
    deployed.exec("systemctl disable --now harvest-frontend.service harvest-frontend.socket")
    run = deploy(deployed.name)
    assert run.code == 0
    assert "starting harvest-frontend.service, which does not run" in run.said
    assert deployed.exec("systemctl is-active harvest-frontend.service").stdout == "active\n"


def test_a_harvest_that_does_not_truly_answer_fails_the_run(deployed: hosts.Host) -> None:
    """The units are active and /api/health says ok, yet nothing can be saved."""
    health = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:5001/api/health').status)"
    deployed.exec("chmod 0400 /var/lib/harvest/harvest.db*; systemctl restart harvest-backend@5001.service")
    try:
        assert deployed.exec(f'python3 -c "{health}"').stdout == "200\n"
        run = deploy(deployed.name)
    finally:
        deployed.exec(
            "chmod 0640 /var/lib/harvest/harvest.db*; systemctl restart harvest-backend@5001.service"
        )
    assert run.code == 1
    assert "/api/ready answered 503" in run.said
    assert "next: journalctl -u harvest" in run.said
    assert deploy(deployed.name).code == 0


def test_secrets_are_seen_by_nobody(deployed: hosts.Host, first: Run) -> None:
    """Not by other users of the host, not in a unit's properties or a process's arguments, not in any log or output."""
    made_there = deployed.exec("cat /etc/harvest/secret_key").stdout.strip()
    assert len(made_there) == 64
    secrets = [made_there, password(), SUDO["value"].split("'")[0]]  # the rest is quoted in many ways
    # As the admin, whose shell writes down each command line that it gets.
    log = 'echo "$BASH_EXECUTION_STRING" >>/tmp/commands'
    deployed.exec(f"sed -i '1i {log}' /home/sysop/.bashrc; ufw allow 5000/tcp")
    again = deploy(deployed.name, options=LOUD)
    commands = deployed.exec("cat /tmp/commands; rm /tmp/commands; sed -i 1d /home/sysop/.bashrc").stdout
    seen = deployed.exec("cat /run/seen").stdout
    shown = deployed.exec(
        "systemctl show '*'; ps -eww -o args; journalctl --no-pager; "
        "grep -rsIh . /tmp /var/tmp /var/log /var/lib/harvest-*; "
        "runuser -u nobody -- cat /etc/harvest/secret_key /etc/harvest/harvest.env 2>&1",
        check=False,
    ).stdout
    assert again.code == 0, again.said
    assert "Permission denied" in shown
    # They did look: at what takes the passwords in, and at what was sent.
    for words, where in (
        ("harvest user add admin@harvest.test", seen),
        ("chpasswd", seen),
        ("ufw delete allow", commands),
        ("Running command on", first.said),
    ):
        assert words in where, where[-3000:]
    log_file = REPO / "pyinfra-debug.log"
    places = [seen, commands, shown, first.said, first.printed, again.said, again.printed]
    places += [log_file.read_text()] if log_file.exists() else []
    for secret in secrets:
        assert [text for text in places if secret in text] == []


def test_sudo_password_is_asked_for_and_a_wrong_one_refused(deployed: hosts.Host) -> None:
    assert "a password is required" in deployed.ssh("sudo -n true", "sysop", check=False).stderr
    before = listing(deployed)
    run = deploy(deployed.name, environment={SUDO["name"]: "another"})
    assert run.code == 1
    assert "sysop rejected the configured sudo password" in run.said
    assert "Nothing was changed on any host" in run.said
    assert listing(deployed) == before
    assert deploy(deployed.name).changed == []


def guess(host: hosts.Host, elsewhere: bool) -> int:
    """A guess at somebody's password: the answer's status, 0 where nothing answers any more."""
    with requests.Session() as session:
        if elsewhere:
            session.mount("http://", From(network.other_address()))
        try:
            body = {"email": "a@b.org", "password": "guess"}
            return session.post(f"http://{host.fqdn}/api/login", json=body, timeout=2).status_code
        except requests.RequestException:
            return 0


def test_who_guesses_is_banned_though_nginx_log_was_deleted(deployed: hosts.Host) -> None:
    deployed.exec("rm /var/log/nginx/error.log; systemctl restart fail2ban")
    try:
        guarded = "fail2ban-client status sshd"
        until(lambda: deployed.exec(guarded, check=False).returncode == 0, 15, "sshd is watched")
    finally:
        deployed.exec("nginx -s reopen")


def test_who_floods_nginx_is_banned_and_let_in_again(deployed: hosts.Host) -> None:
    address, own = network.other_address(), bridge_address(deployed)
    for elsewhere in (False, True):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _, at=elsewhere: guess(deployed, at), range(200)))
        assert {401, 429} <= set(answers)  # who comes from elsewhere is let in at first
    until(lambda: guess(deployed, elsewhere=True) == 0, 15, "the flood is shut out")
    assert address in deployed.exec("fail2ban-client get nginx-limit-req banned").stdout
    assert "{ 80, 443 }" in deployed.exec("nft list ruleset").stdout
    # Who is trusted went as far, and is let in still.
    limited = deployed.exec(f"grep -c 'limiting requests.*client: {own},' /var/log/nginx/error.log").stdout
    assert int(limited) > 120
    assert guess(deployed, elsewhere=False) in (401, 429)
    deployed.exec(f"fail2ban-client unban {address}")  # as docs/security.md says
    assert guess(deployed, elsewhere=True) in (401, 429)


ADMIN_S_KEY = "/home/sysop/.ssh/authorized_keys"
# What somebody did by hand, and the audit's test that must notice it.
DRIFTS = {
    "ufw allow 5000/tcp": "test_ufw_allows_exactly_the_open_ports",
    "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/0-mine.conf; systemctl reload ssh": (
        "test_sshd_effective_value"
    ),
    "printf 'Match Address 10.9.0.0/16\\n  PasswordAuthentication yes\\n' >>/etc/ssh/sshd_config": (
        "test_no_match_block_of_sshd_weakens_authentication"
    ),
    "echo 'ssh-ed25519 AAAA somebody' >>/home/sysop/.ssh/authorized_keys": (
        "test_authorized_keys_hold_exactly_admin_keys"
    ),
    "iptables -P INPUT ACCEPT; iptables -F INPUT": "test_ufw_is_active_and_denies_by_default",
    "echo 'APT::Periodic::Enable \"0\";' >/etc/apt/apt.conf.d/99-provider": "test_a_reboot_would_break_nothing",
    "systemctl disable harvest-frontend.socket": "test_sockets_are_enabled",
    "chown -R harvest /opt/harvest/tools": "test_release_and_configuration_are_owned_by_root",
    "chmod 644 /etc/harvest/harvest.env": "test_secrets_are_readable_by_root_and_the_service_only",
    "systemd-run -q --unit=open-door python3 -m http.server 5999": (
        "test_only_open_ports_listen_beyond_loopback"
    ),
    "systemctl stop harvest-backend@5001.socket harvest-backend@5001.service": (
        "test_units_are_active_and_loaded_from_the_current_files"
    ),
    "rm /etc/systemd/resolved.conf.d/harvest.conf; systemctl restart systemd-resolved": (
        "test_only_dhcp_and_time_clients_listen_on_udp"
    ),
    # Its own group is the one whose members may log in, which the group file does not show.
    f"useradd -m -g harvest-login eve; install -Dm600 {ADMIN_S_KEY} -o eve /home/eve/.ssh/authorized_keys": (
        "test_only_the_admin_can_log_in_and_only_root_has_uid_0"
    ),
}


def test_the_audit_notices_what_was_changed_by_hand(deployed: hosts.Host) -> None:
    # Ubuntu brings it along. As it comes, it answers anybody's questions for names (LLMNR); with our file it does not.
    deployed.exec(
        "cp /etc/resolv.conf /root; DEBIAN_FRONTEND=noninteractive apt-get -qq -y install systemd-resolved; "
        "rm /etc/resolv.conf; cp /root/resolv.conf /etc"
    )
    assert ":5355" not in deployed.exec("ss -Hlntu").stdout
    for drift in DRIFTS:
        deployed.exec(drift)
    assert deployed.ssh("true", "eve").returncode == 0
    done = audit(deployed.name)
    assert done.returncode == 1
    missed = [
        test for test in DRIFTS.values() if f"::{test}[" not in done.stdout.split("short test summary")[1]
    ]
    assert missed == []
    run = deploy(deployed.name)
    assert run.code == 1
    assert (
        "/etc/ssh/sshd_config.d/0-mine.conf is read before /etc/ssh/sshd_config.d/00-harvest.conf" in run.said
    )
    deployed.exec("rm /etc/apt/apt.conf.d/99-provider")
    deployed.exec("rm /etc/ssh/sshd_config.d/0-mine.conf; systemctl stop open-door; systemctl reload ssh")
    run = deploy(deployed.name)
    assert run.code == 0
    assert "5000" not in deployed.exec("ufw status").stdout
    for words in (
        "owner or mode changed by hand, restoring: /opt/harvest/tools, ",
        "eve is taken out of the group harvest-login, whose members may log in",
        "a key that no setting names lies in /home/eve/.ssh/authorized_keys",
        "/etc/ssh/sshd_config has a Match block: what it sets wins over /etc/ssh/sshd_config.d/00-harvest.conf",
    ):
        assert words in run.said, run.said
    deployed.exec("sed -i '/^Match/,$d' /etc/ssh/sshd_config")
    assert deployed.ssh("true", "eve", check=False).returncode == 255
    run = deploy(deployed.name)
    assert "UTC: /etc/passwd\n" in run.said, "eve's account"
    assert "/etc/ssh/sshd_config\n" not in run.said, "it is as it was"
    assert run.changed[0] == "Record the AIDE baseline"
    assert deploy(deployed.name).changed == []
    assert {"/etc/passwd", "/etc/group"} <= set(accept_all(deployed.name))
    done = audit(deployed.name)
    assert done.returncode == 0, done.stdout


def test_code_that_was_edited_by_hand_is_built_anew_and_named(deployed: hosts.Host) -> None:
    deployed.exec(
        "echo '# a quick fix' >>/opt/harvest/harvest/config.py; "
        "rm -r /opt/harvest/venv/lib/python3.11/site-packages/dash/dcc"
    )
    before = started(deployed, "harvest-backend@5001.service")
    run = deploy(deployed.name)
    assert run.code == 0, run.said
    assert "edited by hand, rebuilding: /opt/harvest/venvs/" in run.said
    assert "/harvest/config.py" in run.said
    assert "quick fix" not in deployed.exec("cat /opt/harvest/harvest/config.py").stdout
    assert started(deployed, "harvest-backend@5001.service") != before
    assert deploy(deployed.name).changed == []
