"""The backend's answers, for those who may and those who may not."""

import pytest

from tests.app.conftest import PASSWORD, triple
from tests.app.samples import a_pdf


def test_a_new_harvest_is_ready_and_knows_its_vocabulary(anyone):
    assert anyone.get("/ready") == (200, {"ok": True, "reasons": []})
    choices = anyone.get("/choices")[1]
    assert (len(choices["entity_types"]), len(choices["relation_types"])) == (12, 32)


def test_without_a_database_it_is_alive_but_not_ready(tmp_path):
    from harvest.api import create_app
    from harvest.settings import load

    settings = load({"HARVEST_STATE_DIR": str(tmp_path)})

    client = create_app(settings).test_client()
    assert client.get("/api/health").status_code == 200
    answer = client.get("/api/ready")
    assert answer.status_code == 503
    assert "python -m harvest migrate" in answer.json["reasons"][0]


@pytest.mark.parametrize("path", ["/rows", "/recent", "/projects", "/me", "/papers/1/pdf"])
def test_strangers_are_asked_to_sign_in(anyone, path):
    assert anyone.get(path)[0] == 401


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(anyone):
    wrong = anyone.post("/login", email="ann@example.org", password="wrong wrong wrong")
    unknown = anyone.post("/login", email="nobody@example.org", password="wrong wrong wrong")
    assert wrong == unknown
    assert wrong[0] == 401


def test_after_five_failures_even_the_right_password_waits(anyone):
    for _ in range(5):
        anyone.post("/login", email="ann@example.org", password="wrong wrong wrong")
    assert anyone.post("/login", email="ann@example.org", password=PASSWORD)[0] == 429
    assert anyone.post("/login", email="admin@example.org", password=PASSWORD)[0] == 200


def test_a_guesser_ipv6_addresses_count_as_one(backend, settings):
    assert settings.TRUSTED_PROXIES == 0
    answers = []
    for n in range(7):
        body = {"email": "ann@example.org", "password": "wrong wrong wrong"}
        where = {"REMOTE_ADDR": f"2001:db8::{n}" if n < 6 else "2001:db8:0:1::1"}
        answer = backend.test_client().post("/api/login", json=body, environ_base=where)
        answers.append(answer.status_code)
    assert answers == [*[401] * 5, 429, 401]


def test_annotators_may_not_make_projects(ann):
    assert ann.post("/projects", name="Mine")[0] == 403


def test_a_sentence_and_its_triples_are_saved_and_listed(ann, paper):
    status, saved = ann.post(
        "/save",
        project_id=paper["project_id"],
        doi=paper["doi"],
        sentence="TP53 activates p21.",
        triples=[triple()],
    )
    assert status == 200
    rows = ann.get("/rows")[1]
    assert [row["sentence_id"] for row in rows] == [saved["sentence_id"]]
    assert rows[0]["triple_contributor"].startswith("annotator-")


def test_one_bad_triple_saves_nothing(ann, paper):
    bad = triple(relation_type="frobnicates")
    status, answer = ann.post("/save", paper_id=paper["id"], sentence="A text.", triples=[triple(), bad])
    assert (status, answer["error"]) == (422, "Not in the vocabulary: frobnicates.")
    assert ann.get("/rows")[1] == []
    assert ann.get(f"/papers/{paper['id']}")[1]["sentences"] == 0


def test_a_pdf_of_20_mb_comes_back_as_it_was(ann, paper):
    data = a_pdf(padding=20 * 1024 * 1024)
    status, answer = ann.upload(f"/papers/{paper['id']}/pdf", data)
    assert status == 200, answer
    assert answer["pdf"]["pages"] == 2
    got = ann.client.get(f"/api/projects/1/pdf/{answer['pdf']['name']}", headers=ann.headers)
    assert got.data == data
    part = ann.client.get(f"/api/papers/{paper['id']}/pdf", headers={**ann.headers, "Range": "bytes=0-4"})
    assert (part.status_code, part.data) == (206, b"%PDF-")


@pytest.mark.parametrize("data", [b"hello\n", b"", b"%PDF-1.7 and then nothing of the kind"])
def test_what_is_no_pdf_is_refused_and_not_kept(ann, paper, settings, data):
    from pathlib import Path

    status, answer = ann.upload(f"/papers/{paper['id']}/pdf", data)
    assert status == 422
    assert "PDF" in answer["error"] or "empty" in answer["error"]
    assert [path for path in Path(settings.PDF_DIR).rglob("*") if path.is_file()] == []


def test_a_pdf_over_the_limit_is_refused(ann, paper):
    status, answer = ann.upload(f"/papers/{paper['id']}/pdf", a_pdf(padding=31 * 1024 * 1024))
    assert (status, answer["error"]) == (413, "The PDF is larger than 30 MiB.")


def test_internal_mode_answers_pages_of_localhost_only(anyone):
    def allowed(origin):
        answer = anyone.client.get("/api/choices", headers={"Origin": origin})
        assert "Access-Control-Allow-Credentials" not in answer.headers
        return answer.headers.get("Access-Control-Allow-Origin")

    assert allowed("http://localhost:8050") == "http://localhost:8050"
    assert allowed("https://evil.example") is None
    assert allowed("http://localhost.evil.example") is None


def test_sweeping_deletes_old_files_that_no_paper_has(ann, admin, paper, settings):
    import os
    from pathlib import Path

    from harvest import pdfstore

    ann.upload(f"/papers/{paper['id']}/pdf", a_pdf(1))
    ann.upload(f"/papers/{paper['id']}/pdf", a_pdf(2))
    files = list(Path(settings.PDF_DIR).glob("??/*.pdf"))
    assert len(files) == 2
    kept = {
        one.stem
        for one in files
        if len(one.read_bytes()) == admin.get(f"/papers/{paper['id']}")[1]["pdf"]["size"]
    }
    assert pdfstore.sweep(settings.PDF_DIR, settings.STATE_DIR, kept) == 0, (
        "what is young may be on its way in"
    )
    for one in files:
        os.utime(one, (0, 0))
    assert pdfstore.sweep(settings.PDF_DIR, settings.STATE_DIR, kept) == 1
    assert ann.client.get(f"/api/papers/{paper['id']}/pdf", headers=ann.headers).data == a_pdf(2)
    broken_off = Path(settings.STATE_DIR, ".import-x")
    broken_off.mkdir()
    (broken_off / "upload").touch()
    assert pdfstore.sweep(settings.PDF_DIR, settings.STATE_DIR, kept) == 0
    os.utime(broken_off / "upload", (0, 0))
    assert pdfstore.sweep(settings.PDF_DIR, settings.STATE_DIR, kept) == 1
    assert not broken_off.exists()
