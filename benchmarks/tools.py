"""Public tools for benchmarks/hardening.py, fetched by this machine's own apt and pip into .lab/tools."""

import re
import socket
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".lab" / "tools"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install"
SSG = {"bookworm": "ssg-debian12-ds.xml", "trixie": "ssg-debian13-ds.xml"}


def own_address(address: str) -> str:
    """By which address this machine talks to `address`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])


def _ssh_audit() -> str:
    """ssh-audit in an environment of its own."""
    tool = FOLDER / "ssh-audit" / "bin" / "ssh-audit"
    if not tool.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER / "ssh-audit")], check=True)
        subprocess.run([str(tool.with_name("pip")), "install", "-q", "ssh-audit"], check=True)
    return str(tool)


def ssh_audit(address: str, *options: str) -> str:
    """ssh-audit's standard output; without its test for denial of service."""
    command = [_ssh_audit(), "--skip-rate-test", *options, address]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120).stdout


def hardened_policy(address: str, software: str) -> str:
    """The verdict of the newest built-in server policy that is not newer than the software, subsets allowed.

    OpenSSH 10's policy wants post-quantum key exchange alone, which many clients cannot do yet (paramiko, by which
    the deploy itself logs in, is one); it is judged by 9.9's. Debian's 9.2 knows sntrup761 by its later name as well.
    """
    number = re.search(r"OpenSSH_(\d+)\.(\d+)", software)
    version = min((int(number[1]), int(number[2])), (9, 9)) if number else (9, 9)
    script = (
        "import sys; from ssh_audit.builtin_policies import BUILTIN_POLICIES as P; "
        f"names = sorted(n for n in P if n.startswith('Hardened OpenSSH Server v{version[0]}.{version[1]} ')); "
        "print(names[-1])"
    )
    python = str(Path(_ssh_audit()).with_name("python"))
    name = subprocess.run(
        [python, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    policy = FOLDER / "policy.txt"
    lists = (
        f"from ssh_audit.builtin_policies import BUILTIN_POLICIES as P; p = P[{name!r}]; j = ', '.join; "
        f"print('name = \"{name}, or less\"', 'version = 1', 'allow_algorithm_subset_and_reordering = true', "
        "'host keys = ' + j(p['host_keys'] + (p['optional_host_keys'] or [])), "
        "'key exchanges = ' + j([*p['kex'], 'sntrup761x25519-sha512', 'ext-info-s', 'kex-strict-s-v00@openssh.com']), "
        "'ciphers = ' + j(p['ciphers']), 'macs = ' + j(p['macs']), sep=chr(10))"
    )
    policy.write_text(
        subprocess.run([python, "-c", lists], stdout=subprocess.PIPE, text=True, check=True).stdout
    )
    said = ssh_audit(address, "-P", str(policy))
    return "pass" if "Passed" in said else "fail"


def scap_content(suite: str) -> Path:
    """scap-security-guide's content from Debian unstable, from the mirror that this machine's apt uses."""
    folder = FOLDER / "ssg"
    found = sorted(folder.rglob(SSG[suite]))
    if not found:
        state = FOLDER / "apt"
        for part in ("lists/partial", "cache/archives/partial", "etc"):
            (state / part).mkdir(parents=True, exist_ok=True)
        targets = [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)",
            "Created-By: Packages",
            "Origin: Debian",
        ]
        mirror = subprocess.run(targets, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0]
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (state / "etc/sources.list").write_text(f"deb [signed-by={keyring}] {mirror} unstable main\n")
        options = [
            word
            for option in (
                f"Dir::State::lists={state}/lists",
                f"Dir::Cache={state}/cache",
                f"Dir::Etc::sourcelist={state}/etc/sources.list",
                "Dir::Etc::sourceparts=-",
                "APT::Sandbox::User=root",
            )
            for word in ("-o", option)
        ]
        subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
        subprocess.run(["apt-get", "-qq", *options, "download", "ssg-debian"], check=True, cwd=state)
        (package,) = state.glob("ssg-debian_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
        found = sorted(folder.rglob(SSG[suite]))
    return found[0]
