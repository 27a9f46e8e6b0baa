"""Any rule that UFW can hold, read from its rule files: what UFW itself calls it, and the words that delete it.

UFW writes each rule down as a "tuple": action, protocol, destination's port and address, source's port and address,
where application profiles are named the destination's and the source's, and the direction with its interfaces.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

ANYWHERE = {"v4": "0.0.0.0/0", "v6": "::/0"}
CLOSING = ("deny", "reject", "limit")


@dataclass(frozen=True)
class Rule:
    """One rule of one family's file; ports are "any" where it names none."""

    family: str
    action: str
    protocol: str
    dport: str
    dst: str
    sport: str
    src: str
    dapp: str = ""
    sapp: str = ""
    direction: str = "in"
    inside: str = ""
    outside: str = ""
    log: str = ""
    route: bool = False
    comment: str = ""

    @property
    def anywhere(self) -> bool:
        """Whether it is for all addresses of its family."""
        return {self.src, self.dst} == {ANYWHERE[self.family]}

    def shown(self) -> str:
        """The rule in the words of `ufw show added`: what was typed, or could have been, after "ufw"."""
        route = ["route"] if self.route else []
        short = not (self.sport != "any" or self.sapp or self.inside or self.outside or self.dport == "any")
        if short and self.anywhere:
            out = ["out"] if self.direction == "out" else []
            protocol = f"/{self.protocol}" if self.protocol != "any" else ""
            words = [*route, self.action, *out, *self._log(), self.dapp or self.dport + protocol]
        else:
            ends = [
                *self._end("from", self._place(self.src), self.sport, self.sapp, brief=True),
                *self._end("to", self._place(self.dst), self.dport, self.dapp, brief=True),
            ]
            if not (ends or self.inside or self.outside):
                ends = ["to", "any"]
            words = [*route, self.action, *self._way(), *self._log(), *ends, *self._protocol()]
        comment = f" comment '{self.comment}'" if self.comment else ""
        return " ".join(f"'{word}'" if " " in word else word for word in words) + comment

    def deletion(self, *, both: bool) -> str:
        """The command that deletes it, from `both` families' rules or from its own family's alone.

        Addresses stand there in full: "any" finds no rule with a profile that only IPv6 has.
        """
        src, dst = (self._place(end) if both else end for end in (self.src, self.dst))
        words = ["ufw", *(["route"] if self.route else []), "delete", self.action, *self._way(), *self._log()]
        words += self._end("from", src, self.sport, self.sapp)
        words += self._end("to", dst, self.dport, self.dapp)
        return shlex.join([*words, *self._protocol()])

    def _place(self, address: str) -> str:
        return "any" if address == ANYWHERE[self.family] else address

    def _log(self) -> list[str]:
        return [self.log] if self.log else []

    def _way(self) -> list[str]:
        words = ["in", "on", self.inside] if self.inside else []
        if self.outside:
            return [*words, "out", "on", self.outside]
        return words or (["out"] if self.direction == "out" else [])

    def _protocol(self) -> list[str]:
        return ["proto", self.protocol] if self.protocol != "any" and not (self.dapp or self.sapp) else []

    @staticmethod
    def _end(word: str, place: str, port: str, profile: str, *, brief: bool = False) -> list[str]:
        if brief and place == "any" and port == "any" and not profile:
            return []
        behind = ["app", profile] if profile else ["port", port] if port != "any" else []
        return [word, place, *behind]


def parse(family: str, line: str) -> Rule | None:
    """The rule of a tuple; None for one that UFW itself skips as malformed."""
    line, _, comment = line.partition(" comment=")
    words = line.split()
    if not 6 <= len(words) <= 9:
        return None
    way = words.pop() if len(words) in (7, 9) else "in"  # older files do not say it
    match = re.fullmatch(r"(in|out)(?:_([^!]+))?(?:!out_(.+))?", way)
    kind = re.fullmatch(r"(route:)?([a-z]+)(?:_(log(?:-all)?))?", words[0])
    if not (match and kind):
        return None
    direction, first, second = match.groups()
    protocol, dport, dst, sport, src = words[1:6]
    dapp, sapp = (name.replace("%20", " ") if name != "-" else "" for name in words[6:] or ("-", "-"))
    return Rule(
        family=family,
        action=kind[2],
        protocol=protocol,
        dport=dport,
        dst=dst,
        sport=sport,
        src=src,
        dapp=dapp,
        sapp=sapp,
        direction=direction,
        inside=(first or "") if direction == "in" else "",
        outside=second or ((first or "") if direction == "out" else ""),
        log=kind[3] or "",
        route=bool(kind[1]),
        comment=_decoded(comment.strip()),
    )


def _decoded(comment: str) -> str:
    try:
        return bytes.fromhex(comment).decode()
    except ValueError:
        return comment


def deletions(rules: Iterable[Rule]) -> list[str]:
    """A command for each rule that goes. Those that shut something first: behind one of them a rule that opens the
    port on which we stand may be of no use until it is gone."""
    families: dict[str, dict[str, Rule]] = {}
    for rule in rules:
        families.setdefault(rule.deletion(both=True), {})[rule.family] = rule
    lines = [
        (next(iter(found.values())).action not in CLOSING, command)
        for both, found in families.items()
        for command in ([both] if len(found) == 2 else [rule.deletion(both=False) for rule in found.values()])
    ]
    return [command for _, command in sorted(lines, key=lambda line: line[0])]
