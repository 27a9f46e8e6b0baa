"""Every shell program of templates/scripts/ passes shellcheck as it is rendered."""

import subprocess

import pytest

from provision.engine.templates import FOLDER, render
from provision.operations import apt, notify, stamps, sysctl, systemd
from provision.operations.access import revert
from provision.operations.app import release, static

SYSCTL = render(
    "scripts/sysctl-apply.sh",
    kept=stamps.KEPT,
    tool=sysctl.TOOL,
    path="/etc/sysctl.d/99-harvest.conf",
    refused=sysctl.REFUSED,
    stamp=sysctl.STAMP,
)
RENDERED = {
    "access-arm": revert.arm_script(["/etc/ssh", "/etc/with blank"], 300),
    "access-disarm": revert.disarm_script(),
    "access-postpone": revert.postpone_script(),
    "access-revert": revert.revert_program(300),
    "access-step": revert.STEP,
    "apt-block-daemons": apt.BLOCKED,
    "apt-install": apt.install_script(["nginx", "ufw"]),
    "apt-repair": apt.repair_script(["nginx"]),
    "build-venv": release.build_script("/opt/harvest/venvs/1", "/opt/harvest/tools/uv-1", "dash==3.0.0"),
    "build-venv-again": f"build=/opt/harvest/tools/build.sh\n{release.AGAIN}",
    "export-static": static.export_script(
        "/opt/harvest/releases/1", "/opt/harvest/releases/1/static-1", "harvest"
    ),
    "notify-test": notify.test_script(),
    "sysctl-apply": SYSCTL,
    "systemd-act": systemd.act(
        systemd.Unit("nginx.service", ("/etc/nginx/nginx.conf",), reload=True), "reload"
    ),
    "ufw-hooks": revert.HOOKS,
}
"""Each template by its name, with the values that a deploy gives it."""


ALONE = {"access-revert", "access-step", "build-venv"}
"""Run as they are; to the others the engine adds `set -eu`."""


def test_every_script_is_checked() -> None:
    assert sorted(RENDERED) == sorted(
        path.name.removesuffix(".sh.j2") for path in (FOLDER / "scripts").iterdir()
    )


@pytest.mark.parametrize("name", RENDERED)
def test_shellcheck_accepts(name: str) -> None:
    text = ("" if name in ALONE else "set -eu\n") + RENDERED[name]
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--severity=warning", "-"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["compose/postgresql.sh", "system/needrestart-nginx.sh", "nginx/renewal-hook"]
)
def test_shellcheck_accepts_files_of_the_host(name: str) -> None:
    done = subprocess.run(
        ["shellcheck", "-"], input=render(name), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
