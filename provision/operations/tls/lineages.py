"""What certbot keeps on a host with a past: whether it renews ours, and what it could not renew next to us."""

from collections.abc import Iterable, Iterator

from provision.engine.state import HostState
from provision.engine.state import Lineage as Found


def faults(found: Found | None, server: str, webroot: str) -> list[str]:
    """Why `certbot renew` would not renew a certificate of ours, each reason to follow its name; none if it would."""
    if found is None or not found.renewed:
        return ["has no renewal file"]
    said = []
    if not found.whole:
        said += ["has files below /etc/letsencrypt that do not belong together"]
    if found.server != server:
        said += [f"is renewed by {found.server or 'no authority'}, not by {server}"]
    if found.authenticator != "webroot":
        said += [
            f"is renewed by the {found.authenticator or 'no'} authenticator, not through nginx's webroot"
        ]
    elif found.roots != [webroot]:
        said += [f"is renewed through {', '.join(found.roots) or 'no folder'}, not {webroot}"]
    if found.hooks:
        said += [f"runs `{'`, `'.join(found.hooks)}` around each renewal"]
    if not found.account:
        said += ["is renewed by an account that is not on this host"]
    return said


def stuck(
    have: HostState, ours: Iterable[str], names: Iterable[str], webroot: str
) -> Iterator[tuple[str, str]]:
    """Other certificates that certbot cannot renew next to our sites: (name, why).

    One of those makes every run of certbot.timer fail, which would hide a failure of ours.
    """
    for name, found in have.lineages.items():
        if name in ours or not found.renewed:
            continue
        if not found.whole:
            yield name, "its files below /etc/letsencrypt do not belong together"
        elif found.authenticator == "standalone" and not found.hooks:
            yield name, "the standalone authenticator needs port 80, which is nginx's"
        elif found.authenticator == "webroot" and found.roots != [webroot] and set(found.names) & set(names):
            yield name, f"the challenges of {', '.join(found.names)} are answered from {webroot}"


def spare(have: HostState, name: str, names: Iterable[str]) -> bool:
    """Whether another certificate holds nothing but names of ours: a former one of the same site."""
    found = have.lineages[name]
    return bool(found.names) and set(found.names) <= set(names)
