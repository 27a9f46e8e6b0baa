"""What an application without harvest/__main__.py is given on top of its own files."""

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.engine.templates import render
from provision.settings.instances import Instance
from provision.settings.model import settings_from
from tests.unit.examples import GOOD

SHIPPED = (
    'DB_PATH = "harvest.db"\nDEPLOYMENT_MODE = "internal"\nUNPAYWALL_EMAIL = ""\nPAGE_SIZE = 25\nlower = 1\n'
)


def instance(**changed: Any) -> Instance:
    (found,) = settings_from(GOOD | changed).all_instances
    return found


def overlay(folder: Path, config: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What `import config` gives with the overlay in `folder`/etc on top of `folder`/opt's."""
    made = render("harvest/config.py", instance=instance(base_path="/harvest/"), config=config)
    for place in ("etc", "opt/harvest/harvest"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / "etc/config.py").write_text(
        made.replace("/opt/harvest/harvest", f"{folder}/opt/harvest/harvest")
    )
    (folder / "etc/secret_key").write_text("salt\n")
    return runpy.run_path(str(folder / "etc/config.py"))


def test_the_overlay_keeps_what_the_application_ships_and_decides_the_rest(tmp_path: Path) -> None:
    shipped = tmp_path / "opt/harvest/harvest/config.py"
    shipped.parent.mkdir(parents=True)
    shipped.write_text(SHIPPED)
    odd = 'o\'Brien "x" \\ {{ 7 }}\nimport os'
    found = overlay(tmp_path, (("UNPAYWALL_EMAIL", odd), ("DEBUG", False), ("LIMITS", None)))
    assert found["PAGE_SIZE"] == 25
    assert "lower" not in found
    assert found["DEPLOYMENT_MODE"] == "nginx"
    assert found["URL_BASE_PATHNAME"] == "/harvest/"
    assert found["BACKEND_PUBLIC_URL"] == instance(base_path="/harvest/").api_url
    assert (found["HOST"], found["PORT"], found["BE_PORT"]) == ("127.0.0.1", 8050, 5001)
    assert found["DB_PATH"] == "/var/lib/harvest/harvest.db"
    assert found["PDF_STORAGE_DIR"] == "/var/lib/harvest/project_pdfs"
    assert found["EMAIL_HASH_SALT"] == "salt"
    assert (found["UNPAYWALL_EMAIL"], found["DEBUG"], found["LIMITS"]) == (odd, False, None)
    assert "os" not in found
    assert "HARVEST_ADMIN_EMAILS" not in found


def test_an_application_without_a_configuration_is_given_ours_alone(tmp_path: Path) -> None:
    assert overlay(tmp_path, ())["DB_PATH"] == "/var/lib/harvest/harvest.db"


def place(native: bool, **values: Any) -> str:
    return render("systemd/_place", instance=instance(), native=native, **values).strip()


def test_our_own_application_runs_in_its_release() -> None:
    assert place(True) == "WorkingDirectory=/opt/harvest/harvest\nEnvironmentFile=/etc/harvest/harvest.env"
    assert place(True, place="/opt/harvest/candidate").startswith(
        "WorkingDirectory=/opt/harvest/candidate/harvest\n"
    )


@pytest.mark.parametrize("root", ["/opt/harvest", "/opt/harvest/candidate"])
def test_what_upstream_writes_by_relative_paths_lands_in_its_state_and_cache(root: str) -> None:
    lines = [line for line in place(False, place=root).splitlines() if not line.startswith("#")]
    assert lines == [
        "WorkingDirectory=/var/lib/harvest",
        "StateDirectory=harvest/project_pdfs",
        f"BindPaths=/var/lib/harvest/project_pdfs:{root}/harvest/project_pdfs",
        "Environment=HF_HOME=/var/cache/harvest/huggingface",
        f"BindPaths=/var/cache/harvest:{root}/harvest/.cache",
        "EnvironmentFile=/etc/harvest/harvest.env",
    ]


@pytest.mark.parametrize("name", ["backend@", "frontend", "candidate@"])
def test_systemd_takes_the_units_of_an_application_like_upstream(name: str, tmp_path: Path) -> None:
    settings = settings_from(GOOD)
    text = render(
        f"systemd/harvest-{name}.service", settings=settings, instance=instance(), workers=2, native=False
    )
    assert "migrate" not in text.partition("[Service]")[2]
    # What they start, read and run in is not on this machine.
    text = "\n".join(
        "ExecStart=/bin/true" if line.startswith("ExecStart=") else line
        for line in text.splitlines()
        if not line.startswith(("Requires=", "Wants=", "After=", "WorkingDirectory="))
    )
    unit = tmp_path / f"harvest-{name}{'x' if name.endswith('@') else ''}.service"
    unit.write_text(text + "\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, [each for each in done.stderr.splitlines() if unit.name in each]) == (0, [])
