"""What gunicorn's workers share, and what they give back."""

from __future__ import annotations

import ctypes
import gc

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE = 1 << 20


def freeze_for_fork() -> None:
    """To be called once the app is made, before the workers fork."""
    # A hash of a password takes 19 MiB for a moment. glibc learns from that to keep as much for ever; told a
    # fixed threshold it learns nothing and gives large blocks back when they are freed.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGE)
    # Nothing made so far is garbage: the collector leaves it alone, so that forked workers keep sharing it.
    gc.collect()
    gc.freeze()
