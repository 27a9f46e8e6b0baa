"""Sign in, sign out, who am I."""

from __future__ import annotations

from typing import Any

from flask import request
from pydantic import Field
from sqlalchemy import select, update

from harvest import accounts, audit
from harvest.api import models
from harvest.api.fields import PersonName
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.tables import user

TICKET_SECONDS = 600


class Login(In):
    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)


class NewName(In):
    name: PersonName


class NewPassword(In):
    current: str = Field(max_length=1000)
    new: str = Field(max_length=1000)


def _proved(call: Call, email: str, password: str, refusal: Problem) -> Any:
    """The account whose password this is; else the refusal, the same for an unknown one, and soon no more tries."""
    email, address = email.strip().lower(), accounts.counted_address(request.remote_addr or "")
    with call.db.read() as connection:
        if accounts.throttled(connection, email, address):
            raise Problem(429, "Too many failed logins: please wait 15 minutes.", Retry_After="900")
        row = connection.execute(select(user).where(user.c.email == email, user.c.active)).first()
    stored = row.password_hash if row else None
    # Before, spaces at the ends did not count: what was set so still opens the account.
    tries = dict.fromkeys((password, password.strip()))
    if not any(accounts.verify(stored, each) for each in tries):
        with call.db.write() as connection:
            accounts.note_failure(connection, email, address)
        raise refusal
    with call.db.write() as connection:
        accounts.forget_failures(connection, email, address)
    return row


def _session(call: Call, row: Any) -> Json:
    token = accounts.make_token(call.settings.secret_key, row.id, row.session_version)
    return {"ok": True, "token": token, "expires_in": call.settings.SESSION_HOURS * 3600, **_shown(row)}


def sign_in(call: Call, email: str, password: str) -> Json:
    """A session token for the right password."""
    wrong = Problem(401, "The e-mail address or the password is wrong.")
    return _session(call, _proved(call, email, password, wrong))


def _shown(row: Any) -> Json:
    return {name: getattr(row, name) for name in ("id", "email", "alias", "name", "admin")}


@endpoint("POST", "/login", auth="none", body=Login, returns=models.Session, errors=(401, 429))
def login(call: Call) -> Json:
    """Trade an e-mail address and a password for a session token (Authorization: Bearer)."""
    return sign_in(call, call.body.email, call.body.password)


@endpoint("GET", "/me", returns=models.User)
def me(call: Call) -> Json:
    """The account that is signed in."""
    return _shown(call.me)


@endpoint("PATCH", "/me", body=NewName, returns=models.User)
def change_name(call: Call) -> Json:
    """The name under which others see you; "" shows the alias."""
    with call.db.write() as connection:
        connection.execute(update(user).where(user.c.id == call.me.id).values(name=call.body.name))
        audit.note(connection, call.me.id, "change own name", call.me.id, call.body.name)
        return _shown(connection.execute(select(user).where(user.c.id == call.me.id)).one())


@endpoint("GET", "/people", returns=list[models.Person])
def people(call: Call) -> list[Json]:
    """Everyone who has an account, by name; e-mail addresses for admins only."""
    query = select(user.c.alias, user.c.name, user.c.email).order_by(user.c.name, user.c.alias)
    with call.db.read() as connection:
        return [
            {"alias": row.alias, "name": row.name, "email": row.email if call.me.admin else ""}
            for row in connection.execute(query)
        ]


@endpoint("POST", "/me/password", body=NewPassword, returns=models.Session, errors=(429,))
def change_password(call: Call) -> Json:
    """A new password for the account that is signed in. Ends all of its sessions; the answer holds a new one."""
    wrong = Problem(403, "The current password is wrong.")
    row = _proved(call, call.me.email, call.body.current, wrong)
    with call.db.write() as connection:
        try:
            accounts.set_password(connection, row.id, call.body.new)
        except accounts.AccountError as error:
            raise Problem(422, str(error)) from error
        audit.note(connection, row.id, "change own password", row.id, "")
        return _session(call, connection.execute(select(user).where(user.c.id == row.id)).one())


@endpoint("POST", "/ticket", returns=models.Ticket)
def ticket(call: Call) -> Json:
    """A token for a few minutes, for scripts of a page that is signed in by a cookie."""
    with call.db.read() as connection:
        version = connection.scalar(select(user.c.session_version).where(user.c.id == call.me.id)) or 0
    token = accounts.make_token(call.settings.secret_key, call.me.id, version, seconds=TICKET_SECONDS)
    return {"token": token, "expires_in": TICKET_SECONDS}


@endpoint("POST", "/logout", returns=models.Ok)
def logout(call: Call) -> Json:
    """End every session of the account that is signed in."""
    with call.db.write() as connection:
        connection.execute(
            update(user).where(user.c.id == call.me.id).values(session_version=user.c.session_version + 1)
        )
    return {"ok": True}
