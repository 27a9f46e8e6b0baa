"""The system below HARVEST: updates, kernel, packages, logs, what AIDE alone sees."""

from tests.host.mutations.kinds import Mutation, added, edited, mutation, unit

REPOSITORY = r"""mkdir -p /var/tmp/repository && cd /var/tmp/repository
cat >Packages <<'TEXT'
Package: adduser
Version: 9999
Architecture: amd64
Maintainer: x
Filename: ./adduser.deb
Size: 1
SHA256: 0
TEXT
printf 'Suite: stable-security\nDate: Wed, 01 Jan 2020 00:00:00 UTC\nSHA256:\n %s %s Packages\n' \
  $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) >Release
echo 'deb [trusted=yes] file:/var/tmp/repository ./' >/etc/apt/sources.list.d/mutation.list
apt-get -qq update -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/mutation.list -o Dir::Etc::sourceparts=- \
  -o APT::Get::List-Cleanup=0"""
"""An archive with a security update."""
SCHEDULED = "updates.unattended"

MUTATIONS: dict[str, Mutation] = {
    "a security update is pending": mutation(
        REPOSITORY,
        "rm -r /var/tmp/repository /etc/apt/sources.list.d/mutation.list; rm -f /var/lib/apt/lists/_var_tmp_rep*",
        "updates.pending",
        named="adduser/",
    ),
    "the timer of updates is stopped": unit(
        "stop", "apt-daily-upgrade.timer", "start", SCHEDULED, named="apt-daily-upgrade.timer"
    ),
    "package lists are not fetched": unit(
        "stop", "apt-daily.timer", "start", SCHEDULED, named="apt-daily.timer"
    ),
    "updates are masked until the next boot": unit(
        "mask -q --runtime", "apt-daily-upgrade.service", "unmask -q --runtime", SCHEDULED, named="masked"
    ),
    "a later file turns updates off": added(
        "/etc/apt/apt.conf.d/99-off",
        'APT::Periodic::Unattended-Upgrade "0";\\n',
        SCHEDULED,
        "kernel.reboot-apt",
        named="99-off",
    ),
    "needrestart would ask": edited(
        "/etc/needrestart/conf.d/harvest.conf",
        "sed -i \"s/'a'/'i'/\" /etc/needrestart/conf.d/harvest.conf",
        SCHEDULED,
        named="nrconf",
    ),
    "unattended-upgrades is stopped": unit(
        "stop", "unattended-upgrades", "start", "kernel.services", named="unattended-upgrades"
    ),
    "a kernel value is weak": mutation(
        "sysctl -qw net.ipv4.conf.all.accept_redirects=1",
        "sysctl -qw net.ipv4.conf.all.accept_redirects=0",
        "kernel.sysctl",
        named="accept_redirects",
    ),
    "a kernel value would be weak at boot": added(
        "/etc/sysctl.d/zzzz.conf", "net.ipv4.conf.all.accept_redirects = 1\\n", "kernel.sysctl-at-boot"
    ),
    "the reverse path filter is loose": mutation(
        "cat /proc/sys/net/ipv4/conf/host0/rp_filter >/run/kept && sysctl -qw net.ipv4.conf.host0.rp_filter=2",
        "sysctl -qw net.ipv4.conf.host0.rp_filter=$(cat /run/kept); rm /run/kept",
        "kernel.rp-filter",
        named="host0",
    ),
    "shared memory runs programs": mutation(
        "mount -o remount,exec /dev/shm",
        "mount -o remount,noexec /dev/shm",
        "kernel.shared-memory",
        named="noexec",
    ),
    **{
        f"the module {module} can be loaded": edited(
            "/etc/modprobe.d/harvest.conf",
            f"sed -i '/install {module} /d' /etc/modprobe.d/harvest.conf",
            f"kernel.module-{module}",
            named=module,
        )
        for module in ("dccp",)
    },
    "no module is blocked": edited(
        "/etc/modprobe.d/harvest.conf",
        "sed -i /^install/d /etc/modprobe.d/harvest.conf",
        *(f"kernel.module-{module}" for module in ("dccp", "sctp", "can", "atm", "cramfs", "firewire-ohci")),
        named="firewire",
    ),
    "fstab cannot be read": edited(
        "/etc/fstab", "echo nonsense >>/etc/fstab", "kernel.reboot-fstab", named="parse error"
    ),
    "a package is half installed": edited(
        "/var/lib/dpkg/status",
        "sed -i '/^Package: adduser$/,/^Status:/s/^Status: .*/Status: install ok half-configured/'"
        " /var/lib/dpkg/status",
        "kernel.reboot-dpkg",
        named="adduser",
    ),
    "a drop-in for sudo cannot be read": added(
        "/etc/sudoers.d/zz-mode", "nonsense\\n", "kernel.reboot-sudo", mode="666"
    ),
    "a unit cannot start after a reboot": mutation(
        "printf '[Service]\\nExecStart=\\n' >/etc/systemd/system/fail2ban.service.d/mine.conf"
        " && systemctl daemon-reload",
        "rm /etc/systemd/system/fail2ban.service.d/mine.conf && systemctl daemon-reload",
        "kernel.reboot-units",
        named="fail2ban.service cannot be started again",
    ),
    "a program was changed": edited(
        "/usr/bin/tac", "printf x >>/usr/bin/tac", "integrity.packages", named="/usr/bin/tac"
    ),
    "a program gained setuid": mutation(
        "cp -a /usr/bin/tac /usr/local/bin/mine && chmod 4755 /usr/local/bin/mine",
        "rm /usr/local/bin/mine",
        "integrity.setuid",
        named="mine",
    ),
    "a program gained a capability": mutation(
        "setcap cap_net_raw+ep /usr/bin/tac",
        "setcap -r /usr/bin/tac",
        "integrity.setuid",
        named="/usr/bin/tac",
    ),
    "a unit file that is no package's": added(
        "/usr/lib/systemd/system/mine.service", "[Service]\\nExecStart=/bin/true\\n", "integrity.unit-files"
    ),
    "a unit file until the next boot": added(
        "/run/systemd/system/mine.service", "[Service]\\nExecStart=/bin/true\\n", "integrity.unit-files"
    ),
    "a drop-in next to packages'": added(
        "/usr/lib/systemd/system/ssh.service.d/mine.conf",
        "[Service]\\nNice=1\\n",
        "integrity.unit-files",
        named="mine.conf",
    ),
    "the journal is unlimited": edited(
        "/etc/systemd/journald.conf.d/harvest.conf",
        "sed -i /SystemMaxUse/d /etc/systemd/journald.conf.d/harvest.conf",
        "logs.journal",
        named="SystemMaxUse",
    ),
    "logs are not rotated": unit("stop", "logrotate.timer", "start", "logs.rotation", named="active"),
    "a unit failed": mutation(
        "systemd-run -q --unit=mutation-failed false; sleep 0.5",
        "systemctl reset-failed mutation-failed",
        "harvest.failed-units",
        named="mutation-failed",
    ),
    **{
        f"AIDE alone: {path}": added(path, "mine\\n", "integrity.aide")
        for path in (
            "/etc/cron.d/mine",
            "/etc/ld.so.preload.mine",
            "/root/.ssh/authorized_keys2",
            "/usr/local/bin/mine-too",
            "/etc/profile.d/mine.sh",
        )
    },
    "AIDE alone: where names are looked up": edited(
        "/etc/nsswitch.conf",
        "echo '# mine' >>/etc/nsswitch.conf",
        "integrity.aide",
        named="/etc/nsswitch.conf",
    ),
    "AIDE alone: PAM": edited(
        "/etc/pam.d/sshd", "echo '# mine' >>/etc/pam.d/sshd", "integrity.aide", named="/etc/pam.d/sshd"
    ),
}
