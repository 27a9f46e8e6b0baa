"""Hardening, as effective values: sshd, fail2ban, updates, kernel, journal, sandboxes."""

import json
import re
import time
from typing import Any

import pytest

from provision.engine.state import LOOK, Query
from provision.operations.clock import CLOCK_LIMIT_S
from provision.operations.health import AFTERWARDS
from provision.operations.sysctl import is_weaker, parse
from provision.settings.instances import Instance
from provision.settings.model import Settings
from tasks.hardening import SYSCTL
from tasks.packages import CLOCKS
from tests.audit.checks import ACCESS, check

WEAK = re.compile(r"cbc|arcfour|3des|sha1(?!\d)|md5|nistp|group1-|group14-|group-exchange|umac-64|ssh-dss")


@pytest.fixture
def sshd(run: Any, settings: Settings) -> dict[str, str]:
    """sshd's effective values for the admin."""
    said = run(f"sshd -T -C user={settings.admin_user},host=x,addr=192.0.2.1")
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)


@check("ssh.algorithms-{keyword}", "sshd's {keyword} hold no weak algorithm", severity="high", mends=ACCESS)
@pytest.mark.parametrize("keyword", ["ciphers", "macs", "kexalgorithms", "hostkeyalgorithms"])
def test_sshd_offers_no_weak_algorithm(sshd: dict[str, str], keyword: str) -> None:
    assert [name for name in sshd[keyword].split(",") if WEAK.search(name)] == []


@check(
    "accounts.login-group",
    "the admin alone is in the group that may log in",
    severity="high",
    mends=ACCESS,
)
def test_only_the_admin_is_in_the_login_group(sshd: dict[str, str], run: Any, settings: Settings) -> None:
    assert sshd["allowgroups"] == "harvest-login"
    assert run("getent group harvest-login").strip().split(":")[3] == settings.admin_user


@check("ssh.{keyword}", "sshd's {keyword} is {value}", mends=ACCESS)
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("authenticationmethods", "publickey"),
        ("hostbasedauthentication", "no"),
        ("allowagentforwarding", "no"),
        ("allowtcpforwarding", "local"),
        ("allowstreamlocalforwarding", "no"),
        ("gatewayports", "no"),
        ("permittunnel", "no"),
        ("permituserenvironment", "no"),
        ("logingracetime", "30"),
        ("clientaliveinterval", "100"),
        ("clientalivecountmax", "3"),
        ("loglevel", "VERBOSE"),
    ],
)
def test_sshd_limits(sshd: dict[str, str], keyword: str, value: str) -> None:
    assert sshd[keyword] == value


@check("ssh.unconfirmed-change", "no change of the ways in waits for its confirmation", mends=ACCESS)
def test_no_access_change_is_unconfirmed(host: Any) -> None:
    assert not host.file("/var/lib/harvest-guard/armed").exists
    assert not host.file("/etc/systemd/system/harvest-guard.timer").exists


@check("firewall.at-boot", "UFW starts at boot", severity="high", mends="Enable UFW at boot")
def test_ufw_starts_at_boot(run: Any) -> None:
    assert run("systemctl is-enabled ufw.service").strip() == "enabled"
    assert run("systemctl is-active ufw.service").strip() == "active"


@check("bans.jails", "fail2ban watches sshd, and nginx where it serves", mends="Configure fail2ban")
def test_fail2ban_watches_sshd_and_nginx(run: Any, settings: Settings) -> None:
    jails = re.search(r"Jail list:\s*(.*)", run("fail2ban-client status"))
    assert jails
    wanted = {"sshd", "nginx-limit-req"} if settings.mode == "nginx" else {"sshd"}
    assert wanted <= set(jails.group(1).split(", "))


@check("bans.limits", "fail2ban bans for ten minutes after five failures", mends="Configure fail2ban")
def test_fail2ban_bans_for_ten_minutes_after_five_failures(run: Any) -> None:
    said = [run(f"fail2ban-client get sshd {what}").strip() for what in ("maxretry", "findtime", "bantime")]
    assert said == ["5", "600", "600"]


