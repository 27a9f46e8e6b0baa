"""A host's state as one typed value, read in one round trip and kept until something changes.

pyinfra asks the host for each fact separately, one SSH channel each; a second run that finds nothing to do would spend
its whole time so. Operations therefore say beforehand what they need (`Query`), the first one to run reads it all,
and `forget` drops the answer as soon as a command was sent.
"""

import base64
import json
import shlex
import time
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from pydantic import BaseModel
from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host

from provision.engine import patience
from provision.remote import program

LOOK = program(
    "host_state", "host_files", "aide", "answers", "health", "releases", "trees", "web", "sysctl", "updates"
)


class Containing(str):
    """Files that match the glob `pattern` and contain `text`, as one pattern of `Query.found`."""

    def __new__(cls, pattern: str, text: str) -> "Containing":
        return super().__new__(cls, f"{pattern} :: {text}")


@dataclass
class Query:
    """What to look at: names and paths, never a value (it stands on the host's command line)."""

    files: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    certificates: set[str] = field(default_factory=set)
    urls: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    """Glob patterns; a `Containing` finds only files with that text."""
    notes: set[str] = field(default_factory=set)
    """Small files whose text is wanted; never secret ones."""
    groups: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    """Folders in which all files should belong to root, be readable by all and writable by no one else."""
    edited: set[str] = field(default_factory=set)
    """Markers: nothing in a marker's folder is to be newer than it."""
    sysctl: set[str] = field(default_factory=set)
    """Keys of sysctl(8), without patterns."""
    integrity: set[str] = field(default_factory=set)
    """AIDE's configurations: what differs from their databases. Those of others are not asked: it may take hours."""
    health: set[str] = field(default_factory=set)
    """Checks of remote/health.py: what a reboot or a restart would break."""

    releases: set[str] = field(default_factory=set)
    """Patterns of roots, like /opt/harvest*: which releases each has, and what became of them."""
    accounts: set[str] = field(default_factory=set)
    """HARVEST's databases: how many accounts can sign in there."""
    firewall: bool = False
    """UFW's rules."""
    keys: bool = False
    """The public keys of every account."""
    lineages: bool = False
    """certbot's lineages."""
    nginx: bool = False
    """The output of `nginx -T`."""
    failed: bool = False
    """The units that failed."""
    updates: bool = False
    """The packages that an upgrade would bring."""

    def __or__(self, other: "Query") -> "Query":
        return Query(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))

    def covers(self, other: "Query") -> bool:
        return all(getattr(self, f.name) >= getattr(other, f.name) for f in fields(self))

    def json(self) -> str:
        asked = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(
            {name: sorted(value) if isinstance(value, set) else value for name, value in asked.items()}
        )


class Entry(BaseModel):
    """One path. `changed` is the inode's change time in seconds since the epoch."""

    kind: Literal["absent", "file", "directory", "link"]
    mode: int = 0
    owner: str = ""
    group: str = ""
    sha256: str = ""
    target: str = ""
    end: str = ""
    """Where a link leads in the end."""
    behind: "Entry | None" = None
    """The directory that a link leads to."""
    changed: float = 0.0


class Unit(BaseModel):
    """systemd's view; `started` and `stamped` (our last reload) in seconds since the epoch, 0 for never."""

    load: str
    active: str
    enabled: str
    needs_daemon_reload: bool
    started: float
    stamped: float
    noted: str = ""
    """What our last start or reload noted of the files that it read (operations/stamps.py)."""
    skipped: bool = False
    """Tried since the boot, and a condition of its unit file was not met: it cannot run on this host."""


class User(BaseModel):
    """One account; the password itself is never read off the host, only whether there is one."""

    uid: int
    home: str
    shell: str
    group: str
    groups: list[str]
    has_password: bool
    logs_in: bool = True
    """Whether its shell is one; else neither sshd nor su lets it in."""
    expired: bool = False
    must_change: bool = False
    """Whether its password has to be changed before anything else."""
    processes: list[int] = []
    """Some that run as it."""
    place: Entry = Entry(kind="directory")
    """Its home, links followed."""


class Firewall(BaseModel):
    """UFW's configured rules (its "tuples") and the number of rules live in the kernel (-1: it does not ask them)."""

    enabled: bool
    defaults: list[str]
    rules: dict[Literal["v4", "v6"], list[str]]
    """With the comments that UFW keeps in them."""
    live: dict[Literal["v4", "v6"], int]


