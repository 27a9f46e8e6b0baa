"""A message as each receiver wants it: JSON for a webhook, or a mail. Runs ON the host; sends nothing itself."""

import json
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import urlsplit, urlunsplit

Message = dict[str, Any]
"""{"host", "what": one line, "since": text, "log": [lines], "command": to type on the host, "resolved": bool}"""
Receiver = dict[str, Any]
"""The setting `notify`, its secrets read."""


def title(message: Message) -> str:
    return f"{message['host']}: {message['what']}"


def body(message: Message, fence: str = "") -> str:
    """Since when, the log, and last the command alone on its line."""
    lines = [f"since {message['since']}"]
    if message["log"]:
        lines += ["", *([fence] if fence else []), *message["log"], *([fence] if fence else [])]
    if message["command"]:
        lines += ["", "type on the host:", "", f"{fence and '    '}{message['command']}"]
    return "\n".join(lines)


def slack(text: str) -> str:
    """Slack reads <, > and & as its own marks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def ntfy(url: str) -> "tuple[str, str]":
    """ntfy takes JSON at its root, the topic inside: (URL, topic)."""
    place = urlsplit(url)
    folder, _, topic = place.path.rstrip("/").rpartition("/")
    return urlunsplit((place.scheme, place.netloc, folder + "/", "", "")), topic


def post(receiver: Receiver, message: Message) -> "tuple[str, dict[str, str], bytes]":
    """URL, headers and body of the POST to a webhook."""
    form, url = receiver["form"], receiver["url"]
    head, text = title(message), body(message, "```")
    content: dict[str, Any]
    if form == "ntfy":
        url, topic = ntfy(url)
        priority = 3 if message["resolved"] else 4
        content = {"topic": topic, "title": head, "message": body(message), "priority": priority}
    elif form == "slack":
        content = {"text": slack(f"*{head}*\n{text}")}
    elif form == "mattermost":
        content = {"text": f"**{head}**\n{text}"}
    elif form == "matrix":
        content = {"text": f"**{head}**\n\n{text}", "username": message["host"]}
    else:
        content = {**message, "title": head, "text": body(message)}
    headers = {"Content-Type": "application/json", "User-Agent": "harvest-notify"}
    if receiver.get("token"):
        headers["Authorization"] = f"Bearer {receiver['token']}"
    return url, headers, json.dumps(content).encode()


def mail(receiver: Receiver, message: Message) -> EmailMessage:
    """The mail to the operator; no vacation program answers it (RFC 3834)."""
    found = EmailMessage()
    found["Subject"] = " ".join(title(message).split())
    found["From"], found["To"] = receiver["sender"], ", ".join(receiver["to"])
    found["Date"] = formatdate(localtime=True)
    found["Message-ID"] = make_msgid(domain=receiver["sender"].rpartition("@")[2])
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(body(message) + "\n")
    return found
