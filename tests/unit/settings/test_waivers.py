"""Failures of the audit that are accepted until a day."""

import datetime
from typing import Any

import pytest

from provision.settings.model import settings_from
from tests.unit.examples import GOOD, problem

WAIVED = {"reason": "the company's log server wants more", "until": "2027-01-31"}


def test_a_waiver_holds_until_its_last_day() -> None:
    waiver = settings_from(GOOD | {"audit_waivers": {"ssh.loglevel": WAIVED}}).audit_waivers["ssh.loglevel"]
    assert waiver.holds(datetime.date(2027, 1, 31))
    assert not waiver.holds(datetime.date(2027, 2, 1))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("2027-01-31", 'must be {"reason": "why", "until": "2027-01-31"}'),
        ({"reason": "why"}, 'must be {"reason": "why", "until": "2027-01-31"}'),
        (WAIVED | {"reason": " "}, "needs a reason, which the report shows"),
        (WAIVED | {"until": "soon"}, 'until: "soon" is no day; write it like 2027-01-31'),
    ],
)
def test_a_waiver_needs_a_reason_and_a_day(said: Any, sentence: str) -> None:
    assert sentence in problem(audit_waivers={"ssh.loglevel": said})