class Answer(BaseModel):
    """What a URL said; status 0 with the reason in `body` where nothing answered."""

    status: int
    type: str
    body: str


class Certificate(BaseModel):
    """A certificate's DNS names, the seconds left, and those it was made for; no names where there is none."""

    names: list[str] = []
    left: float = 0.0
    life: float = 0.0
    fits: bool = True
    """Its key lies next to it and is its own."""
    self_signed: bool = False


class Lineage(BaseModel):
    """What certbot keeps below one name; `whole` if it could renew it as far as its files go."""

    whole: bool
    renewed: bool = True
    """There is a renewal file."""
    authenticator: str = ""
    server: str = ""
    roots: list[str] = []
    hooks: list[str] = []
    account: bool = True
    """The account that it is renewed by is on this host."""
    names: list[str] = []


class Nginx(BaseModel):
    """What `nginx -t` says, and the patterns that the files include; nothing where nginx is not installed."""

    accepted: bool = True
    said: str = ""
    includes: list[str] | None = None


class Sysctl(BaseModel):
    """A setting of the kernel: its value now ("" where it lacks it), and what sysctl.d assigns last, by which file."""

    now: str
    boot: str = ""
    file: str = ""


class System(BaseModel):
    """The host itself; sizes in MiB."""

    os: str
    version: str
    pretty: str
    systemd: bool
    python: str
    hostname: str
    timezone: str
    free_mb: int
    cores: int
    cloud_init: bool
    trusts: str
    ipv6: bool = True
    now: float = float("inf")
    """The host's clock, in seconds since the epoch."""
    ahead_s: float = 0.0
    """Seconds by which it is ahead of the controller's."""


class ReleaseRecord(BaseModel):
    """What the host noted of one release (provision/remote/releases.py); only its id where it noted nothing."""

    id: str
    outcome: Literal["", "trying", "live", "good", "bad"] = ""
    stage: str = ""
    why: str = ""
    origin: dict[str, str] = {}
    by: str = ""
    address: str = ""
    at: str = ""
    previous: str = ""
    took_s: float = 0.0
    size_mb: int = 0
    backup: str = ""
    backup_revision: str = ""
    venv: str = ""


class Releases(BaseModel):
    """One HARVEST's releases, oldest first; `live` is where its links lead."""

    live: str = ""
    records: list[ReleaseRecord] = []

    def find(self, release: str) -> ReleaseRecord | None:
        return next((each for each in self.records if each.id == release), None)


class Finding(BaseModel):
    """One path that is not as AIDE's baseline has it; times in seconds since the epoch, 0 where unknown."""

    what: Literal["added", "changed", "removed"]
    path: str
    since: float = 0.0
    changed: float = 0.0
    """The last time; `since` is the first that a run noted, after which a run may have changed the file too."""
    ours: bool = False
    """A run changed it, and did not come to record that."""
    seen: str = ""
    """When a run first noted it; "" where none has."""
    bare: bool = False
    """It has neither an access list beyond its mode nor capabilities."""


class Integrity(BaseModel):
    """What differs from AIDE's baseline; `failed` says why AIDE could not tell."""

    failed: str = ""
    findings: list[Finding] = []
    closed: list[str] = []
    """Noted by a run, and as in the baseline again."""
    noted: bool = False
    """A run recorded what AIDE's own files were."""


class HostState(BaseModel):
    """All that a query asked for."""

    system: System
    files: dict[str, Entry]
    packages: dict[str, str]
    units: dict[str, Unit]
    users: dict[str, User]
    firewall: Firewall | None
    certificates: dict[str, Certificate]
    urls: dict[str, Answer]
    found: dict[str, list[str]] = {}
    notes: dict[str, str] = {}
    """Only those that are there."""
    lineages: dict[str, Lineage] = {}
    nginx: Nginx = Nginx()
    failed: list[str] = []
    updates: dict[str, bool] = {}
    """By package, whether its update is one of security."""
    groups: dict[str, list[str]] = {}
    """Members by the group file; only groups that are there."""
    primary: dict[str, list[str]] = {}
    """Accounts whose own group it is: members too, though the group file does not say so."""
    keys: dict[str, list[str]] = {}
    """Lines of every account's authorized_keys, by file."""
    sysctl: dict[str, Sysctl] = {}
    foreign: dict[str, list[str]] = {}
    edited: dict[str, list[str]] = {}
    """Paths that are not so, by what was asked."""
    integrity: dict[str, Integrity] = {}
    """By AIDE's configuration."""
    health: dict[str, list[str]] = {}
    """What each check found; for "apt" all values in force."""
    releases: dict[str, Releases] = {}
    """By root; only roots that have any."""
    accounts: dict[str, int] = {}
    """Accounts that can sign in, by database; -1 where it cannot be read."""


