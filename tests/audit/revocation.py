"""Whether an authority has revoked a certificate, by the list that the certificate names (RFC 5280, 4.2.1.13).

certbot sees a revocation by OCSP, which Let's Encrypt no longer answers; its timer would wait for the last 30 days.
"""

from collections.abc import Iterator

import requests
from cryptography import x509

TIMEOUT_S = 20


def lists(certificate: x509.Certificate) -> Iterator[str]:
    """The http addresses of the certificate's revocation lists."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return
    for point in points:
        for name in point.full_name or ():
            if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith("http"):
                yield name.value


def revoked(certificate: x509.Certificate) -> str:
    """Since when it is revoked, and the list that says so; "" where none does. Raises `requests.RequestException`.

    The list's own signature is not checked: a forged one could only raise a false alarm.
    """
    for url in lists(certificate):
        answer = requests.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        listed = x509.load_der_x509_crl(answer.content)
        found = listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if found is not None:
            return f"since {found.revocation_date_utc:%Y-%m-%d} by {url}"
    return ""
