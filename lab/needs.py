"""What a machine must have to run lab hosts; said by name when it is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lab import cgroups
from lab.errors import LabError
from lab.run import succeeds

# tool -> Debian package that has it
BOOT_TOOLS = {
    "systemd-nspawn": "systemd-container",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
BUILD_TOOLS = {"mmdebstrap": "mmdebstrap"}


def missing_tools(tools: dict[str, str], which: Callable[[str], object] = shutil.which) -> str | None:
    """Return one sentence naming the missing tools and their packages, or None."""
    missing = [tool for tool in tools if not which(tool)]
    if not missing:
        return None
    packages = " ".join(sorted({tools[tool] for tool in missing}))
    verb = "is" if len(missing) == 1 else "are"
    return f"{', '.join(missing)} {verb} missing: run `apt-get install {packages}`."


def problem() -> str | None:
    """Return why this machine cannot boot lab hosts, in one sentence, or None.

    From then on this process finds system programs on PATH.
    """
    os.environ["PATH"] = with_sbin(os.environ.get("PATH", "/usr/bin:/bin"))
    if sys.platform != "linux":
        return f"Lab hosts need Linux, this is {sys.platform}: use a Linux machine or a virtual one."
    if os.geteuid() != 0:
        return "Lab hosts need root: run the command again with sudo."
    if sentence := missing_tools(BOOT_TOOLS):
        return sentence
    if not succeeds(["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"]):
        return (
            "This machine does not allow new namespaces (an unprivileged container?): "
            "use a virtual machine or a privileged container."
        )
    groups = cgroups.mounts(Path("/proc/self/mountinfo").read_text())
    if not groups or not all(os.access(group, os.W_OK) for group in groups):
        return (
            "Control groups are missing or read-only here: use a virtual machine or a privileged container."
        )
    return None


def with_sbin(path: str) -> str:
    """Return a search path that has the system programs too, which `su` leaves out on Debian."""
    return ":".join([path, *(part for part in ("/usr/sbin", "/sbin") if part not in path.split(":"))])


def require() -> None:
    """Raise LabError unless this machine can boot lab hosts."""
    if sentence := problem():
        raise LabError(sentence)


def require_builder() -> None:
    """Raise LabError unless this machine can build images."""
    if sentence := missing_tools(BUILD_TOOLS):
        raise LabError(sentence)
