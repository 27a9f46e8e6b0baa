"""The host's name, its clock's zone, and whom it trusts."""

from provision.operations import files, identity, run_when_newer
from provision.operations.files import File, Files
from provision.operations.identity import Identity
from provision.operations.run_when_newer import Script
from provision.settings.model import Settings

# Where the package is still missing, its installation reads our files by itself.
TRUST = "! command -v update-ca-certificates >/dev/null || update-ca-certificates >/dev/null"


def configure(settings: Settings) -> None:
    identity.configure("Set host name and time zone", Identity(settings.hostname, settings.timezone))
    if settings.trusted_cas:
        items = tuple(
            File(f"/usr/local/share/ca-certificates/harvest-{path.stem}.crt", path.read_bytes())
            for path in settings.trusted_cas
        )
        files.put("Install certificate authorities", Files(items))
        run_when_newer.run(
            "Update the certificate store",
            Script("trusted-cas", TRUST, tuple(file.path for file in items)),
        )
