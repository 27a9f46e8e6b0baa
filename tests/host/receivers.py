"""Who gets messages in tests: an HTTP listener on this machine, and an SMTP relay on the host itself."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from lab import hosts

USER, PASSWORD = "harvest", "hunter2-of-the-relay"
# Wants STARTTLS and a login before it takes a mail (python3-aiosmtpd of Debian).
RELAY = f"""
import ssl, threading
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("/root/relay.pem", "/root/relay.key")
def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == ({USER.encode()!r}, {PASSWORD.encode()!r}))
Controller(
    Mailbox("/root/mail"), hostname="127.0.0.1", port=2525, tls_context=context, require_starttls=True,
    authenticator=login, auth_required=True,
).start()
threading.Event().wait()
"""
CERTIFICATE = """openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=relay \\
  -addext subjectAltName=IP:127.0.0.1 -keyout /root/relay.key -out /root/relay.pem 2>/dev/null"""


class Listener:
    """A webhook's receiver at `address`; `messages` are what it was sent."""

    def __init__(self, address: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                listener.messages.append(json.loads(content))
                listener.headers.append(dict(self.headers))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_port}/hook"

    def __enter__(self) -> "Listener":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def said(self) -> list[str]:
        return [each["what"] for each in self.messages]


def start_relay(host: hosts.Host) -> str:
    """Start the relay on the host; its certificate, which the host does not trust yet."""
    (host.root / "root/relay.py").write_text(RELAY)
    host.exec(f"{CERTIFICATE}; systemd-run -q --unit=relay python3 /root/relay.py")
    return host.exec("cat /root/relay.pem").stdout


def eventually(what: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)
