"""A run that changes something for HOLD seconds."""

import os

from provision.engine.operation import converge, script
from provision.engine.state import Query
from provision.operations.access import access

hold = converge(lambda want: Query(), lambda have, want: [script(f"sleep {want}")])
hold("Something takes its time", os.environ["HOLD"])
access.release_lock(name="Release the lock")
