"""The hardening at work: who guesses is banned, updates arrive, drift is put right, secrets stay secret."""

import ipaddress
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from lab import hosts
from tests.host.guarding import until
from tests.host.runs import accept_all, audit, deploy, drift, typed
from tests.host.visitor import ADMIN, password

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("s-hard")]
STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjj0BvVQpY2gTY3Hn8b9Q9mUSxJ1sMN4T0ud2Hk8P1c stranger"


def bridge(host: hosts.Host) -> tuple[str, str]:
    """The lab's bridge and the controller's address on it."""
    said = subprocess.run(["ip", "-j", "-4", "addr"], stdout=subprocess.PIPE, check=True, text=True).stdout
    for link in json.loads(said):
        for found in link["addr_info"]:
            net = ipaddress.ip_network(f"{found['local']}/{found['prefixlen']}", strict=False)
            if net.prefixlen < 32 and ipaddress.ip_address(host.address) in net:
                return link["ifname"], found["local"]
    raise AssertionError("the lab has no bridge")


@pytest.fixture(scope="module")
def hard() -> Iterator[hosts.Host]:
    host = hosts.up("s-hard", suite="bookworm", fresh=True)
    hosts.up(host.name, settings={"trusted_addresses": [bridge(host)[1]]})
    assert deploy(host.name).code == 0
    yield host
    if not os.environ.get("KEEP_HOSTS"):
        host.down()


@pytest.fixture
def elsewhere(hard: hosts.Host) -> Iterator[str]:
    """An address on the bridge that the host does not trust."""
    name, own = bridge(hard)
    address = f"{own.rsplit('.', 1)[0]}.251"
    subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", name], check=True)
    yield address
    subprocess.run(["ip", "addr", "del", f"{address}/32", "dev", name], check=True)
    hard.exec("fail2ban-client unban --all")


def banned(host: hosts.Host) -> str:
    return host.exec("fail2ban-client get sshd banned; nft list ruleset").stdout


def guess(host: hosts.Host, options: list[str]) -> None:
    """A bad login; a ban in its middle leaves it hanging."""
    with suppress(subprocess.TimeoutExpired):
        host.ssh("true", "root", options=options, check=False, timeout=6)


def test_who_guesses_is_banned_and_only_from_there(hard: hosts.Host, elsewhere: str) -> None:
    for _ in range(8):
        guess(hard, [f"BindAddress={elsewhere}", "ConnectTimeout=3"])
    until(lambda: banned(hard).count(elsewhere) >= 2, 20, "banned by fail2ban and in the kernel")
    options = [f"BindAddress={elsewhere}", "ConnectTimeout=3"]
    assert hard.ssh("true", "sysop", options=options, check=False).returncode == 255
    # Who is trusted may guess as often, and the firewall's reload lifts no ban.
    for _ in range(8):
        guess(hard, [])
    hard.exec("ufw reload")
    assert hard.exec("sysctl -n net.ipv4.conf.all.log_martians").stdout == "1\n", "nor our settings"
    assert banned(hard).count(elsewhere) >= 2
    assert hard.ssh("true", "sysop").returncode == 0
    hard.exec(f"fail2ban-client set sshd unbanip {elsewhere}")
    assert hard.ssh("true", "sysop", options=options).returncode == 0


def test_a_security_update_that_was_missed_arrives_by_itself(hard: hosts.Host) -> None:
    """The older version of something small comes from the release, the newer one from its security archive."""
    found = hard.exec(
        """export LC_ALL=C
        for name in $(sed -n 's/^Package: //p' /var/lib/apt/lists/*security*_Packages | sort -u | head -400); do
          case $name in lib*|linux*|*-dev|*-doc|*-dbg) continue ;; esac
          new=$(apt-cache madison $name | awk '/security/{print $3; exit}')
          old=$(apt-cache madison $name | awk '!/security/&&/Packages/{print $3; exit}')
          size=$(apt-cache show $name=$new | awk '/^Installed-Size/{print $2; exit}')
          [ -n "$old" ] && dpkg --compare-versions "$old" lt "$new" && [ "$size" -lt 1500 ] || continue
          apt-get -s -o Debug::NoLocking=1 --no-install-recommends install $name=$old >/dev/null 2>&1 || continue
          echo $name $old; break
        done""",
        check=False,
    ).stdout.split()
    if not found:
        pytest.skip("nothing small has a security update now")
    name, old = found
    install = "apt-get -qq -y --allow-downgrades --no-install-recommends install"
    hard.exec(f"export DEBIAN_FRONTEND=noninteractive; {install} {name}={old}", timeout=120)
    hard.exec("unattended-upgrade", timeout=300)
    assert old != hard.exec(f"dpkg-query -W -f '${{Version}}' {name}").stdout


