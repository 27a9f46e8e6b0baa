"""HARVEST itself: its user, its release, its configuration, its units."""

from provision.engine.templates import render
from provision.operations import files, systemd
from provision.operations.access import accounts
from provision.operations.access.accounts import Account
from provision.operations.app import first_admin, former_units, release, secret_key, sources, static, switch
from provision.operations.app.first_admin import FirstAdmin
from provision.operations.app.former_units import FormerUnits
from provision.operations.app.secret_key import SecretKey
from provision.operations.app.static import Static
from provision.operations.app.switch import Live, Service
from provision.operations.files import Absent, Directory, File, Files, Item
from provision.operations.systemd import Unit, Units
from provision.settings.instances import Instance
from provision.settings.model import Settings
from provision.settings.types import Secret
from tasks import readiness
from tasks.release import wanted_release

WORKERS = 2
OWN = ("migrate.service", "sweep.service", "sweep.timer")
"""Units that need the embedded application's command line."""


def deploy(settings: Settings) -> None:
    """Every instance of the host, one after the other; the settings' own one where none is named."""
    former_units.remove(
        "Remove units of former instances",
        FormerUnits(tuple(s for each in settings.all_instances for s in each.stems)),
    )
    for instance in settings.all_instances:
        name = instance.slug
        accounts.user(f"{name}: create service user", service_user(instance))
        release.install(f"{name}: install release", wanted_release(instance))
        release.fix_ownership(f"{name}: make release owned by root", wanted_release(instance))
        files.put(f"{name}: write configuration", Files(configuration(settings, instance)))
        secret_key.create(f"{name}: create secret key", SecretKey(secret(instance), instance.slug))
        files.put(f"{name}: install units", unit_files(settings, instance))
        if settings.mode == "nginx":
            static.export(f"{name}: export static files", Static(wanted_release(instance), instance.slug))
        switch.switch(f"{name}: switch release", live(settings, instance))
        systemd.running(f"{name}: start units", units(instance))
        if settings.first_admin and settings.first_admin_password and sources.admin_by(instance) != "none":
            first_admin.create(
                f"{name}: create first administrator",
                first_admin_of(instance, settings.first_admin, settings.first_admin_password),
            )


def service_user(instance: Instance) -> Account:
    return Account(instance.slug, instance.state, "/usr/sbin/nologin", system=True)


def environment(instance: Instance) -> str:
    """What systemd reads for the instance's units."""
    return f"{instance.etc}/harvest.env"


def secret(instance: Instance) -> str:
    """What signs the instance's sessions."""
    return f"{instance.etc}/secret_key"


def first_admin_of(instance: Instance, email: str, password: Secret) -> FirstAdmin:
    stamp = f"{instance.etc}/first_admin"
    store = instance.etc if sources.admin_by(instance) == "store" else ""
    return FirstAdmin(email, password, instance.slug, instance.root, environment(instance), stamp, store)


def configuration(settings: Settings, instance: Instance) -> tuple[Item, ...]:
    """The environment, which HARVEST reads; upstream takes the rest from its config.py, which ours overlays."""
    native = sources.native(instance)
    content = render("harvest/harvest.env", settings=settings, instance=instance)
    overlay = f"{instance.etc}/config.py"
    said = render("harvest/config.py", instance=instance, config=instance.app_source.config)
    return (
        Directory(instance.etc, 0o750, "root", instance.slug),
        File(environment(instance), content, 0o640, "root", instance.slug),
        Absent(overlay) if native else File(overlay, said, 0o640, "root", instance.slug),
    )


def unit_files(settings: Settings, instance: Instance) -> Files:
    native = sources.native(instance)
    served = ("backend@.socket", "backend@.service", "frontend.socket", "frontend.service")
    units = tuple(
        File(
            f"/etc/systemd/system/{instance.slug}-{name}",
            render(
                f"systemd/harvest-{name}",
                settings=settings,
                instance=instance,
                workers=WORKERS,
                native=native,
            ),
        )
        for name in ("candidate@.service", "standby@.service", *served, *(OWN if native else ()))
    )
    # A backend is named for the check: a template alone is not a unit.
    backend = f"{instance.backend(instance.backend_ports[0])}.service"
    sweep = f" {instance.sweep}.service {instance.sweep}.timer" if native else ""
    check = f"cd /etc/systemd/system; systemd-analyze verify {instance.frontend}.service {backend}{sweep}"
    return Files(units, check=check, within=("/etc/systemd/system",))


def live(settings: Settings, instance: Instance) -> Live:
    """The wanted release, live."""
    source = wanted_release(instance).source
    return Live(service(settings, instance), source.id, source.origin)


def services(settings: Settings) -> tuple[Service, ...]:
    """Every instance of the host, for operate/."""
    return tuple(service(settings, each) for each in settings.all_instances)


def service(settings: Settings, instance: Instance) -> Service:
    """What a switch needs to know of an instance."""
    watched = {unit.name: unit for unit in units(instance).running}
    native, candidate = sources.native(instance), f"{instance.root}/candidate"
    base = instance.base_path if native else "/"  # nginx takes it off for an application from elsewhere
    return Service(
        root=instance.root,
        slug=instance.slug,
        database=f"{instance.state}/harvest.db",
        migrate=watched.get(f"{instance.slug}-migrate.service"),
        services=tuple(watched[f"{stem}.service"] for stem in instance.stems),
        frontend_port=instance.frontend_port,
        backend_ports=tuple(dict.fromkeys((*instance.backend_ports, instance.api_port))),
        gunicorn=render(
            "systemd/_gunicorn",
            settings=settings,
            instance=instance,
            workers=1,
            native=native,
            place=candidate,
        ).strip(),
        workers=WORKERS,
        links=("harvest", "venv", "static") if settings.mode == "nginx" else ("harvest", "venv"),
        json=tuple(readiness.inside(instance)),
        # Its links have the path that nginx takes off: they lead nowhere at its own port.
        pages=(f"http://127.0.0.1:{instance.frontend_port}{base}",) if base == instance.base_path else (),
        through=tuple(readiness.outside(instance)),
        shared=wanted_release(instance).shared,
        keep=settings.keep_releases,
        limit_s=switch.LIMIT_S * settings.timeout_factor,
    )


def units(instance: Instance) -> Units:
    native = sources.native(instance)
    overlay = () if native else (f"{instance.etc}/config.py",)
    read_at_start = (
        environment(instance),
        *overlay,
        secret(instance),
        f"{instance.root}/harvest",
        f"{instance.root}/venv",
        f"{instance.root}/harvest/.complete",
        f"{instance.root}/venv/.complete",
    )
    migrate = f"{instance.slug}-migrate.service"
    running = []
    if native:  # first, so that no backend starts on a schema older than itself
        running = [Unit(migrate, (f"/etc/systemd/system/{migrate}", *read_at_start), static=True)]
    for stem in instance.stems:
        file = "/etc/systemd/system/" + (f"{instance.slug}-backend@" if "@" in stem else stem)
        running += [
            Unit(f"{stem}.socket", (f"{file}.socket",)),
            Unit(f"{stem}.service", (f"{file}.service", *read_at_start)),
        ]
    if native:
        running.append(Unit(f"{instance.sweep}.timer", (f"/etc/systemd/system/{instance.sweep}.timer",)))
    return Units(tuple(running))
