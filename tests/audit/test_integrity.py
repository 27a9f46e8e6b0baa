"""What runs is what was installed: packages, HARVEST's code, unit files, privileges of files, firewall rules."""

import json
import re
import shlex
from typing import Any

import pytest

from provision.engine.state import LOOK, Integrity, Query
from provision.operations.aide import CONF, sentence
from provision.remote import source
from provision.settings.instances import Instance
from tests.audit.checks import ACCESS, check

PRIVILEGED = """
    at chage chfn chsh crontab dbus-daemon-launch-helper expiry fusermount fusermount3 gpasswd landscape-sysagent
    locate mail-lock mail-touchlock mail-unlock mlocate mount newgidmap newgrp newuidmap ntfs-3g pam_extrausers_chkpwd
    passwd pkexec plocate polkit-agent-helper-1 postdrop postqueue snap-confine ssh-agent ssh-keysign su su-rs sudo
    sudo-rs sudo.ws umount unix_chkpwd unix_update utempter write write.ul wall
    arping clockdiff mtr-packet ping tracepath traceroute6.iputils gst-ptp-helper systemd-detect-virt dumpcap
"""
"""Programs that Debian and Ubuntu give setuid, setgid or capabilities."""
UNIT_FOLDERS = (
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
    "/run/systemd/system",
    "/run/systemd/system.control",
)
GROUPS = ("sudo", "admin", "wheel", "docker", "lxd", "libvirt", "disk", "shadow", "kmem")
"""Whoever is in one of these may become root, or read what root alone may read."""


@check("integrity.packages", "programs and libraries are as their packages brought them", severity="high")
def test_installed_files_match_their_packages(run: Any) -> None:
    """Programs and libraries, against their packages' checksums (debsums); configuration files are left out."""
    assert run("debsums -c 2>/dev/null || true") == ""


@check(
    "integrity.aide",
    "nothing that AIDE watches was changed outside of deploy, unless it was accepted by name",
    severity="high",
)
def test_nothing_was_changed_outside_of_deploy(run: Any) -> None:
    """What deploy.py changes, it records; what others change stays a finding through any number of runs."""
    said = run("python3 -c", LOOK, Query(integrity={CONF}).json())
    found = Integrity.model_validate(json.loads(said)["integrity"][CONF])
    assert not found.failed, found.failed
    changed = [sentence(finding) for finding in found.findings if not finding.ours]
    assert not changed, "; ".join(changed)


@check("integrity.release", "HARVEST's code and its environment are as they were installed", severity="high")
def test_code_and_environment_are_as_installed(run: Any, instance: Instance) -> None:
    """By digests of all their files, so that a change with its time set back is found too."""
    changed, old = [], []
    for part in ("harvest", "venv"):
        folder = run(f"readlink -f {instance.root}/{part}").strip()
        kept = run(f"cat {folder}/.complete").strip()
        if not kept:
            old.append(folder)
        elif kept != run("python3 -c", source("tree_digest"), folder).strip():
            changed.append(folder)
    assert not changed, f"changed since it was installed: {', '.join(changed)}; touch a file in it and deploy"
    if old:
        pytest.skip(f"installed without a digest: {', '.join(old)}")


@check("integrity.setuid", "no program has gained setuid, setgid or capabilities", severity="high")
def test_no_program_has_gained_privileges(run: Any) -> None:
    """Those of packages, and those that dpkg-statoverride was told of."""
    found = set(run("find / -xdev -type f -perm /6000 -not -path '/proc/*'").split())
    # Local file systems apart from the root's; the network's are not the host's.
    found |= {
        line.split()[0]
        for line in run("getcap -r /usr /opt /srv /home /var 2>/dev/null || true").splitlines()
    }
    told = {line.split()[-1] for line in run("dpkg-statoverride --list || true").splitlines()}
    surplus = {path for path in found - told if path.rpartition("/")[2] not in PRIVILEGED.split()}
    assert not surplus, (
        f"{', '.join(sorted(surplus))}; take it away, or tell dpkg-statoverride that it is wanted"
    )


@check("integrity.unit-files", "unit files outside of /etc belong to packages", severity="high")
def test_unit_files_outside_of_etc_belong_to_packages(run: Any) -> None:
    """systemd reads units from there too, and no daemon-reload is needed for one that is new."""
    there = run(f"find {' '.join(UNIT_FOLDERS)} -type f 2>/dev/null || true").split()
    # Before /usr was merged, packages named /lib, and dpkg knows these files by that name alone.
    asked = there + [path.removeprefix("/usr") for path in there if path.startswith("/usr/lib/")]
    patterns = [shlex.quote(path.replace("\\", "\\\\")) for path in asked]
    said = run(f"dpkg -S {' '.join(patterns)} 2>/dev/null || true") if asked else ""
    known = {line.rpartition(": ")[2] for line in said.splitlines()}
    known |= {f"/usr{path}" for path in known if path.startswith("/lib/")}
    assert not set(there) - known, f"of no package: {', '.join(sorted(set(there) - known))}"


@check("accounts.groups", "the admin alone is in groups that lead to root", severity="high")
def test_the_admin_alone_is_in_groups_that_lead_to_root(run: Any, settings: Any) -> None:
    """But for the account that the provider made, `bootstrap_user`, which may no longer log in."""
    found = {}
    for line in run(f"getent group {' '.join(GROUPS)} || true").splitlines():
        name, _, _, members = line.split(":")
        surplus = set(filter(None, members.split(","))) - {settings.admin_user, settings.bootstrap_user}
        if surplus:
            found[name] = sorted(surplus)
    assert not found, found


@check(
    "firewall.above-ufw", "no rule of the kernel's firewall comes before UFW's", severity="high", mends=ACCESS
)
def test_no_firewall_rule_comes_before_ufw(run: Any) -> None:
    """fail2ban's may: they only refuse."""
    for tool in ("iptables", "ip6tables"):
        rules = [line for line in run(f"{tool} -S INPUT").splitlines() if line.startswith("-A")]
        others = [line for line in rules if not re.search(r" -j (ufw6?|f2b)-[\w-]+$", line)]
        assert not others, f"{tool}: {others}"
    ours = ("filter", "nat", "mangle", "raw", "security", "f2b-table")
    tables = [line.split() for line in run("nft list tables || true").splitlines()]
    surplus = [" ".join(words) for words in tables if words[-1] not in ours]
    assert not surplus, f"nft has {', '.join(surplus)}"
