"""What a host looks like before anybody provisioned it, as data.

`vps`: root with a key, nothing else. `cloud`: what Ubuntu's cloud images bring, traps included.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.errors import LabError
from lab.suites import Suite
from lab.tree import File, Files

SHAPES = ("vps", "cloud")
PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
    "tzdata",
)
# Required on Debian, but only important on Ubuntu, so that a minimal system comes without.
UBUNTU_PACKAGES = ("apt", "gpgv", "ubuntu-keyring")
CLOUD_USER = "ubuntu"
CLOUD_UID = 1000
CLOUD_INIT_SECONDS = 5
APT_LOCK_SECONDS = 8

# cloud-init's own words, which a login probe has to recognise.
ROOT_REFUSAL = (
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user "
    f'\\"{CLOUD_USER}\\" rather than the user \\"root\\".\';echo;sleep 10;exit 142"'
)

FIRST_BOOT = f"""\
#!/usr/bin/python3
# Stands in for cloud-init and the unattended upgrade that follow the first boot of a cloud image:
# both locks of dpkg and the one of apt are held, and `cloud-init status --wait` has something to wait for.
import fcntl
import os
import pathlib
import socket
import time

run, once = pathlib.Path("/run/cloud-init"), pathlib.Path("/var/lib/cloud/instance/boot-finished")
run.mkdir(exist_ok=True)
first = not once.exists()
held = []
if first:
    for path in ("/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"):
        lock = open(path, "a")
        fcntl.lockf(lock, fcntl.LOCK_EX)
        held.append(lock)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
notify.connect("\\0" + address[1:] if address.startswith("@") else address)
notify.send(b"READY=1")
if first:
    time.sleep({CLOUD_INIT_SECONDS})
(run / "result.json").write_text('{{"v1": {{"datasource": "DataSourceNone", "errors": []}}}}\\n')
(run / "done").touch()
once.parent.mkdir(parents=True, exist_ok=True)
once.touch()
if first:
    time.sleep({APT_LOCK_SECONDS - CLOUD_INIT_SECONDS})
"""

FIRST_BOOT_UNIT = """\
[Unit]
Description=First boot of a cloud image
DefaultDependencies=no
After=local-fs.target
# Whoever logs in must find the locks already held.
Before=ssh.service ssh.socket
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=notify
ExecStart=/usr/local/lib/lab-first-boot

[Install]
WantedBy=multi-user.target
"""

CLOUD_INIT = """\
#!/bin/sh
# Stands in for cloud-init(1): enough for `status`, `status --wait` and `--version`.
case "$1" in
--version) echo "/usr/bin/cloud-init 24.4" ;;
status)
    while [ "$2" = --wait ] && ! [ -e /run/cloud-init/done ]; do printf .; sleep 0.2; done
    if [ "$2" = --wait ]; then echo; fi
    if [ -e /run/cloud-init/done ]; then echo "status: done"; else echo "status: running"; fi ;;
*) echo "cloud-init: only status is known here" >&2; exit 2 ;;
esac
"""


def check(shape: str) -> None:
    """Raise LabError unless there is such a shape."""
    if shape not in SHAPES:
        raise LabError(f"Unknown shape {shape!r}: choose one of {', '.join(SHAPES)}.")


def bootstrap_user(shape: str) -> str:
    """Return who logs in first."""
    return CLOUD_USER if shape == "cloud" else "root"


def packages(shape: str, suite: Suite) -> list[str]:
    """Return the packages of an image, sorted."""
    extra = ["sudo-rs"] if shape == "cloud" and suite.sudo_rs else []
    if suite.distribution == "ubuntu":
        extra += UBUNTU_PACKAGES
    return sorted([*PACKAGES, *extra])


def files(shape: str) -> Files:
    """Return the files that every host of a shape has."""
    if shape == "vps":
        return {}
    return {
        "/etc/ssh/sshd_config.d/50-cloud-init.conf": File("PasswordAuthentication yes\n", 0o600),
        "/usr/bin/cloud-init": File(CLOUD_INIT, 0o755),
        "/usr/local/lib/lab-first-boot": File(FIRST_BOOT, 0o755),
        "/etc/systemd/system/lab-first-boot.service": File(FIRST_BOOT_UNIT),
    }


def _divert(path: str, replacement: str) -> list[Sequence[str]]:
    """Put `replacement` in the place of a packaged program, which stays beside it as `.ws` (Ubuntu's name)."""
    diverted = f"{path}.ws"
    return [
        ["dpkg-divert", "--local", "--rename", "--divert", diverted, "--add", path],
        ["ln", "-s", replacement, path],
    ]


def commands(shape: str, suite: Suite) -> list[Sequence[str]]:
    """Return what to run inside the new image, after the files were written."""
    steps: list[Sequence[str]] = [["systemctl", "enable", "systemd-networkd.service"]]
    if shape == "cloud":
        steps += [
            ["useradd", "--create-home", "--shell", "/bin/bash", f"--uid={CLOUD_UID}", CLOUD_USER],
            ["usermod", "--append", "--groups", "adm,sudo", CLOUD_USER],
            ["systemctl", "disable", "ssh.service"],
            ["systemctl", "enable", "ssh.socket", "lab-first-boot.service"],
        ]
        if suite.sudo_rs and suite.distribution == "debian":  # Ubuntu's package takes the place by itself
            steps += _divert("/usr/bin/sudo", "/usr/lib/cargo/bin/sudo")
            steps += _divert("/usr/sbin/visudo", "/usr/lib/cargo/bin/visudo")
    return steps
