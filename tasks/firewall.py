"""Deny by default; open what the mode needs: SSH, and nginx's ports or the frontend's."""

from provision.operations.firewall import Firewall, enforce
from provision.settings import Settings


def firewall(settings: Settings) -> None:
    enforce("Firewall", Firewall(settings.open_ports))
