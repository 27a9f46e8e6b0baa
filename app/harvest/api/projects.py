"""Projects: a name, a description, papers, and how far the work is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection, case, delete, func, insert, select, update

from harvest import audit, roles, trash
from harvest.accounts import User
from harvest.api import models
from harvest.api.fields import Text
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.clock import now
from harvest.db import insert_row
from harvest.doi import public
from harvest.tables import paper, pdf, project, project_role, triple, user


class ProjectIn(In):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Text = ""


class ProjectChange(In):
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Text | None = None


def shown(connection: Connection, me: User, project_id: int | None = None) -> list[Json]:
    """Projects with their progress; all of them, or the one with that id."""
    done, started = paper.c.status == "done", paper.c.status == "in_progress"
    progress = (
        select(
            paper.c.project_id,
            func.count().label("papers"),
            func.sum(case((done, 1), else_=0)).label("done"),
            func.sum(case((started, 1), else_=0)).label("in_progress"),
            func.count(pdf.c.id).label("pdfs"),
        )
        .select_from(paper.outerjoin(pdf))
        .group_by(paper.c.project_id)
        .subquery()
    )
    triples = (
        select(triple.c.project_id, func.count().label("triples")).group_by(triple.c.project_id).subquery()
    )
    query = (
        select(project, user.c.email, user.c.alias, progress, triples.c.triples)
        .select_from(
            project.outerjoin(progress, progress.c.project_id == project.c.id)
            .outerjoin(triples, triples.c.project_id == project.c.id)
            .outerjoin(user, user.c.id == project.c.created_by)
        )
        .where(*roles.visible(connection, me, project.c.id))
        .order_by(project.c.name)
    )
    mine = roles.by_project(connection, me)
    dois = select(paper.c.project_id, paper.c.doi).order_by(paper.c.id)
    if project_id is not None:
        query, dois = query.where(project.c.id == project_id), dois.where(paper.c.project_id == project_id)
    by_project: dict[int, list[str]] = {}
    for owner, doi in connection.execute(dois):
        by_project.setdefault(owner, []).extend(filter(None, [public(doi)]))
    return [
        {
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "doi_list": by_project.get(row.id, []),
            "created_by": (row.email if me.admin else row.alias) or "",
            "created_at": row.created_at,
            "role": "papers" if me.admin else mine.get(row.id, roles.DEFAULT),
            **{
                name: getattr(row, name) or 0 for name in ("papers", "done", "in_progress", "pdfs", "triples")
            },
        }
        for row in connection.execute(query)
    ]


def one(connection: Connection, me: User, project_id: int) -> Json:
    found = shown(connection, me, project_id)
    if not found:
        raise Problem(404, f"There is no project {project_id}.")
    return found[0]


def _refuse_taken_name(connection: Connection, name: str, but: int = 0) -> None:
    if connection.execute(select(project.c.id).where(project.c.name == name, project.c.id != but)).first():
        raise Problem(409, f"There is a project named '{name}' already.")


@endpoint("GET", "/projects", returns=list[models.Project])
def list_projects(call: Call) -> list[Json]:
    """All projects with their progress."""
    with call.db.read() as connection:
        return shown(connection, call.me)


@endpoint(
    "POST", "/projects", auth="admin", body=ProjectIn, returns=models.Project, status=201, errors=(409,)
)
def create_project(call: Call) -> Json:
    """Start a project."""
    with call.db.write() as connection:
        _refuse_taken_name(connection, call.body.name)
        row = {**call.body.model_dump(), "created_by": call.me.id, "created_at": now()}
        project_id = insert_row(connection, project, row)
        audit.note(connection, call.me.id, "create project", project_id, call.body.name)
        return one(connection, call.me, project_id)


@endpoint("GET", "/projects/<id:project_id>", returns=models.Project)
def get_project(call: Call, project_id: int) -> Json:
    """One project with its progress."""
    with call.db.read() as connection:
        return one(connection, call.me, project_id)


@endpoint(
    "PATCH",
    "/projects/<id:project_id>",
    auth="admin",
    body=ProjectChange,
    returns=models.Project,
    errors=(409,),
)
def change_project(call: Call, project_id: int) -> Json:
    """Rename or describe a project."""
    changes = call.body.model_dump(exclude_none=True)
    with call.db.write() as connection:
        one(connection, call.me, project_id)
        if changes:
            _refuse_taken_name(connection, changes.get("name", ""), but=project_id)
            connection.execute(update(project).where(project.c.id == project_id).values(changes))
            audit.note(connection, call.me.id, "change project", project_id, ", ".join(changes))
        return one(connection, call.me, project_id)


@endpoint("DELETE", "/projects/<id:project_id>", auth="admin", returns=models.Ok)
def delete_project(call: Call, project_id: int) -> Json:
    """Delete a project with its papers, sentences and triples. It can be restored for 30 days."""
    with call.db.write() as connection:
        gone = one(connection, call.me, project_id)
        trash.delete_row(connection, call.me.id, project, project_id, gone["name"])
        detail = f"{gone['name']}: {gone['papers']} papers, {gone['triples']} triples"
        audit.note(connection, call.me.id, "delete project", project_id, detail)
    return {"ok": True}


class RoleIn(In):
    """Without `alias` the role of everyone who has none of their own; without `role` the person has none any more."""

    alias: str | None = Field(None, max_length=40)
    role: Literal["none", "read", "annotate", "papers"] | None = None


@endpoint("GET", "/projects/<id:project_id>/roles", auth="admin", returns=models.Roles)
def list_roles(call: Call, project_id: int) -> Json:
    """Who may do what in a project: the role of everyone, and of those who have their own."""
    with call.db.read() as connection:
        one(connection, call.me, project_id)
        return _roles(connection, project_id)


def _roles(connection: Connection, project_id: int) -> Json:
    of_project = select(project_role.c.role, user.c.alias, user.c.name, user.c.email).outerjoin(user)
    rows = connection.execute(
        of_project.where(project_role.c.project_id == project_id).order_by(user.c.email)
    ).all()
    people = [dict(row._mapping) for row in rows if row.alias]
    return {"everyone": next((row.role for row in rows if not row.alias), roles.DEFAULT), "people": people}


@endpoint("PUT", "/projects/<id:project_id>/roles", auth="admin", body=RoleIn, returns=models.Roles)
def change_role(call: Call, project_id: int) -> Json:
    """Give a role in a project, or take it back."""
    alias, role = call.body.alias, call.body.role
    with call.db.write() as connection:
        one(connection, call.me, project_id)
        who = connection.scalar(select(user.c.id).where(user.c.alias == alias)) if alias else None
        if alias and who is None:
            raise Problem(404, f"There is no account '{alias}'.")
        same = project_role.c.user_id.is_(None) if who is None else project_role.c.user_id == who
        connection.execute(delete(project_role).where(project_role.c.project_id == project_id, same))
        if role:
            row = {"project_id": project_id, "user_id": who, "role": role}
            connection.execute(insert(project_role).values(row))
        audit.note(
            connection,
            call.me.id,
            "change role",
            project_id,
            f"{alias or 'everyone'}: {role or 'as everyone'}",
        )
        return _roles(connection, project_id)
