"""The host's name, its clock's zone, and whom it trusts."""

from provision.operations.files import File, Files, place
from provision.operations.host import Identity, identify
from provision.operations.run_when_newer import Applied, apply
from provision.settings.model import Settings

# Where the package is still missing, its installation reads our files by itself.
TRUST = "! command -v update-ca-certificates >/dev/null || update-ca-certificates >/dev/null"


def system(settings: Settings) -> None:
    identify("Host name and time zone", Identity(settings.hostname, settings.timezone))
    if settings.trusted_cas:
        files = tuple(
            File(f"/usr/local/share/ca-certificates/harvest-{path.stem}.crt", path.read_bytes())
            for path in settings.trusted_cas
        )
        place("Certificate authorities", Files(files))
        apply(
            "Certificate authorities are trusted",
            Applied("trusted-cas", TRUST, tuple(file.path for file in files)),
        )
