"""Whether this host trusts the package index that HARVEST's environment comes from. Runs ON the host.

Standard input holds the authorities that the run is about to install (PEM). Fails with a sentence where a certificate
is refused; whatever else keeps the index away is for pip to say, who asks it again and again.
"""

import configparser
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
DEFAULT = ("https://pypi.org/simple/", "https://files.pythonhosted.org/")
PIP_CONF = "/etc/pip.conf"


def indexes() -> "tuple[str, ...]":
    """The index that pip asks, as its environment or the host's pip.conf says."""
    said = os.environ.get("PIP_INDEX_URL", "")
    if not said:
        with suppress(configparser.Error):
            parser = configparser.RawConfigParser()
            parser.read(PIP_CONF)
            said = parser.get("global", "index-url", fallback="")
    return (said,) if said else DEFAULT


def distrusted(url: str, authorities: str, bundle: str = BUNDLE) -> str:
    """Why the certificate of `url` is refused; "" where it is not, or where nothing answers."""
    if not url.startswith("https:") or not os.path.exists(bundle):
        return ""
    context = ssl.create_default_context(cafile=bundle)
    if authorities.strip():
        context.load_verify_locations(cadata=authorities)
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10, context=context)  # noqa: S310
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            return str(error.reason.verify_message)
    except (OSError, ValueError):
        pass
    return ""


def issuer(url: str) -> str:
    """Who signed what `url` shows."""
    host, _, port = url.split("/")[2].partition("@")[-1 if "@" in url else 0].partition(":")
    with suppress(OSError, ssl.SSLError, ValueError):
        shown = ssl.get_server_certificate((host, int(port or 443)))
        words = ["openssl", "x509", "-noout", "-issuer", "-nameopt", "RFC2253"]
        said = subprocess.run(words, input=shown, stdout=subprocess.PIPE, text=True).stdout
        return said.strip().partition("issuer=")[2]
    return ""


def main() -> str:
    authorities = sys.stdin.read()
    for url in indexes():
        why = distrusted(url, authorities)
        if why:
            by = issuer(url)
            signed = f", signed by {by}" if by else ""
            return (
                f"this host does not trust the certificate that {url} shows{signed} ({why}). If that is your "
                "company's proxy, put its authority's certificate into trusted_cas. Nothing was changed."
            )
    return ""


if __name__ == "__main__":
    sys.exit(main() or 0)