def change_times(host: hosts.Host) -> str:
    """Of all that a run may write; but for /etc/hosts, which the lab replaces whenever another host comes or goes."""
    folders = "/etc /var/lib/harvest* /run/harvest* /var/lib/apt"
    return host.exec(f"find {folders} ! -path /etc ! -path /etc/hosts -printf '%p %C@\\n' | sort").stdout


def test_what_others_change_stays_a_finding_until_it_is_accepted_by_name(hard: hosts.Host) -> None:
    assert deploy(hard.name).code == 0
    # As at boot and at renewals: the same content written anew, and files that change by themselves.
    hard.exec(
        "cp /etc/host.conf /etc/new; mv /etc/new /etc/host.conf; mkdir -p /etc/letsencrypt/live/x; "
        "for own in hosts adjtime ld.so.cache passwd- letsencrypt/live/x/key ssl/certs/x; do echo >>/etc/$own; done"
    )
    assert "outside of deploy" not in deploy(hard.name).said
    assert drift(hard.name)[:2] == (0, {})
    hard.exec(
        "touch /etc/cron.d/backdoor; chmod 666 /etc/host.conf; rm /etc/issue.net; touch '/usr/local/bin/two words'; "
        "sed -i 's/^auth.*pam_wheel.*use_uid.*/# &/' /etc/pam.d/su"
    )
    before = change_times(hard)
    foreign = dict.fromkeys(("/etc/cron.d/backdoor", "/etc/host.conf", "/usr/local/bin/two words"), "foreign")
    code, found, _ = drift(hard.name)
    assert (code, found) == (2, {**foreign, "/etc/issue.net": "edited", "/etc/pam.d/su": "edited"})
    after = change_times(hard)
    assert before == after, "touches nothing"
    run = deploy(hard.name)
    for words in (
        "/etc/cron.d/backdoor (added)",
        "/etc/host.conf",
        "/etc/issue.net (removed)",
        "/etc/pam.d/su",
    ):
        assert re.search(
            rf"changed outside of deploy since [-\d]+ [:\d]+ UTC: {re.escape(words)}\n", run.said
        )
    assert {"Install hardening configuration", "Edit packaged configuration files"} <= set(run.changed)
    # What was in an edited file may still be there; what was put right wholly is known.
    foreign["/etc/pam.d/su"] = "foreign"
    for _ in range(2):
        run = deploy(hard.name)
        assert (run.changed, run.said.count("changed outside of deploy")) == ([], 4), run.said
        assert drift(hard.name)[:2] == (2, foreign)
    only = ("-k", "test_nothing_was_changed_outside_of_deploy")
    done = audit(hard.name, options=only)
    assert done.returncode == 1
    assert all(path in done.stdout for path in foreign), done.stdout
    assert "changed outside of deploy: " in deploy(hard.name, file="operate/status.py").printed
    code, _, run = drift(hard.name, "accept=/etc/cron.d/other")
    assert (code, run.changed) == (1, [])
    assert "is not a change outside of deploy on this host; there are /etc/cron.d/backdoor, " in run.said
    code, _, run = drift(hard.name, f"accept={','.join(foreign)}")
    assert (code, run.changed[:1]) == (0, ["Accept changes outside of deploy"]), run.said
    kept = json.loads(hard.exec("cat /var/lib/harvest-provision/aide.json").stdout)
    assert {each["path"] for each in kept["accepted"]} == set(foreign)
    assert all(each["by"] and each["at"] and each["address"] for each in kept["accepted"])
    assert hard.exec("stat -c %a%U /var/lib/harvest-provision/aide.json").stdout == "600root\n"
    assert (drift(hard.name)[:2], audit(hard.name, options=only).returncode) == ((0, {}), 0)
    hard.exec("echo '* * * * * root true' >/etc/cron.d/backdoor")
    assert drift(hard.name)[:2] == (2, {"/etc/cron.d/backdoor": "foreign"})
    assert deploy(hard.name).changed == ["Report changes since the last run", "Release the lock"]
    assert audit(hard.name, options=only).returncode == 1
    hard.exec(
        "rm -r /etc/cron.d/backdoor '/usr/local/bin/two words' /etc/letsencrypt/live/x /etc/ssl/certs/x; ldconfig; "
        "chmod 644 /etc/host.conf"
    )
    drift(hard.name, "accept=/etc/cron.d/backdoor,/usr/local/bin/two words")
    assert drift(hard.name)[:2] == (0, {})


