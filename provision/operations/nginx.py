"""nginx itself: its checker's words made plain, its number of connections, and leaving it."""

import fnmatch
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import Containing, HostState, Query
from provision.operations.systemd import DISABLED, Unit, act, is_stale

CONF = "/etc/nginx/nginx.conf"
PLACES = "/etc/nginx/conf.d /etc/nginx/sites-enabled /etc/nginx/modules-enabled"
SITES = "/etc/nginx/sites-enabled/*"


def check(mark: str, names: tuple[str, ...]) -> str:
    """A shell script that accepts what nginx accepts, and says whose file is to blame where it does not.

    nginx only warns of a name that two sites claim, and then serves whichever it read first: that is refused for
    our `names`. Files of ours hold `mark`.
    """
    lines = [
        "command -v nginx >/dev/null || exit 0",
        f'others() {{ grep -rlw -e "^[^#]*$1" {CONF} {PLACES} 2>/dev/null | while read -r one; do',
        f'  grep -qsF {shlex.quote(mark)} "$one" || printf "%s " "$one"; done; }}',
        "said=$(nginx -t 2>&1) && right=yes || right=no",
    ]
    for name in names:
        hint = 'remove the name there, or set site = "beside"'
        lines += [
            f"""case $said in *'conflicting server name "{name}"'*) """
            f'printf "%s\\n" "$said"; echo "another site of this host has the name {name}: $(others {name});" '
            f"{shlex.quote(hint)}; exit 1 ;; esac"
        ]
    lines += [
        "[ $right = no ] || exit 0",
        'printf "%s\\n" "$said"',
        "file=$(printf '%s\\n' \"$said\" | sed -n 's/.* in \\(\\/[^ ]*\\):[0-9]*$/\\1/p' | head -n 1)",
        f'if [ -n "$file" ] && [ "$file" != {CONF} ] && ! grep -qs {shlex.quote(mark)} "$file"; then',
        "  echo \"the broken file is $file, which is not HARVEST's: repair it or remove its link in sites-enabled;"
        ' nginx goes on with what it has loaded"',
        "  exit 1",
        "fi",
        # nginx blames the second of two that want the same, which may be ours.
        'word=$(printf "%s\\n" "$said" | sed -n \'s/.*emerg[^"]*"\\([^"]*\\)".*/\\1/p\' | head -n 1)',
        "case $said in *'duplicate default server'*) word=default_server ;; "
        "*'unknown log format \"harvest\"'*) word=harvest.d ;; esac",
        '[ -z "$word" ] || [ -z "$(others "$word")" ] || echo "$word also occurs in: $(others "$word")"',
        "exit 1",
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class Loaded:
    """nginx accepts what lies on the host, and serves our `names` from our files; files of ours hold `mark`."""

    mark: str
    names: tuple[str, ...]


def _verify(have: HostState, want: Loaded) -> Iterator[Command]:
    """Another's later file may break the next start while all of ours is as it should be."""
    clash = any(f'conflicting server name "{name}"' in have.nginx.said for name in want.names)
    if not have.nginx.accepted or clash:
        yield script(f"{{\n{check(want.mark, want.names)}\n}} >&2")


@dataclass(frozen=True)
class Included:
    """nginx.conf includes the folders in which these files of ours are to lie."""

    paths: tuple[str, ...]


def _require(have: HostState, want: Included) -> Iterator[Command]:
    patterns = have.nginx.includes
    if patterns is None:  # not installed yet
        return
    lost = [path for path in want.paths if not any(fnmatch.fnmatch(path, each) for each in patterns)]
    for path in lost:
        folder, _, file = path.rpartition("/")
        shape = f"{folder}/*" + (".conf" if file.endswith(".conf") else "")
        said = f"{CONF} does not include {path}: add the line `include {shape};` to its http block"
        yield script(f"echo {shlex.quote(said)} >&2; exit 1")


@dataclass(frozen=True)
class Connections:
    """How many connections one worker may hold, both sides of a proxied one counted; 0 is Debian's own number.

    Only nginx.conf can say it: its events block stands nowhere else. Debian's 768 break at some 380 clients a worker.
    """

    number: int


DEBIAN_S = 768


ANY_NUMBER = Containing(CONF, "worker_connections")


def _pattern(number: int) -> str:
    return Containing(CONF, f"worker_connections {number};")


def _tune(have: HostState, want: Connections) -> Iterator[Command]:
    number = want.number or DEBIAN_S
    if have.files[CONF].kind != "file" or have.found[_pattern(number)] or not have.found[ANY_NUMBER]:
        return
    if not want.number and not have.found[_pattern(4096)]:
        return  # somebody's own number: not ours to undo
    yield script(
        f"sed 's/^\\([[:space:]]*worker_connections\\)[[:space:]].*/\\1 {number};/' {CONF} >{CONF}.new\n"
        f"nginx -t -q -c {CONF}.new; chmod --reference={CONF} {CONF}.new; mv -f {CONF}.new {CONF}"
    )


@dataclass(frozen=True)
class Stopped:
    """nginx serves nothing of ours any more: it is stopped; where somebody else has a site on it, it forgets ours."""


OURS = Unit("nginx.service", ("/etc/nginx/conf.d",), reload=True)
"""nginx, with the folder that shows when something of ours was removed."""


def _leave(have: HostState, want: Stopped) -> Iterator[Command]:
    nginx = have.units["nginx.service"]
    if have.found[SITES]:
        if nginx.active == "active" and is_stale(have, OURS):
            yield script(act(OURS, "reload"))
        return
    if nginx.load == "not-found":
        return
    if nginx.active == "active" or nginx.enabled not in DISABLED:
        yield script("systemctl disable --now --quiet nginx.service")


worker_connections = converge(
    lambda want: Query(files={CONF}, found={_pattern(want.number or DEBIAN_S), _pattern(4096), ANY_NUMBER}),
    _tune,
    plan=lambda have, want: [f"set worker_connections to {want.number or DEBIAN_S} in {CONF}"],
)
stop = converge(
    lambda want: Query(units={OURS.name}, files=set(OURS.watches), found={SITES}),
    _leave,
    plan=lambda have, want: ["reload nginx" if have.found[SITES] else "stop and disable nginx"],
)
verify = converge(
    lambda want: Query(nginx=True),
    _verify,
    plan=lambda have, want: [f"stop, unless fixed by then: {have.nginx.said}"],
)
require_included = converge(
    lambda want: Query(nginx=True),
    _require,
    plan=lambda have, want: [f"stop: {CONF} does not include folders that HARVEST needs"],
)
