"""Where compiled templates are kept."""

from pathlib import Path

import pytest

from provision.engine import templates


def test_a_checkout_that_cannot_be_written_is_rendered_from_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(templates, "COMPILED", tmp_path / "file/__pycache__")
    assert templates._compiled() is None