def test_configuration_of_updates_is_not_reported_and_a_foreign_aide_is_kept(hard: hosts.Host) -> None:
    assert deploy(hard.name).code == 0
    known = hard.exec("cat /etc/aide/aide.conf").stdout
    # The database of a day on which a package had brought something else.
    hard.exec(
        """cp -a /etc/logrotate.conf /tmp/new; echo '# older' >>/etc/logrotate.conf
        aide --config /etc/aide/aide.conf --init >/dev/null; mv /var/lib/aide/aide.db.new /var/lib/aide/aide.db
        cp -a /tmp/new /etc/logrotate.conf"""
    )
    assert drift(hard.name)[:2] == (2, {"/var/lib/aide/aide.db": "foreign"}), (
        "who writes it makes changes known"
    )
    assert drift(hard.name, "accept=/var/lib/aide/aide.db")[0] == 0
    run = deploy(hard.name)
    assert (run.changed, "logrotate" in run.said) == ([], False), run.said
    hard.exec("echo 'database_in=file:/srv/aide.db' >/etc/aide/aide.conf")
    assert drift(hard.name)[:2] == (2, {"/etc/aide/aide.conf": "foreign"})
    assert drift(hard.name, "accept=/etc/aide/aide.conf")[0] == 0
    run = deploy(hard.name)
    assert (run.code, run.changed) == (0, []), run.said
    assert "/etc/aide/aide.conf was not written by HARVEST and is left alone" in run.said
    assert hard.exec("cat /etc/aide/aide.conf").stdout == "database_in=file:/srv/aide.db\n"
    (hard.root / "etc/aide/aide.conf").write_text(known)
    assert deploy(hard.name).changed == ["Record the AIDE baseline", "Release the lock"]
    assert audit(hard.name).returncode == 0


UNTRIED = """for unit in $(systemctl list-unit-files --state=enabled --no-legend | cut -d' ' -f1 | grep -v @); do
  systemctl -q is-active $unit || echo $unit $(systemctl show -P ConditionTimestampMonotonic $unit)
done | sed -n 's/ 0$//p'"""


def test_what_the_first_run_installs_runs_without_a_reboot(hard: hosts.Host) -> None:
    untried = set(hard.exec(UNTRIED).stdout.split())
    assert untried <= {"systemd-networkd-wait-online.service"}, (
        "enabled, and nothing ever tried to start them"
    )
    assert hard.exec("systemctl is-active unattended-upgrades").stdout == "active\n"
    # A container's clock is its host's.
    assert hard.exec("systemctl show -P ConditionResult systemd-timesyncd").stdout == "no\n"
    assert deploy(hard.name).changed == []


def test_the_kernel_values_hold_now_and_at_the_next_boot(hard: hosts.Host) -> None:
    """procps' 99-protect-links.conf is there; and as Debian 13's linux-sysctl-defaults has it."""
    loose = "net.ipv4.conf.default.rp_filter = 2\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter"
    boot = "/usr/lib/systemd/systemd-sysctl 2>/dev/null"
    mode = "sysctl -n net.ipv4.conf.host0.rp_filter net.ipv4.conf.all.rp_filter"
    hard.exec(f"printf '{loose}\n' >/etc/sysctl.d/50-default.conf; {boot}", check=False)
    assert hard.exec(mode).stdout.split() == ["1", "1"]
    last = hard.exec(
        "systemd-analyze --no-pager cat-config sysctl.d | grep protected_fifos | tail -n 1"
    ).stdout
    assert last == "fs.protected_fifos = 2\n"
    hard.exec(
        "printf 'kernel.sysrq=1\n' >/etc/sysctl.d/zzzz.conf; sysctl -q net.ipv4.conf.all.send_redirects=1"
    )
    run = deploy(hard.name)
    assert (run.code, "Apply kernel settings" in run.changed) == (0, True), run.said
    assert "net.ipv4.conf.all.send_redirects was set to 1 on the host; setting 0 again" in run.said
    assert "/etc/sysctl.d/zzzz.conf is read after" in run.said
    hard.exec("rm /etc/sysctl.d/zzzz.conf /etc/sysctl.d/50-default.conf")
    run = deploy(hard.name)
    assert ("Apply kernel settings" in run.changed, "is read after" in run.said) == (False, False), run.said


