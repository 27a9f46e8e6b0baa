"""Writes docs/settings.md from the settings model: `python -m scripts.settings_doc`. A test says when it is stale."""

import re
import textwrap
from pathlib import Path

from pydantic_core import PydanticUndefined

from provision.settings.foreign import connection_keys, global_arguments
from provision.settings.model import Settings

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every key that may stand in `group_data/` or in a host's braces in the inventory. Made from
`provision/settings/model.py` by `python -m scripts.settings_doc`; an unknown key or a wrong value stops
the run before any host is touched.

| key | default | meaning |
|---|---|---|
"""

CONNECTION = """

## How to connect

pyinfra's own keys, in the same places. Your `~/.ssh/config` says the same things; what stands here wins. None is needed
where `ssh HOST` works. The login is tried as `admin_user` and as `bootstrap_user`, above.

| key | meaning |
|---|---|
"""
# pyinfra's own words say too little where our login goes its own way.
NOTES = {
    "ssh_hostname": "The address to connect to, where the host's name does not resolve or leads elsewhere.",
    "ssh_port": "The port to connect to now; where sshd shall listen is `sshd_port`, which must then be set too.",
    "ssh_user": "The only user to try, instead of `admin_user` and `bootstrap_user`.",
    "ssh_password": "A password in plain text: use `bootstrap_password` instead.",
    "ssh_key": "The private key to offer, alone: its path.",
    "ssh_key_password": "Its passphrase in plain text: use ssh-agent instead.",
    "ssh_config_file": "Another file than `~/.ssh/config`.",
    "ssh_known_hosts_file": "Another file than `~/.ssh/known_hosts`.",
    "ssh_strict_host_key_checking": "Always yes after the first connection, whose key is shown and pinned.",
}
ARGUMENTS = """

pyinfra's global arguments may be set as well, and are rarely needed:
{}.
"""


def shown_default(value: object) -> str:
    """A default as one would write it in group data; what must be set says so."""
    if value is PydanticUndefined:
        return "must be set"
    if value is None:
        return "unset"
    return f"`{list(value)!r}`" if isinstance(value, tuple) else f"`{value!r}`"


def choices(annotation: object) -> str:
    """The allowed words of a Literal, in backticks."""
    found = re.findall(r"Literal\[([^\]]*)\]", str(annotation))
    return f" One of {', '.join('`' + word.strip() + '`' for word in found[0].split(','))}." if found else ""


def document() -> str:
    fields = {"mode": Settings.model_fields["mode"]} | Settings.model_fields
    rows = [
        f"| `{key}` | {shown_default(field.default)} | {field.description}{choices(field.annotation)} |"
        for key, field in fields.items()
    ]
    connection = [
        f"| `{key}` | {NOTES.get(key) or words.rstrip('.') + '.'} |"
        for key, words in connection_keys().items()
    ]
    arguments = textwrap.fill(", ".join(f"`{key}`" for key in sorted(global_arguments())), 110)
    return HEAD + "\n".join(rows) + CONNECTION + "\n".join(connection) + ARGUMENTS.format(arguments)


if __name__ == "__main__":
    FILE.write_text(document())
