"""How the hosts are set up; tasks/ say what."""

import sys

# Read before anything that an older Python cannot: so this file is written for every Python 3.
if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        "Python {}.{} is too old for HARVEST's deployment, which needs 3.10 or newer; make the virtual environment "
        "with one: python3.11 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt".format(
            *sys.version_info[:2]
        )
    )
