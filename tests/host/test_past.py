"""Hosts with a past: firewall rules and accounts that were there before the first run."""

import shlex
from collections.abc import Iterator

import pytest

from lab import hosts
from tests.host.guarding import DEPLOY, fingerprint, prepare, refresh
from tests.host.runs import deploy

pytestmark = [pytest.mark.host, pytest.mark.xdist_group("s-past")]

PROFILES = """[Nginx Full]
title=Web
description=Web
ports=80,443/tcp

[Gone]
title=Gone
description=Its profile is removed after its rules are there
ports=7000/tcp|7001/udp

[Six]
title=Six
description=For IPv6 alone
ports=7002/tcp|7003/udp
"""
RULES = """allow OpenSSH
allow "Nginx Full" comment 'my "site" for $5'
allow Gone
allow from ::/0 to any app Six
allow from any app OpenSSH to any app Gone
allow from ::/0 app "Nginx Full"
allow from 2001:db8::/32 app OpenSSH
allow in on eth0 to any app OpenSSH
route allow in on eth0 out on eth1 to 10.0.0.0/8 port 80 proto tcp
route allow 82/tcp
route limit out on eth1 to 10.1.1.1 app OpenSSH
route deny log from 10.9.0.0/16
allow log 8443/tcp
limit log-all 8444/tcp comment 'a b c'
limit 22/tcp
allow in on eth0 to any port 9000 proto tcp
allow in on veth+
allow in on br_lan log from 10.0.0.0/8 port 5 to 10.0.0.2 port 6 proto udp
allow proto esp from 10.0.0.1
allow proto ah to 10.0.0.3
allow proto gre from any to any
allow proto igmp from any
allow 1000:1100/udp
allow 80,443,8000:8010/tcp
allow 53
allow from 10.0.0.0/8
deny from ::/0 to any port 77
reject 113/tcp
reject from any
deny out 25
allow out on eth0 from any port 5
allow out log OpenSSH""".splitlines()


@pytest.fixture(scope="module")
def past() -> Iterator[hosts.Host]:
    host = prepare("s-past", suite="bookworm")
    yield host
    host.down()


def added(host: hosts.Host) -> list[str]:
    """The rules as UFW itself lists them."""
    return [line.removeprefix("ufw ") for line in host.exec("ufw show added").stdout.splitlines()[1:]]


def test_every_rule_that_ufw_can_write_is_named_and_removed(past: hosts.Host) -> None:
    file = "/etc/ufw/applications.d/past"
    lines = [f"printf %s {shlex.quote(PROFILES)} >{file}", *(f"ufw {rule}" for rule in RULES)]
    past.exec("\n".join(["set -e", *lines, f"rm {file}", "ufw --force enable"]))
    before = added(past)
    assert len(before) == len(RULES)
    run = deploy(past.name, file=DEPLOY)
    assert run.code == 0, run.said
    assert [rule for rule in before if f"not in firewall_allow: {rule}\n" not in run.said] == []
    assert added(past) == ["allow 22/tcp", "allow 8050/tcp"]
    assert deploy(past.name, file=DEPLOY).changed == []


def test_rules_that_ufw_did_not_write_and_ipv6_go_too(past: hosts.Host) -> None:
    past.exec(
        r"""set -e; ufw allow from 2001:db8::7 to any port 99
        line='-A ufw-user-input -p tcp --dport 4444 -j ACCEPT'
        sed -i "s/^### END RULES/$line\n&/" /etc/ufw/user.rules; ufw reload
        sed -i "s/^### END RULES/### tuple ### nonsense\n$line\n&/" /etc/ufw/user.rules
        sed -i 's/^IPV6=.*/IPV6=no/' /etc/default/ufw"""
    )
    run = deploy(past.name, file=DEPLOY)
    assert run.code == 0, run.said
    assert "not in firewall_allow: allow from 2001:db8::7 to any port 99" in run.said
    assert added(past) == ["allow 22/tcp", "allow 8050/tcp"]
    assert "4444" not in past.exec("iptables -S; cat /etc/ufw/user.rules").stdout
    assert deploy(past.name, file=DEPLOY).changed == []