@check("bans.trusted", "fail2ban never bans a trusted address", mends="Configure fail2ban")
def test_fail2ban_never_bans_trusted_addresses(run: Any, settings: Settings) -> None:
    ignored = run("fail2ban-client get sshd ignoreip")
    for address in settings.trusted_addresses:
        assert address in ignored


@check(
    "updates.unattended",
    "security updates are installed daily, and reboots follow the settings",
    severity="high",
    mends="Edit packaged configuration files",
)
def test_unattended_upgrades_are_configured(run: Any, settings: Settings) -> None:
    said = run("apt-config dump")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in said
    assert 'APT::Periodic::Update-Package-Lists "1";' in said
    reboots = settings.reboot_after_updates != "never"
    assert f'Unattended-Upgrade::Automatic-Reboot "{str(reboots).lower()}";' in said
    if reboots:
        assert f'Unattended-Upgrade::Automatic-Reboot-Time "{settings.reboot_after_updates}";' in said
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        assert run(f"systemctl show -P UnitFileState -P ActiveState {timer}").split() == [
            "active",
            "enabled",
        ], timer
    for unit in ("apt-daily.service", "apt-daily-upgrade.service"):
        assert run(f"systemctl show -P LoadState {unit}").strip() == "loaded"
    # Else needrestart asks, and an upgrade without a terminal waits forever.
    assert "$nrconf{restart} = 'a';" in run("cat /etc/needrestart/conf.d/*.conf")
    # Else it cuts off users: a restarted nginx shuts its ports for as long as somebody uploads.
    run("test -x /etc/needrestart/restart.d/nginx.service")


@check("updates.pending", "no security update is pending", severity="high", mends="Install packages")
def test_no_security_update_is_pending(run: Any, fact: Any) -> None:
    waiting = [line for line in run("apt list --upgradable 2>/dev/null").splitlines() if "/" in line]
    fact("updates pending", len(waiting))
    fact("reboot pending", run("test -e /run/reboot-required && echo yes || echo no").strip())
    assert [line for line in waiting if "-security" in line] == []


@check("kernel.sysctl", "the kernel runs with the hardened values")
def test_sysctl_values_are_set(host: Any, run: Any) -> None:
    """A kernel may lack one; a container sets only those of its own network."""
    contained = host.run("systemd-detect-virt --container").rc == 0
    wanted = parse(run(f"cat {SYSCTL}"))
    assert len(wanted) > 30
    paths = " ".join("/proc/sys/" + name.replace(".", "/") for name in wanted)
    lines = run(f"grep -sH '' {paths} || true").splitlines()
    found = {
        path.removeprefix("/proc/sys/").replace("/", "."): value
        for path, _, value in (line.partition(":") for line in lines)
    }
    for name, value in wanted.items():
        if name in found and (name.startswith("net.ipv") or not contained):
            assert not is_weaker(name, found[name].strip(), value), f"{name} is {found[name]}"


@check("kernel.sysctl-at-boot", "no other file sets weaker kernel values at boot")
def test_sysctl_values_survive_a_reboot(run: Any) -> None:
    wanted = parse(run(f"cat {SYSCTL}"))
    found = json.loads(run("python3 -c", LOOK, Query(sysctl=set(wanted)).json()))["sysctl"]
    for name, value in wanted.items():
        boot = found[name]
        assert not is_weaker(name, boot["boot"], value), f"{boot['file']} sets {name} = {boot['boot']}"


@check("kernel.rp-filter", "the reverse path filter is strict on the default route", severity="low")
def test_reverse_path_filter_is_strict_on_the_default_route(run: Any) -> None:
    """The kernel takes the larger of `all` and the interface's, so 2 there makes ours loose."""
    for route in json.loads(run("ip -j route show default")):
        mode = run(f"cat /proc/sys/net/ipv4/conf/{route['dev']}/rp_filter").strip()
        explicit = run(
            f"systemd-analyze --no-pager cat-config sysctl.d | grep -c conf.{route['dev']}.rp_ || true"
        )
        assert mode in ("0", "1") or explicit.strip() != "0", route["dev"]


