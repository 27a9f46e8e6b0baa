"""User accounts: passwords (argon2id), sessions (signed tokens that all workers and instances accept), throttling."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from harvest.clock import now
from harvest.db import insert_row
from harvest.tables import login_failure, user
from harvest.text import UNFIT, normal

# OWASP's low-memory profile: 19 MiB a login, so that a few at once do not fill a small host.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
MIN_PASSWORD, MAX_PASSWORD = 10, 200
# Failures within WINDOW seconds after which logins are refused unseen: of one account from one address, and at all.
WINDOW, MAX_BY_ACCOUNT_AND_ADDRESS, MAX_BY_ADDRESS, MAX_BY_ACCOUNT = 900, 5, 30, 50


class AccountError(ValueError):
    """An e-mail address or password that cannot be; the message says why."""


@dataclass(frozen=True)
class User:
    """Who is signed in."""

    id: int
    email: str
    alias: str
    admin: bool
    name: str = ""


# RFC 5321's local part without quotes (RFC 6531: letters of all scripts), and a domain's labels.
_ATOM = r"[^@\s\x00-\x1f\x7f<>\"(),.:;\[\]\\]+"
_LABEL = r"[^\W_]([^\W_]|-)*"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")


def checked_email(text: str) -> str:
    """The address in lower case. Raises AccountError."""
    email = normal(text).lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email) or len(email.split("@")[0].encode()) > 64:
        raise AccountError(f"'{text.strip()[:80]}' is not an e-mail address.")
    return email


def checked_password(text: str) -> str:
    if UNFIT.search(text) or "\n" in text or "\r" in text:
        raise AccountError("A password cannot contain control characters.")
    if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD:
        raise AccountError(f"A password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    return text


def unknown_email(who: str) -> str:
    """The address of a contributor of whom a file knows a name only: always the same, and no mail ever goes there."""
    name = re.sub("[^a-z0-9]+", "-", who.lower()).strip("-")[:40]
    return f"{name or 'author'}-{hashlib.sha256(who.encode()).hexdigest()[:8]}@unknown.invalid"


def alias_for(email: str, secret: bytes) -> str:
    """What other annotators see: the same for one address always, and of no use to find the address."""
    return "annotator-" + hmac.new(secret, b"alias:" + email.encode(), hashlib.sha256).hexdigest()[:10]


def add_user(
    connection: Connection,
    secret: bytes,
    email: str,
    password: str | None,
    *,
    admin: bool = False,
    active: bool = True,
    name: str = "",
) -> int:
    """Make an account and return its id; without a password nobody can sign in to it. Raises AccountError."""
    email = checked_email(email)
    if connection.execute(select(user.c.id).where(user.c.email == email)).first():
        raise AccountError(f"There is an account for {email} already.")
    row = {
        "email": email,
        "alias": alias_for(email, secret),
        "name": name,
        "password_hash": None if password is None else HASHER.hash(checked_password(password)),
        "admin": admin,
        "active": active,
        "session_version": 1,
        "created_at": now(),
    }
    return insert_row(connection, user, row)


def set_password(connection: Connection, user_id: int, password: str) -> None:
    """Also ends all sessions of the account."""
    connection.execute(
        update(user)
        .where(user.c.id == user_id)
        .values(
            password_hash=HASHER.hash(checked_password(password)), session_version=user.c.session_version + 1
        )
    )


@lru_cache
def _nobody() -> str:
    return HASHER.hash("the password of nobody")


def verify(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes as long for an account that does not exist."""
    try:
        return HASHER.verify(stored or _nobody(), password[:MAX_PASSWORD]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def counted_address(address: str) -> str:
    """As what failures of a client count: whoever has one IPv6 address has all of its /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address


def throttled(connection: Connection, email: str, address: str) -> bool:
    """Whether so many logins failed lately that this one is not even tried."""
    since = login_failure.c.at > now(-WINDOW)
    by_account, by_address = login_failure.c.email == email, login_failure.c.address == address

    def count(*where: ColumnElement[bool]) -> int:
        return connection.execute(
            select(func.count()).select_from(login_failure).where(since, *where)
        ).scalar_one()

    return (
        count(by_account, by_address) >= MAX_BY_ACCOUNT_AND_ADDRESS
        or count(by_address) >= MAX_BY_ADDRESS
        or count(by_account) >= MAX_BY_ACCOUNT
    )


def locked(connection: Connection) -> set[str]:
    """E-mail addresses of accounts that cannot sign in for a while, at least from where they last tried."""
    query = select(login_failure.c.email, login_failure.c.address).where(login_failure.c.at > now(-WINDOW))
    return {row.email for row in connection.execute(query.distinct()) if throttled(connection, *row)}


def unlock(connection: Connection, email: str) -> None:
    """Forget the failures of an account; the address that it tried from has then room for more tries, too."""
    connection.execute(delete(login_failure).where(login_failure.c.email == email))


def note_failure(connection: Connection, email: str, address: str) -> None:
    connection.execute(delete(login_failure).where(login_failure.c.at < now(-86400)))
    connection.execute(insert(login_failure).values(email=email[:254], address=address[:64], at=now()))


def forget_failures(connection: Connection, email: str, address: str) -> None:
    connection.execute(
        delete(login_failure).where(login_failure.c.email == email, login_failure.c.address == address)
    )


@lru_cache(maxsize=4)
def _signer(secret: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        secret, salt="harvest-session", signer_kwargs={"digest_method": hashlib.sha256}
    )


def make_token(secret: bytes, user_id: int, session_version: int, seconds: int = 0) -> str:
    """A session; with `seconds` one that ends so soon, whatever the settings say of sessions."""
    return str(_signer(secret).dumps([user_id, session_version, seconds]))


def user_of_token(connection: Connection, secret: bytes, token: str, max_age: int) -> User | None:
    """Who the token belongs to; None when it is forged, older than `max_age` seconds, ended, or the account is off."""
    try:
        (user_id, version, seconds), made = _signer(secret).loads(
            token, max_age=max_age, return_timestamp=True
        )
    except (BadData, ValueError, TypeError):
        return None
    if seconds and time.time() - made.timestamp() > seconds:
        return None
    row = connection.execute(_BY_ID, {"id": user_id}).first()
    if row is None or not row.active or row.session_version != version:
        return None
    return User(row.id, row.email, row.alias, row.admin, row.name)


_BY_ID = select(
    user.c.id, user.c.email, user.c.alias, user.c.name, user.c.admin, user.c.active, user.c.session_version
).where(user.c.id == bindparam("id"))
