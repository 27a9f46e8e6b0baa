"""Documents that are made from code are as new as the code."""

from scripts.settings_doc import FILE, document


def test_docs_settings_is_made_from_the_settings() -> None:
    assert FILE.read_text() == document(), "type: python -m scripts.settings_doc"
