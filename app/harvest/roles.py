"""Who may do what in a project: the role given to a person there, else the one given to everyone, else annotate.

Admins may do everything everywhere. What belongs to no project is open to all.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from harvest.accounts import User
from harvest.tables import project_role

# Each may do what those before it may.
ROLES = {
    "none": "See nothing of it",
    "read": "Read",
    "annotate": "Read and annotate",
    "papers": "Read, annotate and add papers",
}
DEFAULT = "annotate"
_ORDER = list(ROLES)
_OF_PERSON = (
    select(project_role.c.project_id, project_role.c.role)
    .where(or_(project_role.c.user_id.is_(None), project_role.c.user_id == bindparam("me")))
    .order_by(project_role.c.user_id.is_not(None))  # the row of one's own comes last and counts
)


def by_project(connection: Connection, me: User) -> dict[int, str]:
    """The role of a person in each project where it is not DEFAULT for all."""
    return {row.project_id: row.role for row in connection.execute(_OF_PERSON, {"me": me.id})}


def role_in(connection: Connection, me: User, project_id: int | None) -> str:
    """One of ROLES."""
    if me.admin:
        return _ORDER[-1]
    return DEFAULT if project_id is None else by_project(connection, me).get(project_id, DEFAULT)


def allows(role: str, needed: str) -> bool:
    return _ORDER.index(role) >= _ORDER.index(needed)


def visible(connection: Connection, me: User, column: ColumnElement[int | None]) -> list[ColumnElement[bool]]:
    """The condition that a row's project, its `column`, is not hidden from this person; none where nothing is."""
    if me.admin:
        return []
    hidden = [found for found, role in by_project(connection, me).items() if role == "none"]
    return [or_(column.is_(None), column.not_in(hidden))] if hidden else []
