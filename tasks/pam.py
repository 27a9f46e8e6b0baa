"""PAM: passwords that are set, and who may use su."""

from provision.engine.templates import render
from provision.operations.edits import Line, Without
from provision.operations.files import Absent, File, Item
from provision.settings.model import Settings

GROUPS = "/etc/sysusers.d/harvest.conf"
"""Makes the group that `SU` names, whose members may use su."""
QUALITY = "/etc/security/pwquality.conf.d/harvest.conf"
# su lets any account guess passwords for ever; sudo is the way to root, and logs who took it.
SU = Line(
    "/etc/pam.d/su",
    "auth       required   pam_wheel.so use_uid group=sugroup",
    after="^auth.*pam_rootok",
)
NO_EMPTY_PASSWORDS = Without("/etc/pam.d/common-*", "nullok")


def items(settings: Settings) -> tuple[Item, ...]:
    """Rules for new passwords, on hosts where the admin has one."""
    quality = File(QUALITY, render("system/pwquality.conf"))
    return (
        File(GROUPS, render("system/sysusers.conf", settings=settings)),
        quality if settings.admin_sudo == "password" else Absent(QUALITY),
    )
