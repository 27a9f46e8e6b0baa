"""Certificates of an ACME authority, by certbot: asked for only when that can succeed, renewed by its timer."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine import patience
from provision.engine.operation import Command, converge, script
from provision.engine.state import Containing, HostState, Query
from provision.engine.sudo import as_root
from provision.operations.tls import leads_here
from provision.operations.tls.leads_here import ELSEWHERE
from provision.operations.tls.lineages import faults, spare, stuck

LIVE = "/etc/letsencrypt/live"
RENEWAL = "/etc/letsencrypt/renewal"
ALREADY = Containing("/etc/nginx/sites-enabled/00-default", "/.well-known/acme-challenge/")
"""Finds our nginx where it answers challenges for any name."""
LIMIT_S = 300
"""How long certbot may take, in seconds."""
BUSY_S = 120
"""How long another certbot on the host (its timer's, an administrator's) is waited for, in seconds."""
BUSY = "Another instance of Certbot is already running"
ACCOUNT = "/var/lib/harvest-provision/acme-account"
"""Which authority's account was last told which e-mail address: certbot itself does not keep it."""


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


def certbot(want: Lineage, anew: bool) -> str:
    """certbot's command line; `anew` where what is there comes from elsewhere, or would not be renewed."""
    words = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--webroot"]
    words += ["--webroot-path", want.webroot, "--cert-name", want.name, "--server", want.directory]
    words += ["--key-type", "ecdsa", "--renew-with-new-domains"]
    words += ["--force-renewal"] if anew else ["--keep-until-expiring"]
    words += ["--email", want.email] if want.email else ["--register-unsafely-without-email"]
    words += [word for name in want.names for word in ("-d", name)]
    return shlex.join(words)


def command(want: Lineage, anew: bool, broken: bool) -> str:
    """The shell script that asks.

    What is `broken` is moved aside first: certbot would take another name for the new one, which nobody serves, or
    have it issued and then not know where to put it. It comes back where the authority gives nothing.
    """
    name = shlex.quote(want.name)
    lines = ["said=0; old="]
    if broken:
        lines += [
            "mkdir -p /var/backups; old=$(mktemp -d /var/backups/letsencrypt.XXXXXX); cd /etc/letsencrypt",
            f"for one in renewal/{name}.conf live/{name} archive/{name}; do",
            '  [ -e "$one" ] || [ -L "$one" ] || continue',
            '  mkdir -p "$old/${one%/*}"; mv "$one" "$old/$one"',
            "done",
        ]
    lines += [
        _which(want),
        *_patiently(f"{certbot(want, anew)} $which"),
        # An account that certbot has made just now was told the address.
        f'[ $said != 0 ] || [ -n "$ids" ] || {{ {_note(want)}; }}',
        f"[ $said != 0 ] || [ -e {want.chain} ] || {{ echo 'certbot put it elsewhere than {want.chain}'; said=1; }}",
        'if [ $said != 0 ] && [ -n "$old" ]; then cp -a "$old"/. /etc/letsencrypt/; rm -rf "$old"; fi',
        "exit $said",
    ]
    return "\n".join(lines)


def _which(want: Lineage) -> str:
    """With several accounts certbot would ask which; the one used last is as good as any."""
    host, _, path = want.directory.partition("://")[2].partition("/")
    accounts = f"/etc/letsencrypt/accounts/{shlex.quote(f'{host}/{path}')}"
    return (
        f"ids=$(ls -1t {accounts} 2>/dev/null || true)\n"
        'which=; [ "$(echo "$ids" | wc -l)" -lt 2 ] || which="--account $(echo "$ids" | head -n 1)"'
    )


def _patiently(words: str) -> list[str]:
    """Run certbot, again while another one holds its lock; sets `said`."""
    return [
        "left=" + str(BUSY_S),
        f"while said=0; out=$({words} 2>&1) || said=$?; do",
        f'  case $out in *"{BUSY}"*) ;; *) break ;; esac',
        "  [ $left -gt 0 ] || break",
        "  left=$((left - 2)); sleep 2",
        "done",
        'echo "$out"',
    ]


def _told(want: Lineage) -> str:
    return f"{want.directory} {want.email or '-'}"


def _note(want: Lineage) -> str:
    folder = shlex.quote(posixpath.dirname(ACCOUNT))
    return f"mkdir -p {folder}; echo {shlex.quote(_told(want))} >{ACCOUNT}"