@check("kernel.core-dumps", "core dumps are off", severity="low")
def test_core_dumps_are_off(run: Any, settings: Settings) -> None:
    assert run("bash -c 'ulimit -Hc' </dev/null").strip() in ("0", "unlimited")
    assert run(f"su -s /bin/sh - {settings.admin_user} -c 'ulimit -Hc'").strip() == "0"


@check("kernel.module-{module}", "the kernel module {module} is blocked", severity="low")
@pytest.mark.parametrize("module", ["dccp", "sctp", "can", "atm", "cramfs", "firewire-ohci"])
def test_unused_kernel_modules_are_blocked(run: Any, module: str) -> None:
    assert f"install {module} /bin/true" in run("modprobe --showconfig").replace("_", "-").splitlines()


@check("kernel.services", "AppArmor, a time client and unattended upgrades run")
def test_apparmor_clock_and_upgrades_are_running(host: Any, run: Any) -> None:
    """Except where a condition of the unit says that it cannot, as in a container."""
    assert host.package("apparmor").is_installed
    names = {"apparmor.service", "unattended-upgrades.service", *(f"{clock}.service" for clock in CLOCKS)}
    units = json.loads(run("python3 -c", LOOK, Query(units=names).json()))["units"]
    there = {name: unit for name, unit in units.items() if unit["load"] == "loaded"}
    assert any(
        name.removesuffix(".service") in CLOCKS and there[name]["enabled"] == "enabled" for name in there
    )
    stopped = [
        name
        for name, unit in there.items()
        if unit["enabled"] == "enabled" and unit["active"] != "active" and not unit["skipped"]
    ]
    assert not stopped


@check("kernel.shared-memory", "shared memory runs no programs", severity="low")
def test_shared_memory_is_noexec(run: Any) -> None:
    options = run("findmnt -n -o OPTIONS /dev/shm").strip().split(",")
    assert {"noexec", "nosuid", "nodev"} <= set(options)


@check("accounts.cron", "cron and at are for root alone")
def test_cron_and_at_are_for_root_only(host: Any) -> None:
    for name, group in (("cron", "root"), ("at", "daemon")):
        file = host.file(f"/etc/{name}.allow")
        assert (file.content_string, file.mode, file.group) == ("root\n", 0o640, group)
    for path in (
        "/etc/crontab",
        "/etc/cron.d",
        "/etc/cron.daily",
        "/etc/cron.yearly",
        "/etc/ssh/sshd_config",
    ):
        file = host.file(path)
        assert not file.exists or (file.mode & 0o077, file.user) == (0, "root"), path


@check("accounts.su", "su is for members of an empty group")
def test_su_is_restricted_to_an_empty_group(host: Any, run: Any) -> None:
    stack = [line.split() for line in host.file("/etc/pam.d/su").content_string.splitlines()]
    rules = [words[2:] for words in stack if words[:2] == ["auth", "required"]]
    assert ["pam_wheel.so", "use_uid", "group=sugroup"] in rules
    assert run("getent group sugroup").strip().endswith(":")


@check("accounts.empty-passwords", "no account has an empty password", severity="high")
def test_no_account_has_an_empty_password(run: Any) -> None:
    assert run("awk -F: '$2 == \"\" { print $1 }' /etc/shadow") == ""
    assert run("grep -l nullok /etc/pam.d/common-* || true") == ""


@check("accounts.idle-logout", "idle shells log out", severity="low")
def test_idle_shells_log_out(host: Any, run: Any, settings: Settings) -> None:
    said = run(f"echo 'echo idle=$TMOUT' | su - {settings.admin_user} -c 'bash -il' 2>/dev/null")
    assert f"idle={settings.idle_logout_min * 60 or ''}" in said.split()


@check("accounts.umask", "what root creates is closed to others", severity="low")
def test_umask_of_a_root_shell_is_027(run: Any) -> None:
    assert "mask=0027" in run("echo 'echo mask=$(umask)' | bash -i 2>/dev/null").split()


