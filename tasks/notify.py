"""Report to the operator what needs them: failed services at once, full disks, old certificates and the like hourly."""

import json

from pyinfra import host

from provision.engine.templates import render
from provision.operations import files, systemd
from provision.operations.files import Directory, File, Files, Item, Link
from provision.operations.systemd import Unit, Units
from provision.remote import program
from provision.remote.host_files import NOTIFY_ETC, NOTIFY_MESSAGES
from provision.settings.model import Settings
from provision.settings.notify import Receiver, secrets_of
from provision.settings.secrets import value_of
from tasks.status import certificate
from tasks.tls import own

SYSTEM = "/etc/systemd/system"
LIBRARY = "/usr/local/lib/harvest"
RECEIVER = f"{NOTIFY_ETC}/receiver.json"
TIMER = "harvest-notify.timer"
REPORT, SEND = "harvest-notify@.service", "harvest-notify-send.service"
ON_FAILURE = "harvest-notify.conf"
PARTS = ("host_files", "journal_text", "readings", "web", "notify_findings", "notify_repeats")
EVERYTHING = (
    NOTIFY_ETC,
    f"{LIBRARY}/notify*.py",
    f"{SYSTEM}/harvest-notify*",
    f"{SYSTEM}/service.d/{ON_FAILURE}",
    "/var/lib/harvest-notify",
    "/run/harvest-notify",
    f"/var/lib/systemd/timers/stamp-{TIMER}",
)
"""Patterns of all that this puts on a host, or leaves there."""


def configure(settings: Settings) -> None:
    if settings.notify is None:
        systemd.running("Stop notifications", Units((), stopped=(TIMER,)))
        files.put("Remove notifications", Files((), stale=EVERYTHING))
        return
    check = f"cd {SYSTEM}; systemd-analyze verify harvest-notify@hourly.service {SEND} {TIMER}"
    wanted = Files(items(settings, settings.notify), check=check, within=(SYSTEM,))
    files.put("Configure notifications", wanted)
    systemd.running("Start notifications", Units((Unit(TIMER, (f"{SYSTEM}/{TIMER}",)),)))


def items(settings: Settings, notify: Receiver) -> tuple[Item, ...]:
    report, send = f"{LIBRARY}/notify.py", f"{LIBRARY}/notify_send.py"
    values = {"receiver": RECEIVER, "messages": NOTIFY_MESSAGES}
    return (
        File(report, program("notify", *PARTS)),
        File(send, program("notify_send", "notify_message")),
        Directory(NOTIFY_ETC, 0o700),
        File(f"{NOTIFY_ETC}/host.json", _json(about(settings)), 0o600),
        File(RECEIVER, _json(receiver(notify)), 0o600),
        File(f"{SYSTEM}/{REPORT}", render(f"systemd/{REPORT}", program=report)),
        File(f"{SYSTEM}/{SEND}", render(f"systemd/{SEND}", program=send, **values)),
        File(f"{SYSTEM}/{TIMER}", render(f"systemd/{TIMER}")),
        File(f"{SYSTEM}/service.d/{ON_FAILURE}", render(f"systemd/{ON_FAILURE}")),
        # Its own failure must not start it again (systemd.unit(5), example of top level drop-ins).
        *(Link(f"{SYSTEM}/{unit}.d/{ON_FAILURE}", "/dev/null") for unit in (REPORT, SEND)),
    )


def about(settings: Settings) -> dict[str, object]:
    """What the program on the host cannot know by itself: the name that the operator types, and where to look."""
    sites = own(settings) if settings.tls != "off" else ()
    return {
        "name": host.name,
        "instances": [each.slug for each in settings.all_instances],
        "certificates": [certificate(settings, site) for site in sites],
    }


def receiver(notify: Receiver) -> dict[str, object]:
    """The setting, its secrets read."""
    return notify.model_dump() | {key: value_of(secret) for key, secret in secrets_of(notify)}


def _json(content: dict[str, object]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
