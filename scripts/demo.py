"""`make demo`: a disposable host, deployed by production's own command, checked from outside, and what to type next."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

REPO = Path(__file__).parents[1]
NAME = "demo"


def step(words: str, *command: str) -> None:
    """Say what happens, do it, and stop where it fails (it has said why)."""
    print(f"\n==> {words}\n    {' '.join(command)}", flush=True)
    code = subprocess.run(command, cwd=REPO, env={**os.environ, "PYINFRA_PROGRESS": "off"}).returncode
    if code:
        sys.exit(code)


def check(url: str) -> None:
    """From outside: the page's layout is JSON, so this is HARVEST and not something else's 200."""
    try:
        with urllib.request.urlopen(url + "_dash-layout", timeout=20) as answer:  # noqa: S310 - our own host
            json.load(answer)
    except (OSError, ValueError) as error:
        sys.exit(f"{url} does not answer as HARVEST does: {error}. Look with: python -m lab ssh {NAME}")


def main() -> None:
    python, pyinfra = sys.executable, str(Path(sys.executable).with_name("pyinfra"))
    step("a disposable host", python, "-m", "lab", "up", NAME, "--group", "harvest_subpath")
    step("HARVEST on it, over SSH", pyinfra, "inventories/lab.py", "deploy.py", "-y", "--limit", NAME)
    host = json.loads((REPO / ".lab/hosts" / NAME / "host.json").read_text())
    url = f"http://{host['fqdn']}/harvest/"
    check(url)
    password = (REPO / ".lab/harvest_password").read_text().strip()
    print(f"""
HARVEST answers at   {url}
sign in as           admin@harvest.test, password {password}
log in with          .venv/bin/python -m lab ssh {NAME}
prove its state      .venv/bin/pytest tests/audit --inventory inventories/lab.py --limit {NAME}
deploy again         make demo
another host         .venv/bin/python -m lab up NAME --help
take it away         .venv/bin/python -m lab down {NAME}   (everything: make clean)
""")


if __name__ == "__main__":
    main()