@check(
    "accounts.sudo-timeout",
    "sudo forgets after five minutes, and passwords must be good where it asks for one",
    severity="low",
)
def test_sudo_timeout_and_password_quality(run: Any, settings: Settings) -> None:
    said = run("sudo -V")  # sudo-rs tells no more than its version
    assert "timestamp timeout: 5.0 minutes" in said or "timestamp timeout" not in said
    asked = "pam_pwquality.so" in run("cat /etc/pam.d/common-password")
    assert asked or settings.admin_sudo == "nopasswd"


@check("kernel.reboot-{check}", "a reboot would break nothing ({check})", severity="high")
@pytest.mark.parametrize("check", sorted(AFTERWARDS))
def test_a_reboot_would_break_nothing(run: Any, settings: Settings, check: str) -> None:
    """Checked with sshd, visudo, dpkg, findmnt, systemd and apt, as each run does."""
    units = {f"{stem}.service" for each in settings.all_instances for stem in each.stems}
    units |= {"ssh.service", "fail2ban.service", *({"nginx.service"} if settings.mode == "nginx" else ())}
    found = json.loads(run("python3 -c", LOOK, Query(health={check}, units=units).json()))["health"][check]
    assert found == []


@check("logs.journal", "the journal survives reboots, and its size is limited")
def test_the_journal_is_persistent_and_limited(host: Any) -> None:
    assert host.file("/var/log/journal").is_directory
    assert "SystemMaxUse=1G" in host.file("/etc/systemd/journald.conf.d/harvest.conf").content_string


@check("logs.clock", "the clock is right")
def test_the_clock_is_right(run: Any) -> None:
    assert abs(float(run("date +%s.%N")) - time.time()) < CLOCK_LIMIT_S


def services(instance: Instance) -> list[str]:
    """Another application than ours has no program for a daily sweep."""
    sweep = (instance.sweep,) if instance.app_source.embedded else ()
    return [f"{stem}.service" for stem in (*instance.stems, *sweep)]


def exposure(run: Any, unit: str) -> float:
    """Of `systemd-analyze security`, from 0 (sandboxed) to 10."""
    said = run(f"systemd-analyze security --no-pager '{unit}' | tail -1")
    found = re.search(r": ([\d.]+)", said)
    assert found, f"{unit}: systemd-analyze says {said.strip() or 'nothing'}"
    return float(found.group(1))


@check("harvest.sandbox", "HARVEST's services are sandboxed", severity="high", mends="install units")
def test_services_are_sandboxed(run: Any, instance: Instance) -> None:
    found = {unit: exposure(run, unit) for unit in services(instance)}
    weak = {unit: points for unit, points in found.items() if points > 2.0}
    assert not weak, weak


@check(
    "harvest.secret-exposed",
    "HARVEST's secret is in no unit and on no command line",
    severity="high",
    secret=True,
)
def test_secrets_are_in_no_unit_and_on_no_command_line(run: Any, instance: Instance) -> None:
    secret = run(f"cat {instance.etc}/secret_key").strip()
    holders = [unit for unit in services(instance) if secret in run(f"systemctl show '{unit}'")]
    assert not holders, holders
    on_a_command_line = secret in run("ps -ewwo args")  # asserted directly, pytest would print the secret
    assert not on_a_command_line, f"{instance.etc}/secret_key"


@check(
    "harvest.secret-readable", "other users can read neither secrets nor data", severity="high", secret=True
)
def test_other_users_cannot_read_secrets_or_data(
    host: Any, run: Any, settings: Settings, instance: Instance
) -> None:
    others = ["nobody", *(each.slug for each in settings.all_instances if each.name != instance.name)]
    for path in (f"{instance.etc}/secret_key", f"{instance.state}/harvest.db"):
        readers = [user for user in others if host.run(f"runuser -u {user} -- head -c 1 {path}").rc == 0]
        assert not readers, f"{path} is readable by {', '.join(readers)}"
