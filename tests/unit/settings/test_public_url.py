"""Settings of a host that a proxy stands in front of."""

import pytest

from provision.settings.model import settings_from
from tests.unit.examples import GOOD, problem

INTERNAL = {"mode": "internal", "domain": None}


def test_browsers_find_it_where_the_proxy_is_and_the_host_answers_for_itself() -> None:
    settings = settings_from(
        GOOD | INTERNAL | {"public_url": "https://H.example.org:443", "base_path": "/x/"}
    )
    (first,) = settings.all_instances
    assert (settings.url("web1"), first.origin) == ("https://h.example.org/x/", "https://h.example.org")
    assert first.inner_url("web1") == "http://web1:8050/x/"
    behind = settings_from(
        GOOD | {"tls": "off", "behind_proxy": ["10.0.0.7"], "api_domain": "api.example.org"}
    ).all_instances[0]
    assert (behind.url(""), behind.api_url) == ("https://harvest.example.org/", "https://api.example.org")
    assert (behind.inner_url(""), behind.inner_api_url) == (
        "http://harvest.example.org/",
        "http://api.example.org",
    )


def test_each_of_several_may_have_a_public_address() -> None:
    """Without nginx a proxy tells them apart by name; with it, one may be asked for on another port."""
    ports = {"frontend_port": 8051, "backend_ports": [5011]}
    two = {"a": {"public_url": "https://a.example.org"}, "b": ports}
    first, second = settings_from(
        GOOD | INTERNAL | {"instances": two, "public_url": "https://b.example.org"}
    ).all_instances
    assert (first.origin, second.origin) == ("https://a.example.org", "https://b.example.org")
    named = {"domain": "b.example.org", "public_url": "https://b.example.org:8443", **ports}
    behind = GOOD | {"tls": "off", "behind_proxy": ["10.0.0.7"], "instances": {"a": {}, "b": named}}
    first, second = settings_from(behind).all_instances
    assert (first.origin, second.origin) == ("https://harvest.example.org", "https://b.example.org:8443")
    wrong = {"a": {}, "b": named | {"public_url": "https://harvest.example.org"}}
    assert "names harvest.example.org, but nginx answers for b.example.org" in problem(
        **{**behind, "instances": wrong}
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"public_url": "harvest.example.org"}, "must be an address like https://"),
        ({"public_url": "https://harvest.example.org/y/"}, "has the path /y/"),
        (
            {"public_url": "https://other.example.org", "behind_proxy": ["10.0.0.7"]},
            "names other.example.org",
        ),
        ({"public_url": "https://harvest.example.org"}, "behind_proxy: is not set"),
    ],
)
def test_what_cannot_work_is_told(changed: dict[str, object], words: str) -> None:
    assert words in problem(**changed)
