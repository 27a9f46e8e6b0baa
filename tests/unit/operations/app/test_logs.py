"""The journal's command, out of what --data says."""

import pytest

from provision.operations.app import accounts, logs
from provision.operations.app.accounts import Accounts
from provision.operations.app.logs import Journal
from tests.unit.states import text


def test_all_units_of_an_instance_and_of_no_other() -> None:
    said = logs.journalctl(Journal(("harvest",)))
    assert said.startswith("journalctl -q --no-pager -o short-iso -p info -n 100 -u harvest-frontend ")
    assert "-u 'harvest-backend@*'" in said
    assert "harvest-*" not in said, "harvest-beta is another instance"


def test_what_data_says_chooses() -> None:
    said = logs.journalctl(Journal(("harvest",), level="err", lines="5", since="2h", unit="backend@5001"))
    assert said == (
        "journalctl -q --no-pager -o short-iso -p err -n 5 --since '2 hour ago' -u harvest-backend@5001"
    )


@pytest.mark.parametrize(
    ("word", "value"),
    [("level", "loud"), ("lines", "many"), ("lines", "0"), ("since", "1h; rm -rf /"), ("unit", "sshd")],
)
def test_wrong_words_are_refused_with_what_is_right(word: str, value: str) -> None:
    assert logs.problem({word: value}).startswith(f"--data {word}={value}: must be ")
    assert logs.problem({"since": "2026-11-25 03:00", "unit": "backend"}) == ""


USER = Accounts(
    "harvest", "/opt/harvest", "/etc/harvest/harvest.env", add="bob@example.org", password="s3cret"
)


def test_a_new_password_goes_to_the_host_on_standard_input_alone() -> None:
    first, last = accounts.commands(USER)
    assert "s3cret" not in repr(USER)
    (shell, *_) = first.args  # type: ignore[union-attr]
    (said,) = text([shell])
    assert "-m harvest user add bob@example.org" in said
    assert "s3cret" not in said
    assert "s3cret" in str(last.args)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({}, "say one of"),
        ({"add": "a@b", "list": "yes"}, "say one of"),
        ({"add": "bob"}, "--data add=bob: must be an e-mail address"),
        ({"reset": "a@b.org"}, ""),
        ({"list": "yes"}, ""),
    ],
)
def test_accounts_are_named_by_one_word(words: dict[str, str], sentence: str) -> None:
    assert accounts.problem(words).startswith(sentence)
    assert bool(accounts.problem(words)) == bool(sentence)
