"""No setting is there for nothing: what an inventory can set is read somewhere."""

import re
from pathlib import Path

import pytest

from provision.settings.model import Settings

REPO = Path(__file__).parents[3]
MODEL = REPO / "provision/settings"


def readers() -> str:
    """Everything that reads settings: Python and templates, without the model's own declarations."""
    files = [
        *(REPO / "tasks").rglob("*.py"),
        *(REPO / "provision").rglob("*.py"),
        *(REPO / "templates").rglob("*.j2"),
        *(REPO / "tests/audit").rglob("*.py"),
    ]
    return "\n".join(file.read_text() for file in files)


@pytest.mark.parametrize("key", Settings.model_fields)
def test_each_setting_is_used(key: str) -> None:
    assert re.search(rf"(settings|each|instance)\.{key}\b|data\.get\(\"{key}\"\)", readers()), key
