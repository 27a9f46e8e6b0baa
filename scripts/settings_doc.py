"""Writes docs/settings.md from the settings model: `python -m scripts.settings_doc`. A test says when it is stale."""

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from provision.settings.model import Settings

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every key that may stand in `group_data/` or in a host's braces in the inventory. Made from
`provision/settings/model.py` by `python -m scripts.settings_doc`; an unknown key or a wrong value stops
the run before any host is touched.

| key | default | meaning |
|---|---|---|
"""


def shown_default(value: object) -> str:
    """A default as one would write it in group data; what must be set says so."""
    if value is PydanticUndefined:
        return "must be set"
    if value is None:
        return "unset"
    return f"`{list(value)!r}`" if isinstance(value, tuple) else f"`{value!r}`"


def choices(annotation: object) -> str:
    """The allowed words of a Literal, in backticks."""
    found = re.findall(r"Literal\[([^\]]*)\]", str(annotation))
    return f" One of {', '.join('`' + word.strip() + '`' for word in found[0].split(','))}." if found else ""


def document() -> str:
    rows = [
        f"| `{key}` | {shown_default(field.default)} | {field.description}{choices(field.annotation)} |"
        for key, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    FILE.write_text(document())
