"""Ways in: sshd, accounts, sudo, UFW, fail2ban."""

from tests.host.mutations.kinds import Mutation, added, edited, mutation, unit

SSHD = {
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "permitrootlogin": "prohibit-password",
    "pubkeyauthentication": "no",
    "permitemptypasswords": "yes",
    "x11forwarding": "yes",
    "authorizedkeysfile": ".ssh/authorized_keys .ssh/authorized_keys2",
    "authorizedkeyscommand": "/usr/bin/id",
    "authorizedprincipalsfile": "/etc/principals",
    "authorizedprincipalscommand": "/usr/bin/id",
    "trustedusercakeys": "/etc/ca.pub",
    "authenticationmethods": "any",
    "hostbasedauthentication": "yes",
    "allowagentforwarding": "yes",
    "allowtcpforwarding": "yes",
    "allowstreamlocalforwarding": "yes",
    "gatewayports": "yes",
    "permittunnel": "yes",
    "permituserenvironment": "yes",
    "logingracetime": "600",
    "clientaliveinterval": "0",
    "clientalivecountmax": "0",
    "loglevel": "ERROR",
}
"""What a file that sshd reads before ours might say; the running sshd is not told."""
ALGORITHMS = {
    "ciphers": "aes256-gcm@openssh.com,aes128-cbc",
    "macs": "hmac-sha2-512-etm@openssh.com,hmac-sha1",
    "kexalgorithms": "curve25519-sha256,diffie-hellman-group14-sha1",
    "hostkeyalgorithms": "ssh-ed25519,ecdsa-sha2-nistp256",
}
CONF = "/etc/ssh/sshd_config.d"
MORE = {"authorizedprincipalscommand": "\\nAuthorizedPrincipalsCommandUser nobody"}


def sshd(keyword: str, value: str) -> str:
    return f"{keyword} {value}{MORE.get(keyword, '')}\\n"


KEYWORDS = {
    f"sshd reads {keyword} {value}": added(
        f"{CONF}/00-a-{keyword}.conf", sshd(keyword, value), f"ssh.{keyword}", named="assert"
    )
    for keyword, value in SSHD.items()
} | {
    f"sshd reads {keyword} {value}": added(
        f"{CONF}/00-a-{keyword}.conf", sshd(keyword, value), f"ssh.algorithms-{keyword}", named="assert"
    )
    for keyword, value in ALGORITHMS.items()
}

RUNNING = f"{CONF}/00-a-running.conf"
WEAK = "AuthenticationMethods any\\nPasswordAuthentication yes\\nCiphers aes256-gcm@openssh.com,aes128-cbc\\n"
LISTENER = (
    "import socket,time; s=socket.socket({family}); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); "
    "s.bind(({address!r},{port})); s.listen(9); time.sleep(9999)"
)


def listener(name: str, port: int, address: str = "0.0.0.0") -> str:
    """Starts a program that listens on TCP."""
    family = "socket.AF_INET6" if ":" in address else "socket.AF_INET"
    program = LISTENER.format(family=family, address=address, port=port)
    return f'systemd-run -q --collect --unit={name} python3 -c "{program}" && sleep 0.5'


UDP = (
    "import socket,time; s=socket.socket(type=socket.SOCK_DGRAM); s.bind(('0.0.0.0',5353)); time.sleep(9999)"
)

