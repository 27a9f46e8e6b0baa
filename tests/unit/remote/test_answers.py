"""An answer that only looks like HARVEST's is none."""

from typing import Any

import pytest

from provision.remote import answers

GOOD: dict[str, Any] = {"status": 200, "kind": "application/json", "body": '{"entity_types": ["x"]}'}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": 0, "body": "ConnectionRefusedError"}, "answered nothing"),
        ({"status": 503}, "answered 503"),
        ({"kind": "text/html", "body": "<html>"}, "the path leads elsewhere"),
        ({"body": "{}"}, "lacks entity_types"),
        ({"body": "{"}, "broken JSON"),
    ],
)
def test_an_answer_that_only_looks_like_one_is_not_ready(said: dict[str, Any], words: str) -> None:
    assert words in answers.trouble(**{**GOOD, **said}, keys=("entity_types",))


def test_a_true_answer_is_ready() -> None:
    assert answers.trouble(**GOOD, keys=("entity_types",)) == ""
