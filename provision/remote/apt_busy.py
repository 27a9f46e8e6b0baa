"""Whether another process is setting this host up: apt's locks, cloud-init. Runs ON the host.

Ends with 0 where nothing does; else with 1 and a sentence on stderr that names what does.
"""

import fcntl
import os
import subprocess
import sys

LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
CLOUD_INIT = "/usr/bin/cloud-init"


def holder(path: str, locks: str = "/proc/locks") -> str:
    """Who holds the lock on `path`, name and pid; "" where it is free or there is no such file."""
    try:
        with open(path, "a") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return ""
    except FileNotFoundError:
        return ""
    except BlockingIOError:
        inode = f":{os.stat(path).st_ino} "
        with open(locks) as lines:
            pids = [line.split()[4] for line in lines if inode in line]
        comm = f"/proc/{(pids or ['0'])[0]}/comm"
        name = "a process"
        if os.path.exists(comm):
            with open(comm) as file:
                name = file.read().strip()
        return f"{name} (pid {', '.join(pids) or 'unknown'})"


def cloud_init_runs() -> bool:
    if not os.path.exists(CLOUD_INIT):
        return False
    said = subprocess.run([CLOUD_INIT, "status"], stdout=subprocess.PIPE, text=True).stdout
    return "running" in said or "not started" in said


def reason() -> str:
    """Why the host is busy; "" where it is not."""
    for path in LOCKS:
        if who := holder(path):
            return f"apt's lock {path} is held by {who}"
    return "cloud-init is still running" if cloud_init_runs() else ""


if __name__ == "__main__":
    sys.exit(reason() or None)
