"""Certificates of an ACME authority, by certbot: asked for only when that can succeed, renewed by its timer."""

import posixpath
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine import patience
from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.operations.host import as_root
from provision.operations.tls.acme_preflight import trouble

LIVE = "/etc/letsencrypt/live"
RENEWAL = "/etc/letsencrypt/renewal"
CHALLENGES = ".well-known/acme-challenge"
ELSEWHERE = (
    "If the world sees it otherwise than this machine (split DNS, NAT), set acme_preflight = False: then the authority "
    "is asked without a look."
)
LIMIT_S = 300
"""How long certbot may take, in seconds."""


@dataclass(frozen=True)
class Lineage:
    """One certificate for all DNS `names` of a site, called `name`, from the authority at `directory`."""

    name: str
    names: tuple[str, ...]
    directory: str
    webroot: str
    email: str | None = None
    preflight: bool = True
    """Whether the names are looked at from this machine before the authority is."""

    @property
    def chain(self) -> str:
        return f"{LIVE}/{self.name}/fullchain.pem"

    @property
    def authority(self) -> str:
        """Finds the renewal file when it names our authority."""
        return f"{RENEWAL}/{self.name}.conf :: server = {self.directory}\n"


def certbot(want: Lineage, anew: bool) -> str:
    """certbot's command line; `anew` where the one that is there comes from another authority."""
    words = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--webroot"]
    words += ["--webroot-path", want.webroot, "--cert-name", want.name, "--server", want.directory]
    words += ["--key-type", "ecdsa", "--renew-with-new-domains"]
    words += ["--force-renewal"] if anew else ["--keep-until-expiring"]
    words += ["--email", want.email] if want.email else ["--register-unsafely-without-email"]
    words += [word for name in want.names for word in ("-d", name)]
    return shlex.join(words)


def changes(have: HostState, want: Lineage) -> Iterator[Command]:
    """Nothing while the certificate has the names, the authority and more than a third of its life left."""
    found = have.certificates[want.chain]
    here = bool(have.found[want.authority])
    if found.names == sorted(want.names) and here and found.left > found.life / 3:
        return
    still_good = found.names == sorted(want.names) and here and found.left > 0
    if want.preflight:
        yield FunctionCommand(_reached, (want, still_good), {})
    yield FunctionCommand(_ask, (want, bool(found.names) and not here, still_good, found.left), {})


def _reached(state: State, host: Host, want: Lineage, still_good: bool) -> bool:
    """The authority will ask for a file below each name: do the same first, from this machine."""
    token, file = secrets.token_hex(16), f"harvest-{secrets.token_hex(8)}"
    path = posixpath.join(want.webroot, CHALLENGES, file)
    write = script(f"umask 022; mkdir -p {posixpath.dirname(path)}; echo {token} >{path}")
    host.run_shell_command(write, **as_root(host))
    try:
        wrong = [why for name in want.names if (why := trouble(name, f"/{CHALLENGES}/{file}", token))]
    finally:
        host.run_shell_command(StringCommand(f"rm -f {path}"), **as_root(host))
    for why in wrong:
        host.log(f"{why} The authority was not asked.")
    if wrong:
        host.log(ELSEWHERE)
    return not wrong or still_good


def _ask(state: State, host: Host, want: Lineage, anew: bool, still_good: bool, left: float) -> bool:
    """Run certbot. Where a renewal fails, what is there goes on serving, and the timer tries again."""
    command = StringCommand(certbot(want, anew))
    ok, said = host.run_shell_command(command, _timeout=int(patience.limit(host, LIMIT_S)), **as_root(host))
    if ok:
        return True
    for line in [*said.stdout_lines, *said.stderr_lines][-12:]:
        host.log(f"| {line}")
    host.log(explain(want, "\n".join([*said.stdout_lines, *said.stderr_lines])))
    if still_good:
        host.log(f"the certificate that is there serves for {left / 86400:.0f} more days")
    return still_good


def explain(want: Lineage, said: str) -> str:
    """certbot's failure in one sentence."""
    low = said.lower()
    if "ratelimited" in low or "too many" in low:
        return f"{want.directory} has had enough requests for now (its rate limit): wait, then deploy again"
    if "failed to authenticate" in low or "challenges have failed" in low:
        return (
            f"the authority could not fetch the proof from {' or '.join(want.names)} although this machine could: "
            "its words above say what it found there"
        )
    if "connection" in low and ("refused" in low or "timed out" in low or "unreachable" in low):
        return f"{want.directory} cannot be reached from this host; look there with: curl -v {want.directory}"
    if "certificate_verify_failed" in low or "certificate verify failed" in low:
        return f"this host does not trust {want.directory}: put its root certificate into trusted_cas"
    return "the authority gave no certificate; its words stand above, more in /var/log/letsencrypt/letsencrypt.log"


@dataclass(frozen=True)
class Kept:
    """Of the certificates that were made with our `webroot`, these `names` stay; the timer too, while any is left."""

    webroot: str
    names: tuple[str, ...] = ()


TIMER = "certbot.timer"


def _ours(want: Kept) -> str:
    return f"{RENEWAL}/*.conf :: {want.webroot}"


def _forget(have: HostState, want: Kept) -> Iterator[Command]:
    every = have.found[f"{RENEWAL}/*.conf"]
    gone = [path for path in have.found[_ours(want)] if _name(path) not in want.names]
    for path in gone:
        yield script(f"certbot delete --quiet --non-interactive --cert-name {shlex.quote(_name(path))}")
    timer = have.units[TIMER]
    idle = set(every) <= set(gone) and not want.names
    if idle and timer.load != "not-found" and (timer.active == "active" or timer.enabled == "enabled"):
        yield script(f"systemctl disable --now --quiet {TIMER}")


def _name(path: str) -> str:
    return posixpath.basename(path).removesuffix(".conf")


obtain = converge(lambda want: Query(certificates={want.chain}, found={want.authority}), changes)
keep_only = converge(lambda want: Query(units={TIMER}, found={_ours(want), f"{RENEWAL}/*.conf"}), _forget)
