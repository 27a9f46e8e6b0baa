"""Prometheus metrics. Workers count in memory that they share (made before the fork), so any of them knows all."""

from __future__ import annotations

import mmap
import os
import struct
import time

from flask import Flask, Response, g

from harvest import VERSION, exporting
from harvest.api.http import Call, endpoint

# A process adds in its own slot and nobody else does, so no lock is needed; sums over slots never fall.
SLOTS = 64
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
FIELDS = (*CLASSES, "seconds")
RECORD = struct.Struct("d" * len(FIELDS))
_shared = mmap.mmap(-1, SLOTS * RECORD.size)


def count(status: int, seconds: float) -> None:
    at = (os.getpid() % SLOTS) * RECORD.size
    values = list(RECORD.unpack_from(_shared, at))
    values[min(max(status // 100, 1), 5) - 1] += 1
    values[-1] += seconds
    RECORD.pack_into(_shared, at, *values)


def install(app: Flask) -> None:
    """Count every request of the app."""

    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        count(response.status_code, time.monotonic() - g.get("began", time.monotonic()))
        return response


@endpoint("GET", "/metrics", auth="none", media="text/plain")
def metrics(call: Call) -> Response:
    """For Prometheus: requests by status, seconds spent, and how much data there is."""
    sums = dict.fromkeys(FIELDS, 0.0)
    for slot in range(SLOTS):
        for name, value in zip(FIELDS, RECORD.unpack_from(_shared, slot * RECORD.size), strict=True):
            sums[name] += value
    lines = [f'harvest_info{{version="{VERSION}",mode="{call.settings.DEPLOYMENT_MODE}"}} 1']
    lines += ["# TYPE harvest_http_requests_total counter"]
    lines += [f'harvest_http_requests_total{{status="{name}"}} {sums[name]:.0f}' for name in CLASSES]
    lines += [
        "# TYPE harvest_http_seconds_total counter",
        f"harvest_http_seconds_total {sums['seconds']:.6f}",
    ]
    for name, value in exporting.totals(call.db).items():
        lines += [f"# TYPE harvest_{name} gauge", f"harvest_{name} {value}"]
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")
