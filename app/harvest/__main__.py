"""The admin command line: `python -m harvest --help`. Secrets come on standard input, never as an argument."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sqlalchemy import select, update

from harvest import accounts, audit, migrate, pdfstore, trash
from harvest.db import Database
from harvest.settings import Settings, SettingsError, load
from harvest.tables import pdf, user


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m harvest")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database to the newest schema")
    people = commands.add_parser("user", help="accounts").add_subparsers(dest="action", required=True)
    add = people.add_parser("add", help="make an account; the password comes on standard input")
    add.add_argument("email")
    add.add_argument("--admin", action="store_true")
    add.add_argument(
        "--if-missing", action="store_true", help="leave an existing account as it is (for provisioning)"
    )
    password = people.add_parser("password", help="set a new password, read from standard input")
    password.add_argument("email")
    people.add_parser("list", help="all accounts: address, name, role, whether they can sign in")
    commands.add_parser(
        "sweep", help="empty the trash of 30 days ago, and delete files of PDFs without a paper"
    )
    assets = commands.add_parser("assets", help="write the frontend's static files for a web server to DEST")
    assets.add_argument("dest", type=Path)
    return top


def read_password() -> str:
    """One line of standard input; asked for when it is a terminal."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def add_user(settings: Settings, args: argparse.Namespace) -> str:
    db, email = Database(settings.database_url), accounts.checked_email(args.email)
    with db.write() as connection:
        if args.if_missing and connection.scalar(select(user.c.id).where(user.c.email == email)):
            return f"{email} has an account: nothing changed."
        user_id = accounts.add_user(connection, settings.secret_key, email, read_password(), admin=args.admin)
        audit.note(connection, None, "add user", user_id, "on the command line")
    return f"{email} can sign in{' as an admin' if args.admin else ''}."


def list_users(settings: Settings, _: argparse.Namespace) -> str:
    with Database(settings.database_url).read() as connection:
        people = connection.execute(select(user).order_by(user.c.email)).all()
    lines = [
        f"{each.email}  {each.name or '-'}  {'admin' if each.admin else 'annotator'}"
        + ("" if each.active else ", cannot sign in")
        for each in people
    ]
    return "\n".join(lines) or "There are no accounts."


def change_password(settings: Settings, args: argparse.Namespace) -> str:
    email = accounts.checked_email(args.email)
    with Database(settings.database_url).write() as connection:
        user_id = connection.scalar(select(user.c.id).where(user.c.email == email))
        if user_id is None:
            raise accounts.AccountError(f"There is no account for {email}.")
        accounts.set_password(connection, user_id, read_password())
        connection.execute(update(user).where(user.c.id == user_id).values(active=True))
        audit.note(connection, None, "set password", user_id, "on the command line")
    return f"{email} has a new password; all its sessions are over."


def run(args: argparse.Namespace) -> str:
    settings = load()
    if args.command == "migrate":
        migrate.upgrade(Database(settings.database_url))
        return "The database has the newest schema."
    if args.command == "sweep":
        with Database(settings.database_url).write() as connection:
            trash.purge(connection)
            wanted = set(connection.scalars(select(pdf.c.sha256))) | trash.files(connection)
        return f"{pdfstore.sweep(settings.PDF_DIR, settings.STATE_DIR, wanted)} files are deleted."
    if args.command == "assets":
        from harvest.web.export import export

        return export(settings, args.dest)
    return {"add": add_user, "list": list_users, "password": change_password}[args.action](settings, args)


def main() -> int:
    args = parser().parse_args()
    try:
        print(run(args))
    except (SettingsError, accounts.AccountError, migrate.SchemaError, OSError) as error:
        print(f"harvest: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
