"""What the services are told of the settings."""

from provision.engine.templates import render
from provision.settings.model import settings_from
from tests.unit.examples import GOOD


def test_the_frontend_is_told_how_long_a_request_may_take() -> None:
    settings = settings_from(GOOD | {"request_timeout_s": 900})
    (instance,) = settings.all_instances
    text = render("harvest/harvest.env", settings=settings, instance=instance)
    assert "\nHARVEST_REQUEST_TIMEOUT_S=900\n" in text
