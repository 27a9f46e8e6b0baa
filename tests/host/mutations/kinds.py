"""One way of breaking a host, what the audit must say of it, and how it is put right again."""

import shlex
import zlib
from dataclasses import dataclass, replace

KEEP = "/var/tmp/mutations"
"""Where originals lie meanwhile, with their times."""


SEES_ALL = "integrity.aide"
"""The check that fails for most changes of files, whoever else sees them."""


@dataclass(frozen=True)
class Mutation:
    """`breaks` and `mends` are commands of a root shell; `fails` are the ids of exactly the checks that must fail.

    `named` is in what at least one of them found. Where `fails` is integrity.aide alone, no other check may see it.
    """

    breaks: str
    mends: str
    fails: frozenset[str]
    named: str = ""

    def on(self, fqdn: str) -> "Mutation":
        """With a host's name in its commands."""
        return replace(
            self, breaks=self.breaks.replace("{fqdn}", fqdn), mends=self.mends.replace("{fqdn}", fqdn)
        )


def mutation(breaks: str, mends: str, *fails: str, named: str = "") -> Mutation:
    return Mutation(breaks, mends, frozenset(fails), named)


def edited(path: str, how: str, *fails: str, then: str = "true", named: str = "") -> Mutation:
    """`how`, a command, edits `path`; `then` follows the edit and its undoing."""
    kept = f"{KEEP}/{zlib.crc32(f'{path} {how}'.encode()):x}"  # two may edit one file
    return mutation(
        f"mkdir -p {KEEP} && cp -a {path} {kept} && {how} && {then}",
        f"cp -a {kept} {path} && rm {kept} && {then}",
        *fails,
        named=named,
    )


def added(
    path: str, text: str, *fails: str, then: str = "true", mode: str = "644", named: str = ""
) -> Mutation:
    """A new file."""
    return mutation(
        f"mkdir -p $(dirname {path}) && printf '%b' {shlex.quote(text)} >{path} && chmod {mode} {path} && {then}",
        f"rm {path} && {then}",
        *fails,
        named=named or path,
    )


def moded(path: str, bits: str, *fails: str, named: str = "") -> Mutation:
    """Other permissions."""
    kept = f"{KEEP}-mode{path.rstrip('*').replace('/', '-')}"
    return mutation(
        f"stat -c %a {path} | head -n 1 >{kept} && chmod {bits} {path}",
        f"chmod $(cat {kept}) {path} && rm {kept}",
        *fails,
        named=named or path,
    )


def unit(verbs: str, name: str, back: str, *fails: str, named: str = "") -> Mutation:
    """systemctl's doing."""
    return mutation(f"systemctl {verbs} {name}", f"systemctl {back} {name}", *fails, named=named)


def rounds(mutations: dict[str, Mutation]) -> list[dict[str, Mutation]]:
    """As few rounds as follow from this: within one, no two mutations fail the same check.

    What AIDE alone sees comes last, together.
    """
    made: list[dict[str, Mutation]] = []
    alone = {name: each for name, each in mutations.items() if each.fails == {SEES_ALL}}
    for name, each in mutations.items():
        if name in alone:
            continue
        for there in made:
            if not any(each.fails & other.fails for other in there.values()):
                there[name] = each
                break
        else:
            made.append({name: each})
    return [*made, alone]
