"""A deploy that tries to put what each daemon's own checker refuses; which one says the environment."""

import os

from provision.operations import files
from provision.operations.files import File, Files

CASES = {
    "sshd": Files(
        (File("/etc/ssh/sshd_config.d/01-broken.conf", "PermitRootLogin perhaps\n"),),
        check="mkdir -p /run/sshd; sshd -t",
        within=("/etc/ssh",),
    ),
    "sudo": Files(
        (File("/etc/sudoers.d/broken", "sysop ALL=(ALL NOPASSWD\n", 0o440),),
        check="visudo -cf /etc/sudoers",
        within=("/etc/sudoers.d",),
    ),
    "systemd": Files(
        (File("/etc/systemd/system/broken.service", "[Service]\nExecStart=/nowhere/at/all\n"),),
        check="cd /etc/systemd/system; systemd-analyze verify broken.service",
        within=("/etc/systemd/system",),
    ),
}
files.put("A broken file", CASES[os.environ["BROKEN"]])
