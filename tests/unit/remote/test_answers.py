"""An answer that only looks like HARVEST's is none."""

import socket
import threading
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


def served(answer: bytes) -> tuple[str, list[bytes]]:
    """The URL of a server that takes one request and gives these bytes; what it was asked."""
    server = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with server, connection:
            asked.append(connection.recv(65536))
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}/a?b=c", asked


def test_an_answer_is_read_to_its_end() -> None:
    url, asked = served(
        b"HTTP/1.1 503 No way\r\nServer: x\r\ncontent-TYPE: text/html; x\r\n\r\n<p>1\r\n\r\n2</p>"
    )
    assert answers.get(url) == {"status": 503, "type": "text/html; x", "body": "<p>1\r\n\r\n2</p>"}
    assert asked[0].startswith(b"GET /a?b=c HTTP/1.0\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"RTSP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 what\r\n"]
)
def test_what_speaks_no_http_answers_nothing(answer: bytes) -> None:
    assert answers.get(served(answer)[0])["status"] == 0


def test_where_nothing_listens_the_reason_is_told() -> None:
    assert answers.get("http://x.test:9/")["body"].startswith("ConnectionRefusedError: ")
