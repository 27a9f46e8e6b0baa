"""Names that people know each other by; addresses leave the server for admins only."""

import pytest

from tests.app.conftest import PASSWORD, triple
from tests.app.samples import a_pdf, save


@pytest.fixture
def worked(admin, ann, paper):
    assert ann.patch("/me", name="Ann Marie  O'Brien")[1]["name"] == "Ann Marie  O'Brien"
    save(ann, paper, "Ann's.")
    save(admin, paper, "The admin's.", triple(sink_entity_name="p53"))
    ann.upload(f"/papers/{paper['id']}/pdf", a_pdf())
    ann.post(f"/papers/{paper['id']}/highlights", page=1, rects=[[1, 2, 3, 4]], text="marked")
    return paper


def test_work_carries_the_name_beside_what_identifies_its_author(admin, ann, worked):
    alias = ann.get("/me")[1]["alias"]
    for api, known_as in ((ann, alias), (admin, "ann@example.org")):
        row = api.get("/rows")[1][1]
        assert (row["contributor_name"], row["triple_contributor"]) == ("Ann Marie  O'Brien", known_as)
        one = api.get(f"/papers/{worked['id']}/sentences")[1][1]
        assert (one["contributor_name"], one["contributor"]) == ("Ann Marie  O'Brien", known_as)
    unnamed = ann.get("/rows")[1][0]
    assert unnamed["contributor_name"] == unnamed["triple_contributor"] != ""


@pytest.mark.parametrize(
    "path",
    [
        "/people", "/rows", "/recent", "/triples", "/projects", "/papers/1/sentences", "/papers/1/highlights", "/trash",
        *(f"/export?format={kind}" for kind in ("json", "jsonl", "csv", "nt")),
    ],
)  # fmt: skip
def test_no_address_leaves_for_an_annotator(path, admin, ann, worked):
    ann.delete(f"/sentences/{save(ann, worked, 'Deleted.')}")
    for address in ("admin@example.org", "ann@example.org"):
        assert address not in ann.client.get(f"/api{path}", headers=ann.headers).text
    assert admin.get("/people")[1][0]["email"]


def test_triples_are_filtered_by_person(ann, worked):
    people = {one["name"]: one["alias"] for one in ann.get("/people")[1]}
    found = ann.get("/triples", contributor=people["Ann Marie  O'Brien"])[1]["rows"]
    assert [one["sentence"] for one in found] == ["Ann's."]


def test_an_admin_names_an_account_and_ends_no_session_by_it(admin, ann):
    me = ann.get("/me")[1]
    assert admin.patch(f"/users/{me['id']}", name="Ann")[0] == 200
    assert ann.get("/me")[1]["name"] == "Ann"
    assert admin.post("/users", email="bob@example.org", password=PASSWORD, name="Bob")[1]["name"] == "Bob"


@pytest.mark.parametrize("name", ["ann@example.org", "two\nlines", "x" * 101])
def test_a_name_is_no_address_and_one_line(name, ann):
    assert ann.patch("/me", name=name)[0] == 422


def test_who_came_first_is_told_by_name(admin, ann, worked):
    made = ann.get("/rows")[1][1]["sentence_id"]
    version = admin.get(f"/sentences/{made}")[1]["version"]
    ann.send("PUT", f"/sentences/{made}", json={"sentence": "Newer."})
    _, answer = admin.delete(f"/sentences/{made}?version={version}")
    assert answer["error"] == "Ann Marie  O'Brien changed this sentence meanwhile: nothing was deleted."
