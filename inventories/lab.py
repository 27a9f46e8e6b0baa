"""The hosts of the local lab (`python3 -m lab up NAME`), each in the group it was made for."""

import glob as _glob
import json as _json
import os as _os
import secrets as _secrets
import sys as _sys

import click as _click

_sys.path.insert(0, _os.path.abspath(_os.path.join(_os.path.dirname(__file__), "..")))

from provision.inventory import resolve

_LAB = _os.environ.get("LAB_DIR") or _os.path.join(_os.path.dirname(__file__), "..", ".lab")
# By reference, so that it is not shown by debug-inventory.
_READER = "import json, sys; print(json.load(open(sys.argv[1]))['bootstrap_password'])"

harvest_internal: list[tuple[str, dict]] = []
harvest_nginx: list[tuple[str, dict]] = []
harvest_subpath: list[tuple[str, dict]] = []

_groups = {
    "harvest_internal": harvest_internal,
    "harvest_nginx": harvest_nginx,
    "harvest_subpath": harvest_subpath,
}
_files = sorted(_glob.glob(_os.path.join(_LAB, "hosts", "*", "host.json")))
if not _files:
    print("no lab host is up: type python3 -m lab up demo", file=_sys.stderr)
    raise SystemExit(1)
# The password of HARVEST's first administrator in this lab: made once, shown by `make demo`.
_password = _os.path.abspath(_os.path.join(_LAB, "harvest_password"))
try:
    with open(_os.open(_password, _os.O_CREAT | _os.O_EXCL | _os.O_WRONLY, 0o600), "w") as _open:
        _open.write(_secrets.token_urlsafe(12) + "\n")
except FileExistsError:
    pass
# A lab is shared by tests that run side by side: what --limit leaves out need not even be sound.
_context = _click.get_current_context(silent=True)
_limits = set((_context.params.get("limit") if _context else None) or ())
_names = {_os.path.basename(_os.path.dirname(_file)): _file for _file in _files}
if _limits and _limits <= _names.keys():
    _files = [_names[_name] for _name in sorted(_limits)]
for _file in _files:
    try:
        with open(_file) as _open:
            _host = _json.load(_open)
    except FileNotFoundError:  # taken down this very moment
        continue
    _data = {
        "first_admin": "admin@harvest.test",
        "first_admin_password": {"file": _password},
        "bootstrap_user": _host["bootstrap_user"],
        **_host["settings"],
        "ssh_hostname": _host["address"],
        "ssh_known_hosts_file": _host["known_hosts"],
        # A host may refuse the key at first; the admin that is made has it.
        "ssh_key": _host["key_file"] or _os.path.abspath(_os.path.join(_LAB, "id_ed25519")),
    }
    if _host["bootstrap_password"]:
        _data["bootstrap_password"] = {"command": [_sys.executable, "-c", _READER, _file]}
    _groups[_host["group"]].append((_host["name"], _data))

resolve(globals())
