"""UFW: exactly the wanted rules, deny by default, IPv4 and IPv6, and never a moment without the SSH rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import Firewall as State
from provision.engine.state import HostState, Query
from provision.operations.access import revert, ufw_rules
from provision.operations.access.ufw_rules import ANYWHERE, Rule

DEFAULTS = (
    'DEFAULT_APPLICATION_POLICY="SKIP"',
    'DEFAULT_FORWARD_POLICY="DROP"',
    'DEFAULT_INPUT_POLICY="DROP"',
    'DEFAULT_OUTPUT_POLICY="ACCEPT"',
    "IPV6=yes",
)
AT_ONCE = 20
"""So many rules are deleted by one command, which takes UFW seconds."""

REWRITE = "ufw deny in on harvest-none; ufw delete deny in on harvest-none"
"""A rule that no packet meets: UFW writes its files again, without lines in them that are not its own."""


@dataclass(frozen=True)
class Firewall:
    """TCP ports that anyone may reach, and what else others may, as the setting firewall_allow has it.

    All else that comes in is dropped.
    """

    open_ports: tuple[int, ...]
    others: tuple[str, ...] = ()


def query(want: Firewall) -> Query:
    return Query(firewall=True)


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
    right = all(_bare(found.rules[family]) == set(rules) for family, rules in wanted.items())  # type: ignore[index]
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
    if None in _rules(found) or (right and not live):
        lines += [REWRITE]
    lines += [_allow(*opening) for opening in openings(want)]
    first, *others = batched(ufw_rules.deletions(stale(found, want)), AT_ONCE) or [[]]
    lines += first
    for more in others:
        yield _quietly(lines)
        # Each of many may take its time; what is not confirmed is reverted all the same.
        lines = [revert.postpone_script(), *more]
    if not set(DEFAULTS) <= set(found.defaults):
        lines += ["ufw default deny incoming", "ufw default allow outgoing", "ufw default deny routed"]
        lines += ["ufw app default skip"]
    if not found.enabled:
        lines += ["ufw --force enable"]
    yield _quietly(lines)


def batched(lines: list[str], size: int) -> list[list[str]]:
    """The lines, at most `size` at a time."""
    return [lines[first : first + size] for first in range(0, len(lines), size)]


def _quietly(lines: list[str]) -> Command:
    return script("exec 3>&1 >/dev/null\n" + "\n".join(lines))


def _bare(rules: list[str]) -> set[str]:
    """UFW's tuples without comments, which make no other rule of one."""
    return {rule.partition(" comment=")[0] for rule in rules}


def _rules(found: State) -> list[Rule | None]:
    return [ufw_rules.parse(family, rule) for family in ANYWHERE for rule in found.rules[family]]  # type: ignore[index]


def stale(found: State, want: Firewall) -> list[Rule]:
    """Rules that nothing asks for."""
    return [
        parsed
        for family in ANYWHERE
        for rule in found.rules[family]  # type: ignore[index]
        if not _bare([rule]) <= set(tuples(want, family))
        if (parsed := ufw_rules.parse(family, rule))
    ]


def plan(have: HostState, want: Firewall) -> Iterator[str]:
    """Which rules come, which go, and what else of the firewall changes."""
    found = have.firewall
    if found is None or not list(changes(have, want)):
        return
    there = {family: _bare(rules) for family, rules in found.rules.items()}
    for port, protocol, source in openings(want):
        alone = Firewall((), (f"{port}/{protocol}" + (f" from {source}" if source else ""),))
        if any(not set(tuples(alone, family)) <= rules for family, rules in there.items()):
            yield f"add a firewall rule: allow {port}/{protocol} from {source or 'anywhere'}"
    yield from stale_words(have, want)
    if not set(DEFAULTS) <= set(found.defaults):
        yield "set the firewall's defaults: deny incoming, allow outgoing"
    yield "reload the firewall" if found.enabled else "enable the firewall"


def stale_words(have: HostState, want: Firewall) -> list[str]:
    """A sentence for each rule that goes, which UFW has once for IPv4 and once for IPv6."""
    rules = stale(have.firewall, want) if have.firewall else []
    names = dict.fromkeys(rule.shown() for rule in rules)
    return [f"removing a firewall rule that is not in firewall_allow: {name}" for name in names]


enforce = converge(query, changes, plan=plan)
