"""Our shortcut gives pyinfra's own answer."""

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[3]
# In a process of its own: as in the CLI, and without leaving pyinfra changed for other tests.
SCRIPT = """
import pyinfra
pyinfra.is_cli = True
from types import SimpleNamespace
from pyinfra.api.util import get_operation_order_from_stack
from provision.pyinfra_bridge.order import order_from_stack

def deep(number):
    return deep(number - 1) if number else (get_operation_order_from_stack(state), order_from_stack(state))

for filename in (__file__, "deploy.py", None):
    state = SimpleNamespace(current_deploy_filename=filename, current_op_file_number=3)
    theirs, ours = deep(2)
    assert theirs == ours, (theirs, ours)
    assert len(ours) == (1 if filename == "deploy.py" else 5)
"""


def test_the_order_is_that_of_pyinfra(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env={"PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
