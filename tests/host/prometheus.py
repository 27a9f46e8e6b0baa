"""A Prometheus of the tests' own on this machine, unpacked from Debian's package and not installed."""

import json
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

REPO = Path(__file__).parents[2]
MONITORING = REPO / "docs/monitoring"


class Prometheus:
    """It scrapes `targets` each second, with the rules of docs/monitoring/."""

    def __init__(self, folder: Path, targets: list[str], scheme: str) -> None:
        self.folder, self.url = folder, "http://127.0.0.1:19090"
        subprocess.run(
            ["apt-get", "download", "-qq", "prometheus"], cwd=folder, check=True, capture_output=True
        )
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        self.promtool = folder / "usr/bin/promtool"
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(MONITORING / "alerts.yml")],
            "scrape_configs": [
                {
                    "job_name": "harvest",
                    "scheme": scheme,
                    "tls_config": {"insecure_skip_verify": True},
                    "static_configs": [{"targets": targets}],
                }
            ],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML

    def check(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(self.promtool), "check", *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True)

    def __enter__(self) -> "Prometheus":
        command = [str(self.folder / "usr/bin/prometheus"), f"--config.file={self.folder}/prometheus.yml"]
        command += [f"--storage.tsdb.path={self.folder}/data", "--web.listen-address=127.0.0.1:19090"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(20)

    def wait(self, seconds: float = 30) -> None:
        """Until the targets were scraped a few times, as rates need."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                counts = [float(each["value"][1]) for each in self.query("count_over_time(up[1m])")]
            except requests.RequestException:  # it has not started yet
                counts = []
            if counts and min(counts) >= 4:
                return
            assert time.monotonic() < deadline, "nothing was scraped"
            time.sleep(0.5)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives now; one that Prometheus refuses is an error."""
        answer = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=10).json()
        assert answer["status"] == "success", (expression, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


def dashboard() -> list[str]:
    """The expressions of the dashboard, for all hosts."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [target["expr"].replace("$instance", ".*") for panel in panels for target in panel["targets"]]
