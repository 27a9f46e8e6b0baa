"""Let a client whose upload is refused see the answer."""

from __future__ import annotations

import time

from flask import request

# A refused body is read and dropped for so many seconds, since a client that still sends would not see the answer.
DRAIN_SECONDS = 10


def drain() -> None:
    """Read and drop what is left of a refused body, for a while."""
    stop = time.monotonic() + DRAIN_SECONDS
    stream, left = request.environ["wsgi.input"], request.content_length or 0
    try:
        while left > 0 and time.monotonic() < stop:
            got = len(stream.read(min(left, 1 << 20)))
            if not got:
                return
            left -= got
    except OSError:
        return
