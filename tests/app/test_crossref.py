"""Metadata from CrossRef: fetched behind the users' backs, its state told, and nothing waits for it."""

import time

import pytest
from harvest import crossref
from harvest.settings import load

from tests.app.crossref_standin import crossref as standin


@pytest.fixture
def server():
    with standin() as made:
        yield made


@pytest.fixture
def settings(environment, tmp_path, server, monkeypatch):
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(crossref, "TIMEOUT", 0.5)
    return load(
        {**environment, "HARVEST_CROSSREF_URL": server.url, "HARVEST_CONTACT_EMAIL": "lab@example.org"}
    )


def add(admin, *words):
    """Add papers, one a word; gives the project's id."""
    _, project = admin.post("/projects", name="Wheat")
    began = time.monotonic()
    status, answer = admin.post(
        f"/projects/{project['id']}/papers", dois=[f"10.1000/{word}" for word in words]
    )
    assert (status, len(answer["added"])) == (201, len(words))
    assert time.monotonic() - began < 0.4, "adding waits for nobody"
    return project["id"]


def settled(admin, project, states):
    """Look at the project until its papers have these states; gives the papers."""
    stop = time.monotonic() + 10
    while True:
        papers = admin.get(f"/projects/{project}/papers")[1]
        found = [one["metadata_state"] for one in papers]
        if found == list(states):
            return papers
        assert time.monotonic() < stop, found
        time.sleep(0.05)


def test_what_crossref_knows_is_filled_in_and_what_it_does_not_is_said(admin, server):
    project = add(admin, "known", "nowhere", "empty")
    known, nowhere, empty = settled(admin, project, ("found", "missing", "found"))
    assert (known["title"], known["year"]) == ("A known paper & its title", 2021)
    assert (known["authors"], known["journal"]) == ("Ada Lovelace, A consortium, Weiss", "Journal of Tests")
    assert (nowhere["title"], empty["title"], empty["year"]) == ("", "", None)
    asked, agent = server.asked[0]
    assert asked == "10.1000/known"
    assert agent.startswith("HARVEST/")
    assert "mailto:lab@example.org" in agent
    admin.get(f"/projects/{project}/papers")
    time.sleep(0.2)
    assert len(server.asked) == 3, "an answer is not asked for twice"


@pytest.mark.parametrize("word", ["slow", "garbage", "odd", "deep", "dateless", "broken", "busy"])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_no_good_answer_is_said_waited_out_and_tried_again(admin, server, monkeypatch, word):
    project = add(admin, word)
    settled(admin, project, ("unreachable",))
    for _ in range(3):
        admin.get(f"/projects/{project}/papers")
    time.sleep(0.2)
    assert len(server.asked) == 1, "not before its time"
    monkeypatch.setattr(crossref, "now", lambda shift=0: "2099-01-01T00:00:00Z")
    server.moods[f"10.1000/{word}"] = "known"
    assert settled(admin, project, ("found",))[0]["title"].startswith("A known paper")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_while_crossref_is_down_each_look_at_the_project_tries_one_paper(admin, server):
    server.shutdown()
    server.server_close()
    project = add(admin, "one", "two", "three")
    settled(admin, project, ("unreachable", "unreachable", "unreachable"))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_an_admin_wrote_is_not_overwritten_by_a_late_answer(admin, server):
    project = add(admin, "slow")
    paper = admin.get(f"/projects/{project}/papers")[1][0]
    assert paper["metadata_state"] == "pending"
    assert admin.patch(f"/papers/{paper['id']}", title="Ours")[0] == 200
    time.sleep(1)
    (paper,) = settled(admin, project, ("manual",))
    assert paper["title"] == "Ours"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_two_workers_ask_once(admin, settings, server, database):
    server.moods["10.1000/x"] = "slow"
    add(admin, "x")
    while not server.asked:
        time.sleep(0.01)
    assert crossref._claim(database) is None, "the other worker has it"
