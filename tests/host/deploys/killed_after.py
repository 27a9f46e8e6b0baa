"""The access step, killed right after the command to the host that KILL_AFTER counts to."""

import os
import signal
from typing import Any

from pyinfra import local
from pyinfra.api.host import Host

LEFT = int(os.environ["KILL_AFTER"])
LOOKS = "argv[1] is a JSON query"  # in the program that reads the host's state, which changes nothing
_run = Host.run_shell_command


def _counted(self: Host, command: Any, *words: Any, **options: Any) -> Any:
    global LEFT
    result = _run(self, command, *words, **options)
    LEFT -= LOOKS not in command.get_raw_value()
    if LEFT == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result


Host.run_shell_command = _counted  # type: ignore[method-assign]
local.include("tests/host/access_only.py")
