"""What is deleted can be restored for 30 days, and a number is never given to another sentence."""

import pytest
from harvest import trash
from harvest.clock import now
from harvest.tables import trash as table
from sqlalchemy import update

from tests.app.conftest import PASSWORD, Api, triple
from tests.app.samples import a_pdf, save


def deleted(api):
    return [(one["kind"], one["name"]) for one in api.get("/trash")[1]]


def restore(api, kind):
    entry = next(one for one in api.get("/trash")[1] if one["kind"] == kind)
    return api.post(f"/trash/{entry['id']}/restore")


def all_of(api, paper):
    """A paper as others see it: its sentences, highlights and PDF."""
    status, sentences = api.get(f"/papers/{paper['id']}/sentences")
    for one in sentences if status == 200 else ():
        one.pop("version")  # it says when it was read
    return [sentences, api.get(f"/papers/{paper['id']}/highlights")[1], api.get(f"/papers/{paper['id']}")[1]]


@pytest.fixture
def worked(ann, paper):
    """The paper with a PDF, a highlight, and two sentences of Ann's, one of them about the highlight."""
    ann.upload(f"/papers/{paper['id']}/pdf", a_pdf())
    mark = {"page": 1, "rects": [[1, 2, 3, 4]], "text": "marked"}
    _, made = ann.post(f"/papers/{paper['id']}/highlights", **mark)
    found = {"sentence": "First.", "triples": [triple(), triple(sink_entity_name="p53")]}
    ann.post("/save", paper_id=paper["id"], highlight_id=made["id"], page=1, **found)
    save(ann, paper, "Second.")
    return paper


@pytest.mark.parametrize("kind", ["sentence", "triple", "highlight", "paper", "project"])
def test_what_is_deleted_comes_back_as_it_was(kind, admin, ann, worked):
    before = all_of(admin, worked)
    first = before[0][-1]
    path = {
        "sentence": f"/sentences/{first['id']}",
        "triple": f"/triple/{first['triples'][1]['id']}",
        "highlight": f"/highlights/{first['highlight_id']}",
        "paper": f"/papers/{worked['id']}",
        "project": f"/projects/{worked['project_id']}",
    }[kind]
    who = admin if kind in ("paper", "project") else ann
    assert who.delete(path)[0] == 200
    assert all_of(admin, worked) != before
    assert restore(who, kind)[0] == 200
    assert all_of(admin, worked) == before
    assert deleted(admin) == []
    assert admin.get("/triples", q="TP53")[1]["total"] == 3, "the search finds it again"


def test_everyone_restores_their_own_and_an_admin_anything(admin, ann, worked):
    admin.post("/users", email="bob@example.org", password=PASSWORD)
    ann.delete(f"/sentences/{ann.get('/rows')[1][0]['sentence_id']}")
    bob = Api(admin.client.application, "bob@example.org")
    entry = ann.get("/trash")[1][0]
    assert (deleted(ann), deleted(bob), deleted(admin)) == ([("sentence", "Second.")], [], deleted(ann))
    assert (entry["who"], admin.get("/trash")[1][0]["who"]) == ("", "ann@example.org")
    assert bob.post(f"/trash/{entry['id']}/restore")[0] == 404
    assert (bob.delete("/trash")[0], ann.delete("/trash")[0]) == (403, 403)
    assert admin.post(f"/trash/{entry['id']}/restore")[0] == 200
    assert ann.post(f"/trash/{entry['id']}/restore")[0] == 404


def test_an_admin_empties_it(admin, ann, worked):
    ann.delete(f"/sentences/{save(ann, worked)}")
    assert admin.delete("/trash")[0] == 200
    assert deleted(admin) == []


def test_what_cannot_come_back_says_why_and_changes_nothing(admin, ann, worked):
    ann.delete(f"/sentences/{save(ann, worked)}")
    admin.delete(f"/papers/{worked['id']}")
    status, answer = restore(ann, "sentence")
    assert (status, answer["error"]) == (409, "Its paper was deleted, too: restore that first.")
    admin.post(f"/projects/{worked['project_id']}/papers", dois=[worked["doi"]])
    status, answer = restore(admin, "paper")
    assert (status, answer["error"]) == (409, "There is a paper of this name or DOI here already.")
    assert len(deleted(admin)) == 2


def test_a_restored_type_joins_the_vocabulary_again(admin, ann, paper):
    admin.post("/vocabulary", kind="entity", name="Allele")
    made = save(ann, paper, "An allele.", triple(source_entity_attr="Allele"))
    ann.delete(f"/sentences/{made}")
    admin.send("PUT", "/vocabulary", json={"kind": "entity", "name": "Allele"})
    restore(ann, "sentence")
    assert "Allele" in admin.get("/choices")[1]["entity_types"]


def test_a_sentence_number_is_never_given_again(admin, ann, paper):
    first = save(ann, paper)
    ann.delete(f"/sentences/{first}")
    admin.delete("/trash")
    second = save(ann, paper)
    assert second > first
    admin.delete(f"/papers/{paper['id']}")
    admin.delete("/trash")
    admin.post(f"/projects/{paper['project_id']}/papers", dois=["10.1000/new"])
    document = {"sentences": [{"id": 1, "text": "Imported."}], "triples": [triple() | {"sentence_id": 1}]}
    admin.post("/import", **document)
    assert min(one["sentence_id"] for one in admin.get("/rows")[1]) > second


def test_delete_in_a_list_that_is_out_of_date_deletes_nothing(admin, ann, paper):
    made = save(ann, paper)
    version = ann.get(f"/sentences/{made}")[1]["version"]
    admin.send("PUT", f"/sentences/{made}", json={"sentence": "Better."})
    status, answer = ann.delete(f"/sentences/{made}?version={version}")
    assert (status, answer["error"].endswith("changed this sentence meanwhile: nothing was deleted.")) == (
        409,
        True,
    )
    version = ann.get(f"/sentences/{made}")[1]["version"]
    assert ann.delete(f"/sentences/{made}?version={version}")[0] == 200


def test_the_audit_trail_keeps_the_old_triples_with_the_old_sentence(admin, ann, paper):
    made = save(ann, paper, "TP53 acts.", triple(), triple(sink_entity_name="p53"))
    ann.send("PUT", f"/sentences/{made}", json={"sentence": "Other.", "triples": [triple()]})
    was = "was: TP53 acts.\nTP53 (Gene) activates p21 (Protein)\nTP53 (Gene) activates p53 (Protein)"
    assert admin.get("/audit")[1]["rows"][0]["detail"] == was


def test_after_thirty_days_it_is_gone_and_until_then_its_pdf_stays(admin, worked, database):
    admin.delete(f"/papers/{worked['id']}")
    with database.write() as connection:
        assert (trash.purge(connection), len(trash.files(connection))) == (0, 1)
        connection.execute(update(table).values(at=now(-trash.DAYS * 86400)))
        assert (trash.purge(connection), trash.files(connection)) == (1, set())
