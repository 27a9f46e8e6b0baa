"""What many hosts cost: `python -m benchmarks.fleet [--hosts 1,2,4,8,16] [--runs 3] [--draw docs/fleet.svg]`.

no-op   seconds of a run of deploy.py that finds nothing to do, over so many hosts at once
check   seconds of the audit's quick part (a rollout's gate) over them
dead    a look (operate/status.py) with dead hosts among them, against one without

Few lab hosts play many: each name of the inventory has its own login, look and connection, and the CPU of this machine
is also that of all its hosts. Real fleets have their own, so these figures are the dear end.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals import verdict
from lab import hosts, paths
from provision.rollout.commands import Words

REPO = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PLAYERS = ("f-1", "f-2")
"""Lab hosts; sshd answers ten logins at a time (MaxStartups)."""
INVENTORY = """from pathlib import Path
from provision.inventory import hosts_from, resolve
globals().update(hosts_from(Path(__file__).with_name("fleet.json")))
resolve(globals())
"""
GATE = "harvest or nginx"
DEAD = ("dead-1", "dead-2")
GOAL = "<= 1.6"
"""Of a no-op: eight hosts against one."""


def listed(players: Sequence[hosts.Host], count: int) -> list[dict[str, object]]:
    """`count` hosts for an inventory, played in turn, and two whose address nothing has."""
    password = paths.lab_dir() / "harvest_password"
    found = []
    for number in range(count):
        record = players[number % len(players)].record
        found.append(
            {
                "name": f"fleet-{number + 1:02}",
                "group": record.group,
                "first_admin": "admin@harvest.test",
                "first_admin_password": {"file": str(password)},
                "bootstrap_user": record.bootstrap_user,
                **record.settings,
                "ssh_hostname": record.address,
                "ssh_known_hosts_file": record.known_hosts,
                "ssh_key": record.key_file,
            }
        )
    network = players[0].record.address.rpartition(".")[0]
    gone = [
        {**found[0], "name": name, "ssh_hostname": f"{network}.{250 + at}"} for at, name in enumerate(DEAD)
    ]
    return [*found, *gone]


def timed(words: Sequence[str], *, good: tuple[int, ...] = (0,)) -> float:
    """Seconds of wall time; an exit code that is not good ends the benchmark with the command's own words."""
    began = time.monotonic()
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True)
    took = time.monotonic() - began
    if done.returncode not in good:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return took


def svg(curves: dict[str, dict[int, float]]) -> str:
    """A drawing of seconds over hosts, a line for each curve; both axes begin at 0."""
    wide, high, left, top = 640, 320, 50, 20
    counts = sorted({count for points in curves.values() for count in points})
    most = max(seconds for points in curves.values() for seconds in points.values())
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if most / step <= 8)
    top_s = step * (int(most / step) + 1)

    def at(count: float, seconds: float) -> tuple[float, float]:
        return left + count / counts[-1] * (wide - 160), top + high - seconds / top_s * high

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high + 70}" font-family="sans-serif"'
        ' font-size="12" fill="#666" stroke-width="2">'
    ]
    for seconds in range(0, top_s + 1, step):
        x, y = at(0, seconds)
        lines.append(f'<path d="M{x:.0f} {y:.0f}H{wide - 110}" stroke="#ccc" stroke-width="1"/>')
        lines.append(f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{seconds} s</text>')
    for count in counts:
        x, y = at(count, 0)
        lines.append(f'<text x="{x:.0f}" y="{y + 18:.0f}" text-anchor="middle">{count}</text>')
    lines.append(f'<text x="{wide / 2 - 60:.0f}" y="{high + 58}" text-anchor="middle">hosts</text>')
    for colour, (name, points) in zip(("#0969da", "#bc4c00", "#1a7f37"), curves.items(), strict=False):
        found = [at(count, seconds) for count, seconds in sorted(points.items())]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in found)
        lines.append(f'<path d="M{path}" fill="none" stroke="{colour}"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in found]
        lines.append(
            f'<text x="{found[-1][0] + 8:.0f}" y="{found[-1][1] + 4:.0f}" fill="{colour}">{name}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def measure(folder: Path, counts: Sequence[int], runs: int) -> dict[str, dict[int, float]]:
    """Medians by curve and count of hosts; the counts in turn, so that a busy moment meets them all."""
    words = Words(BIN, str(folder / "fleet.py"))
    names = [f"fleet-{number + 1:02}" for number in range(max(counts))]
    spent: dict[str, dict[int, list[float]]] = {"no-op": {}, "check": {}}
    for number in range(runs):
        for count in counts:
            chosen = names[:count]
            spent["no-op"].setdefault(count, []).append(timed(words.deploy(chosen)))
            if number == 0:
                audit = words.audit(chosen, GATE, folder / "audit")
                spent["check"].setdefault(count, []).append(timed(audit))
            print(f"  {count} hosts: {spent['no-op'][count][-1]:.2f} s", flush=True)
    return {
        name: {count: statistics.median(each) for count, each in curve.items()}
        for name, curve in spent.items()
    }


def dead(folder: Path, count: int) -> tuple[float, float]:
    """Seconds of a look without and with dead hosts."""
    words = Words(BIN, str(folder / "fleet.py"))
    names = [f"fleet-{number + 1:02}" for number in range(count)]
    alone, among = (words.pyinfra("operate/status.py", chosen) for chosen in (names, [*names, *DEAD]))
    return timed(alone, good=(0, 1)), timed(among, good=(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", default="1,2,4,8,16")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--draw", type=Path, help="draw the curves into this SVG file")
    options = parser.parse_args()
    counts = [int(word) for word in options.hosts.split(",")]
    players = [hosts.up(name, suite="bookworm", shape="vps", group="harvest_nginx") for name in PLAYERS]
    limits = [word for name in PLAYERS for word in ("--limit", name)]
    timed([str(BIN / "pyinfra"), "inventories/lab.py", "deploy.py", "-y", *limits])
    with tempfile.TemporaryDirectory(prefix="harvest-fleet-") as top:
        folder = Path(top)
        (folder / "fleet.json").write_text(json.dumps(listed(players, max(counts))))
        (folder / "fleet.py").write_text(INVENTORY)
        curves = measure(folder, counts, options.runs)
        without, with_dead = dead(folder, min(8, max(counts)))
    for name, points in curves.items():
        for count, seconds in points.items():
            print(f"        {name}, {count} hosts: {seconds:.2f} s, {seconds / count:.2f} s a host")
    if {1, 8} <= set(counts):
        ratio = curves["no-op"][8] / curves["no-op"][1]
        print(f"{verdict(ratio, GOAL):6}  no-op, 8 hosts against one: {ratio:.2f} (goal {GOAL})")
    print(f"        a look without dead hosts {without:.2f} s, with two {with_dead:.2f} s")
    if options.draw:
        options.draw.write_text(svg(curves))
    for host in players:
        host.down()


if __name__ == "__main__":
    main()
