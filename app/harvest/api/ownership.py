"""What is one's own: an annotator changes and deletes that, an admin everybody's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, select

from harvest.api.http import Call, Problem


def changeable(connection: Connection, call: Call, table: Table, row_id: int) -> Row[Any]:
    """The row, if there is one (else 404) and it is for this account to change (else 403); others wait for us."""
    row = connection.execute(select(table).where(table.c.id == row_id).with_for_update()).first()
    if row is None:
        raise Problem(404, f"There is no {table.name} {row_id}.")
    if row.user_id != call.me.id and not call.me.admin:
        raise Problem(403, f"This {table.name} is another annotator's.")
    return row
