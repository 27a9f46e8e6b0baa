"""Who may do what: the role in the project, and one's own work, which an annotator changes and an admin everybody's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, select

from harvest import roles
from harvest.accounts import User
from harvest.api.http import Call, Problem
from harvest.tables import paper

REFUSALS = {
    "annotate": "You can only read in this project.",
    "papers": "You cannot add papers to this project.",
}


def require(connection: Connection, me: User, project_id: int | None, needed: str, missing: str) -> None:
    """Raise Problem 404 with `missing` where the project is hidden from this person, 403 where the role lacks it."""
    found = roles.role_in(connection, me, project_id)
    if not roles.allows(found, needed):
        raise Problem(404, missing) if found == "none" else Problem(403, REFUSALS[needed])


def changeable(connection: Connection, call: Call, table: Table, row_id: int) -> Row[Any]:
    """The row, if there is one (else 404) and it is for this account to change (else 403); others wait for us."""
    row = connection.execute(select(table).where(table.c.id == row_id).with_for_update()).first()
    missing = f"There is no {table.name} {row_id}."
    if row is None:
        raise Problem(404, missing)
    if "project_id" in table.c:
        project_id = row.project_id
    else:
        project_id = connection.scalar(select(paper.c.project_id).where(paper.c.id == row.paper_id))
    require(connection, call.me, project_id, "annotate", missing)
    if row.user_id != call.me.id and not call.me.admin:
        raise Problem(403, f"This {table.name} is another annotator's.")
    return row
