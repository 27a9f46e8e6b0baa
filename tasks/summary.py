"""The last words of a run: where HARVEST is, how to sign in, what wants attention."""

from pyinfra import host

from provision.operations.app import sources, summary
from provision.operations.app.summary import Left, Place
from provision.operations.nginx_files import live
from provision.settings.model import Settings
from tasks.release import version
from tasks.tls import own


def show(settings: Settings) -> None:
    name = str(host.data.get("ssh_hostname") or host.name)
    places = tuple(
        Place(each.url(name), each.root, f"{each.state}/harvest.db") for each in settings.all_instances
    )
    sites = own(settings) if settings.tls == "letsencrypt" else ()
    want = Left(
        places,
        ", ".join(dict.fromkeys(map(version, settings.all_instances))),
        settings.first_admin,
        settings.reboot_after_updates,
        tuple((domain, live(domain).certificate) for domain in sites),
        tuple(remarks(settings)),
    )
    summary.show("Summary", want)


def remarks(settings: Settings) -> list[str]:
    """What the settings and sources alone tell."""
    return [*source_remarks(settings), *certificate_remarks(settings)]


def source_remarks(settings: Settings) -> list[str]:
    without = [each.slug for each in settings.all_instances if sources.admin_by(each) == "none"]
    if not (settings.first_admin and without):
        return []
    return [f"{', '.join(without)}: first_admin was not added; this app_source has no program for that"]


def certificate_remarks(settings: Settings) -> list[str]:
    if not own(settings):
        return []
    if settings.tls == "selfsigned":
        return ['browsers warn of the self-signed certificate; tls = "letsencrypt" or "files" ends that']
    if settings.tls == "letsencrypt" and "staging" in settings.acme_directory:
        return [f"browsers do not trust certificates of {settings.acme_directory}, which is for staging"]
    return []
