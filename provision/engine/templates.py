"""templates/ rendered from the settings: an unknown name is an error, never an empty string."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provision.remote.host_files import MIGRATION_LOCK, STAMPS

FOLDER = Path(__file__).parents[2] / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - configuration files, not HTML
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(STAMPS=STAMPS, MIGRATION_LOCK=MIGRATION_LOCK)
    environment.filters["python"] = repr
    return environment


def render(name: str, /, **values: Any) -> str:
    """The template `name` (without its .j2) with `values`."""
    return _environment().get_template(f"{name}.j2").render(**values)


def shell(name: str, /, **values: Any) -> str:
    """The shell program templates/scripts/`name`.sh.j2 for the host, without its last newline.

    `values` are inserted as they are: quote for the shell what is not ours.
    """
    return render(f"scripts/{name}.sh", **values).removesuffix("\n")
