"""Adds an administrator to an upstream HARVEST, unless there is one of that address: `upstream_admin.py EMAIL`.

Runs as the service in its environment, with config.py's overlay on the path. The password comes on standard input.
"""

import importlib
import sys
from typing import Any


def add(store: Any, database: str, email: str, password: str) -> str:
    """What was done. `store`, upstream's module harvest_store, would replace the password of one that exists."""
    connection = store.get_conn(database)
    found = connection.execute("SELECT 1 FROM admin_users WHERE email = ?", (email,)).fetchone()
    connection.close()
    if found:
        return f"{email} has an account: nothing changed."
    if not store.create_admin_user(database, email, password):
        raise SystemExit(f"{email} could not be added")
    return f"{email} can sign in as an admin."


def main() -> None:
    store, database = importlib.import_module("harvest_store"), importlib.import_module("config").DB_PATH
    store.init_db(database)
    print(add(store, database, sys.argv[1], sys.stdin.readline().rstrip("\r\n")))


if __name__ == "__main__":
    main()
