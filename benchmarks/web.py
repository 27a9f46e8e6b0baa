"""The web tier as ratios against the guides' own configuration, beside it on one host: `python -m benchmarks.web`.

first load      bytes of the page and all that it links to, ours / the guides' (goal: at most 0.30)
assets          requests a second for all files that the page links to, in turn, 100 connections, as above (at least 20)
largest asset   the same for the largest script alone, where bytes weigh more than requests
health          requests a second at 100 connections, through our nginx / of our gunicorn directly (at least 0.85)
1000            socket errors and answers other than 200 at 1,000 connections, ours and the guides' (ours: none)

The guides' side is what they say to type: 4 + 4 sync workers without --preload, their nginx block, Debian's nginx.conf.
The load is wrk's, in the host's own network: neither the firewall nor fail2ban is part of what is compared.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
import urllib3

from benchmarks.goals import require, verdict
from lab import boot, hosts

REPO = Path(__file__).parents[1]
NAME = "b-web"
GUIDES_PORT = 8444
WRK = shutil.which("wrk") or "wrk"
GOALS = {
    "first load": "<= 0.3",
    "assets": ">= 20",
    "largest asset": "",
    "health": ">= 0.85",
    "health, guides": "",
}

# Guide 000, "Same domain" and "Subpath": the locations, sizes, timeouts and headers that it gives.
GUIDES_SITE = """
server {
    listen 8444 ssl http2;
    server_name NAME;
    ssl_certificate /etc/harvest/tls/NAME/cert.pem;
    ssl_certificate_key /etc/harvest/tls/NAME/key.pem;
    client_max_body_size 100M;
    proxy_connect_timeout 300s;
    proxy_send_timeout 300s;
    proxy_read_timeout 300s;
    add_header X-Frame-Options "SAMEORIGIN" always;
    add_header X-Content-Type-Options "nosniff" always;
    add_header X-XSS-Protection "1; mode=block" always;
    location / {
        proxy_pass http://127.0.0.1:8060;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_redirect off;
    }
    location /api/ {
        proxy_pass http://127.0.0.1:5061;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_redirect off;
    }
}
"""
GUIDES_SETUP = """set -e
mkdir -p /etc/guides
sed 's/worker_connections.*/worker_connections 768;/; s#/run/nginx.pid#/run/guides.pid#
  s#/var/log/nginx/#/var/log/guides-#
  s#include /etc/nginx/conf.d/.*##; s#include /etc/nginx/sites-enabled/.*#include /etc/guides/site.conf;#
  s#include /etc/nginx/modules-enabled/.*##' /etc/nginx/nginx.conf >/etc/guides/nginx.conf
for pair in be:5061:app fe:8060:server; do
  IFS=: read -r part port object <<EOT
$pair
EOT
  systemctl stop guides-$part 2>/dev/null || true
  systemd-run -q --collect --unit guides-$part -p User=harvest -p EnvironmentFile=/etc/harvest/harvest.env \\
    -p WorkingDirectory=/var/lib/harvest --setenv HARVEST_API_BASE=http://127.0.0.1:5061 \\
    /opt/harvest/venv/bin/gunicorn --pythonpath /opt/harvest/harvest --no-control-socket --workers 4 \\
    --bind 127.0.0.1:$port --timeout 120 wsgi_$part:$object
