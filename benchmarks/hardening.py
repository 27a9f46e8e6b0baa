"""How hard a host is, by public tools: `python -m benchmarks.hardening [--suite bookworm] [--no-cis]`.

A fresh lab host and one that deploy.py has been through are judged by ssh-audit, lynis, OpenSCAP (CIS level 1 server)
and systemd-analyze security. The tools run on the disposable hosts and on this machine (benchmarks/tools.py).

To mind when reading: OpenSCAP's content takes a host without the package linux-base for a container and skips most
rules, so that is installed first; it reads few drop-ins of sshd and journald, so those are put into the main files.
Both hosts have cron, as every server's image does. A lab host may not set the values of the kernel that it shares with
this machine: the points that lynis takes off for those which the host's own file asks for are shown beside.
"""

import argparse
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks import tools
from benchmarks.goals import verdict as met_by
from lab import hosts

REPO = Path(__file__).parents[1]
PYINFRA = Path(sys.executable).with_name("pyinfra")
# Most rules read main files only, some read drop-ins as well and want no line twice: on this host, which is thrown
# away, the main file becomes all of it, drop-ins first, as sshd reads them.
FLATTEN = """cd /etc/ssh; cat sshd_config.d/*.conf sshd_config >flat 2>/dev/null || true; cat flat >sshd_config
rm -f flat sshd_config.d/*.conf
cat /etc/systemd/journald.conf.d/*.conf >>/etc/systemd/journald.conf 2>/dev/null || true"""
# What no lab host can meet: values and AppArmor of the shared kernel, a clock service (the clock is this machine's),
# and on Debian 12 a /tmp on disk, as servers have it.
BEYOND = {"sysctl_kernel_yama_ptrace_scope", "sysctl_kernel_kptr_restrict", "ntp_single_service_active"}
BEYOND |= {"service_timesyncd_enabled", "all_apparmor_profiles_in_enforce_complain_mode"}
NO_TMP = {"bookworm": {"mount_option_tmp_noexec"}, "trixie": set[str]()}
GOALS = {
    "ssh-audit failures": "= 0",
    "lynis, its kernel values set": ">= 80",
    "CIS level 1 server, %": ">= 88",
    "worst unit of HARVEST": "<= 2",
    "failed units": "= 0",
    "pending security updates": "= 0",
    "own code writable": "= 0",
}
PROFILE = "xccdf_org.ssgproject.content_profile_cis_level1_server"


def ssh_audit(host: hosts.Host) -> dict[str, Any]:
    """Failures and warnings; and whether all that sshd offers stands in the tool's hardened policy for it.

    The policies want their lists complete; ours offers less (no RSA host key, no finite-field groups), which the
    policies' own switch for subsets lets pass.
    """
    said = tools.ssh_audit(host.address, "--json")
    found = json.loads(said)
    notes = [algorithm["notes"] for kind in ("kex", "key", "enc", "mac") for algorithm in found.get(kind, [])]
    return {
        "ssh-audit failures": sum(len(note.get("fail", [])) for note in notes),
        "ssh-audit warnings": sum(len(note.get("warn", [])) for note in notes),
        "ssh-audit hardened policy": tools.hardened_policy(host.address, found["banner"]["software"]),
    }


def lynis(host: hosts.Host) -> dict[str, Any]:
    host.exec(f"{tools.INSTALL} lynis", timeout=300)
    said = host.exec("lynis audit system --quick --no-colors 2>/dev/null", check=False, timeout=400).stdout
    index = re.search(r"Hardening index : (\d+)", said)
    log = host.exec("cat /var/log/lynis.log").stdout
    have, most = map(int, re.findall(r"Currently having (\d+) points \(out of (\d+)\)", log)[-1])
    asked = host.exec("cat /etc/sysctl.d/zzz-harvest.conf 2>/dev/null || true").stdout.splitlines()
    wrong = re.findall(r"sysctl key (\S+) has a different value .*Expected=(\d+)", log)
    shared = sum(f"{key} = {value}" in asked for key, value in wrong)  # a point each
    return {
        "lynis": int(index.group(1)) if index else said[-300:],
        "lynis, points": f"{have} of {most}",
        "lynis, its kernel values set": 100 * (have + shared) // most,
    }


