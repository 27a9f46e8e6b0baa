"""UFW's pure half: which rules are allowed, named and deleted, in which order."""

import subprocess
from pathlib import Path

import pytest

from provision.engine.state import Firewall as FirewallState
from provision.operations.access import revert, ufw, ufw_rules
from provision.remote import host_state
from tests.unit.states import state, text


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
        "removing a firewall rule that is not in firewall_allow: allow 5000/tcp"
    ]
    (command,) = text(ufw.changes(have, want))
    assert command.index("ufw allow 80/tcp") < command.index(
        "ufw delete allow from any to any port 5000 proto tcp"
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


def test_ufw_rules_count_where_the_kernel_asks_them_and_drops_the_rest(
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


def test_ufw_ipv6_is_on_also_where_the_kernel_has_none(tmp_path: Path) -> None:
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


def test_the_old_port_stays_open_until_the_confirmation() -> None:
    have = state(firewall=wall(22))
    both = text(ufw.changes(have, ufw.Firewall((2222, 22))))
    assert "ufw allow 2222/tcp" in both[0]
    assert "delete" not in both[0]
    then = state(firewall=wall(2222, 22))
    assert (
        "delete allow from any to any port 22 proto tcp" in text(ufw.changes(then, ufw.Firewall((2222,))))[0]
    )


# UFW's own notation, what `ufw show added` calls it (ufw 0.36.2), and how its own family's alone is deleted.
FORMS = [
    ("allow any 53 0.0.0.0/0 any 0.0.0.0/0 in", "allow 53", "allow from 0.0.0.0/0 to 0.0.0.0/0 port 53"),
    (
        "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in",
        "allow OpenSSH",
        "allow from 0.0.0.0/0 to 0.0.0.0/0 app OpenSSH",
    ),
    (
        "allow tcp 80,443 ::/0 any ::/0 Nginx%20Full - in",
        "allow 'Nginx Full'",
        "allow from ::/0 to ::/0 app 'Nginx Full'",
    ),
    (
        "route:allow tcp 80 10.0.0.0/8 any 0.0.0.0/0 in_eth0!out_eth1",
        "route allow in on eth0 out on eth1 to 10.0.0.0/8 port 80 proto tcp",
        "route allow in on eth0 out on eth1 from 0.0.0.0/0 to 10.0.0.0/8 port 80 proto tcp",
    ),
    (
        "route:limit tcp 22 10.1.1.1 any 0.0.0.0/0 OpenSSH - out_br_a",
        "route limit out on br_a to 10.1.1.1 app OpenSSH",
        "route limit out on br_a from 0.0.0.0/0 to 10.1.1.1 app OpenSSH",
    ),
    (
        "limit_log-all tcp 8444 0.0.0.0/0 any 0.0.0.0/0 in comment=6120622063",
        "limit log-all 8444/tcp comment 'a b c'",
        "limit log-all from 0.0.0.0/0 to 0.0.0.0/0 port 8444 proto tcp",
    ),
    (
        "allow_log tcp 9000 ::/0 any ::/0 in_eth0",
        "allow in on eth0 log to any port 9000 proto tcp",
        "allow in on eth0 log from ::/0 to ::/0 port 9000 proto tcp",
    ),
    (
        "allow esp any 0.0.0.0/0 any 10.0.0.1 in",
        "allow from 10.0.0.1 proto esp",
        "allow from 10.0.0.1 to 0.0.0.0/0 proto esp",
    ),
    ("allow gre any ::/0 any ::/0 in", "allow to any proto gre", "allow from ::/0 to ::/0 proto gre"),
    ("allow any any ::/0 any ::/0 in_veth+", "allow in on veth+", "allow in on veth+ from ::/0 to ::/0"),
    ("deny any 25 ::/0 any ::/0 out", "deny out 25", "deny out from ::/0 to ::/0 port 25"),
    (
        "allow any any 0.0.0.0/0 5 0.0.0.0/0 out_eth0",
        "allow out on eth0 from any port 5",
        "allow out on eth0 from 0.0.0.0/0 port 5 to 0.0.0.0/0",
    ),
    (
        "allow tcp any ::/0 22 2001:db8::/32 - OpenSSH in",
        "allow from 2001:db8::/32 app OpenSSH",
        "allow from 2001:db8::/32 app OpenSSH to ::/0",
    ),
    (
        "allow udp 5 0.0.0.0/0 any 0.0.0.0/0",
        "allow 5/udp",
        "allow from 0.0.0.0/0 to 0.0.0.0/0 port 5 proto udp",
    ),
]


@pytest.mark.parametrize(("line", "shown", "deletion"), FORMS)
def test_every_rule_is_reported_and_deleted_as_ufw_writes_it(line: str, shown: str, deletion: str) -> None:
    rule = ufw_rules.parse("v6" if ":" in line.replace("route:", "").split("comment")[0] else "v4", line)
    assert rule
    assert rule.shown() == shown
    words = deletion.replace("route ", "route delete ", 1) if rule.route else f"delete {deletion}"
    assert rule.deletion(both=False) == f"ufw {words}"


def test_a_rule_of_both_families_is_named_and_deleted_once_and_what_shuts_goes_first() -> None:
    have = wall(22)
    have.rules["v4"] += [
        "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 Web - in",
        "deny any any 0.0.0.0/0 any 0.0.0.0/0 in",
    ]
    have.rules["v6"] += ["allow tcp 80 ::/0 any ::/0 Web - in", "allow udp 81 ::/0 any ::/0 Web - in"]
    gone = ufw.stale(have, ufw.Firewall((22,)))
    assert ufw_rules.deletions(gone) == [
        "ufw delete deny from 0.0.0.0/0 to 0.0.0.0/0",
        "ufw delete allow from any to any app Web",
    ]
    names = ufw.stale_words(state(firewall=have), ufw.Firewall((22,)))
    assert [name.split(": ")[1] for name in names] == ["allow Web", "deny to any"]


def test_a_wanted_rule_may_have_a_comment() -> None:
    have = wall(22)
    have.rules["v4"][0] += " comment=6d696e65"
    assert not text(ufw.changes(state(firewall=have), ufw.Firewall((22,))))


def test_a_line_that_ufw_itself_skips_and_one_that_it_did_not_write_are_written_over() -> None:
    broken, more = wall(22, rules=("nonsense",)), wall(22)
    more.live["v4"] = 2
    for have in (broken, more):
        (command,) = text(ufw.changes(state(firewall=have), ufw.Firewall((22,))))
        assert ufw.REWRITE in command
    assert ufw.REWRITE not in text(ufw.changes(state(firewall=wall(22, 80)), ufw.Firewall((22,))))[0]


def test_many_rules_go_in_several_commands_each_with_the_guard_whole_time() -> None:
    have = wall(22, *range(1000, 1045))
    commands = text(ufw.changes(state(firewall=have), ufw.Firewall((22,))))
    assert [command.count("ufw delete") for command in commands] == [20, 20, 5]
    assert [revert.postpone_script() in command for command in commands] == [False, True, True]


def test_profiles_open_nothing_by_themselves() -> None:
    have = wall(22)
    have.defaults[0] = 'DEFAULT_APPLICATION_POLICY="ACCEPT"'
    assert "ufw app default skip" in text(ufw.changes(state(firewall=have), ufw.Firewall((22,))))[0]
