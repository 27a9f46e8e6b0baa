"""Sends messages to the receiver. Runs ON the host (harvest-notify-send.service), as a user without rights.

Receiver and messages are credentials of the unit (systemd.exec(5)). A receiver that does not answer costs at most
TRIES * (WAIT_S + PAUSE_S) seconds; then the unit fails, which starts nothing.
"""

import json
import os
import smtplib
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from provision.remote.notify_message import Message, Receiver, mail, post

TRIES, WAIT_S, PAUSE_S = 3, 10.0, 10.0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token, and the message, to another place."""

    def redirect_request(self, *words: Any, **more: Any) -> None:
        return None


def send_post(receiver: Receiver, message: Message) -> None:
    url, headers, data = post(receiver, message)
    request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310 - http(s), as the settings check
    with urllib.request.build_opener(NoRedirect).open(request, timeout=WAIT_S):
        pass


def send_mail(receiver: Receiver, message: Message) -> None:
    context = ssl.create_default_context()
    place = (receiver["relay"], receiver["port"])
    with (
        smtplib.SMTP_SSL(*place, timeout=WAIT_S, context=context)
        if receiver["tls"] == "tls"
        else smtplib.SMTP(*place, timeout=WAIT_S)
    ) as relay:
        if receiver["tls"] == "starttls":
            relay.starttls(context=context)
        if receiver.get("user"):
            relay.login(receiver["user"], receiver["password"])
        relay.send_message(mail(receiver, message))


def reason(error: Exception) -> str:
    """Why a message was not taken, without the URL or the password, which may stand in the error's own words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP {error.smtp_code}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    words = inner.strerror if isinstance(inner, OSError) else None
    return f"{type(inner).__name__}{f' ({words})' if words else ''}"


def deliver(receiver: Receiver, message: Message) -> bool:
    """Whether the receiver took the message; the journal says why not."""
    send = send_mail if receiver["form"] == "mail" else send_post
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            send(receiver, message)
        except (
            OSError,
            smtplib.SMTPException,
            ValueError,
        ) as error:  # URLError and TimeoutError are OSErrors
            print(f"<4>not delivered: {reason(error)}", flush=True)
        else:
            print(f"delivered: {message['what']}", flush=True)
            return True
    return False


def credential(name: str) -> Any:
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], name)) as file:
        return json.load(file)


def main() -> int:
    receiver = credential("receiver")
    return 0 if all(deliver(receiver, each) for each in credential("messages")) else 1


if __name__ == "__main__":
    sys.exit(main())
