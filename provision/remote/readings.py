"""What notifications and metrics both read of the host: backups, a pending reboot. Runs ON the host."""

import json
import os
import subprocess
from datetime import datetime

from provision.remote.host_files import read

BACKUPS = "/var/lib/harvest-backup"
BACKUP_UNIT = "/etc/systemd/system/harvest-backup@.service"
"""There where backups are set up."""
REBOOT = "/run/reboot-required"


def output(*command: str, check: bool = False) -> str:
    """What a command prints; with `check`, a failure is an error and not an empty answer."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=check)
    return done.stdout.decode(errors="replace")


def backup_record(slug: str, name: str) -> "tuple[float, str] | None":
    """When an instance's backup ("last") or drill ("drill") ended, and its outcome; None where none is noted."""
    try:
        record = json.loads(read(f"{BACKUPS}/{slug}/{name}.json"))
        at = datetime.fromisoformat(str(record["at"]).replace("Z", "+00:00"))
        return at.timestamp(), str(record["outcome"])
    except (ValueError, KeyError, TypeError):
        return None


def backups_since() -> float:
    """Since when backups are set up, in seconds since the epoch; 0 where they are not."""
    return os.stat(BACKUP_UNIT).st_mtime if os.path.exists(BACKUP_UNIT) else 0.0


def reboot_since() -> float:
    """Since when an update waits for a reboot, in seconds since the epoch; 0 where none does."""
    return os.stat(REBOOT).st_mtime if os.path.exists(REBOOT) else 0.0