# The running sshd first: it is not to learn of what the others write.
MUTATIONS: dict[str, Mutation] = (
    {
        "the running sshd takes passwords and a weak cipher, its files do not": mutation(
            f"printf '{WEAK}' >{RUNNING} && systemctl reload ssh && sleep 1 && rm {RUNNING}",
            "systemctl reload ssh && sleep 1",
            *(f"ssh.offered{what}-{who}" for what in ("", "-algorithms") for who in ("root", "admin")),
            named="password",
        ),
        "a second sshd": mutation(
            "/usr/sbin/sshd -p 2222 -o PidFile=/run/second-sshd.pid && sleep 0.5",
            "kill $(cat /run/second-sshd.pid)",
            "ssh.port",
            "firewall.tcp-listeners",
            named="2222",
        ),
    }
    | KEYWORDS
    | {
        "a Match block lets one user in by password": added(
            f"{CONF}/99-match.conf", "Match User bob\\n  PasswordAuthentication yes\\n", "ssh.match-blocks"
        ),
        "one more key of the admin": edited(
            "/home/sysop/.ssh/authorized_keys",
            "ssh-keygen -q -t ed25519 -N '' -f /root/mutation"
            " && cat /root/mutation.pub >>/home/sysop/.ssh/authorized_keys"
            " && rm /root/mutation /root/mutation.pub",
            "ssh.admin-keys",
            named="ssh-ed25519",
        ),
        "a change of the ways in is unconfirmed": added(
            "/var/lib/harvest-guard/armed", "", "ssh.unconfirmed-change", named="armed"
        ),
        "sudo asks for fewer commands": edited(
            "/etc/sudoers.d/harvest-admin",
            "sed -i 's#NOPASSWD: *ALL#NOPASSWD: /bin/sh, /usr/bin/sh, /bin/true, /usr/bin/true#'"
            " /etc/sudoers.d/harvest-admin",
            "accounts.sudo",
            named="NOPASSWD",
        ),
        "a second root": edited(
            "/etc/passwd", "echo 'toor:x:0:0::/root:/bin/sh' >>/etc/passwd", "accounts.logins", named="toor"
        ),
        "one more may log in": mutation(
            "usermod -aG harvest-login games",
            "gpasswd -d games harvest-login",
            "accounts.login-group",
            "accounts.logins",
            named="games",
        ),
        "one more in the group sudo": mutation(
            "usermod -aG sudo games", "gpasswd -d games sudo", "accounts.groups", named="games"
        ),
        "cron for everybody": edited(
            "/etc/cron.allow", "echo games >>/etc/cron.allow", "accounts.cron", named="games"
        ),
        "su for one more": mutation(
            "usermod -aG sugroup games", "gpasswd -d games sugroup", "accounts.su", named="games"
        ),
        "su for all": edited(
            "/etc/pam.d/su", "sed -i /pam_wheel/d /etc/pam.d/su", "accounts.su", named="pam_wheel"
        ),
        "an account without a password": edited(
            "/etc/shadow",
            "sed -i 's/^games:[^:]*:/games::/' /etc/shadow",
            "accounts.empty-passwords",
            named="games",
        ),
        "shells stay for ever": edited(
            "/etc/profile.d/harvest-idle.sh",
            "echo >/etc/profile.d/harvest-idle.sh",
            "accounts.idle-logout",
            named="idle",
        ),
        "root's files are for all": edited(
            "/root/.bashrc", "echo umask 022 >>/root/.bashrc", "accounts.umask", named="mask=0022"
        ),
        "sudo remembers for an hour": added(
            "/etc/sudoers.d/zz-long",
            "Defaults timestamp_timeout=60\\n",
            "accounts.sudo-timeout",
            mode="440",
            named="60.0 minutes",
        ),
        "a jail is stopped": mutation(
            "fail2ban-client stop nginx-limit-req",
            "fail2ban-client start nginx-limit-req || fail2ban-client reload",
            "bans.jails",
            named="nginx-limit-req",
        ),
        "a ban of a second": mutation(
            "fail2ban-client set sshd bantime 1",
            "fail2ban-client set sshd bantime 600",
            "bans.limits",
            named="'1'",
        ),
        "a trusted address may be banned": mutation(
            "fail2ban-client set sshd delignoreip 192.0.2.9",
            "fail2ban-client set sshd addignoreip 192.0.2.9",
            "bans.trusted",
            named="192.0.2.9",
        ),
        "fail2ban is stopped": unit(
            "stop", "fail2ban", "start", "bans.jails", "bans.limits", "bans.trusted", named="fail2ban-client"
        ),
        "a rule above UFW's": mutation(
            "iptables -I INPUT 1 -p tcp --dport 9 -j ACCEPT",
            "iptables -D INPUT 1",
            "firewall.above-ufw",
            named="--dport 9",
        ),
        "a table next to UFW's": mutation(
            "nft add table inet mine", "nft delete table inet mine", "firewall.above-ufw", named="inet mine"
        ),
        "the kernel accepts what no rule names": mutation(
            "iptables -P INPUT ACCEPT", "iptables -P INPUT DROP", "firewall.active", named="-P INPUT DROP"
        ),
        "UFW does not start at boot": unit(
            "disable -q", "ufw", "enable -q", "firewall.at-boot", named="disabled"
        ),
        "one more rule of UFW": mutation(
            "ufw allow 9999/tcp", "ufw delete allow 9999/tcp", "firewall.rules", named="9999/tcp"
        ),
        "a program listens": mutation(
            listener("mutation-tcp", 9876),
            "systemctl stop mutation-tcp",
            "firewall.tcp-listeners",
            named="9876",
        ),
        "a program hears datagrams": mutation(
            f'systemd-run -q --collect --unit=mutation-udp python3 -c "{UDP}" && sleep 0.5',
            "systemctl stop mutation-udp",
            "firewall.udp-listeners",
            named="5353",
        ),
        "a port is open to the world": mutation(
            f"ufw allow 25/tcp && {listener('mutation-open', 25)}",
            "systemctl stop mutation-open; ufw delete allow 25/tcp",
            "firewall.rules",
            "firewall.tcp-listeners",
            "firewall.from-outside",
            named="answers on [25]",
        ),
        "a port is open over IPv6": mutation(
            f"ufw allow 23/tcp && {listener('mutation-six', 23, '::')} && ip6tables -P INPUT DROP",
            "systemctl stop mutation-six; ufw delete allow 23/tcp",
            "firewall.rules",
            "firewall.tcp-listeners",
            "firewall.from-outside",
            "firewall.from-outside-ipv6",
            named="answers on [23]",
        ),
    }
)
