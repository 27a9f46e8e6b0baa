"""A certificate authority of the tests' own: Pebble, Let's Encrypt's test server, on the lab's bridge."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

import requests

from lab import hosts

DIRECTORY, MANAGEMENT, DNS, DNS_MANAGEMENT = 14000, 15000, 8053, 8055


class Authority:
    """Pebble at `address`, which validates on port 80 of whatever its DNS says; `folder` keeps keys and logs."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.root = folder / "lab-ca.pem"
        self.running: list[subprocess.Popen[bytes]] = []

    @property
    def settings(self) -> dict[str, object]:
        """What a host must be told to use it."""
        return {
            "tls": "letsencrypt",
            "acme_directory": f"https://{self.address}:{DIRECTORY}/dir",
            "acme_email": "admin@example.org",
        }

    def __enter__(self) -> "Authority":
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.root.exists():
            make_pair(self.folder, f"IP:{self.address}")
        config = {
            "listenAddress": f"{self.address}:{DIRECTORY}",
            "managementListenAddress": f"{self.address}:{MANAGEMENT}",
            "certificate": str(self.folder / "server.pem"),
            "privateKey": str(self.folder / "server.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": 90 * 86400,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        self._start(
            "pebble-challtestsrv",
            *("-dns01", f"{self.address}:{DNS}", "-management", f"{self.address}:{DNS_MANAGEMENT}"),
            *("-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""),
        )
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def start(self) -> None:
        """Pebble itself; a new one has forgotten every account and certificate, and has a new root."""
        nonces = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        words = ("-config", str(self.folder / "pebble.json"), "-dnsserver", f"{self.address}:{DNS}")
        self._start("pebble", *words, **nonces)
        self.wait()

    def stop(self) -> None:
        """The authority is down."""
        end(self.running.pop())

    def _start(self, name: str, *words: str, **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [shutil.which(name) or name, *words]
            env = {**os.environ, **environment}
            self.running.append(subprocess.Popen(command, stdout=log, stderr=log, env=env))

    def wait(self, seconds: float = 10) -> None:
        """Until it answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                requests.get(f"https://{self.address}:{DIRECTORY}/dir", verify=self.root, timeout=2)
                return
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def name(self, name: str, address: str) -> None:
        """`name` has this one IPv4 address in the authority's DNS."""
        for action in ("clear-a", "add-a"):
            url = f"http://{self.address}:{DNS_MANAGEMENT}/{action}"
            requests.post(url, json={"host": name, "addresses": [address]}, timeout=5).raise_for_status()

    def issuer(self) -> bytes:
        """The root, PEM, that browsers must trust to trust what it issues."""
        got = requests.get(f"https://{self.address}:{MANAGEMENT}/roots/0", verify=self.root, timeout=5)
        return got.content

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self.running:
            end(self.running.pop())


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(10)


def make_pair(folder: Path, names: str) -> None:
    """A root, lab-ca.pem, and under it server.pem with server.key for `names` (OpenSSL's subjectAltName)."""
    script = f"""set -e; cd {folder}
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
openssl req -x509 $key -days 30 -subj '/CN=Lab CA' -addext keyUsage=critical,keyCertSign,cRLSign \\
  -keyout lab-ca.key -out lab-ca.pem
openssl req $key -subj '/CN=lab' -keyout server.key -out server.csr
cat >server.ext <<'EOT'
subjectAltName={names}
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
EOT
openssl x509 -req -in server.csr -CA lab-ca.pem -CAkey lab-ca.key -CAcreateserial -days 30 -extfile server.ext \\
  -out server.pem"""
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)


def bridge_address(host: hosts.Host) -> str:
    """The controller as the lab's hosts see it."""
    return host.exec("ip -4 route show default").stdout.split()[2]
