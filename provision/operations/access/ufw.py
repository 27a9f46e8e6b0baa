"""UFW: exactly the wanted rules, deny by default, IPv4 and IPv6, and never a moment without the SSH rule."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import Firewall as State
from provision.engine.state import HostState, Query
from provision.operations.access import revert

DEFAULTS = (
    'DEFAULT_APPLICATION_POLICY="SKIP"',
    'DEFAULT_FORWARD_POLICY="DROP"',
    'DEFAULT_INPUT_POLICY="DROP"',
    'DEFAULT_OUTPUT_POLICY="ACCEPT"',
    "IPV6=yes",
)


@dataclass(frozen=True)
class Firewall:
    """TCP ports that anyone may reach, and what else others may, as the setting firewall_allow has it.

    All else that comes in is dropped.
    """

    open_ports: tuple[int, ...]
    others: tuple[str, ...] = ()


def query(want: Firewall) -> Query:
    return Query(firewall={"ufw"})


ANYWHERE = {"v4": "0.0.0.0/0", "v6": "::/0"}


def openings(want: Firewall) -> Iterator[tuple[str, str, str]]:
    """(port, protocol, source) of each, the source "" for anywhere."""
    yield from ((str(port), "tcp", "") for port in want.open_ports)
    for other in want.others:
        opening, _, source = other.partition(" from ")
        port, protocol = opening.split("/")
        yield port, protocol, source


def tuples(want: Firewall, family: str) -> list[str]:
    """The rules as UFW itself writes them into its rule files ("### tuple ###")."""
    anywhere = ANYWHERE[family]
    rules = (
        f"allow {protocol} {port} {anywhere} any {source or anywhere} in"
        for port, protocol, source in openings(want)
        if not source or (":" in source) == (family == "v6")
    )
    return list(dict.fromkeys(rules))  # what the mode opens may stand in firewall_allow as well


def _allow(port: str, protocol: str, source: str) -> str:
    return (
        f"ufw allow proto {protocol} from {source} to any port {port}"
        if source
        else f"ufw allow {port}/{protocol}"
    )


def changes(have: HostState, want: Firewall) -> Iterator[Command]:
    """Allow first, then delete what is stale, then enable: no order in which SSH is shut."""
    found = have.firewall
    if found is None:
        return
    wanted = {family: tuples(want, family) for family in ANYWHERE}
    right = all(set(found.rules[family]) == set(rules) for family, rules in wanted.items())  # type: ignore[index]
    seen = ("v4", "v6") if have.system.ipv6 else ("v4",)
    live = all(found.live[family] == len(wanted[family]) for family in seen)  # type: ignore[index]
    if right and live and found.enabled and set(DEFAULTS) <= set(found.defaults):
        return
    lines = []
    if min(found.live.values()) < 0:
        lines += [revert.HOOKS]
    if "IPV6=yes" not in found.defaults:
        lines += ["sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw"]
        lines += ["grep -q ^IPV6= /etc/default/ufw || echo IPV6=yes >>/etc/default/ufw"]
    # The kernel must have UFW's chains before a rule can be put into them. This empties them for a moment, as do a new
    # default and enabling: so only where the firewall is not as it should be anyway.
    if found.enabled and (right or any(found.live[f] < len(found.rules[f]) for f in seen)):  # type: ignore[index]
        lines += ["ufw reload"]
    lines += [_allow(*opening) for opening in openings(want)]
    lines += [f"ufw {_deletion(rule)}" for rule in stale(found, want)]
    if not set(DEFAULTS) <= set(found.defaults):
        lines += ["ufw default deny incoming", "ufw default allow outgoing", "ufw default deny routed"]
    if not found.enabled:
        lines += ["ufw --force enable"]
    yield script("exec 3>&1 >/dev/null\n" + "\n".join(lines))


def stale(found: State, want: Firewall) -> list[str]:
    """Rules that nothing asks for, in UFW's own notation, IPv6's as IPv4's: UFW deletes both by one name."""
    v4 = set(found.rules["v4"]) - set(tuples(want, "v4"))
    v6 = set(found.rules["v6"]) - set(tuples(want, "v6"))
    return sorted(v4 | set(map(_as_v4, v6)))


def stale_words(have: HostState, want: Firewall) -> list[str]:
    """A sentence for each rule that goes."""
    rules = stale(have.firewall, want) if have.firewall else []
    return [f"removing a firewall rule that is not in firewall_allow: {rule}" for rule in rules]


def _as_v4(rule: str) -> str:
    return rule.replace("::/0", "0.0.0.0/0")


def _deletion(rule: str) -> str:
    """`ufw delete` for a rule in UFW's own notation: action protocol dport dst sport src direction."""
    action, protocol, dport, dst, sport, src, *direction = rule.split()
    words = ["delete", action.replace("_", " ")]
    words += [direction[0].split("_")[0]] if direction else []
    words += ["on " + direction[0].split("_", 1)[1]] if direction and "_" in direction[0] else []
    words += ["proto", protocol] if protocol != "any" else []
    words += ["from", "any" if re.fullmatch(r"(0\.0\.0\.0|::)/0", src) else src]
    words += ["port", sport] if sport != "any" else []
    words += ["to", "any" if re.fullmatch(r"(0\.0\.0\.0|::)/0", dst) else dst]
    words += ["port", dport] if dport != "any" else []
    return " ".join(words)


enforce = converge(query, changes)
