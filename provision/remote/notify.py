"""Tells the operator that a unit failed. Runs ON the host (harvest-notify@UNIT.service), as a user without rights.

The argument is the failed unit; "monitor" sends what the monitor found, "test" a test. The receiver is a
credential of the unit. A receiver that does not answer costs at most TRIES * (WAIT_S + PAUSE_S); then the unit
fails, which the monitor tells as soon as the receiver answers again: a failed harvest-notify@ starts nothing itself.
"""

import json
import os
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from provision.remote.host_files import MESSAGES, read
from provision.remote.journal_text import last_lines
from provision.remote.message import Message, mail, post

TRIES, WAIT_S, PAUSE_S = 3, 10.0, 20.0
SHOWN = "Description,ActiveState,Result,StateChangeTimestamp"


class Stays(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token, and the message, to another place."""

    def redirect_request(self, *words: Any, **more: Any) -> None:
        return None


def host() -> str:
    return socket.gethostname()


def of_unit(unit: str) -> Message:
    """That a unit failed, with systemd's reason and its last log lines."""
    command = ["systemctl", "show", "--property", SHOWN, "--", unit]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=20).stdout
    shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    why = shown.get("Result", "")
    what = f"{unit} failed" + (f" ({why})" if why not in ("", "success") else "")
    since = shown.get("StateChangeTimestamp", "")
    look = f"systemctl status '{unit}'; journalctl -u '{unit}' -e"
    return message(what, since, last_lines(unit), look)


def message(
    what: str, since: str = "", log: "list[str] | None" = None, command: str = "", good: bool = False
) -> Message:
    return {"host": host(), "what": what, "since": since, "log": log or [], "command": command, "good": good}


def messages(word: str) -> "list[Message]":
    if word == "test":
        return [
            message(
                "test message: notifications work",
                good=True,
                command="systemctl status harvest-monitor.timer",
            )
        ]
    if word == "monitor":
        return [{**each, "host": host()} for each in json.loads(read(MESSAGES))]
    return [of_unit(word)]


def send_post(receiver: "dict[str, Any]", what: Message) -> None:
    url, headers, data = post(receiver, what)
    request = urllib.request.Request(url, data, headers, method="POST")
    with urllib.request.build_opener(Stays).open(request, timeout=WAIT_S):
        pass


def send_mail(receiver: "dict[str, Any]", what: Message) -> None:
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
        relay.send_message(mail(receiver, what))


def reason(error: Exception) -> str:
    """Why a message was not taken, without the URL or the password, which may stand in the error's own words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP {error.smtp_code}"
    inner = getattr(error, "reason", error)
    words = inner.strerror if isinstance(inner, OSError) else None
    return f"{type(inner).__name__}{f' ({words})' if words else ''}"


def deliver(receiver: "dict[str, Any]", what: Message) -> bool:
    """Whether the receiver took the message; the journal says why not."""
    send = send_mail if receiver["form"] == "mail" else send_post
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            send(receiver, what)
        except (
            OSError,
            smtplib.SMTPException,
            ValueError,
        ) as error:  # URLError and TimeoutError are OSErrors
            print(f"<4>not delivered: {reason(error)}", flush=True)
        else:
            print(f"delivered: {what['what']}", flush=True)
            return True
    return False


def main() -> int:
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "receiver")) as file:
        receiver = json.load(file)
    return 0 if all([deliver(receiver, each) for each in messages(sys.argv[1])]) else 1


if __name__ == "__main__":
    sys.exit(main())
