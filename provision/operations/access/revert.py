"""Confirm or revert: the scripts that save the access configuration, and restore it unless the change is confirmed.

Everything lies in FOLDER on the host: `snapshot/`, the script that restores it, and `armed` while a confirmation
is awaited. A timer runs the script after a while; a service runs it at boot: neither needs the controller.
All of it is pure text; operations/access.py runs it.
"""

import shlex
from collections.abc import Iterable

from provision.engine.templates import shell

FOLDER = "/var/lib/harvest-guard"
ARMED = f"{FOLDER}/armed"
REVERTED = f"{FOLDER}/reverted"
UNIT = "harvest-guard"
LEAST_STEP_S = 20

HOOKS = shell("ufw-hooks")
"""UFW's chains are read again if the kernel's rules were flushed by hand: `ufw reload` does not do that."""

SERVICE = f"""[Unit]
Description=Revert an unconfirmed access change
ConditionPathExists={ARMED}
After=ufw.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh {FOLDER}/revert
# Where there is no room for the old files, as soon as there is.
Restart=on-failure
RestartSec=10

# A host that reboots before the confirmation comes back as it was.
[Install]
WantedBy=multi-user.target
"""


def step_s(within_s: int) -> int:
    """How long the undoing waits for a step of the change that is just being taken: a sixth of the time in which the
    change must be confirmed, which grows with `timeout_factor` and with how slow the host's looks are."""
    return max(LEAST_STEP_S, within_s // 6)


def revert_program(within_s: int) -> str:
    """The script that puts everything back, for a change that is to be confirmed within so many seconds."""
    return (
        shell(
            "access-revert",
            folder=FOLDER,
            step_s=step_s(within_s),
            armed=ARMED,
            hooks=HOOKS,
            reverted=REVERTED,
            unit=UNIT,
        )
        + "\n"
    )


def timer(within_s: int) -> str:
    """The unit that fires `within_s` seconds after its start."""
    return f"""[Unit]
Description=Revert an access change unless it is confirmed in time
# Each of several interrupted runs sets it.
StartLimitIntervalSec=0

[Timer]
OnActiveSec={within_s}
AccuracySec=1s
"""


def _deadline(seconds: str) -> str:
    """Mark the change as unconfirmed, and when it will be reverted."""
    return f'date -u -d "+{seconds} seconds" +"%H:%M:%S UTC" >{ARMED}'


def arm_script(paths: Iterable[str], within_s: int) -> str:
    """Save `paths`, then set the timer. If it is set already (by an interrupted run), what was saved first stays."""
    here = " ".join(map(shlex.quote, paths))
    units = "/etc/systemd/system"
    return shell(
        "access-arm",
        folder=FOLDER,
        armed=ARMED,
        paths=here,
        revert=shlex.quote(revert_program(within_s)),
        service=shlex.quote(SERVICE),
        units=units,
        unit=UNIT,
        timer=shlex.quote(timer(within_s)),
        deadline=_deadline(str(within_s)),
    )


STEP = shell("access-step", folder=FOLDER, armed=ARMED, reverted=REVERTED) + "\n"
"""Runs a step of the change, given as its arguments, unless the timer was faster: no step comes after the undoing."""


def disarm_script() -> str:
    """The change is confirmed; fails if it has been reverted in the meantime."""
    return shell("access-disarm", folder=FOLDER, armed=ARMED, reverted=REVERTED, unit=UNIT)


def revert_script(reason: str) -> str:
    """Undo now, because of `reason`."""
    return f"""[ -e {ARMED} ] || exit 0
printf '%s\\n' {shlex.quote(" ".join(reason.split()))} >{FOLDER}/reason
systemctl start {UNIT}.service"""


def postpone_script() -> str:
    """An interrupted run left the timer set: give this run the whole time.

    It may have been interrupted while it did so: systemd has then not read the units yet, nor would start them at boot.
    """
    return shell("access-postpone", armed=ARMED, unit=UNIT, deadline=_deadline("$within"))