NO_PYTHON = {"missing": "python3"}


class Unreadable(PyinfraError):
    """The host's state cannot be read; the sentence says why and what to do."""


class Look(FactBase[dict[str, Any]]):
    """The fact behind `state_of`."""

    def command(self, query: str) -> StringCommand:
        without = f"command -v python3 >/dev/null || {{ echo '{json.dumps(NO_PYTHON)}'; exit 0; }};"
        # -IS: without the host's site-packages, which may hold anything, and are a quarter of Python's start.
        return StringCommand(without, "python3", "-IS", "-c", QuoteString(LOOK), QuoteString(query))

    def process(self, output: list[str]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(output[-1])  # a .bashrc may have its say before
        if "system" in answer:
            answer["system"]["ahead_s"] = answer["system"]["now"] - time.time()
        return answer


class Texts(FactBase[list[str]]):
    """The fact behind `texts_of`: each file as base64, one a line, an empty line where it cannot be read."""

    def command(self, paths: list[str]) -> StringCommand:
        each = "; ".join(f"base64 -w0 {shlex.quote(path)} 2>/dev/null; echo" for path in paths)
        return StringCommand("sh", "-c", QuoteString(each))

    def process(self, output: list[str]) -> list[str]:
        return [base64.b64decode(line).decode(errors="replace") for line in output]


def texts_of(host: Host, paths: list[str]) -> dict[str, str]:
    """The text of files that everybody may read, by path: for --diff, which asks the host once more."""
    found: list[str] = list(host.get_fact(Texts, paths=paths)) if paths else []  # type: ignore[arg-type]
    return dict(zip(paths, found, strict=False))


FRESH_S = 10.0
"""How long what was seen before the run is still good for the run itself. A human who reads the plan takes longer."""


@dataclass(frozen=True)
class _Seen:
    """One look: during which of pyinfra's stages, when, and what."""

    stage: Any
    at: float
    query: Query
    state: HostState
    expected: HostState | None = None
    """Before the run: as it will be once the operations that are already prepared have run."""


_announced: dict[str, Query] = {}
_known: dict[str, _Seen] = {}
"""Both by host name."""


def announce(host: Host, query: Query) -> None:
    """Say what an operation will want to know, before the run begins."""
    _announced[host.name] = _announced.get(host.name, Query()) | query


def state_of(host: Host, query: Query) -> HostState:
    """The host's state, covering at least `query`; read now unless known and nothing changed since."""
    stage, now = host.state.current_stage, time.monotonic()
    seen = _known.get(host.name)
    if seen and seen.query.covers(query) and (seen.stage == stage or now - seen.at <= FRESH_S):
        if seen.stage == stage:
            return seen.expected or seen.state
        _known[host.name] = replace(
            seen, stage=stage, expected=None
        )  # fresh at the start is good for all of the run
        return seen.state
    query = _announced.get(host.name, Query()) | query
    began = time.monotonic()
    answer = host.get_fact(Look, query=query.json())
    patience.learn(host, time.monotonic() - began)
    if answer == NO_PYTHON:
        raise Unreadable(
            "python3 is not installed, and deploy.py needs it there. On the host, as root: "
            "apt-get update && apt-get install -y python3. Nothing was changed"
        )
    if not answer:  # pyinfra has said why
        raise Unreadable("the state of the host cannot be read")
    state = HostState.model_validate(answer)
    _known[host.name] = _Seen(stage, now, query, state)
    return state


def expect(host: Host, state: HostState) -> None:
    """What operations that are prepared later shall see: a dry run's reload follows from its new file."""
    if host.name in _known:
        _known[host.name] = replace(_known[host.name], expected=state)


def forget(host: Host) -> None:
    """Something was, or is about to be, changed on the host."""
    _known.pop(host.name, None)