done
systemctl stop guides-nginx 2>/dev/null || true
systemd-run -q --collect --unit guides-nginx /usr/sbin/nginx -g 'daemon off;' -c /etc/guides/nginx.conf
sleep 5
"""
LUA = """
local wanted, at = {{}}, 0
init = function()
  for _, path in ipairs({{{paths}}}) do wanted[#wanted + 1] = wrk.format("GET", path) end
end
request = function()
  at = at % #wanted + 1
  return wanted[at]
end
"""


def run_in(host: hosts.Host, *command: str) -> str:
    """A program of this machine in the host's network."""
    words = ["nsenter", "-t", str(boot.leader(host.name)), "-n", *command]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def load(
    host: hosts.Host, origin: str, paths: list[str], connections: int, seconds: int
) -> tuple[float, int]:
    """The paths in turn: requests a second, and how many went wrong."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(paths=", ".join(f'"{path}"' for path in paths)))
        script.flush()
        shape = ["-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script.name]
        said = run_in(host, WRK, *shape, "-H", "Accept-Encoding: gzip", origin)
    rate = float(re.findall(r"Requests/sec:\s+([0-9.]+)", said)[0])
    wrong = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
    wrong += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    return rate, wrong


def visitor() -> requests.Session:
    session = requests.Session()
    session.trust_env, session.verify = False, False
    return session


def linked(host: hosts.Host) -> list[str]:
    """Paths of all files that the page links to."""
    page = visitor().get(f"https://{host.fqdn}/", timeout=20).text
    return list(dict.fromkeys(re.findall(r'(?:src|href)="(/[^"#]+)"', page)))


def size(origin: str, path: str) -> int:
    """Bytes of the answer's body, as they come over the wire."""
    with visitor().get(origin + path, stream=True, timeout=20) as answer:
        return len(answer.raw.read(decode_content=False))


def prepare() -> hosts.Host:
    """A deployed host with a self-signed certificate, and the guides' configuration beside it."""
    host = hosts.up(NAME, suite="trixie", group="harvest_nginx", settings={"tls": "selfsigned"})
    pyinfra = Path(sys.executable).with_name("pyinfra")
    command = [str(pyinfra), "inventories/lab.py", "deploy.py", "-y", "--limit", NAME]
    subprocess.run(command, cwd=REPO, check=True, capture_output=True)
    folder = host.root / "etc/guides"
    folder.mkdir(exist_ok=True)
    (folder / "site.conf").write_text(GUIDES_SITE.replace("NAME", host.fqdn))
    host.exec(GUIDES_SETUP)
    return host


def measure(host: hosts.Host, rounds: int, seconds: int) -> dict[str, dict[str, float]]:
    """Each pair in turn, medians compared."""
    ours, direct = f"https://{host.fqdn}", "http://127.0.0.1:5001"
    guides = f"{ours}:{GUIDES_PORT}"
    host.exec(f"ufw allow {GUIDES_PORT}/tcp >/dev/null")
    files, health = linked(host), ["/api/health"]
    largest = max((path for path in files if ".js" in path), key=lambda path: size(ours, path))
    cells = {
        "assets": (guides, files),
        "largest asset": (guides, [largest]),
        "health": (direct, health),
        "health, guides": (guides, health),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (other, paths) in cells.items():
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for origin, kept in zip((ours, other), rates, strict=True):
                kept.append(load(host, origin, paths, 100, seconds)[0])
        first, second = (statistics.median(kept) for kept in rates)
        found[name] = {"ours": round(first), "other": round(second), "ratio": round(first / second, 2)}
    sizes = [sum(size(origin, path) for path in ("/", *files)) for origin in (ours, guides)]
    found["first load"] = {"ours": sizes[0], "other": sizes[1], "ratio": round(sizes[0] / sizes[1], 3)}
    wrong = [load(host, origin, health, 1000, seconds)[1] for origin in (ours, guides)]
    found["errors at 1,000 connections"] = {"ours": wrong[0], "other": wrong[1]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="times each pair is measured (default 3)")
    parser.add_argument("--seconds", type=int, default=5, help="length of one load (default 5)")
    parser.add_argument("--keep", action="store_true", help="leave the host up")
    arguments = parser.parse_args()
    require("wrk", "openssl")
    urllib3.disable_warnings()
    host = prepare()
    try:
        found = measure(host, arguments.rounds, arguments.seconds)
    finally:
        if not arguments.keep:
            host.down()
    for name, goal in GOALS.items():
        cell = found[name]
        met = verdict(cell["ratio"], goal)
        print(
            f"{met:6}  {name}: {cell['ours']} / {cell['other']} = {cell['ratio']}"
            + (f" (goal {goal})" if goal else "")
        )
    ours, other = found["errors at 1,000 connections"].values()
    print(f"{verdict(ours, '= 0'):6}  errors at 1,000 connections: {ours}, the guides' {other}")


if __name__ == "__main__":
    main()
