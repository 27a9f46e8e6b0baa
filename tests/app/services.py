"""Real processes for tests: PostgreSQL, gunicorn and nginx, each in a folder of its own and ended by its test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

APP = Path(__file__).parents[2] / "app"


def program(name, *folders):
    """The path of a program; a missing one is a failure that says what to install."""
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    assert found, f"{name} is missing: apt-get install postgresql nginx chromium chromium-driver"
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, seconds=20):
    stop = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 our own
                return answer.status
        except OSError as error:
            if time.monotonic() > stop:
                raise AssertionError(f"{url} does not answer: {error}") from error
            time.sleep(0.1)


@contextlib.contextmanager
def process(command, log, **options):
    """Run a command until the block ends; its output is in the file `log`."""
    with Path(log).open("ab") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **options)
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()


@contextlib.contextmanager
def postgres(folder):
    """A PostgreSQL server that only a socket in `folder` leads to; gives the folder. As root it runs as `postgres`."""
    tools = str(max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/none")))
    folder = Path(folder)
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        for parent in folder.parents:  # pytest's folders are the owner's alone
            if parent != Path("/tmp") and str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    initdb = [
        *as_user,
        program("initdb", tools),
        "-D",
        data,
        "-U",
        "harvest",
        "-A",
        "trust",
        "-N",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    options = (
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=",
        "-c",
        "shared_buffers=32MB",
        "-c",
        "max_connections=60",
    )
    command = [*as_user, program("postgres", tools), "-D", data, "-k", folder, *options]
    with process(command, folder / "log", cwd="/"):
        stop = time.monotonic() + 20
        ready = [program("pg_isready", tools), "-q", "-h", folder]
        while subprocess.run(ready, check=False).returncode:
            assert time.monotonic() < stop, (folder / "log").read_text()
            time.sleep(0.1)
        yield folder


def gunicorn(app, port, environ, log, *options):
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--workers",
        "2",
        "--preload",
        "--no-control-socket",
        "--limit-request-line",
        "8190",
        "--bind",
    ]
    command += [f"127.0.0.1:{port}", "--pythonpath", str(APP), *options, app]
    return process(command, log, env={**os.environ, **environ}, cwd=environ["HARVEST_STATE_DIR"])


def harvest(environ, *arguments, stdin=""):
    """Run `python -m harvest ...` as provisioning does."""
    return subprocess.run(
        [sys.executable, "-m", "harvest", *map(str, arguments)],
        env={**os.environ, **environ, "PYTHONPATH": str(APP)},
        input=stdin,
        text=True,
        capture_output=True,
        check=True,
    ).stdout


NGINX = """
{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types; access_log off; client_max_body_size 32m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  server {{
    listen 127.0.0.1:{port};
    location {base} {{ proxy_pass http://127.0.0.1:{frontend}; }}
    {api_here}
    location {base}_dash-component-suites/ {{ alias {static}/_dash-component-suites/; gzip_static on; }}
    location {base}assets/ {{ alias {static}/assets/; gzip_static on; }}
  }}
  server {{ listen 127.0.0.1:{port}; server_name localhost; {api_there} }}
}}
"""


@contextlib.contextmanager
def place(folder, mode, base, *, api_domain=False, **more):
    """HARVEST as it lives on a host: gives {"url": where users go, "api": the backend's own address}.

    With `api_domain` browsers reach the API by a name of its own, and under the page's name it is not there.
    """
    folder = Path(folder)
    frontend, backend, port = free_port(), free_port(), free_port()
    environ = {
        "HARVEST_STATE_DIR": str(folder),
        "HARVEST_DEPLOYMENT_MODE": mode,
        "HARVEST_URL_BASE_PATHNAME": base,
        "HARVEST_API_BASE": f"http://127.0.0.1:{backend}",
        "HARVEST_CROSSREF_URL": "",
        "HARVEST_MAX_UPLOAD_MB": "30",
        **more,
    }
    url = f"http://127.0.0.1:{frontend}{base}"
    if mode == "nginx":
        url = f"http://127.0.0.1:{port}{base}"
        public = f"http://localhost:{port}/api" if api_domain else f"{url}api"
        environ |= {"HARVEST_BACKEND_PUBLIC_URL": public, "HARVEST_TRUSTED_PROXIES": "1"}
        if api_domain:
            environ["HARVEST_ALLOWED_ORIGINS"] = f"http://127.0.0.1:{port}"
    harvest(environ, "migrate")
    harvest(environ, "user", "add", "admin@example.org", "--admin", stdin="correct horse battery\n")
    with contextlib.ExitStack() as stack:
        stack.enter_context(gunicorn("wsgi_be:app", backend, environ, folder / "be.log"))
        stack.enter_context(gunicorn("wsgi_fe:server", frontend, environ, folder / "fe.log"))
        wait_for(f"http://127.0.0.1:{backend}/api/ready")
        wait_for(f"http://127.0.0.1:{frontend}{base}_dash-layout")
        if mode == "nginx":
            harvest(environ, "assets", folder / "static")
            values = {"folder": folder, "port": port, "base": base, "frontend": frontend, "backend": backend}
            prefix = "/" if api_domain else base
            api = f"location {prefix}api/ {{ proxy_pass http://127.0.0.1:{backend}/api/; }}"
            values |= {"api_here": "" if api_domain else api, "api_there": api if api_domain else ""}
            # Its workers would become somebody else, for whom pytest's folders are shut.
            values |= {"user": "user root;" if os.geteuid() == 0 else ""}
            (folder / "nginx.conf").write_text(NGINX.format(static=folder / "static", **values))
            stack.enter_context(
                process([program("nginx"), "-c", folder / "nginx.conf"], folder / "nginx.out")
            )
            wait_for(f"{url}_dash-layout")
        api = f"http://127.0.0.1:{backend}/api"
        yield {"url": url, "api": api, "folder": folder, "environ": environ, "api_domain": api_domain}
