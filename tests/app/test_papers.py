"""Papers without a DOI, and several in one go: DOIs, BibTeX, RIS."""

import json

import pytest
from harvest import references
from harvest.doi import LOCAL

from tests.app.conftest import triple

BIBTEX = r"""
% from a reference manager
@string{jps = "Journal of Plant Stress"}
@article{mueller, author = {M{\"u}ller, J{\"o}rg and {The HARVEST Consortium}}, journal = jps,
  title = {The {DNA} of \emph{wheat}: $\alpha$ and 5\%}, year = 2019, doi = {https://doi.org/10.1000/ABC}}
@BOOK(book, TITLE = "A {Book} without DOI", author = "Smith, John and Wei Chen", Year = {in press 2020})
@article{open, title = {Broken, year = 2020
@misc{mueller, title = {The same key}, url = {https://doi.org/10.1000/url}}
@misc{nothing, note = {neither}}
"""
RIS = """\ufeffTY  - JOUR\r
AU  - Müller, Jörg\r
A1  - Smith, A.\r
TI  - A title that\r
goes on\r
T2  - Journal of Plant Stress\r
PY  - 2019/03/01/\r
UR  - https://doi.org/10.1000/RIS\r
ER  - \r
TY - BOOK\r
T1 - Without an end\r
TY  - JOUR\r
T2  - Journal only\r
ER  -"""


@pytest.fixture
def project(admin):
    return admin.post("/projects", name="Wheat")[1]["id"]


def test_bibtex_is_read_as_people_write_it():
    found, refused = references.read(BIBTEX)
    assert [(one.label, one.title, one.authors, one.journal, one.year) for one in found] == [
        (
            "10.1000/abc",
            "The DNA of wheat: α and 5%",
            "Jörg Müller, The HARVEST Consortium",
            "Journal of Plant Stress",
            2019,
        ),
        ("A Book without DOI", "A Book without DOI", "John Smith, Wei Chen", "", 2020),
        ("10.1000/url", "The same key", "", "", None),
    ]
    assert refused == [
        ("@article{open, title = {Broken, year = 2020", "the BibTeX entry is not closed or has no key"),
        ("an entry", "it has neither a DOI nor a title"),
    ]


def test_ris_is_read_without_ends_and_with_one_blank():
    found, refused = references.read(RIS)
    assert [(one.label, one.title, one.authors, one.journal, one.year) for one in found] == [
        ("10.1000/ris", "A title that goes on", "Jörg Müller, A. Smith", "Journal of Plant Stress", 2019),
        ("Without an end", "Without an end", "", "", None),
    ]
    assert refused == [("an entry", "it has neither a DOI nor a title")]


def test_a_file_that_takes_too_much_is_refused_in_words(monkeypatch, admin, project):
    def fail(*_, **__):
        raise references.childproc.Failed("")

    monkeypatch.setattr(references.childproc, "run", fail)
    status, answer = admin.post(f"/projects/{project}/papers", text=BIBTEX)
    assert (status, answer["error"]) == (
        422,
        "The BibTeX cannot be read: it takes too much memory or time.",
    )
    monkeypatch.setattr(references, "MAX_PAPERS", 1)
    status, answer = admin.post(f"/projects/{project}/papers", text="10.1000/a 10.1000/b")
    assert (status, answer["error"]) == (422, "These are 2 papers; at most 1 can be added at once.")


def test_the_preview_says_what_is_new_known_and_refused_and_adds_nothing(admin, project):
    admin.post(f"/projects/{project}/papers", dois=["10.1000/abc"])
    status, told = admin.post(f"/projects/{project}/papers/check", text=BIBTEX)
    assert status == 200
    assert [one["title"] for one in told["new"]] == ["A Book without DOI", "The same key"]
    assert [one["doi"] for one in told["known"]] == ["10.1000/abc"]
    assert [one["why"] for one in told["refused"]][1] == "it has neither a DOI nor a title"
    assert len(admin.get(f"/projects/{project}/papers")[1]) == 1
    status, made = admin.post(f"/projects/{project}/papers", text=BIBTEX)
    assert (status, made["added"], len(made["refused"])) == (201, ["A Book without DOI", "10.1000/url"], 2)
    assert admin.post(f"/projects/{project}/papers", text=BIBTEX)[1]["added"] == []
    paper = admin.get(f"/projects/{project}/papers")[1][1]
    wanted = {"doi": "", "title": "A Book without DOI", "authors": "John Smith, Wei Chen", "year": 2020}
    assert {name: paper[name] for name in wanted} == wanted
    assert paper["metadata_state"] == "manual", "CrossRef is not asked for what is known"


def test_a_paper_by_hand_needs_a_title_and_is_one_paper(admin, ann, project):
    given = {"title": "Field notes", "authors": "A. Weiss", "year": 1998}
    add = f"/projects/{project}/papers"
    assert admin.post(add, papers=[given])[1]["added"] == ["Field notes"]
    assert admin.post(add, papers=[{**given, "title": "FIELD  notes"}])[1]["added"] == []
    assert admin.post(add, papers=[{**given, "year": 1999}])[1]["added"] == ["Field notes"]
    assert [admin.post(add, papers=[{"title": " "}])[0], admin.post(add)[0]] == [422, 422]
    paper = admin.get(add)[1][0]
    where = f"/papers/{paper['id']}"
    assert admin.patch(where, title="")[1]["error"] == "A paper without a DOI needs a title."
    assert admin.patch(where, title="Better", year=2001)[1]["title"] == "Better"
    assert ann.post("/save", paper_id=paper["id"], sentence="Noted.", triples=[triple()])[0] == 200
    assert (ann.get("/rows")[1][0]["doi"], ann.get("/rows")[1][0]["title"]) == ("", "Better")
    assert LOCAL not in json.dumps([ann.get(add), ann.get("/projects"), ann.get("/triples")])


def test_what_was_exported_changes_nothing_when_it_is_imported_and_comes_back_elsewhere(admin, ann, project):
    admin.post(f"/projects/{project}/papers", text=BIBTEX)
    paper = admin.get(f"/projects/{project}/papers")[1][1]
    ann.post("/save", paper_id=paper["id"], sentence="From the book.", triples=[triple()])
    exported = admin.get("/export")[1]
    same = admin.post("/import", **exported)[1]
    assert [same[name] for name in ("projects", "papers", "sentences", "triples")] == [0, 0, 0, 0]
    admin.delete(f"/projects/{project}")
    assert admin.post("/import", **exported)[1]["papers"] == 3
    again = admin.get(f"/projects/{admin.get('/projects')[1][0]['id']}/papers")[1]
    assert [(one["title"], one["sentences"]) for one in again] == [
        ("The DNA of wheat: α and 5%", 0),
        ("A Book without DOI", 1),
        ("The same key", 0),
    ]
