"""The web tier judged by public tools, each against its goal: `python -m benchmarks.tls [--suite bookworm]`.

sslyze        Mozilla's "intermediate" profile: compliant
testssl       overall grade: A+
Observatory   MDN's HTTP Observatory, of the real pages: at least 110
gixy          what it finds in nginx's whole configuration: no HIGH, at most 2 in all

A lab host gets its certificate from Pebble, an ACME server of the tests' own, whose root the tools trust. testssl runs
on a lab host of its own, the others on this machine, in .lab/tools, fetched by its pip and npm. gixy's list of nginx's
known holes is left out: it goes by version numbers, which a distribution that mends them does not change. Debian 12's
nginx.conf, which stays as it is for other sites' sake, names old protocols that each of our servers overrides: gixy
counts that line.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.tools import FOLDER, INSTALL
from lab import hosts
from tests.host.authority import Authority, bridge_address

REPO = Path(__file__).parents[1]
NAME, PROBE = "b-tls", "b-tls-probe"


def of_pip(package: str, program: str) -> str:
    """A program in an environment of its own."""
    tool = FOLDER / package / "bin" / program
    if not tool.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER / package)], check=True)
        subprocess.run([str(tool.with_name("pip")), "install", "-q", package], check=True)
    return str(tool)


def sslyze(name: str, root: Path) -> tuple[str, bool]:
    command = [of_pip("sslyze", "sslyze"), "--mozilla_config", "intermediate", name]
    said = subprocess.run([*command, f"--certinfo_ca_file={root}"], stdout=subprocess.PIPE, text=True).stdout
    (verdict,) = re.findall(rf"^    {re.escape(name)}:443: (.*(?:\n        \*.*)*)", said, re.MULTILINE)
    return verdict, verdict.startswith("OK")


def testssl(name: str, root: Path) -> tuple[str, bool]:
    """Asked from another machine, which is thrown away."""
    probe = hosts.up(PROBE, suite="trixie")
    try:
        probe.exec(f"apt-get -qq update; {INSTALL} testssl.sh bind9-dnsutils", timeout=300)
        (probe.root / "root/ca.pem").write_bytes(root.read_bytes())
        command = f"testssl --quiet --color 0 --warnings off --add-ca /root/ca.pem {name}:443 </dev/null"
        said = probe.exec(command, check=False, timeout=900).stdout
    finally:
        probe.down()
    grade = re.search(r"Overall Grade\s+(\S+)", said)
    caps = re.findall(r"Grade (?:capped|warning).*", said)
    return " ".join([grade[1] if grade else said[-500:], *caps]), bool(grade) and grade[1] == "A+"


def observatory(name: str, root: Path) -> tuple[str, bool]:
    folder = FOLDER / "observatory"
    package = folder / "node_modules/@mdn/mdn-http-observatory"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder)]
        subprocess.run([*install, "@mdn/mdn-http-observatory"], check=True)
        (package / "conf/hsts-preload.json").write_text("{}")  # no browser's list has a lab's name
    command = ["env", f"NODE_EXTRA_CA_CERTS={root}", "node", str(package / "src/scan.js"), name]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    lost = [f"{key}: {test['result']}" for key, test in found["tests"].items() if test["scoreModifier"] < 0]
    score = found["scan"]["score"]
    return "; ".join([f"{score} ({found['scan']['grade']})", *lost]), score >= 110


def gixy(host: hosts.Host) -> tuple[str, bool]:
    dump = host.exec("nginx -T 2>/dev/null").stdout
    command = [of_pip("gixy-ng", "gixy"), "-f", "json", "--skips", "nginx_cves", "-"]
    said = subprocess.run(
        command, input=dump, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout
    found = [
        (
            issue["severity"],
            issue["plugin"],
            issue["file"].replace("<stdin>", "the distribution's nginx.conf"),
        )
        for issue in json.loads(said)
    ]
    high = [issue for issue in found if issue[0] == "HIGH"]
    words = [f"{severity} {plugin} ({file})" for severity, plugin, file in found]
    return "; ".join([f"{len(found)}, {len(high)} HIGH", *words]), not high and len(found) <= 2


def deployed(authority: Authority) -> hosts.Host:
    """A host with a certificate from the authority."""
    host = hosts.find(NAME)
    authority.name(host.fqdn, host.address)
    cas = [*host.record.settings["trusted_cas"], str(authority.root)]
    settings = {**authority.settings, "trusted_cas": cas, "trusted_addresses": [authority.address]}
    hosts.up(NAME, settings=settings)
    pyinfra = Path(sys.executable).with_name("pyinfra")
    command = [str(pyinfra), "inventories/lab.py", "deploy.py", "-y", "--limit", NAME]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return host


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="trixie", help="the host's suite (default trixie)")
    suite = parser.parse_args().suite
    host = hosts.up(NAME, suite=suite, group="harvest_nginx", fresh=True)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Authority(bridge_address(host), Path(folder)) as authority,
        ):
            deployed(authority)
            root = Path(folder) / "root.pem"
            root.write_bytes(authority.issuer())
            verdicts = {
                "sslyze, intermediate": sslyze(host.fqdn, root),
                "testssl, grade": testssl(host.fqdn, root),
                "HTTP Observatory": observatory(host.fqdn, root),
                "gixy": gixy(host),
            }
    finally:
        host.down()
    for tool, (words, good) in verdicts.items():
        print(f"{'met' if good else 'MISSED':6}  {tool}: {words}")


if __name__ == "__main__":
    main()
