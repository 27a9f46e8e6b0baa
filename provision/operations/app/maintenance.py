"""A page in place of HARVEST: on and off without a reload, kept through deploys and reboots."""

import html
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass

from provision.engine.templates import render
from provision.operations import files
from provision.operations.files import Absent, Directory, File, Files, Item
from provision.settings.model import Settings

# A state, not a setting: in /etc it would be a change outside of deploy.
FLAG = "/var/lib/harvest-maintenance"
FOLDER = "/var/lib/harvest-maintenance.d"
ALLOWED = f"{FOLDER}/allow"
TITLE = "HARVEST is being worked on"
LONGEST = 500


@dataclass(frozen=True)
class Maintenance:
    """`text` is the page's, "" ours; `allow` are the addresses, as nginx writes them, that still reach HARVEST."""

    on: bool
    text: str = ""
    allow: tuple[str, ...] = ()


def problem(words: Mapping[str, str]) -> str:
    """What is wrong with what --data says, "" where nothing is."""
    said = [word for word in ("on", "off") if words.get(word) == "yes"]
    if len(said) != 1:
        return "say one of --data on=yes, --data off=yes"
    if said == ["off"] and (more := [word for word in ("allow", "text") if words.get(word)]):
        return f"--data {more[0]}: goes with on=yes only"
    text = words.get("text", "")
    if len(text) > LONGEST or not all(sign.isprintable() for sign in text):
        return f"--data text: must be one line of at most {LONGEST} characters"
    for address in addresses(words.get("allow", "")):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return f"--data allow={address}: must be an IP address, or several with commas between them"
    return ""


def unfit(settings: Settings) -> str:
    """Why a host cannot show the page, "" where it can."""
    if settings.mode == "internal":
        return "mode internal has no nginx that could show a maintenance page; maintenance needs mode nginx"
    if settings.site == "beside" and settings.behind_proxy:
        return "the proxy in front hides browsers' addresses from the other site; close HARVEST at the proxy"
    return ""


def addresses(allow: str) -> tuple[str, ...]:
    return tuple(address.strip() for address in allow.split(",") if address.strip())


def wanted(words: Mapping[str, str]) -> Maintenance:
    """What words that have no problem ask for."""
    allow = tuple(sorted({str(ipaddress.ip_address(each)) for each in addresses(words.get("allow", ""))}))
    return Maintenance(words.get("on") == "yes", words.get("text", ""), allow)


def items(want: Maintenance) -> tuple[Item, ...]:
    """The flag comes last: the page and those who pass are there when the site closes."""
    if not want.on:
        return (Absent(FLAG), Absent(FOLDER))
    found: list[Item] = [Directory(FOLDER), Directory(ALLOWED)]
    found += [File(f"{ALLOWED}/{address}", "") for address in want.allow]
    if want.text:
        page = render("nginx/pages/_page", title=TITLE, words=html.escape(want.text))
        answer = json.dumps({"ok": False, "error": f"{TITLE}. {want.text}"}) + "\n"
        found += [File(f"{FOLDER}/maintenance.html", page), File(f"{FOLDER}/maintenance.json", answer)]
    return (*found, File(FLAG, ""))


def desired(want: Maintenance) -> Files:
    """What a former call left is no longer wanted."""
    return Files(items(want), stale=(f"{ALLOWED}/*", f"{FOLDER}/maintenance.*") if want.on else ())


def switch(name: str, want: Maintenance) -> None:
    """A second call with the same words changes nothing."""
    files.put(name, desired(want))
