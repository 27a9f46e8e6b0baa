"""What a worker keeps of the memory that signing in takes for a moment."""

import subprocess
import sys

from tests.app import services

SIGN_INS = """
import re
from harvest import accounts, memory

def mebibytes():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

memory.freeze_for_fork()
stored = accounts.HASHER.hash("a good password")
before = mebibytes()
for _ in range(4):
    assert accounts.verify(stored, "a good password")
print(mebibytes() - before)
"""


def test_checking_passwords_leaves_no_memory_behind():
    run = subprocess.run(
        [sys.executable, "-c", SIGN_INS], cwd=services.APP, capture_output=True, text=True, check=True
    )
    # Without freeze_for_fork() it is 19 MiB, what one hash takes.
    assert float(run.stdout) < 5
