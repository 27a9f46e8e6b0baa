"""Names that others gave: domains, mail addresses, time zones."""

import pytest

from provision.settings.model import settings_from
from tests.unit.examples import GOOD, problem


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("straße.example.org", "xn--strae-oqa.example.org"),
        ("κλαρα-σωλις.ευ", "xn----ylba7abgd9bnh0e.xn--qxa6a"),
        ("Bücher.Example.ORG", "xn--bcher-kva.example.org"),
        ("XN--bcher-kva.example.org", "xn--bcher-kva.example.org"),
        ("HARVEST.Example.org", "harvest.example.org"),
    ],
)
def test_a_domain_is_written_as_registrars_do(written: str, name: str) -> None:
    assert settings_from(GOOD | {"domain": written}).domain == name


@pytest.mark.parametrize("name", ["☃.example.org", "xn--a.example.org", "a‍b.example.org", "-ä.example.org"])
def test_a_domain_that_idna_2008_knows_not_is_refused(name: str) -> None:
    assert "must be a full DNS name" in problem(domain=name)


@pytest.mark.parametrize(
    "address",
    [
        "mary.o'brien@uni.example",
        "a+b@example.org",
        "a!#$%&*/=?^_`{|}~-b@sub.example.org",
        "x@xn--bcher-kva.org",
    ],
)
def test_a_mail_address_is_taken_as_mail_systems_give_it_out(address: str) -> None:
    admin = {"first_admin": address, "first_admin_password": {"env": "X"}, "acme_email": address}
    settings = settings_from(GOOD | admin)
    assert (settings.first_admin, settings.acme_email) == (address, address)


@pytest.mark.parametrize(
    "address",
    ["", "a", "@example.org", "a@", "a@b", "a b@example.org", ".a@example.org", "a..b@example.org", "a@b@example.org",
     "a@-b.org", "a@example..org", "a@10.0.0.1", "a\n@example.org", 'a"b@example.org', f"{'a' * 65}@example.org"],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    assert problem(acme_email=address).endswith("must be a mail address like someone@example.org")


def test_a_time_zone_is_one_of_the_tz_database() -> None:
    assert settings_from(GOOD | {"timezone": "Etc/UTC"}).timezone == "Etc/UTC"
    said = 'timezone: is "Europe/Berln"; is no time zone; did you mean Europe/Berlin?'
    assert problem(timezone="Europe/Berln") == said
    assert "timedatectl list-timezones" in problem(timezone="Qqq")
    assert "must be a time zone" in problem(timezone="../etc/passwd")