def test_stamps_from_before_the_clock_was_set_back_neither_hide_a_change_nor_repeat_one(
    hard: hosts.Host,
) -> None:
    stamps = "/run/harvest-stamps/* /var/lib/harvest-provision/*"
    hard.exec(f"touch -d '+2 years' {stamps}")
    hard.exec("sed -i 's/^SystemMaxUse.*/SystemMaxUse=3G/' /etc/systemd/journald.conf.d/harvest.conf")
    run = deploy(hard.name)
    assert run.code == 0, run.said
    assert {"Install hardening configuration", "Start the persistent journal"} <= set(run.changed)
    assert deploy(hard.name).changed == []


def test_nothing_is_passed_on_unless_something_brought_a_second_network(hard: hosts.Host) -> None:
    names = ("ipv4.conf.all.forwarding", "ipv6.conf.all.forwarding", "ipv4.conf.all.accept_redirects")
    forwarding = "sysctl -n " + " ".join(f"net.{name}" for name in names)
    hard.exec("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    assert deploy(hard.name).code == 0
    assert hard.exec(forwarding).stdout.split() == ["0", "0", "0"]
    # As Docker does when it starts.
    hard.exec("ip link add docker0 type bridge; sysctl -q net.ipv4.ip_forward=1")
    try:
        assert "Install hardening configuration" in deploy(hard.name).changed
        assert hard.exec(forwarding).stdout.split() == ["1", "0", "0"]
        done = audit(hard.name)
        assert done.returncode == 0, done.stdout
    finally:
        hard.exec("ip link del docker0")
    assert "Install hardening configuration" in deploy(hard.name).changed
    assert hard.exec(forwarding).stdout.split() == ["0", "0", "0"]


def test_what_else_the_settings_open_is_open_to_those_alone_and_goes_with_them(hard: hosts.Host) -> None:
    trusted, own = [bridge(hard)[1]], bridge(hard)[1]
    serve = "systemd-run -q --unit other python3 -m http.server --bind 0.0.0.0 9100"
    allow = [f"9100/tcp from {own}", "161/udp from 2001:db8::/32", "9101/tcp"]
    hard.exec(f"ufw allow 9101/tcp; {serve}")
    try:
        hosts.up(hard.name, settings={"trusted_addresses": trusted, "firewall_allow": allow})
        run = deploy(hard.name)
        assert (run.code, "removing a firewall rule" in run.said) == (0, False), run.said
        assert deploy(hard.name).changed == []
        assert requests.get(f"http://{hard.address}:9100/", timeout=5).status_code == 200
        # The rule from another hand is in the settings now; what else that hand wrote into UFW's files, nothing says.
        assert set(accept_all(hard.name)) == {"/etc/ufw/user.rules", "/etc/ufw/user6.rules"}
        done = audit(hard.name)
        assert done.returncode == 0, done.stdout
        allow = ["9100/tcp from 192.0.2.7"]
        hosts.up(hard.name, settings={"trusted_addresses": trusted, "firewall_allow": allow})
        run = deploy(hard.name)
        assert f"is not in firewall_allow: allow from {own} to any port 9100 proto tcp" in run.said
        assert deploy(hard.name).changed == []
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{hard.address}:9100/", timeout=3)
    finally:
        hard.exec("systemctl stop other")
        hosts.up(hard.name, settings={"trusted_addresses": trusted, "firewall_allow": []})
    assert deploy(hard.name).code == 0
    assert audit(hard.name).returncode == 0


def test_drift_is_put_right_and_named(hard: hosts.Host) -> None:
    hard.exec(
        f"""ufw allow 5000/tcp; ufw deny from 203.0.113.9
        echo 'Environment=DRIFT=1' >>/etc/systemd/system/harvest-frontend.service
        systemctl mask --now fail2ban; systemctl mask --runtime apt-daily-upgrade.service
        printf '#!/bin/sh\n# harvest-provision\nexit 101\n' >/usr/sbin/policy-rc.d
        sed -i 's/^PermitRootLogin no/PermitRootLogin yes/' /etc/ssh/sshd_config.d/00-harvest.conf
        echo '{STRANGER}' >>/home/sysop/.ssh/authorized_keys
        iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; useradd -m mallory; gpasswd -a mallory harvest-login
        mkdir -p /home/mallory/.ssh; echo '{STRANGER}' >/home/mallory/.ssh/authorized_keys"""
    )
    run = deploy(hard.name)
    assert run.code == 0, run.said
    assert {"Configure SSH access, sudo and firewall", "harvest: install units", "Start fail2ban"} <= set(
        run.changed
    )
    for words in (
        "removing a firewall rule that is not in firewall_allow: allow 5000/tcp",
        "removing a firewall rule that is not in firewall_allow: deny from 203.0.113.9",
        "is removed from /home/sysop/.ssh/authorized_keys: SHA256:",
        "mallory is taken out of the group harvest-login",
        "lies in /home/mallory/.ssh/authorized_keys: SHA256:",
        "confirmed by a fresh login as sysop",
        "changing /etc/ssh/sshd_config.d/00-harvest.conf",
        "changing /etc/systemd/system/harvest-frontend.service",
        "starting fail2ban.service, which does not run",
        "unmasking apt-daily-upgrade.service",
        "removing /usr/sbin/policy-rc.d, which an interrupted run left",
    ):
        assert words in run.said, run.said
    assert "-A DOCKER-USER -j RETURN" in hard.exec("iptables -S").stdout, "others' rules stay"
    assert hard.exec("cat /home/mallory/.ssh/authorized_keys").stdout.strip() == STRANGER
    assert "5000" not in hard.exec("ufw status").stdout
    assert hard.exec("test -e /usr/sbin/policy-rc.d", check=False).returncode == 1
    again = deploy(hard.name)
    assert (again.code, again.changed) == (0, [])
    # The account; what deploy.py put right is no finding.
    accounts = {f"/etc/{name}" for name in ("group", "gshadow", "passwd", "shadow", "subgid", "subuid")}
    assert set(accept_all(hard.name)) <= accounts
    done = audit(hard.name)
    assert done.returncode == 0, done.stdout[-3000:]


def test_su_is_no_way_to_root_even_with_its_password(hard: hosts.Host) -> None:
    hard.exec("useradd -m tim; echo root:Seven-Otters-3 | chpasswd; cp -a /etc/pam.d/su /root/su")
    su = "echo Seven-Otters-3 | runuser -u tim -- su root -c id"
    assert "denied" in hard.exec(su, check=False).stderr
    assert hard.exec("su tim -c whoami").stdout.strip() == "tim"
    hard.exec("sed -i /sugroup/d /etc/pam.d/su")
    assert "uid=0" in hard.exec(su).stdout, "without the line it would be one"
    hard.exec("cp -a /root/su /etc/pam.d/su; usermod -p '*' root; userdel -r tim", check=False)


def test_an_emptied_password_lets_nobody_in(hard: hosts.Host) -> None:
    hard.exec("useradd -m ann; passwd -d ann; sed -i /sugroup/s/^/#/ /etc/pam.d/su")
    become = "runuser -u nobody -- su ann -c id </dev/null"
    assert hard.exec(become, check=False).returncode != 0
    hard.exec("sed -i 's/pam_unix.so/pam_unix.so nullok/' /etc/pam.d/common-auth")
    assert "ann" in hard.exec(become).stdout, "with nullok it would"
    run = deploy(hard.name)
    assert run.code == 0, run.said
    assert "taking nullok out of /etc/pam.d/common-auth" in run.said
    hard.exec("pam-auth-update --package")
    assert hard.exec(become, check=False).returncode != 0, "as PAM's own configuration is made anew, too"
    hard.exec("userdel -r ann", check=False)


def test_a_foothold_runs_nothing_from_memory_and_leaves_no_job(hard: hosts.Host) -> None:
    drop = "runuser -u harvest -- sh -c 'cp /bin/true /dev/shm/drop; /dev/shm/drop'"
    assert "Permission denied" in hard.exec(drop, check=False).stderr
    hard.exec(
        "export DEBIAN_FRONTEND=noninteractive; apt-get -qq --no-install-recommends install cron at",
        timeout=120,
    )
    for job in ("crontab -", "at now + 1 hour"):
        left = hard.exec(f"echo '* * * * * true' | runuser -u nobody -- {job}", check=False)
        assert left.returncode != 0, job
        assert hard.exec(f"echo '* * * * * true' | {job}").returncode == 0, "root may"
    hard.exec("crontab -r; atrm $(atq | cut -f 1)")
    hard.reboot()
    assert "Permission denied" in hard.exec(drop, check=False).stderr, "after a reboot, too"
    assert "Install hardening configuration" in deploy(hard.name).changed, "cron brought a crontab"
    accept_all(hard.name)  # what the packages brought


def test_foreign_keys_and_idle_prompts_go_where_the_settings_say_so(hard: hosts.Host) -> None:
    hard.exec(f"mkdir -p /root/.ssh; echo '{STRANGER}' >>/root/.ssh/authorized_keys")
    hosts.up(hard.name, settings={"remove_foreign_keys": True, "idle_logout_min": 0})
    assert deploy(hard.name).code == 0
    assert hard.exec("echo 'echo idle=$TMOUT' | bash -il 2>/dev/null").stdout.split()[-1] == "idle="
    assert hard.exec("cat /root/.ssh/authorized_keys", check=False).stdout == ""
    assert deploy(hard.name).changed == []


def test_the_service_writes_its_state_and_nothing_else(hard: hosts.Host) -> None:
    """Tried from inside the running service's own view of the file system, as its own user."""
    pid = hard.exec("systemctl show -P MainPID harvest-frontend.service").stdout.strip()
    writable = hard.exec(
        f"""nsenter -t {pid} -m runuser -u harvest -- find / -xdev -writable ! -type l -print 2>/dev/null |
        grep -vE '^/(proc|dev|tmp|var/tmp|sys|run)(/|$)' || true"""
    ).stdout.splitlines()
    own = ("/var/lib/harvest", "/var/cache/harvest")
    assert [path for path in writable if not path.startswith(own)] == []


def test_a_dry_run_shows_what_would_change_and_never_a_secret(hard: hosts.Host) -> None:
    issue, secret = "/etc/issue", "/etc/harvest/harvest.env"
    broken = f"cp -a {issue} {secret} /run/; echo HELLO >>{issue}; echo TOKEN=hunter2 >>{secret}"
    hard.exec(f"{broken}; systemctl stop harvest-sweep.timer")
    try:
        code, said = typed(hard.name, "--dry", "--diff")
        for words in (
            f": {issue}\n",
            f"change {issue} (content)",
            "| -HELLO",
            f"{secret}: not shown",
            "start harvest-sweep.timer, which does not run",
            "restart harvest-frontend.service, whose files changed",
        ):
            assert words in said
        assert (code, "hunter2" in said) == (0, False)
        assert typed(hard.name, answer="no")[0] == 1
        assert "HELLO" in hard.exec(f"cat {issue}").stdout
        code, said = typed(hard.name, answer="y")
        assert (code, "start harvest-sweep.timer" in said) == (0, True)
        assert f"sign in    as {ADMIN}" in said
        assert password() not in said
    finally:
        hard.exec(f"cp -a /run/issue {issue}; cp -a /run/harvest.env {secret}")
    assert "HELLO" not in hard.exec(f"cat {issue}").stdout
    assert deploy(hard.name).code == 0  # the copies are older than what read them
    code, said = typed(hard.name, "-y")
    assert (code, f"[{hard.name}] No changes\n" in said, "Starting operation: harvest" in said) == (
        0,
        True,
        False,
    )


def test_without_a_terminal_a_run_that_would_ask_names_the_option(hard: hosts.Host) -> None:
    code, said = typed(hard.name, answer=None)
    assert (code, "add -y" in said, "Traceback" in said) == (1, True, False)


# The last: from here on each run wants the password's variable.
def test_a_new_password_must_be_good_where_sudo_asks_for_one(hard: hosts.Host) -> None:
    secret = {"HARVEST_TEST_SUDO": "Abc123"}
    hosts.up(hard.name, settings={"admin_sudo": "password", "admin_password": {"env": "HARVEST_TEST_SUDO"}})
    run = deploy(hard.name, environment=secret)
    assert run.code == 0, run.said
    for new, taken in (("abcdefg1", False), ("plum otter kettle fog", True)):
        typed = f"printf '%s\\n' Abc123 '{new}' '{new}' | runuser -u sysop -- passwd"
        said = hard.exec(typed, check=False).stderr
        assert ("successfully" in said, "BAD PASSWORD" in said) == (taken, not taken), said
