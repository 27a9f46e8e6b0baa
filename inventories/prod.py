"""Your servers. Edit this file, then type: pyinfra inventories/prod.py deploy.py

Put each server into ONE of the three groups below and delete the others' lines. The group decides how HARVEST is
reached; group_data/<group>.py says what that means. What is the same on all servers stands in group_data/all.py:
look through that file too, above all at admin_user and admin_keys.

A server is a name that your machine can resolve, or an alias from your ~/.ssh/config. The braces hold what is special
to that server; everything that can stand there is listed in docs/settings.md. A wrong word in them is told before
anything is touched.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # wherever pyinfra is started

from provision.inventory import resolve

# HARVEST alone, on port 8050, at http://SERVER:8050/. For a trusted network, without nginx and without TLS.
harvest_internal = [
    "harvest-internal.example.org",
]

# HARVEST behind nginx with TLS, at https://DOMAIN/.
harvest_nginx = [
    ("harvest.example.org", {"domain": "harvest.example.org"}),
]

# HARVEST behind nginx with TLS, beside other things, at https://DOMAIN/harvest/.
harvest_subpath = [
    ("www.example.org", {"domain": "www.example.org"}),
]

# The first login on a fresh server is tried as the admin, then as root, with your own SSH keys. If your provider made
# another first user, or gave you a password, say so in that server's braces (the password itself stays outside of this
# file: in an environment variable, a file, or what a command prints):
#
#   ("harvest.example.org", {
#       "domain": "harvest.example.org",
#       "ssh_hostname": "203.0.113.7",                       # where the name does not resolve yet
#       "bootstrap_user": "debian",
#       "bootstrap_password": {"env": "FIRST_PASSWORD"},     # or {"file": "~/pw"} or {"command": ["pass", "harvest"]}
#   }),

# Must stay the last line: it checks everything above and finds out who can log in.
resolve(globals())
