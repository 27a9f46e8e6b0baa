"""`notify`: each mistake in one sentence, and never the secret."""

from typing import Any

import pytest

from provision.settings.model import settings_from
from provision.settings.secrets import check_secrets
from tests.unit.examples import GOOD, problem

URL = {"env": "NOTIFY_URL"}
MAIL = {"form": "mail", "relay": "mail.example.org", "sender": "h@example.org", "to": ["ops@example.org"]}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("https://x/HUNTER2", 'notify: must be in braces, with "form": one of ntfy, slack, '),
        ({"form": "teams"}, "notify: must be in braces"),
        ({"form": "ntfy"}, 'notify: url: is not set; "form": "ntfy" needs it'),
        ({"form": "ntfy", "url": "https://HUNTER2"}, "notify: url: "),
        ({"form": "slack", "url": URL, "channel": "x"}, 'notify: channel: is not a key of "form": "slack"'),
        (MAIL | {"to": []}, "notify: to: must hold at least 1"),
        (MAIL | {"port": "HUNTER2"}, "notify: port: "),
        (MAIL | {"tls": "on"}, "notify: tls: must be 'starttls', 'tls' or 'off'"),
        (MAIL | {"user": "x"}, "notify: password: goes with user"),
        (MAIL | {"user": "x", "password": URL, "tls": "off"}, 'notify: tls: is "off"; a password'),
    ],
)
def test_a_wrong_receiver_is_refused_without_its_value(value: Any, sentence: str) -> None:
    said = problem(notify=value)
    assert said.startswith(sentence)
    assert "HUNTER2" not in said


@pytest.mark.parametrize(
    ("form", "url", "why"),
    [
        ("ntfy", "https://ntfy.example.org", "lacks the topic"),
        ("slack", "hooks.example.org/HUNTER2", "must be a URL like"),
        ("slack", "http://hooks.example.org/HUNTER2", "must begin with https://"),
        ("plain", "https://me:HUNTER2@example.org/", "holds a user or password"),
        ("plain", "https://example.org:HUNTER2/", "is no URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_before_any_host_is_asked(
    form: str, url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_URL", url)
    ((key, said),) = check_secrets(settings_from(GOOD | {"notify": {"form": form, "url": URL}}))
    assert key == "notify.url"
    assert why in said
    assert "HUNTER2" not in said


def test_good_receivers_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_URL", "http://10.0.0.5/hook")
    assert check_secrets(settings_from(GOOD | {"notify": {"form": "plain", "url": URL}})) == []
    assert check_secrets(settings_from(GOOD | {"notify": MAIL | {"user": "x", "password": URL}})) == []


def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_URL", raising=False)
    settings = settings_from(GOOD | {"notify": {"form": "slack", "url": URL}})
    assert check_secrets(settings) == [("notify.url", "the environment variable NOTIFY_URL is not set")]
