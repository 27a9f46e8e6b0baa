"""The one person who logs in: a sudo user with keys."""

from provision.operations.accounts import Account, ensure
from provision.operations.files import Directory, File, Files, place
from provision.secrets import value_of
from provision.settings import Settings
from provision.templates import render


def admin(settings: Settings) -> None:
    name = settings.admin_user
    home = f"/home/{name}"
    password = value_of(settings.admin_password) if settings.admin_password else None
    ensure("Admin account", Account(name, home, "/bin/bash", groups=("sudo",), password=password))
    place(
        "Admin's keys",
        Files(
            (
                Directory(f"{home}/.ssh", 0o700, name, name),
                File(
                    f"{home}/.ssh/authorized_keys", "\n".join(settings.admin_keys) + "\n", 0o600, name, name
                ),
            )
        ),
    )
    place(
        "Admin's sudo",
        Files(
            (File("/etc/sudoers.d/harvest-admin", render("sudo/harvest-admin", settings=settings), 0o440),),
            check="visudo -cf /etc/sudoers",
            within=("/etc/sudoers.d",),
        ),
    )
