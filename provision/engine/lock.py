"""The operator's lock on a host: one run changes it at a time, and who is told no learns by whom and since when.

The lock is a directory in /run (a reboot clears it) that names the holder's SSH session on the host. The session
ends with the run, whatever ended that, so a lock whose session is gone is nobody's and is taken over.
"""

import getpass
import json
import secrets
import socket

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine.sudo import as_root

FOLDER = "/run/harvest-lock"

# Runs ON the host. argv: take|release, the holder as JSON. One line on standard output where there is news.
SCRIPT = f'''
import fcntl, json, os, sys, time
FOLDER = "{FOLDER}"

def stat(pid):
    """(name, parent, start) of a process; its start tells it from a later one of the same number."""
    try:
        name, _, rest = open("/proc/%d/stat" % pid).read().partition("(")[2].rpartition(")")
        return name, int(rest.split()[1]), rest.split()[19]
    except OSError:
        return "", 0, ""

def session():
    """The sshd process of this connection, else the eldest ancestor below init."""
    pid = os.getpid()
    while True:
        name, parent, start = stat(pid)
        if name.startswith("sshd") or parent < 2:
            return [pid, start]
        pid = parent

mutex = open(FOLDER + ".mutex", "a")
fcntl.flock(mutex, fcntl.LOCK_EX)
mine = json.loads(sys.argv[2])
try:
    holder = json.load(open(FOLDER + "/holder"))
except (OSError, ValueError):
    holder = None
if sys.argv[1] == "release":
    if holder and holder["token"] == mine["token"]:
        os.unlink(FOLDER + "/holder"); os.rmdir(FOLDER)
    sys.exit(0)
if holder and holder["token"] != mine["token"]:
    pid, start = holder["session"]
    text = "%s, who began %s at %s" % (holder["who"], holder["what"], holder["since"])
    if stat(pid)[2] == start:
        sys.exit("locked by " + text + ", and is still connected; nothing was changed here. Wait, or ask.")
    print("took over the lock of " + text + " and did not finish")
os.makedirs(FOLDER, exist_ok=True)
mine["session"] = session()
mine["since"] = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
with open(FOLDER + "/holder.new", "w") as file:
    json.dump(mine, file)
os.rename(FOLDER + "/holder.new", FOLDER + "/holder")
'''

_held: dict[str, str] = {}
"""By host name: what the lock says of us."""


def holds(host: Host) -> bool:
    """Whether this run has the host's lock."""
    return host.name in _held


def command(verb: str, holder: str) -> StringCommand:
    """The script's command line; it holds nothing secret."""
    return StringCommand("python3", "-c", QuoteString(SCRIPT), verb, QuoteString(holder))


def take() -> FunctionCommand:
    """The lock, for the rest of this run; fails with the holder's name where another run has it."""
    return FunctionCommand(_take, (), {})


def release() -> FunctionCommand:
    """Give the lock back, if it is ours."""
    return FunctionCommand(_release, (), {})


def _take(state: State, host: Host) -> bool:
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    holder = json.dumps({"who": who, "what": "deploy.py", "token": secrets.token_hex(8)})
    ok, said = host.run_shell_command(command("take", holder), **as_root(host))
    for line in said.stdout.splitlines() if ok else said.stderr.splitlines()[-1:]:
        host.log(line)
    if ok:
        _held[host.name] = holder
    return ok


def _release(state: State, host: Host) -> bool:
    ok, _ = host.run_shell_command(command("release", _held.pop(host.name)), **as_root(host))
    return ok