def test_the_admin_shell_and_noisy_startup_files_do_not_matter(past: hosts.Host) -> None:
    past.exec(
        "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends fish tcsh >/dev/null; "
        "mkdir -p /home/sysop/.config/fish; chown -R sysop: /home/sysop/.config; "
        "echo 'echo hello' | tee /home/sysop/.cshrc >/home/sysop/.config/fish/config.fish"
    )
    for shell in ("/usr/bin/fish", "/bin/tcsh"):
        past.exec(f"usermod --shell {shell} sysop; ufw allow 'OpenSSH'")
        run = deploy(past.name, file=DEPLOY)
        assert (run.code, run.changed[:1]) == (0, ["Configure SSH access, sudo and firewall"]), run.said
        assert added(past) == ["allow 22/tcp", "allow 8050/tcp"]
        assert past.exec("getent passwd sysop").stdout.strip().endswith(shell)
        assert deploy(past.name, file=DEPLOY).changed == []


def in_use(name: str) -> str:
    return f"systemd-run -q --uid={name} --unit=of-{name} sleep 1000"


def test_a_service_name_that_a_person_has_is_told_before_anything_changes(past: hosts.Host) -> None:
    refresh(past)
    past.exec(f"useradd -m harvest; {in_use('harvest')}")
    before = fingerprint(past)
    run = deploy(past.name, file=DEPLOY)
    assert (run.code, fingerprint(past)) == (1, before)
    past.exec("systemctl stop of-harvest; while ! userdel -r harvest 2>/dev/null; do sleep 0.2; done")
    past.exec(
        "mkdir /srv/cache; ln -s /srv/cache /var/cache/harvest; useradd -m sysop; chage -E 2020-01-01 sysop"
    )
    other = deploy(past.name, file=DEPLOY)
    past.exec("rm -r /srv/cache /var/cache/harvest; userdel -r sysop")
    assert "/var/cache/harvest, where harvest keeps its cache, is a link to /srv/cache" in other.said
    assert (
        "the account of sysop (admin_user) has expired, so it cannot log in; type: chage -E -1" in other.said
    )
    assert other.code == 1
    assert "an account harvest is there that is not HARVEST's own (uid 100" in run.said
    assert "run as it); rename it" in run.said
    assert past.exec("id sysop", check=False).returncode == 1


def test_an_account_that_is_there_becomes_the_admin_with_its_home_shell_and_group(past: hosts.Host) -> None:
    """A system's uid, a group of others, a home elsewhere that is a link: all kept but that others may write there.
    root, as whom the run comes in, has tcsh."""
    refresh(past)
    past.exec(
        f"""set -e; usermod --shell /bin/tcsh root
        mkdir -p /srv/disk /srv/people; ln -sfn /srv/disk/sysop /srv/people/sysop
        groupadd --system sysop; useradd -u 555 -g users -m -d /srv/disk/sysop -s /usr/sbin/nologin sysop
        usermod -d /srv/people/sysop sysop; chmod 775 /srv/disk/sysop
        install -d -o sysop -g users -m 700 /srv/disk/sysop/.ssh; {in_use("sysop")}"""
    )
    run = deploy(past.name, file=DEPLOY)
    assert run.code == 0, run.said
    assert "the shell of sysop becomes /bin/bash; it was /usr/sbin/nologin" in run.said
    assert past.exec("getent passwd sysop").stdout.split(":")[2:] == [
        "555",
        "100",
        "",
        "/srv/people/sysop",
        "/bin/bash\n",
    ]
    assert (
        past.exec("stat -c '%a %U %G' /srv/disk/sysop; ls -d /home/sysop", check=False).stdout
        == "755 sysop users\n"
    )
    assert past.exec("readlink /srv/people/sysop").stdout == "/srv/disk/sysop\n"
    assert deploy(past.name, file=DEPLOY).changed == []
    past.exec("systemctl stop of-sysop")
