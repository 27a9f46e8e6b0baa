"""HARVEST's locations in somebody else's server block, tried with this machine's nginx."""

import subprocess
from pathlib import Path

import pytest
import requests

from provision.settings.model import settings_from
from tests.render.test_nginx import NGINX, host, installed, pair, write
from tests.render.test_versions import connected, free_port
from tests.unit.examples import GOOD

__all__ = ["pair"]
BLOG = """server {{
    listen 127.0.0.1:{port};
    include {folder}/harvest.d/harvest.example.org/*.conf;
}}
"""
OTHER = """server {{
    listen 127.0.0.1:{port};
    location ~* \\.(css|js|json|pdf)$ {{ return 418; }}
    include {folder}/harvest.d/harvest.example.org/*.conf;
}}
"""


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_no_regular_expression_of_the_site_beside_us_takes_what_is_ours(tmp_path: Path, pair: Path) -> None:
    write(
        tmp_path, settings_from(GOOD | {"site": "beside", "base_path": "/harvest/"}), host(installed()), pair
    )
    port = free_port()
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-enabled" / "other").write_text(OTHER.format(port=port, folder=tmp_path))
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    nginx = subprocess.Popen(command)
    try:
        connected(port).close()

        def taken(path: str) -> bool:
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code == 418

        assert taken("/theirs.json")
        ours = ("a.pdf", "assets/a.css", "_dash-component-suites/a.js", "api/a.json")
        assert [path for path in ours if taken(f"/harvest/{path}")] == []
    finally:
        nginx.terminate()
        nginx.wait(10)


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
@pytest.mark.parametrize("file", ["0.conf", "00.conf", "blog.conf", "harvest.example.org.conf"])
def test_a_foreign_file_that_nginx_reads_before_ours_does_no_harm(
    file: str, tmp_path: Path, pair: Path
) -> None:
    settings = settings_from(GOOD | {"site": "beside", "base_path": "/harvest/"})
    write(tmp_path, settings, host(installed()), pair)
    (tmp_path / "conf.d" / file).write_text(BLOG.format(port=free_port(), folder=tmp_path))
    command = [str(NGINX), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
