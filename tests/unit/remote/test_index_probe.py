"""Whether the package index is trusted, asked of a server whose certificate only its own authority signs."""

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.remote import index_probe


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, in one file."""
    path = tmp_path_factory.mktemp("index") / "server.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=Proxy"
    )
    words = [
        *command.split(),
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        f"{path}.key",
        "-out",
        str(path),
    ]
    subprocess.run(words, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def url(certificate: Path) -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/simple/"
    server.shutdown()


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    """What the host trusts: another authority alone."""
    path = tmp_path / "bundle.crt"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=Other"
    )
    words = [*command.split(), "-keyout", "/dev/null", "-out", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return str(path)


def test_a_company_authority_is_named_unless_it_is_in_trusted_cas(
    url: str, certificate: Path, bundle: str
) -> None:
    assert "self" in index_probe.distrusted(url, "", bundle)
    assert index_probe.issuer(url) == "CN=Proxy"
    assert index_probe.distrusted(url, certificate.read_text(), bundle) == ""


def test_what_does_not_answer_is_left_to_pip(bundle: str) -> None:
    assert index_probe.distrusted("https://127.0.0.1:9/simple/", "", bundle) == ""
    assert index_probe.distrusted("http://127.0.0.1:9/simple/", "", bundle) == ""
    assert index_probe.distrusted("https://127.0.0.1:9/simple/", "", "/nowhere") == ""


def test_the_index_is_the_one_that_pip_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setattr(index_probe, "PIP_CONF", str(tmp_path / "pip.conf"))
    assert index_probe.indexes() == index_probe.DEFAULT
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://pypi.corp.example/simple\n")
    assert index_probe.indexes() == ("https://pypi.corp.example/simple",)
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    assert index_probe.indexes() == ("https://other.example/simple",)
