"""launch_harvest.py: what it refuses, what it warns of, and that it neither hangs nor leaves anything behind."""

import os
import subprocess
import sys
import threading

import pytest
import requests

from tests.app import services
from tests.app.conftest import APP


def launch(tmp_path, **environ):
    env = {**os.environ, "HARVEST_STATE_DIR": str(tmp_path), "HARVEST_CROSSREF_URL": "", **environ}
    command = [sys.executable, str(APP / "launch_harvest.py")]
    return subprocess.Popen(
        command, env=env, cwd=APP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"HARVEST_DEPLOYMENT_MODE": "cloud"}, "DEPLOYMENT_MODE must be 'internal' or 'nginx', not 'cloud'."),
        ({"HARVEST_DEPLOYMENT_MODE": "nginx"}, "BACKEND_PUBLIC_URL must be set in nginx mode"),
    ],
)
def test_a_wrong_configuration_is_refused_with_a_sentence(tmp_path, environ, sentence):
    running = launch(tmp_path, **environ)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert sentence in out


def test_it_survives_two_thousand_requests_and_ends_its_children(tmp_path):
    frontend, backend = services.free_port(), services.free_port()
    running = launch(
        tmp_path, PORT=str(frontend), HARVEST_PORT=str(backend), HARVEST_BACKEND_PUBLIC_URL="http://x"
    )
    said = []
    reader = threading.Thread(target=lambda: said.extend(running.stdout), daemon=True)
    reader.start()
    try:
        services.wait_for(f"http://127.0.0.1:{backend}/api/ready", 30)
        services.wait_for(f"http://127.0.0.1:{frontend}/_dash-layout", 30)
        for _ in range(2000):
            assert requests.get(f"http://127.0.0.1:{backend}/api/health", timeout=10).status_code == 200
    finally:
        running.terminate()
        assert running.wait(30) == 0
    reader.join(10)
    assert any("internal mode under /" in line for line in said)
    assert any("BACKEND_PUBLIC_URL is set, but internal mode does not use it" in line for line in said)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{backend}/api/health", timeout=5)


def test_an_overlay_config_beats_the_defaults_and_the_environment_beats_both(tmp_path):
    (tmp_path / "config.py").write_text('DEPLOYMENT_MODE = "internal"\nMAX_UPLOAD_MB = 7\nPORT = 9999\n')
    script = "from harvest.settings import load; s = load(); print(s.MAX_UPLOAD_MB, s.PORT, s.BE_PORT)"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{APP}", "PORT": "8123"}
    options = {"env": env, "cwd": "/", "capture_output": True, "text": True, "check": True}
    done = subprocess.run([sys.executable, "-c", script], **options)
    assert done.stdout.split() == ["7", "8123", "5001"]


def test_the_schema_in_the_code_is_the_newest_migration():
    from alembic.script import ScriptDirectory
    from harvest.tables import SCHEMA_HEAD

    assert ScriptDirectory(str(APP / "harvest" / "migrations")).get_current_head() == SCHEMA_HEAD


def test_the_migrations_make_exactly_the_tables_of_the_code(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from harvest.tables import metadata

    # What searching needs beside the tables is each database's own.
    options = {"include_name": lambda name, *_: not (name or "").startswith("search_")}
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_each_service_imports_within_a_second(tmp_path):
    """CPU seconds, so that a busy machine does not count."""
    for module in ("wsgi_be", "wsgi_fe"):
        script = f"import time, {module}; print(time.process_time())"
        env = {**os.environ, "PYTHONPATH": str(APP), "HARVEST_STATE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        assert float(done.stdout) < 1.0, module
    assert os.listdir(tmp_path) == [], "importing writes and opens nothing"