def account_changes(have: HostState, want: Lineage) -> Iterator[Command]:
    """The authority's account has another e-mail address than `acme_email`, or nobody knows which."""
    if have.notes.get(ACCOUNT, "").strip() == _told(want):
        return
    email = f"--email {shlex.quote(want.email)}" if want.email else "--register-unsafely-without-email"
    words = (
        f"certbot update_account --non-interactive --agree-tos --server {shlex.quote(want.directory)} {email}"
    )
    lines = [
        _which(want),
        *_patiently(f"{words} $which"),
        f"[ $said != 0 ] || {{ {_note(want)}; }}",
        "exit $said",
    ]
    yield FunctionCommand(_update, (want, "\n".join(lines)), {})


def _update(state: State, host: Host, want: Lineage, words: str) -> bool:
    """Tell the authority. The certificate serves all the same where that fails, so the run goes on."""
    limit = int(patience.limit(host, LIMIT_S))
    ok, said = host.run_shell_command(script(words), _timeout=limit, **as_root(host))
    if not ok:
        every = [*said.stdout_lines, *said.stderr_lines]
        for line in every[-4:]:
            host.log(f"| {line}")
        why = explain(want, "\n".join(every))
        host.log(f"acme_email did not reach the account, and the next run tries again: {why}")
    return True


def right(have: HostState, want: Lineage) -> bool:
    """The authority's certificate is there, has the names, and would be renewed."""
    found = have.certificates[want.chain]
    ours = found.names == sorted(want.names) and found.fits and not found.self_signed
    return ours and not faults(have.lineages.get(want.name), want.directory, want.webroot)


def is_due(have: HostState, want: Lineage) -> bool:
    """Not while the certificate is right and has more than a third of its life left."""
    found = have.certificates[want.chain]
    return not (right(have, want) and found.left > found.life / 3)


def changes(have: HostState, want: Lineage) -> Iterator[Command]:
    if not is_due(have, want):
        return
    found, kept = have.certificates[want.chain], have.lineages.get(want.name)
    still_good = right(have, want) and found.left > 0
    broken = kept is not None and not kept.whole
    anew = kept is not None and not broken and not right(have, want)
    if want.preflight:
        yield FunctionCommand(_reached, (want, still_good), {})
    yield FunctionCommand(_ask, (want, command(want, anew, broken), still_good, found.left), {})


def early(have: HostState, want: Lineage) -> Iterator[Command]:
    """Before the site is switched to its names, where our nginx answers challenges for any name already."""
    if have.found[ALREADY] and have.units["nginx.service"].active == "active":
        yield from changes(have, want)


def _reached(state: State, host: Host, want: Lineage, still_good: bool) -> bool:
    """The authority will ask for a file below each name: do the same first, from this machine."""
    wrong = leads_here.served(host, want.names, want.webroot)
    for why in wrong:
        host.log(f"{why} The authority was not asked.")
    if wrong:
        host.log(ELSEWHERE)
    return not wrong or still_good


def _ask(state: State, host: Host, want: Lineage, words: str, still_good: bool, left: float) -> bool:
    """Run certbot. Where a renewal fails, what is there goes on serving, and the timer tries again."""
    limit = int(patience.limit(host, LIMIT_S))
    ok, said = host.run_shell_command(script(words), _timeout=limit, **as_root(host))
    if ok:
        return True
    for line in [*said.stdout_lines, *said.stderr_lines][-12:]:
        host.log(f"| {line}")
    host.log(explain(want, "\n".join([*said.stdout_lines, *said.stderr_lines])))
    if still_good:
        host.log(f"the certificate that is there serves for {left / 86400:.0f} more days")
    return still_good


def require(have: HostState, want: tuple[Lineage, ...]) -> Iterator[Command]:
    """Before the run changes anything: the names lead here, and certbot could renew what it keeps for others."""
    ours, names = [each.name for each in want], [name for each in want for name in each.names]
    others = stuck(have, ours, names, want[0].webroot) if want else ()
    said = [
        f"certbot cannot renew {name} on this host any more: {why}. Have it renewed another way (certbot certonly "
        f"--force-renewal --cert-name {name} ...), or delete it: certbot delete --cert-name {name}"
        for name, why in others
        if not spare(have, name, names)
    ]
    if said:
        yield FunctionCommand(_refuse, (said,), {})
    live = bool(have.found[ALREADY]) and have.units["nginx.service"].active == "active"
    asked = tuple(n for each in want if each.preflight and is_due(have, each) for n in each.names)
    # A certificate that is near its end is no reason to refuse the rest of a run.
    if asked and not all(right(have, each) for each in want):
        yield FunctionCommand(leads_here.check, (asked, want[0].webroot, live), {})


