"""Updates that wait. Runs ON the host."""

import subprocess


def pending() -> "dict[str, bool]":
    """The packages that an upgrade would bring by now, and whether each comes from a security archive."""
    command = ["apt-get", "-q", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade"]
    try:
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except OSError:
        return {}
    found = [line.split(maxsplit=2) for line in said.splitlines() if line.startswith("Inst ")]
    return {
        words[1]: "-security" in words[2] or "Debian-Security" in words[2]
        for words in found
        if len(words) > 2
    }
