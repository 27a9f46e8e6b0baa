"""A host of another system is refused in a sentence that survives the shell."""

import subprocess

from provision.operations.supported_os import Supported, changes
from tests.unit.states import state


def test_a_system_name_may_hold_quotes() -> None:
    (command,) = changes(state(system={"os": "arch", "pretty": 'Arch\'s "own" $(id) Linux'}), Supported())
    done = subprocess.run(["sh", "-c", str(command)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith('this host runs Arch\'s "own" $(id) Linux; supported are ')
