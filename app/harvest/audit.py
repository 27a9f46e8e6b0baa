"""Who changed what: one row a change, in the same transaction as the change."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from harvest.clock import now
from harvest.tables import audit

_INSERT = insert(audit)
# A sentence with a hundred triples fits.
MAX_DETAIL = 100_000


def note(
    connection: Connection, user_id: int | None, action: str, ref: int | None = None, detail: str = ""
) -> None:
    """`action` is a verb and a thing ("delete triple"), `ref` the thing's id, `detail` what is worth knowing later."""
    row = {"at": now(), "user_id": user_id, "action": action, "ref": ref, "detail": detail[:MAX_DETAIL]}
    connection.execute(_INSERT, row)