def cis(host: hosts.Host) -> dict[str, Any]:
    """The share of passed among answered rules, percent; what failed goes to standard error."""
    content = tools.scap_content(host.record.suite)
    (host.root / "var/tmp/content.xml").write_bytes(content.read_bytes())
    host.exec(f"{tools.INSTALL} openscap-scanner linux-base", timeout=300)
    host.exec(FLATTEN)
    scan = f"oscap xccdf eval --profile {PROFILE} --results /var/tmp/results.xml /var/tmp/content.xml"
    host.exec(f"cd /var/tmp; {scan} >/dev/null 2>/var/tmp/oscap.log", check=False, timeout=900)
    results = [
        (rule.get("idref", "").rpartition("content_rule_")[2], result.text)
        for rule in ET.parse(host.root / "var/tmp/results.xml").findall(".//{*}rule-result")  # noqa: S314 - our own file
        for result in rule.findall("{*}result")
    ]
    passed, failed = (
        sorted(name for name, text in results if text == verdict) for verdict in ("pass", "fail")
    )
    print(f"{host.name}: failed in CIS: {' '.join(failed)}", file=sys.stderr)
    possible = set(failed) - BEYOND - NO_TMP[host.record.suite]
    return {
        "CIS level 1 server, %": share(passed, failed),
        "CIS rules answered": len(passed) + len(failed),
        "CIS, what a lab host can meet, %": share(passed, possible),
    }


def share(passed: Collection[str], failed: Collection[str]) -> float:
    return round(100 * len(passed) / max(1, len(passed) + len(failed)), 1)


def services(host: hosts.Host) -> dict[str, Any]:
    """Exposure of HARVEST's units, what listens, what failed, what is pending, what the service can write."""
    listed = host.exec(
        "systemctl list-units --plain --no-legend 'harvest-*.service' | awk '{print $1}'"
    ).stdout
    levels = [
        host.exec(f"systemd-analyze security --no-pager {unit} | tail -1").stdout for unit in listed.split()
    ]
    exposures = [float(found.group(1)) for level in levels if (found := re.search(r": ([\d.]+)", level))]
    ports = host.exec("ss -Hltn | awk '{print $4}' | grep -vE '^(127\\.|\\[::1\\])' || true").stdout.split()
    host.exec("apt-get -qq update", check=False)
    pending = host.exec("apt list --upgradable 2>/dev/null | grep -c -- -security || true").stdout.strip()
    own = "find /opt/harvest -xdev -writable ! -type l 2>/dev/null | wc -l"
    user = host.exec("getent passwd harvest", check=False).stdout
    return {
        "worst unit of HARVEST": max(exposures, default="-"),
        "listening beyond loopback": " ".join(sorted({port.rsplit(":", 1)[1] for port in ports}, key=int)),
        "failed units": len(host.exec("systemctl --failed --plain --no-legend").stdout.splitlines()),
        "pending security updates": int(pending or 0),
        "own code writable": int(host.exec(f"runuser -u harvest -- {own}").stdout) if user else "-",
    }


def judge(host: hosts.Host, with_cis: bool) -> dict[str, Any]:
    found = {**ssh_audit(host), **services(host), **lynis(host)}
    return {**found, **cis(host)} if with_cis else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--suite", action="append", choices=["bookworm", "trixie"])
    parser.add_argument("--no-cis", action="store_true", help="leave OpenSCAP out: three minutes a host less")
    options = parser.parse_args()
    for suite in options.suite or ["bookworm", "trixie"]:
        table: dict[str, dict[str, Any]] = {}
        for kind in ("fresh", "ours"):
            host = hosts.up(f"s-bench-{kind}", suite=suite, group="harvest_internal", fresh=True)
            hosts.up(host.name, settings={"trusted_addresses": [tools.own_address(host.address)]})
            try:
                host.exec(f"apt-get -qq update; {tools.INSTALL} cron", timeout=300)
                if kind == "ours":
                    deploy = [str(PYINFRA), "inventories/lab.py", "deploy.py", "-y", "--limit", host.name]
                    subprocess.run(deploy, cwd=REPO, check=True, stdout=sys.stderr)
                table[kind] = judge(host, not options.no_cis)
            finally:
                host.down()
        for name in table["ours"]:
            fresh, ours = table["fresh"].get(name, "-"), table["ours"][name]
            goal = GOALS.get(name, "")
            met = met_by(float(ours), goal) if goal and ours != "-" else ""
            print(f"{met:6}  {suite}  {name:36} {fresh!s:>24} {ours!s:>24}  {goal}", flush=True)


if __name__ == "__main__":
    main()
