"""What users notice while a host changes below them: `python -m benchmarks.deploys`.

50 requests a second of pages, reads, writes and slow 20 MB uploads go through nginx (tests/host/traffic.py) while the
host is deployed to, fails to be deployed to, goes back, restarts, renews, and is upgraded. For each case: errors,
writes that were acknowledged and are missing afterwards, and the longest wait in seconds (goals 0, 0, under 1).
"nothing happens" is the floor: what the machine itself costs, which carries the host, the users and the deploys.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from benchmarks.goals import require, verdict
from lab import hosts
from tests.host.checkouts import checkout, deploy_from
from tests.host.runs import Run, deploy
from tests.host.traffic import Outcome, Traffic
from tests.host.web_hosts import served

NAME = "b-deploys"
GOALS = {"errors": "= 0", "missing": "= 0", "longest wait": "< 1"}
AROUND_S = 3.0
"""The users are at work so long before and after."""
VERSION = "app.after_request(lambda a: (a.headers.__setitem__('X-Version', '{}'), a)[1])"
BROKEN = 'raise SystemExit("no such luck")'
ONLY_LIVE = 'import os\nif os.environ["HARVEST_PORT"] == "5001":\n    raise SystemExit("only live")'
UNITS = "harvest-backend@5001.service harvest-frontend.service"
QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Lock::Timeout=60 install --reinstall"


@dataclass(frozen=True)
class Place:
    """A deployed lab host, and a folder for other releases."""

    host: hosts.Host
    folder: Path

    @property
    def origin(self) -> str:
        return f"https://{self.host.fqdn}"

    def version(self) -> str:
        """Which release answers, by what it says of itself; "" where it says nothing."""
        answer = requests.get(f"{self.origin}/api/choices", verify=False, timeout=20)  # noqa: S501 - its own certificate
        return answer.headers.get("X-Version", "")

    def started(self, units: str = UNITS) -> str:
        return self.host.exec(f"systemctl show -p MainPID --value {units}").stdout

    def deploy(self, changes: dict[str, str], code: int = 0) -> Run:
        run = deploy_from(checkout(self.folder / "copy", changes), self.host.name)
        assert run.code == code, run.said
        return run


def changed_code(place: Place) -> None:
    version = str(time.time_ns())
    place.deploy({"wsgi_be.py": VERSION.format(version)})
    assert place.version() == version


def changed_dependencies(place: Place) -> None:
    before = place.host.exec("readlink -f /opt/harvest/venv").stdout
    place.deploy({"requirements.txt": f"# {time.time_ns()}"})
    assert place.host.exec("readlink -f /opt/harvest/venv").stdout != before


def fails_its_check(place: Place) -> None:
    before = place.started()
    assert "failed its check" in place.deploy({"wsgi_be.py": BROKEN + f"  # {time.time_ns()}"}, 1).said
    assert place.started() == before


def fails_after_the_switch(place: Place) -> None:
    said = place.deploy({"wsgi_be.py": f"{ONLY_LIVE}  # {time.time_ns()}"}, 1).said
    assert "failed after the switch" in said
    assert "which answers" in said


def rollback(place: Place) -> None:
    before = place.host.exec("readlink /opt/harvest/harvest").stdout
    run = deploy(place.host.name, file="operate/rollback.py")
    assert run.code == 0, run.said
    assert place.host.exec("readlink /opt/harvest/harvest").stdout != before


def restart(place: Place) -> None:
    before = place.started()
    place.host.exec(f"systemctl restart {UNITS}")
    assert place.started() != before


def another_certificate(place: Place) -> None:
    before, folder = served(place.host, place.host.fqdn), f"/etc/harvest/tls/{place.host.fqdn}"
    place.host.exec(
        f"cd {folder}; openssl x509 -in cert.pem -signkey key.pem -set_serial {time.time_ns()} -out new.pem"
        " -copy_extensions copyall 2>/dev/null && cat new.pem >cert.pem && rm new.pem && systemctl reload nginx"
    )
    time.sleep(1)
    assert served(place.host, place.host.fqdn) != before


def upgraded_nginx(place: Place) -> None:
    before = place.host.exec("cat /run/nginx.pid").stdout
    place.host.exec(f"{QUIET} nginx")
    assert place.host.exec("cat /run/nginx.pid").stdout != before


def needrestart(place: Place) -> None:
    """A library that HARVEST has open is replaced: apt has needrestart restart what still uses the former file."""
    before = place.started()
    place.host.exec(f"{QUIET} zlib1g")
    assert place.started() != before


def nothing(_: Place) -> None:
    """How long the machine keeps users waiting anyway."""
    time.sleep(10)


CASES: dict[str, Callable[[Place], None]] = {
    "nothing happens": nothing,
    "changed code": changed_code,
    "changed code, again": changed_code,
    "changed code, third time": changed_code,
    "changed dependencies": changed_dependencies,
    "fails its check": fails_its_check,
    "fails after the switch": fails_after_the_switch,
    "rollback": rollback,
    "restart of the units": restart,
    "another certificate": another_certificate,
    "nginx upgraded": upgraded_nginx,
    "needrestart": needrestart,
}


def prepare(folder: Path) -> Place:
    host = hosts.up(NAME, suite="trixie", group="harvest_nginx", settings={"tls": "selfsigned"})
    place = Place(host, folder)
    place.deploy({})
    return place


def measure(place: Place, case: Callable[[Place], None]) -> tuple[Outcome, float]:
    """What the users met, and how long the case itself took, in seconds."""
    with Traffic(place.host, place.origin) as outcome:
        time.sleep(AROUND_S)
        began = time.monotonic()
        case(place)
        took = time.monotonic() - began
        time.sleep(AROUND_S)
    return outcome, took


def told(name: str, outcome: Outcome, seconds: float) -> str:
    """One line a case, then its errors."""
    values = {"errors": len(outcome.errors), "missing": len(outcome.missing), "longest wait": outcome.wait}
    missed = "MISSED" in [verdict(value, GOALS[each]) for each, value in values.items()]
    waits = ", ".join(f"{kind} {wait:.2f}" for kind, wait in sorted(outcome.longest.items()))
    lines = [
        f"{'MISSED' if missed else 'met':6}  {name}: {len(outcome.errors)} errors of "
        f"{sum(outcome.answered.values())}, {len(outcome.missing)} of {len(outcome.saved)} writes missing, "
        f"longest wait {outcome.wait:.2f} s ({waits}); {seconds:.0f} s"
    ]
    return "\n".join([*lines, *(f"        {each}" for each in [*outcome.errors, *outcome.missing][:10])])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", choices=CASES, action="append", help="this case alone; may be repeated", metavar="CASE"
    )
    parser.add_argument("--keep", action="store_true", help="leave the host up")
    arguments = parser.parse_args()
    require("openssl", "git")
    urllib3.disable_warnings()
    with tempfile.TemporaryDirectory() as folder:
        place = prepare(Path(folder))
        try:
            for name in arguments.only or CASES:
                print(told(name, *measure(place, CASES[name])), flush=True)
        except (AssertionError, subprocess.CalledProcessError) as error:
            sys.exit(f"{name}: {error}")
        finally:
            if not arguments.keep:
                place.host.down()


if __name__ == "__main__":
    main()
