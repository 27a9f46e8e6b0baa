"""A run that changes something for HOLD seconds."""

import os

from provision.engine.operation import converge, script
from provision.engine.state import Query
from provision.operations.access.access import unlock

hold = converge(lambda want: Query(), lambda have, want: [script(f"sleep {want}")])
hold("Something takes its time", os.environ["HOLD"])
unlock(name="Release the lock")
