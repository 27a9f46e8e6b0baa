"""Where the sites' certificates come from, and that nothing of a former way stays."""

from provision.engine.state import Containing
from provision.engine.templates import render
from provision.operations import files, systemd
from provision.operations.files import File, Files
from provision.operations.nginx_files import MARK, TLS, WEBROOT, live, pair_for
from provision.operations.systemd import Unit, Units
from provision.operations.tls import certbot, certificates
from provision.operations.tls.certbot import TIMER, Kept, Lineage
from provision.operations.tls.certificates import SelfSigned, Uploaded
from provision.settings.model import Settings

HOOKS = "/etc/letsencrypt/renewal-hooks/deploy"
SYSTEM = "/etc/systemd/system"
WATCH = "harvest-certificates"


def own(settings: Settings) -> tuple[str, ...]:
    """The sites whose certificates are ours to look after."""
    return tuple(settings.sites) if settings.site == "own" else ()


def self_signed(settings: Settings) -> None:
    """Made on the host; with letsencrypt for the first minute only, since nginx will not start without one."""
    if settings.tls == "letsencrypt":
        placeholders(settings)
    if settings.tls == "selfsigned":
        for domain in own(settings):
            names = settings.certificate_names(domain)
            certificates.self_signed(
                f"Create the self-signed certificate for {domain}", SelfSigned(f"{TLS}/{domain}", names)
            )


def placeholders(settings: Settings) -> None:
    """One for each site that the authority gave nothing for; none for the others."""
    for domain in own(settings):
        names, given = settings.certificate_names(domain), live(domain).certificate
        certificates.self_signed(
            f"Create a placeholder certificate for {domain}", SelfSigned(f"{TLS}/{domain}", names, given)
        )


def from_controller(settings: Settings) -> None:
    """tls = files: the pair from the controller, and a watcher that reloads nginx when it is replaced on the host."""
    if settings.tls != "files" or not (settings.tls_certificate and settings.tls_key):
        return
    certificate, key = settings.tls_certificate.read_bytes(), settings.tls_key.read_bytes()
    for domain in own(settings):
        certificates.upload(
            f"Upload the certificate for {domain}", Uploaded(f"{TLS}/{domain}", certificate, key)
        )
    pairs = [pair_for(settings, domain) for domain in own(settings)]
    paths = [path for pair in pairs for path in (pair.certificate, pair.key)]
    units = tuple(
        File(f"{SYSTEM}/{WATCH}.{kind}", render(f"systemd/{WATCH}.{kind}", paths=paths))
        for kind in ("path", "service")
    )
    if paths:
        files.put("Install the certificate watcher", Files(units))
        systemd.running(
            "Start the certificate watcher", Units((Unit(f"{WATCH}.path", (f"{SYSTEM}/{WATCH}.path",)),))
        )


def lineages(settings: Settings) -> tuple[Lineage, ...]:
    """tls = letsencrypt: one certificate a site."""
    if settings.tls != "letsencrypt":
        return ()
    return tuple(
        Lineage(
            domain,
            settings.certificate_names(domain),
            settings.acme_directory,
            WEBROOT,
            settings.acme_email,
            settings.acme_preflight,
        )
        for domain in own(settings)
    )


def require(settings: Settings) -> None:
    """Before the run changes anything."""
    if lineages(settings):
        certbot.require_names("Check the names and certificates of the sites", lineages(settings))


def renewals(settings: Settings) -> None:
    """The hook that makes nginx take a renewed certificate, the timer, and what is to be had before sites change."""
    if not lineages(settings):
        return
    hook = File(f"{HOOKS}/harvest", render("nginx/renewal-hook"), 0o755)
    files.put("Install the certbot deploy hook", Files((hook,)))
    systemd.running("Start certificate renewal", Units((Unit(TIMER),)))
    for lineage in lineages(settings):
        certbot.obtain_early(f"Obtain the certificate for {lineage.name} while the old site serves", lineage)


def by_authority(settings: Settings) -> bool:
    """The authority's certificates that only the new sites could be given."""
    for lineage in lineages(settings):
        certbot.obtain(f"Obtain the certificate for {lineage.name}", lineage)
    for lineage in lineages(settings)[:1]:  # all sites share the account
        certbot.update_account("Set the e-mail address of the ACME account", lineage)
    return bool(lineages(settings))


def forget(settings: Settings) -> None:
    """What the settings no longer ask for: certificates, their renewal, their watch."""
    authority = own(settings) if settings.tls == "letsencrypt" else ()
    covered = tuple(name for lineage in lineages(settings) for name in lineage.names)
    certbot.prune("Delete certbot certificates no longer configured", Kept(WEBROOT, authority, covered))
    stale, wanted = [f"{TLS}/*"], [f"{TLS}/{domain}" for domain in own(settings) if settings.tls != "off"]
    if not wanted:
        stale += [TLS]
    if not authority:
        stale += [WEBROOT, Containing(f"{HOOKS}/*", MARK)]
    if settings.tls != "files" or not own(settings):
        systemd.running("Stop the certificate watcher", Units((), stopped=(f"{WATCH}.path",)))
        stale += [f"{SYSTEM}/{WATCH}.*"]
    files.put("Remove unused certificates", Files((), stale=tuple(stale), keep=tuple(wanted)))
