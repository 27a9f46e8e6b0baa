"""For admins: accounts, vocabulary, the audit trail, totals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from harvest import accounts, audit, exporting
from harvest.api import models
from harvest.api.fields import Id, Label, PersonName
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.search import contains
from harvest.tables import audit as audit_table
from harvest.tables import entity_type, relation_type, triple, user

Password = Annotated[str, Field(max_length=1000)]
VOCABULARY = {"entity": entity_type, "relation": relation_type}


class UserIn(In):
    email: str = Field(max_length=254)
    password: Password
    admin: bool = False
    name: PersonName = ""


class UserChange(In):
    admin: bool | None = None
    active: bool | None = None
    password: Password | None = None
    name: PersonName | None = None
    locked: Literal[False] | None = None


class NewType(In):
    kind: Literal["entity", "relation"]
    name: Label


class TypeChange(NewType):
    new_name: Label | None = None


class AuditQuery(In):
    before: Id | None = None
    limit: int = Field(100, ge=1, le=500)
    q: str | None = Field(None, max_length=100)


def _users(connection: Connection, *where: ColumnElement[bool]) -> list[Json]:
    count = select(func.count()).select_from(triple).where(triple.c.user_id == user.c.id).scalar_subquery()
    locked = accounts.locked(connection)
    rows = connection.execute(select(user, count.label("triples")).where(*where).order_by(user.c.email))
    return [
        {
            **{
                name: getattr(row, name)
                for name in ("id", "email", "alias", "name", "admin", "active", "created_at")
            },
            "can_sign_in": bool(row.active and row.password_hash),
            "locked": row.email in locked,
            "triples": row.triples,
        }
        for row in rows
    ]


@endpoint("GET", "/users", auth="admin", returns=list[models.Account])
def list_users(call: Call) -> list[Json]:
    """All accounts."""
    with call.db.read() as connection:
        return _users(connection)


@endpoint("POST", "/users", auth="admin", body=UserIn, returns=models.Account, status=201, errors=(409,))
def add_user(call: Call) -> Json:
    """Make an account."""
    body = call.body
    try:
        email = accounts.checked_email(body.email)
        accounts.checked_password(body.password)
    except accounts.AccountError as error:
        raise Problem(422, str(error)) from error
    with call.db.write() as connection:
        try:
            made = accounts.add_user(
                connection, call.settings.secret_key, email, body.password, admin=body.admin, name=body.name
            )
        except accounts.AccountError as error:
            raise Problem(409, str(error)) from error
        audit.note(connection, call.me.id, "add user", made, "admin" if body.admin else "annotator")
        return _users(connection, user.c.id == made)[0]


@endpoint(
    "PATCH", "/users/<id:user_id>", auth="admin", body=UserChange, returns=models.Account, errors=(409,)
)
def change_user(call: Call, user_id: int) -> Json:
    """Promote, deactivate, rename, unlock, or give a new password; rights and passwords end the account's sessions."""
    body = call.body
    with call.db.write() as connection:
        found = _users(connection, user.c.id == user_id)
        if not found:
            raise Problem(404, f"There is no user {user_id}.")
        if user_id == call.me.id and (body.admin is False or body.active is False):
            raise Problem(409, "You cannot take your own rights away: ask another admin.")
        changes = body.model_dump(exclude_none=True, exclude={"password", "locked"})
        if body.password is not None:
            try:
                accounts.set_password(connection, user_id, body.password)
            except accounts.AccountError as error:
                raise Problem(422, str(error)) from error
        if body.locked is False:
            accounts.unlock(connection, found[0]["email"])
        if set(changes) - {"name"}:
            changes["session_version"] = user.c.session_version + 1
        if changes:
            connection.execute(update(user).where(user.c.id == user_id).values(changes))
        told = sorted(body.model_fields_set)
        audit.note(connection, call.me.id, "change user", user_id, ", ".join(told))
        return _users(connection, user.c.id == user_id)[0]


@endpoint("POST", "/vocabulary", auth="admin", body=NewType, returns=models.Ok, status=201, errors=(409,))
def add_type(call: Call) -> Json:
    """Add an entity or relation type."""
    table = VOCABULARY[call.body.kind]
    with call.db.write() as connection:
        if connection.scalar(select(table.c.name).where(table.c.name == call.body.name)):
            raise Problem(409, f"'{call.body.name}' is there already.")
        connection.execute(insert(table).values(name=call.body.name))
        audit.note(connection, call.me.id, f"add {call.body.kind} type", None, call.body.name)
    return {"ok": True}


@endpoint("PUT", "/vocabulary", auth="admin", body=TypeChange, returns=models.Ok, errors=(404, 409))
def change_type(call: Call) -> Json:
    """Rename a type, in all triples too; without `new_name` remove it, if no triple uses it."""
    body, table = call.body, VOCABULARY[call.body.kind]
    columns = [triple.c.relation] if body.kind == "relation" else [triple.c.source_type, triple.c.sink_type]
    with call.db.write() as connection:
        if not connection.scalar(select(table.c.name).where(table.c.name == body.name)):
            raise Problem(404, f"There is no {body.kind} type '{body.name}'.")
        if body.new_name is None:
            used = connection.scalar(
                select(triple.c.id).where(or_(*(c == body.name for c in columns))).limit(1)
            )
            if used:
                raise Problem(409, f"Triples use '{body.name}': rename it instead.")
            connection.execute(delete(table).where(table.c.name == body.name))
            audit.note(connection, call.me.id, f"remove {body.kind} type", None, body.name)
            return {"ok": True}
        if not connection.scalar(select(table.c.name).where(table.c.name == body.new_name)):
            connection.execute(insert(table).values(name=body.new_name))
        for column in columns:
            connection.execute(update(triple).where(column == body.name).values({column.name: body.new_name}))
        if body.new_name != body.name:
            connection.execute(delete(table).where(table.c.name == body.name))
        audit.note(
            connection, call.me.id, f"rename {body.kind} type", None, f"{body.name} to {body.new_name}"
        )
    return {"ok": True}


@endpoint("GET", "/audit", auth="admin", query=AuditQuery, returns=models.AuditPage)
def audit_trail(call: Call) -> Json:
    """Who changed what, the newest first; `next` goes into `before` for the page after."""
    query = select(audit_table, user.c.email).outerjoin(user).order_by(audit_table.c.id.desc())
    if call.query.before:
        query = query.where(audit_table.c.id < call.query.before)
    with call.db.read() as connection:
        if call.query.q:
            found = (
                contains(connection, c, call.query.q)
                for c in (audit_table.c.action, audit_table.c.detail, user.c.email)
            )
            query = query.where(or_(*found))
        rows = connection.execute(query.limit(call.query.limit)).all()
    return {
        "rows": [
            {
                "id": r.id,
                "at": r.at,
                "who": r.email or "",
                "action": r.action,
                "ref": r.ref,
                "detail": r.detail,
            }
            for r in rows
        ],
        "next": rows[-1].id if len(rows) == call.query.limit else None,
    }


@endpoint("GET", "/totals", returns=models.Totals)
def totals(call: Call) -> Json:
    """How much of everything there is."""
    return exporting.totals(call.db)
