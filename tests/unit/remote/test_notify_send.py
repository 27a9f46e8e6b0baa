"""Messages in the form of each receiver, over real HTTP and SMTP errors."""

import json
import smtplib
import ssl
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from provision.remote import notify_send
from provision.remote.notify_message import body, mail, post
from provision.remote.notify_send import deliver, reason

MESSAGE = {
    "host": "web1",
    "what": "nginx.service failed (exit-code)",
    "since": "2026-11-26 06:00 UTC",
    "log": ["a <b> & c"],
    "command": "systemctl status 'nginx.service'",
    "resolved": False,
}
MAIL = {
    "form": "mail",
    "relay": "10.0.0.1",
    "port": 25,
    "tls": "off",
    "sender": "h@example.org",
    "to": ["a@x.org"],
}


def said(form: str, **more: Any) -> tuple[str, dict[str, str], Any]:
    url, headers, data = post({"form": form, "url": "https://x.example.org/a/topic"} | more, MESSAGE)
    return url, headers, json.loads(data)


def test_a_message_says_host_what_since_log_and_command() -> None:
    assert body(MESSAGE) == (
        "since 2026-11-26 06:00 UTC\n\na <b> & c\n\ntype on the host:\n\nsystemctl status 'nginx.service'"
    )
    found = mail(MAIL, MESSAGE | {"what": "two\nlines"})
    assert found["Subject"] == "web1: two lines"
    assert (found["To"], found["Auto-Submitted"]) == ("a@x.org", "auto-generated")


def test_ntfy_gets_its_topic_in_the_body() -> None:
    url, headers, content = said("ntfy", token="T")
    assert (url, content["topic"], content["priority"]) == ("https://x.example.org/a/", "topic", 4)
    assert content["title"] == "web1: nginx.service failed (exit-code)"
    assert headers["Authorization"] == "Bearer T"


def test_slack_marks_are_escaped_and_plain_carries_every_field() -> None:
    assert "a &lt;b&gt; &amp; c" in said("slack")[2]["text"]
    assert said("mattermost")[2]["text"].startswith("**web1: nginx.service failed (exit-code)**\n")
    assert said("matrix")[2]["username"] == "web1"
    assert said("plain")[2] == MESSAGE | {
        "title": "web1: nginx.service failed (exit-code)",
        "text": body(MESSAGE),
    }
    assert "Authorization" not in said("plain", token=None)[1]


class Listener(BaseHTTPRequestHandler):
    """Answers with the status in the path, and counts."""

    got: list[str]

    def do_POST(self) -> None:
        self.got.append(self.path)
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(notify_send, "PAUSE_S", 0.0)
    Listener.got = []
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_webhook_is_tried_three_times_and_no_redirect_is_followed(
    listener: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deliver({"form": "plain", "url": f"{listener}/204"}, MESSAGE)
    assert not deliver({"form": "plain", "url": f"{listener}/302"}, MESSAGE)
    assert Listener.got == ["/204", "/302", "/302", "/302"]
    assert "not delivered: HTTP 302" in capsys.readouterr().out


def untrusted() -> ssl.SSLError:
    """As OpenSSL reports it: its `reason` is a word, and no exception as that of a URLError."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")), "(Connection refused)"),
        (TimeoutError("https://x/HUNTER2"), "TimeoutError"),
        (untrusted(), "SSLCertVerificationError (certificate verify failed)"),
        (urllib.error.URLError(untrusted()), "SSLCertVerificationError (certificate verify failed)"),
        (smtplib.SMTPAuthenticationError(535, b"HUNTER2 is wrong"), "SMTP 535"),
        (ValueError("unknown url type: HUNTER2"), "ValueError"),
    ],
)
def test_the_reason_never_holds_the_secret(error: Exception, words: str) -> None:
    assert words in reason(error)
    assert "HUNTER2" not in reason(error)
