"""A certificate that its authority has revoked is known by the list that it names."""

import datetime
import http.server
import threading
from collections.abc import Iterator

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.audit.revocation import lists, revoked

KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def certificate(serial: int, url: str = "") -> x509.Certificate:
    made = (
        x509.CertificateBuilder()
        .subject_name(ISSUER)
        .issuer_name(ISSUER)
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    if url:
        names = [x509.UniformResourceIdentifier(url)]
        point = x509.DistributionPoint(names, relative_name=None, reasons=None, crl_issuer=None)
        made = made.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return made.sign(KEY, hashes.SHA256())


@pytest.fixture
def authority() -> Iterator[str]:
    """An authority's web server with a list on which certificate 7 stands."""
    entry = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(NOW).build()
    listed = (
        x509.CertificateRevocationListBuilder().issuer_name(ISSUER).last_update(NOW).next_update(NOW + DAY)
    )
    data = listed.add_revoked_certificate(entry).sign(KEY, hashes.SHA256())
    text = data.public_bytes(serialization.Encoding.DER)

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/list" else 404)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_revoked_certificate_is_told_with_its_list(authority: str) -> None:
    url = f"{authority}/list"
    assert revoked(certificate(7, url)) == f"since 2026-11-01 by {url}"
    assert revoked(certificate(8, url)) == ""


def test_a_list_that_cannot_be_had_is_no_answer(authority: str) -> None:
    with pytest.raises(requests.RequestException):
        revoked(certificate(7, f"{authority}/gone"))


def test_a_certificate_that_names_no_list_is_not_asked_about() -> None:
    assert (list(lists(certificate(7))), revoked(certificate(7))) == ([], "")
