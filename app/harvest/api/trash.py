"""What was deleted: list it, restore it, empty it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from harvest import audit, trash
from harvest.api import models
from harvest.api.http import Call, Json, Problem, endpoint
from harvest.tables import trash as table
from harvest.tables import user

COLUMNS = (table.c.id, table.c.at, table.c.user_id, table.c.kind, table.c.ref, table.c.name)
SHOWN = 500


@endpoint("GET", "/trash", returns=list[models.Deleted])
def list_trash(call: Call) -> list[Json]:
    """The newest 500 things that you deleted in the last 30 days; for an admin those of everyone."""
    query = select(*COLUMNS, user.c.email).outerjoin(user).order_by(table.c.id.desc()).limit(SHOWN)
    if not call.me.admin:
        query = query.where(table.c.user_id == call.me.id)
    with call.db.read() as connection:
        return [
            {
                **{name: getattr(row, name) for name in ("id", "at", "kind", "ref", "name")},
                "who": (row.email if call.me.admin else None) or "",
            }
            for row in connection.execute(query)
        ]


def _refuse_foreign(connection: Connection, call: Call, entry_id: int) -> None:
    """Raise Problem 404 for what is not there, or what another user deleted."""
    row = connection.execute(select(*COLUMNS).where(table.c.id == entry_id).with_for_update()).first()
    if row is None or not (call.me.admin or row.user_id == call.me.id):
        raise Problem(404, f"There is nothing {entry_id} in the trash.")


@endpoint("POST", "/trash/<id:entry_id>/restore", returns=models.Restored, errors=(409,))
def restore(call: Call, entry_id: int) -> Json:
    """Put back what you deleted, or as an admin what anyone deleted."""
    with call.db.write() as connection:
        _refuse_foreign(connection, call, entry_id)
        try:
            kind, ref = trash.restore(connection, entry_id)
        except trash.CannotRestore as error:
            raise Problem(409, str(error)) from error
        audit.note(connection, call.me.id, f"restore {kind}", ref)
    return {"ok": True, "kind": kind, "ref": ref}


@endpoint("DELETE", "/trash", auth="admin", returns=models.Ok)
def empty(call: Call) -> Json:
    """Delete for good what anyone deleted. Files of PDFs go with `python -m harvest sweep`."""
    with call.db.write() as connection:
        count = connection.execute(delete(table)).rowcount
        audit.note(connection, call.me.id, "empty trash", None, f"{count} entries")
    return {"ok": True}
