"""The last word: HARVEST truly answers, through every door that a browser uses."""

from provision.operations.readiness import Ready, answers
from provision.settings import Settings


def readiness(settings: Settings) -> None:
    local = f"http://127.0.0.1:{settings.frontend_port}{settings.base_path}_dash-layout"
    urls: list[tuple[str, tuple[str, ...]]] = [(local, ())]
    for port in settings.backend_ports:
        urls += [
            (f"http://127.0.0.1:{port}/api/ready", ()),
            (f"http://127.0.0.1:{port}/api/choices", ("entity_types", "relation_types")),
        ]
    if settings.mode == "nginx":
        site = settings.url("")
        urls += [(f"{site}_dash-layout", ()), (f"{site}api/choices", ("entity_types", "relation_types"))]
    units = (
        "harvest-frontend.service",
        *(f"harvest-backend@{port}.service" for port in settings.backend_ports),
    )
    answers("HARVEST answers", Ready(tuple(urls), units))
