"""HARVEST itself: its user, its release, its configuration, its units."""

from provision.engine.templates import render
from provision.operations.access.accounts import Account, ensure
from provision.operations.app.first_admin import FirstAdmin, make
from provision.operations.app.release import deploy, own
from provision.operations.app.retire import Retired, retire
from provision.operations.app.secret_key import KeptSecret, keep
from provision.operations.app.static import Static, export
from provision.operations.files import Directory, File, Files, place
from provision.operations.systemd import Unit, Units, settle
from provision.settings.instances import FIRST, Instance
from provision.settings.model import Settings
from provision.settings.types import Secret
from tasks.release import release

WORKERS = 2


def application(settings: Settings) -> None:
    """Every instance of the host, one after the other; the settings' own one where none is named."""
    retire("HARVEST's former units", Retired(tuple(s for each in settings.all_instances for s in each.stems)))
    for instance in settings.all_instances:
        what = "HARVEST" if instance.name == FIRST else f"HARVEST {instance.name}"
        ensure(f"{what}: service user", service_user(instance))
        deploy(f"{what}: release", release(instance.root))
        own(f"{what}: code is root's alone", release(instance.root))
        place(f"{what}: configuration", Files(configuration(settings, instance)))
        keep(f"{what}: secret key", KeptSecret(secret(instance), instance.slug))
        place(f"{what}: units", unit_files(settings, instance))
        # Before a new page can name them: browsers keep for a year what they get under a new fingerprint.
        if settings.mode == "nginx":
            export(f"{what}: files that nginx serves", Static(release(instance.root), instance.slug))
        settle(f"{what} runs", units(instance))
        if settings.first_admin and settings.first_admin_password:
            make(
                f"{what}: first administrator",
                first_admin(instance, settings.first_admin, settings.first_admin_password),
            )


def service_user(instance: Instance) -> Account:
    return Account(instance.slug, instance.state, "/usr/sbin/nologin", system=True)


def environment(instance: Instance) -> str:
    """What systemd reads for the instance's units."""
    return f"{instance.etc}/harvest.env"


def secret(instance: Instance) -> str:
    """What signs the instance's sessions."""
    return f"{instance.etc}/secret_key"


def first_admin(instance: Instance, email: str, password: Secret) -> FirstAdmin:
    stamp = f"{instance.etc}/first_admin"
    return FirstAdmin(email, password, instance.slug, instance.root, environment(instance), stamp)


def configuration(settings: Settings, instance: Instance) -> tuple[Directory, File]:
    content = render("harvest/harvest.env", settings=settings, instance=instance)
    return (
        Directory(instance.etc, 0o750, "root", instance.slug),
        File(environment(instance), content, 0o640, "root", instance.slug),
    )


def unit_files(settings: Settings, instance: Instance) -> Files:
    served = ("backend@.socket", "backend@.service", "frontend.socket", "frontend.service")
    files = tuple(
        File(
            f"/etc/systemd/system/{instance.slug}-{name}",
            render(f"systemd/harvest-{name}", settings=settings, instance=instance, workers=WORKERS),
        )
        for name in ("migrate.service", *served, "sweep.service", "sweep.timer")
    )
    # A backend is named for the check: a template alone is not a unit.
    backend = f"{instance.backend(instance.backend_ports[0])}.service"
    checked = f"{instance.frontend}.service {backend} {instance.sweep}.service {instance.sweep}.timer"
    check = f"cd /etc/systemd/system; systemd-analyze verify {checked}"
    return Files(files, check=check, within=("/etc/systemd/system",))


def units(instance: Instance) -> Units:
    read_at_start = (
        environment(instance),
        secret(instance),
        f"{instance.root}/harvest",
        f"{instance.root}/venv",
        f"{instance.root}/harvest/.complete",
        f"{instance.root}/venv/.complete",
    )
    migrate = f"{instance.slug}-migrate.service"
    # First, so that no backend starts on a schema older than itself.
    running = [Unit(migrate, (f"/etc/systemd/system/{migrate}", *read_at_start), static=True)]
    for stem in instance.stems:
        file = "/etc/systemd/system/" + (f"{instance.slug}-backend@" if "@" in stem else stem)
        running += [
            Unit(f"{stem}.socket", (f"{file}.socket",)),
            Unit(f"{stem}.service", (f"{file}.service", *read_at_start)),
        ]
    running.append(Unit(f"{instance.sweep}.timer", (f"/etc/systemd/system/{instance.sweep}.timer",)))
    return Units(tuple(running))
