"""What apt installs."""

from provision.operations.packages import Packages, install
from provision.settings import Settings

# python3-pip-whl brings the pip that fetches uv, which builds HARVEST's environment.
BASE = ("ca-certificates", "openssh-server", "openssl", "python3", "python3-pip-whl", "sudo", "ufw")


def names(settings: Settings) -> tuple[str, ...]:
    return (*BASE, "nginx") if settings.mode == "nginx" else BASE


def packages(settings: Settings) -> None:
    install("Packages", Packages(names(settings)))
