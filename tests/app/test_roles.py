"""Roles in a project: who may see it, annotate in it, add papers to it."""

import pytest
from harvest.doi import short_hash

from tests.app.conftest import PASSWORD, Api, triple
from tests.app.samples import a_pdf, save


@pytest.fixture
def given(admin, ann, paper):
    """Gives everyone, or Ann, a role in the project; the paper has a PDF, a highlight and a sentence of hers."""
    ann.upload(f"/papers/{paper['id']}/pdf", a_pdf())
    mark = {"page": 1, "rects": [[1, 2, 3, 4]], "text": "marked"}
    ann.post(f"/papers/{paper['id']}/highlights", **mark)
    save(ann, paper)
    admin.patch(f"/papers/{paper['id']}", title="A title")
    alias = ann.get("/me")[1]["alias"]

    def give(role, *, everyone=False):
        body = {"role": role, **({} if everyone else {"alias": alias})}
        return admin.send("PUT", f"/projects/{paper['project_id']}/roles", json=body)

    return give


def reads(api, paper):
    """What an account reads of a paper and its project: each status, or how many rows."""
    project, mark = (
        paper["project_id"],
        f"/projects/{paper['project_id']}/pdf/{short_hash('10.1000/abc')}.pdf",
    )
    paths = (
        f"/projects/{project}",
        f"/projects/{project}/papers",
        f"/papers/{paper['id']}",
        f"/papers/{paper['id']}/pdf",
        f"/papers/{paper['id']}/pdf/marked",
        f"/papers/{paper['id']}/sentences",
        f"/papers/{paper['id']}/highlights",
        mark,
        f"{mark}/highlights",
        "/sentences/1",
    )
    lists = [len(api.get(path)[1]) for path in ("/projects", "/rows", "/recent")]
    lists += [len(api.get("/graph")[1]["edges"]), api.get("/triples")[1]["total"]]
    exported = api.get("/export")[1]
    lists.append(int(api.post("/validate-doi", doi="10.1000/abc")[1]["metadata"] is not None))
    lists += [len(exported[name]) for name in ("projects", "doi_metadata", "sentences", "triples")]
    return {api.get(path)[0] for path in paths}, set(lists)


def writes(api, paper):
    """What an account may change: statuses, by what it does."""
    where = f"/papers/{paper['id']}"
    mark = {"page": 1, "rects": [[1, 2, 3, 4]]}
    annotating = {
        api.post("/save", paper_id=paper["id"], sentence="More.", triples=[triple()])[0],
        api.post("/save", sentence_id=1, sentence="More.", triples=[triple()])[0],
        api.post("/save", project_id=paper["project_id"], sentence="Loose.", triples=[triple()])[0],
        api.send("PUT", "/sentences/1", json={"sentence": "Changed."})[0],
        {201: 200}.get(status := api.post(f"{where}/highlights", **mark)[0], status),
        api.patch(where, status="done")[0],
        api.upload(f"{where}/pdf", a_pdf())[0],
    }
    more = f"/projects/{paper['project_id']}/papers"
    adding = {api.post(f"{more}/check", dois=["10.1000/new"])[0], api.patch(where, title="Mine")[0]}
    return annotating, adding


@pytest.mark.parametrize(
    ("role", "seen", "rows", "annotating", "adding"),
    [
        ("none", 404, 0, 404, 404),
        ("read", 200, 1, 403, 403),
        ("annotate", 200, 1, 200, 403),
        ("papers", 200, 1, 200, 200),
    ],
)
@pytest.mark.parametrize("everyone", [True, False])
def test_each_role_may_do_what_it_says(given, ann, paper, role, seen, rows, annotating, adding, everyone):
    assert given(role, everyone=everyone)[0] == 200
    assert reads(ann, paper) == ({seen}, {rows})
    assert writes(ann, paper) == ({annotating}, {adding})
    assert ann.delete("/sentences/1")[0] == annotating
    assert ann.delete("/highlights/1")[0] == annotating


def test_ones_own_role_counts_more_than_everyones(given, admin, ann, paper):
    given("none", everyone=True)
    told = given("read")[1]
    alias = ann.get("/me")[1]["alias"]
    person = {"alias": alias, "name": "", "email": "ann@example.org", "role": "read"}
    assert told == {"everyone": "none", "people": [person]}
    assert ann.get(f"/projects/{paper['project_id']}")[1]["role"] == "read"
    admin.post("/users", email="bob@example.org", password=PASSWORD)
    assert Api(admin.client.application, "bob@example.org").get("/projects")[1] == []
    assert given(None)[1]["people"] == []
    assert ann.get("/projects")[1] == []
    assert admin.get(f"/projects/{paper['project_id']}")[1]["role"] == "papers", "an admin may do everything"
    assert given("read", everyone=True)[1]["everyone"] == "read"
    assert len(ann.get("/projects")[1]) == 1


def test_only_admins_give_roles_and_to_people_there_are(given, admin, ann, paper):
    where = f"/projects/{paper['project_id']}/roles"
    assert [ann.get(where)[0], ann.send("PUT", where, json={"role": "papers"})[0]] == [403, 403]
    assert admin.send("PUT", where, json={"alias": "annotator-x", "role": "read"})[0] == 404
    assert admin.send("PUT", where, json={"role": "owner"})[0] == 422
    assert admin.get(where)[1]["everyone"] == "annotate"


def test_who_may_add_papers_adds_them(given, ann, paper):
    add = f"/projects/{paper['project_id']}/papers"
    assert ann.post(add, dois=["10.1000/new"])[0] == 403
    given("papers")
    assert ann.post(add, dois=["10.1000/new"])[1]["added"] == ["10.1000/new"]
    assert ann.delete(f"/papers/{paper['id']}")[0] == 403, "with it the work of others would go"


def test_roles_come_back_with_their_project(given, admin, ann, paper):
    given("none", everyone=True)
    admin.delete(f"/projects/{paper['project_id']}")
    entry = admin.get("/trash")[1][0]
    assert admin.post(f"/trash/{entry['id']}/restore")[0] == 200
    assert ann.get("/projects")[1] == []
