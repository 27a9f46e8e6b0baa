"""What wants attention when a run has ended."""

from typing import Any

import pytest

from provision.engine.state import Certificate, Entry
from provision.operations.app.summary import REBOOT, Left, Place, attention, facts
from provision.settings.model import settings_from
from tasks import summary
from tests.unit.examples import GOOD
from tests.unit.states import state

PLACE = Place("https://a.test/", "/opt/harvest", "/var/lib/harvest/harvest.db")
HERE = {"/opt/harvest/harvest": Entry(kind="link", target="releases/abc123/harvest")}


def test_the_summary_names_address_account_version_and_release() -> None:
    said = facts(state(files=HERE), Left((PLACE,), "1.2", "mary@uni.example"))
    assert said == {
        "url": "https://a.test/",
        "sign in": "as mary@uni.example, with the password of first_admin_password",
        "release": "HARVEST 1.2 (abc123)",
    }


@pytest.mark.parametrize(("known", "told"), [(0, True), (1, False), (-1, False)])
def test_where_signing_in_is_impossible_it_is_said(known: int, told: bool) -> None:
    have = state(files=HERE, accounts={PLACE.database: known})
    assert any("no account exists" in line for line in attention(have, Left((PLACE,), "1", None))) is told


@pytest.mark.parametrize(
    ("known", "want", "words"),
    [
        ({"files": {REBOOT: Entry(kind="file")}}, {"reboots": "04:00"}, "the host does it at 04:00"),
        ({"files": {REBOOT: Entry(kind="file")}}, {"reboots": "never"}, "sudo reboot"),
        ({"certificates": {"/c": Certificate()}}, {"placeholders": (("a.test", "/c"),)}, "placeholder"),
        ({}, {"remarks": ("a staging certificate",)}, "staging"),
    ],
)
def test_each_thing_to_see_to_is_one_sentence(known: Any, want: Any, words: str) -> None:
    said = list(attention(state(**known), Left((PLACE,), "1", "mary@uni.example", **want)))
    assert len(said) == 1
    assert words in said[0]


def test_nothing_wants_attention_where_all_is_well() -> None:
    have = state(files=HERE, certificates={"/c": Certificate(names=["a.test"])})
    want = Left((PLACE,), "1", "mary@uni.example", placeholders=(("a.test", "/c"),))
    assert list(attention(have, want)) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"tls": "selfsigned"}, "self-signed"),
        (
            {
                "tls": "letsencrypt",
                "acme_directory": "https://acme-staging-v02.api.letsencrypt.org/directory",
            },
            "staging",
        ),
        ({"tls": "letsencrypt"}, ""),
        ({"tls": "off"}, ""),
    ],
)
def test_a_certificate_that_browsers_do_not_trust_is_named(data: dict[str, Any], words: str) -> None:
    said = summary.remarks(settings_from(GOOD | data))
    assert bool(said) is bool(words)
    assert words in " ".join(said)
