"""Both services for development: `python3 launch_harvest.py`. In production systemd starts gunicorn instead."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from harvest import migrate, settings
from harvest.db import Database


def warnings(found: settings.Settings) -> list[str]:
    """What works and is probably not meant."""
    told = []
    if found.internal and found.HOST not in ("127.0.0.1", "localhost", "::1"):
        told.append(
            f"internal mode, yet the backend listens on {found.HOST}: others can reach it without the frontend."
        )
    if found.internal and found.BACKEND_PUBLIC_URL:
        told.append("BACKEND_PUBLIC_URL is set, but internal mode does not use it.")
    if not found.internal and found.BACKEND_PUBLIC_URL.startswith("http://"):
        told.append("BACKEND_PUBLIC_URL is http://: passwords and sessions travel unencrypted.")
    if not found.internal and not found.TRUSTED_PROXIES:
        told.append(
            "nginx mode with TRUSTED_PROXIES = 0: HARVEST will not see its users' addresses and https."
        )
    return told


def command(bind: str, app: str) -> list[str]:
    options = "--workers 2 --timeout 300 --limit-request-line 8190 --no-control-socket"
    return [sys.executable, "-m", "gunicorn", *options.split(), "--bind", bind, app]


def main() -> int:
    try:
        found = settings.load()
    except settings.SettingsError as error:
        print(f"HARVEST cannot start: {error}", file=sys.stderr)
        return 1
    print(f"HARVEST in {found.DEPLOYMENT_MODE} mode under {found.URL_BASE_PATHNAME}")
    for warning in warnings(found):
        print(f"Warning: {warning}")
    migrate.upgrade(Database(found.database_url))
    # The children write to our own terminal: a pipe that nobody reads would fill up and stop them.
    children = [
        subprocess.Popen(command(f"{found.HOST}:{found.BE_PORT}", "wsgi_be:app")),
        subprocess.Popen(command(f"{found.FRONTEND_HOST}:{found.PORT}", "wsgi_fe:server")),
    ]
    print(f"Open http://{found.FRONTEND_HOST}:{found.PORT}{found.URL_BASE_PATHNAME}", flush=True)
    return wait(children)


def wait(children: list[subprocess.Popen[bytes]]) -> int:
    """Until one service ends or we are told to stop; then both end. Returns the exit code."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: asked.append(got))
    while not asked and all(child.poll() is None for child in children):
        time.sleep(0.2)
    for child in children:
        if child.poll() is None:
            child.terminate()
    codes = [child.wait() for child in children]
    return 0 if asked else max(map(abs, codes))


if __name__ == "__main__":
    sys.exit(main())
