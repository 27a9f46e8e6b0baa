"""The host's name, its clock's zone, and whom it trusts."""

from provision.operations.files import File, Files, place
from provision.operations.host import Identity, Trust, identify, trust
from provision.settings.model import Settings


def system(settings: Settings) -> None:
    identify("Host name and time zone", Identity(settings.hostname, settings.timezone))
    if settings.trusted_cas:
        files = tuple(
            File(f"/usr/local/share/ca-certificates/harvest-{path.stem}.crt", path.read_bytes())
            for path in settings.trusted_cas
        )
        place("Certificate authorities", Files(files))
        trust("Certificate authorities are trusted", Trust(tuple(file.path for file in files)))
