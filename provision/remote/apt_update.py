"""`apt-get update`, once in ten minutes, and which file names what it could not fetch. Runs ON the host.

argv: seconds to wait for another apt, then apt-get's options. Exit code 0 when all lists are new, 3 when they were
new enough, 1 when some could not be fetched: what to do then is for the installation to say, which may not need them.
apt-get itself ends well where it found no server at all ("old ones used instead"): Error-Mode asks it not to.
"""

import glob
import os
import re
import subprocess
import sys
import time

from provision.remote.host_files import STAMPS

STAMP = f"{STAMPS}/apt-update"
FRESH_S = 600.0
SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources")
URL = re.compile(r"(?:https?|ftp|mirror\+\w+|file|cdrom)://[^\s'\",]+|file:/[^\s'\",]+")


def update(wait: float, options: "list[str]") -> "tuple[bool, str]":
    """Whether all lists were fetched, and what apt said. `update` does not know DPkg::Lock::Timeout, hence the loop."""
    deadline = time.monotonic() + wait
    while True:
        command = ["apt-get", *options, "-o", "APT::Update::Error-Mode=any", "update"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        busy = done.returncode and "Could not get lock" in done.stdout
        if not busy or time.monotonic() > deadline:
            return done.returncode == 0, done.stdout
        time.sleep(2)


def sources() -> "dict[str, str]":
    """The files that name repositories, and what they say."""
    found = {}
    for path in [path for pattern in SOURCES for path in sorted(glob.glob(pattern))]:
        try:
            with open(path, errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        found[path] = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return found


def named(said: str, files: "dict[str, str]") -> "list[str]":
    """apt's words, each behind the file that names the repository it speaks of; what is said twice, once."""
    answer = []
    for line in said.splitlines():
        line = re.sub(r"^(E|W|Err):\s*(\d+\s+)?", "", line.strip())
        if not re.search(r"\S", line) or line.startswith(("Some index files failed", "Hit:", "Get:", "Ign:")):
            continue
        urls = [url.rstrip("./") for url in URL.findall(line)]
        owners = [path for path in files if any(belongs(url, files[path]) for url in urls)]
        sentence = ", ".join(owners) + ": " + line if owners else line
        if sentence not in answer:
            answer.append(sentence)
    return answer


def belongs(url: str, text: str) -> bool:
    """Whether a sources file names the repository that `url` lies in."""
    bases = [base.rstrip("/") for base in URL.findall(text)]
    return any((url + "/").startswith(base + "/") for base in bases)


def main(wait: float, options: "list[str]") -> int:
    if os.path.exists(STAMP) and 0 <= time.time() - os.stat(STAMP).st_mtime < FRESH_S:
        return 3
    fetched, said = update(wait, options)
    if fetched:
        os.makedirs(os.path.dirname(STAMP), exist_ok=True)
        with open(STAMP, "w"):
            pass
        return 0
    for sentence in named(said, sources()):
        print("apt-get update: " + sentence)
    return 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
