"""nginx as seen from outside, and the certificate with its days left."""

import datetime
import json
import socket
import ssl
from typing import Any

import pytest
import requests
from cryptography import x509

from provision.engine.state import LOOK, HostState, Query
from provision.operations.nginx_files import WEBROOT
from provision.operations.tls.lineages import faults, stuck
from provision.settings.instances import Instance
from provision.settings.model import Settings
from tasks.tls import lineages
from tests.audit.checks import check
from tests.audit.doors import get
from tests.audit.revocation import revoked

DAYS = 14
"""Fewer days left than this fail the audit: the timer renews with 30 days to go, and has failed since."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}


@pytest.fixture(autouse=True)
def _nginx_only(settings: Settings) -> None:
    if settings.mode != "nginx":
        pytest.skip("internal mode has no nginx")


@check("nginx.running", "nginx runs, and its configuration is valid", severity="high")
def test_nginx_is_running_and_its_configuration_is_valid(run: Any) -> None:
    run("nginx -t -q")
    assert run("systemctl is-active nginx; systemctl is-enabled nginx").split() == ["active", "enabled"]


@check("nginx.current", "nginx runs with its files as they are", severity="high")
def test_nginx_runs_with_its_files_as_they_are(run: Any) -> None:
    """A reload starts new workers: those are never older than what they were configured with."""
    files = run(
        "find /etc/nginx -xdev -type f -newermt '1990-01-01' -printf '%T@ %p\\n' | sort -n | tail -n 1"
    ).split()
    started = float(run("date +%s").strip()) - min(
        int(line) for line in run("ps -o etimes= -C nginx").split()
    )
    assert started + 1 >= float(files[0]), f"{files[1]} was changed, and nginx not reloaded since"


@check("nginx.headers", "every answer has the security headers")
@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_every_answer_has_security_headers_once(address: str, instance: Instance) -> None:
    for path in ("", "_dash-layout", "api/health", "assets/none.css"):
        found = get(address, instance.inner_url("") + path).headers
        assert {name: found.get(name) for name in HEADERS} == HEADERS, path
        assert "Content-Security-Policy" in found, path
        assert "'unsafe-eval'" not in found["Content-Security-Policy"]
        assert found.get("Server", "") in ("nginx", ""), found["Server"]


def certificate(address: str, name: str) -> x509.Certificate:
    """The certificate that the host serves for `name`, trusted or not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")


@check(
    "tls.certificates",
    "certificates have all names, and two weeks left",
    severity="high",
    mends="Start certificate renewal",
)
def test_certificates_have_all_names_and_days_left(address: str, settings: Settings, fact: Any) -> None:
    if settings.tls == "off":
        pytest.skip("tls = off")
    for domain in settings.sites:
        for name in settings.certificate_names(domain):
            found = certificate(address, name)
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            if settings.tls == "letsencrypt" and settings.site == "own":
                assert found.issuer != found.subject, (
                    f"{name} is served with a placeholder, because certbot got no certificate; deploy again"
                )
            # A company's certificate may be for *.example.org.
            wild = name.replace(name.partition(".")[0], "*", 1)
            assert {name, wild} & set(names.get_values_for_type(x509.DNSName)), (
                f"{name} is not in its certificate"
            )
            end = found.not_valid_after_utc
            left = (end - datetime.datetime.now(datetime.timezone.utc)).days
            fact(f"certificate of {name}" if len(settings.sites) > 1 else "certificate", f"{left} days left")
            assert left >= DAYS, (
                f"{name}'s certificate ends in {left} days; look with: journalctl -u certbot; certbot renew --dry-run"
            )


@check("tls.revoked", "no certificate is revoked by its authority", severity="high")
def test_no_certificate_is_revoked(address: str, settings: Settings) -> None:
    if settings.tls in ("off", "selfsigned"):
        pytest.skip("no authority")
    for domain in settings.sites:
        try:
            why = revoked(certificate(address, domain))
        except requests.RequestException as error:
            pytest.skip(f"the authority's list of revoked certificates cannot be had ({error})")
        mend = f"certbot renew --force-renewal --cert-name {domain}"
        if settings.tls == "files":
            mend = "put a new pair into tls_certificate and tls_key, and deploy"
        assert not why, f"{domain}'s certificate is revoked {why}; {mend}"


@check(
    "tls.renewal", "certbot can renew every certificate", severity="high", mends="Start certificate renewal"
)
def test_certbot_renews_certificates(host: Any, run: Any, settings: Settings) -> None:
    if settings.tls != "letsencrypt" or settings.site == "beside":
        pytest.skip("no authority")
    assert run("systemctl is-active certbot.timer; systemctl is-enabled certbot.timer").split() == [
        "active",
        "enabled",
    ]
    assert host.file("/etc/letsencrypt/renewal-hooks/deploy/harvest").mode == 0o755
    state = HostState.model_validate(json.loads(run("python3 -c", LOOK, Query(lineages=True).json())))
    for lineage in lineages(settings):
        wrong = faults(state.lineages.get(lineage.name), lineage.directory, lineage.webroot)
        assert not wrong, f"the certificate {lineage.name} {'; it '.join(wrong)}; deploy again"
        if "letsencrypt.org" in lineage.directory:  # the only authority with a staging that certbot knows
            run(f"certbot renew --dry-run --no-random-sleep-on-renew --cert-name {lineage.name}")
    names = [name for lineage in lineages(settings) for name in lineage.names]
    others = dict(stuck(state, [each.name for each in lineages(settings)], names, WEBROOT))
    assert not others, f"certbot cannot renew {others}"
    failed = run("systemctl show -p Result --value certbot.service").strip()
    assert failed == "success", "the last renewal failed; look with: journalctl -u certbot"


@check("tls.versions", "TLS 1.0 and 1.1 are refused", severity="high")
def test_tls_1_0_and_1_1_are_refused(address: str, settings: Settings) -> None:
    if settings.tls == "off" or settings.site == "beside":
        pytest.skip("no TLS of ours")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        with (
            socket.create_connection((address, 443), timeout=10) as plain,
            pytest.raises(OSError, match=r".*"),
        ):
            context.wrap_socket(plain, server_hostname=next(iter(settings.sites)))


@check("logs.query-strings", "the access log holds no query strings")
def test_the_access_log_holds_no_query_strings(run: Any) -> None:
    found = run('grep -c \'"path":"[^"]*[?]\' /var/log/nginx/harvest.access.log || true').split()
    assert found in (["0"], [])


@check("logs.rotation", "nginx's logs are rotated", mends="Start log rotation")
def test_logs_are_rotated(run: Any) -> None:
    assert "rotating pattern: /var/log/nginx/*.log" in run("logrotate -d /etc/logrotate.d/nginx 2>&1")
    assert run("systemctl is-active logrotate.timer").strip() == "active"