def _refuse(state: State, host: Host, said: list[str]) -> bool:
    for sentence in said:
        host.log(sentence)
    return False


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
    if "accountdoesnotexist" in low or "account is not valid" in low or "account has been deactivated" in low:
        return (
            f"{want.directory} no longer knows the account that this host has there; have certbot make another one, "
            f"then deploy again: certbot unregister --non-interactive --server {want.directory} || "
            "mv /etc/letsencrypt/accounts /etc/letsencrypt/accounts.old"
        )
    if BUSY.lower() in low:
        return f"another certbot has been at work on this host for {BUSY_S} s; look with: pgrep -af certbot"
    if "connection" in low and ("refused" in low or "timed out" in low or "unreachable" in low):
        return f"{want.directory} cannot be reached from this host; look there with: curl -v {want.directory}"
    if "certificate_verify_failed" in low or "certificate verify failed" in low:
        return f"this host does not trust {want.directory}: put its root certificate into trusted_cas"
    return "the authority gave no certificate; its words stand above, more in /var/log/letsencrypt/letsencrypt.log"


@dataclass(frozen=True)
class Kept:
    """Of the certificates that were made with our `webroot`, these `names` stay; the timer too, while any is left.

    Of others those go that hold nothing but `covered`, the names of our sites, and that certbot cannot renew.
    """

    webroot: str
    names: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()


TIMER = "certbot.timer"


def _ours(want: Kept) -> str:
    return Containing(f"{RENEWAL}/*.conf", want.webroot)


def _forget(have: HostState, want: Kept) -> Iterator[Command]:
    every = have.found[f"{RENEWAL}/*.conf"]
    gone = [path for path in have.found[_ours(want)] if _name(path) not in want.names]
    for path in gone:
        yield script(f"certbot delete --quiet --non-interactive --cert-name {shlex.quote(_name(path))}")
    for name, _ in stuck(have, want.names, want.covered, want.webroot):
        if spare(have, name, want.covered) and f"{RENEWAL}/{name}.conf" not in gone:
            yield script(_delete_unless_used(name))
    timer = have.units[TIMER]
    idle = set(every) <= set(gone) and not want.names
    if idle and timer.load != "not-found" and (timer.active == "active" or timer.enabled == "enabled"):
        yield script(f"systemctl disable --now --quiet {TIMER}")


def _delete_unless_used(name: str) -> str:
    """A former certificate of the same names, which certbot tries to renew in vain, goes; not from under a service."""
    live = shlex.quote(f"/etc/letsencrypt/live/{name}/")
    hint = f"have it use /etc/letsencrypt/live of the name that HARVEST renews, then: certbot delete --cert-name {name}"
    return (
        f"used=$(grep -rlsF --exclude-dir=letsencrypt {live} /etc | head -n 1 || true)\n"
        f'[ -z "$used" ] || {{ echo "$used uses the certificate "{shlex.quote(name)}", which certbot cannot renew:" '
        f"{shlex.quote(hint)} >&2; exit 1; }}\n"
        f"certbot delete --quiet --non-interactive --cert-name {shlex.quote(name)}"
    )


def _forget_plan(have: HostState, want: Kept) -> Iterator[str]:
    for path in have.found[_ours(want)]:
        if _name(path) not in want.names:
            yield f"delete the certificate {_name(path)}"


def _name(path: str) -> str:
    return posixpath.basename(path).removesuffix(".conf")


def _query(*wanted: Lineage) -> Query:
    chains = {want.chain for want in wanted}
    return Query(certificates=chains, found={ALREADY}, units={"nginx.service"}, lineages=True)


def _plan(have: HostState, want: Lineage) -> Iterator[str]:
    yield f"ask {want.directory} for a certificate for {', '.join(want.names)}"


obtain = converge(_query, changes, plan=_plan)
obtain_early = converge(_query, early, plan=_plan)
update_account = converge(
    lambda want: Query(notes={ACCOUNT}),
    account_changes,
    plan=lambda have, want: [f"tell {want.directory} that acme_email is {want.email or 'not set any more'}"],
)
require_names = converge(
    lambda want: _query(*want),
    require,
    plan=lambda have, want: ["ask where each name leads, and what certbot can renew"],
)
prune = converge(
    lambda want: Query(units={TIMER}, found={_ours(want), f"{RENEWAL}/*.conf"}, lineages=True),
    _forget,
    plan=_forget_plan,
)
