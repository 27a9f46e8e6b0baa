"""How a run leaves the host: where HARVEST is, how to sign in, which release runs, what wants attention."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, call
from provision.engine.state import HostState, Query, state_of
from provision.pyinfra_bridge import report

REBOOT = "/run/reboot-required"


@dataclass(frozen=True)
class Place:
    """One HARVEST: `url` as a browser has it, the folder of its release, its database."""

    url: str
    root: str
    database: str


@dataclass(frozen=True)
class Left:
    """What the settings say of it; `placeholders` are the authority's certificates, by site, that may not be there."""

    places: tuple[Place, ...]
    version: str
    first_admin: str | None
    reboots: str = "never"
    placeholders: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


def query(want: Left) -> Query:
    """Nothing that another operation has not asked for anyway costs more than a look at one file."""
    files = {REBOOT, *(f"{place.root}/harvest" for place in want.places)}
    accounts = set() if want.first_admin else {place.database for place in want.places}
    certificates = {path for _, path in want.placeholders}
    return Query(files=files, accounts=accounts, certificates=certificates)


def facts(have: HostState, want: Left) -> dict[str, str]:
    """What to know of it, by word."""
    running = {
        have.files[f"{place.root}/harvest"].target.split("/")[1:2][0] for place in _installed(have, want)
    }
    said = {"url": "  ".join(place.url for place in want.places)}
    if want.first_admin:
        said["sign in"] = f"as {want.first_admin}, with the password of first_admin_password"
    said["release"] = f"HARVEST {want.version} ({', '.join(sorted(running)) or 'none'})".replace("  ", " ")
    return said


def _installed(have: HostState, want: Left) -> Iterator[Place]:
    """Those whose link leads to releases/ID/harvest."""
    for place in want.places:
        if have.files[f"{place.root}/harvest"].target.count("/") >= 2:
            yield place


def attention(have: HostState, want: Left) -> Iterator[str]:
    """A sentence for each thing that the operator should see to."""
    for place in want.places:
        if not want.first_admin and have.accounts.get(place.database) == 0:
            yield (
                f"no account exists at {place.url}, so that signing in is impossible: set first_admin and "
                "first_admin_password, and deploy again"
            )
    for site, path in want.placeholders:
        if not have.certificates[path].names:
            yield f"{site} serves a placeholder certificate: the authority has given none yet"
    yield from want.remarks
    if have.files[REBOOT].kind != "absent":
        when = f"the host does it at {want.reboots}" if want.reboots != "never" else "type: sudo reboot"
        yield f"a reboot is pending after an update; {when}"


def _apply(want: Left) -> Generator[Command, None, None]:
    if host.state.is_executing:
        have = state_of(host, query(want))
        report.report_of(host).summary = report.Summary(facts(have, want), list(attention(have, want)))
    yield from ()


_wrapped = operation()(_apply)


def show(name: str, want: Left) -> OperationMeta:
    """Nothing is changed; the screen shows it when the run has ended."""
    return call(query(want), lambda: _wrapped(name=name, want=want))
