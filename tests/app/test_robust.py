"""Many at once, a worker killed, a full disk, hostile input: nothing half-saved, and the user is told."""

import concurrent.futures
import errno
import io
import os
import signal
import subprocess
import time
import zlib
from pathlib import Path

import pytest
import requests
from pypdf import PdfReader, PdfWriter
from sqlalchemy import event

from tests.app import services
from tests.app.browser import text_pdf
from tests.app.conftest import APP, PASSWORD, triple

THREE = [triple(sink_entity_name=f"sink {number}") for number in range(3)]


@pytest.fixture
def running(tmp_path):
    with services.place(tmp_path, "internal", "/") as found:
        yield found


def signed_in(api):
    token = requests.post(
        f"{api}/login", json={"email": "admin@example.org", "password": PASSWORD}, timeout=30
    )
    return {"Authorization": f"Bearer {token.json()['token']}"}


def save(api, headers, text):
    body = {"sentence": text, "triples": THREE}
    try:
        return requests.post(f"{api}/save", json=body, headers=headers, timeout=30).status_code
    except requests.RequestException:
        return 0


def test_saves_at_the_same_time_are_all_kept_whole(running):
    api = running["api"]
    headers = signed_in(api)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda n: save(api, headers, f"Sentence {n}"), range(80))) == {200}
    assert requests.get(f"{api}/triples", headers=headers, timeout=30).json()["total"] == 240


def test_a_killed_worker_leaves_nothing_half_saved_and_what_was_told_saved_is_there(running):
    api = running["api"]
    headers = signed_in(api)
    command = ["pgrep", "-f", f"gunicorn.*127.0.0.1:{api.split(':')[2].split('/')[0]}"]
    everyone = {
        int(one) for one in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    }

    def workers():
        return [pid for pid in everyone_now() if os.path.exists(f"/proc/{pid}") and parent(pid) in everyone]

    def everyone_now():
        return {
            int(one)
            for one in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        }

    def parent(pid):
        return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(save, api, headers, f"Sentence {n}") for n in range(300)]
        for _ in range(2):
            time.sleep(0.15)
            os.kill(workers()[0], signal.SIGKILL)
        codes = [job.result() for job in jobs]
    total = requests.get(f"{api}/triples", headers=headers, timeout=30).json()["total"]
    sentences = requests.get(f"{api}/totals", headers=headers, timeout=30).json()["sentences"]
    assert total == 3 * sentences
    assert sentences >= codes.count(200) > 200
    assert requests.get(f"{api}/ready", timeout=30).status_code == 200


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_on_a_full_disk_the_user_is_told_and_nothing_is_half_saved(backend, ann, paper, caplog):
    _, db = backend.extensions["harvest"]
    full = "PRAGMA max_page_count=1"  # SQLite's own way to say that not one more page can be had
    with db.read() as connection:
        connection.exec_driver_sql(full)
    event.listen(db.engine, "connect", lambda raw, _: raw.execute(full))
    codes = set()
    for number in range(60):
        status, answer = ann.post(
            "/save", paper_id=paper["id"], sentence=f"{number} " + "x" * 5000, triples=THREE
        )
        codes.add(status)
    assert 507 in codes
    assert "nothing was saved" in answer["error"]
    assert "disk is full" in caplog.text
    assert "xxxxx" not in caplog.text, "what users write is not logged"
    with db.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM sentence), (SELECT count(*) FROM triple)"
        ).one()
    assert found[1] == 3 * found[0]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_database_that_cannot_be_written_is_not_ready(backend, anyone):
    _, db = backend.extensions["harvest"]
    event.listen(db.engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only=ON"))
    with db.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    status, answer = anyone.get("/ready")
    assert status == 503
    assert "cannot be used" in answer["reasons"][0]


def bomb():
    """A small PDF whose cross-reference stream unpacks to a gigabyte."""
    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(b"\0" * (1 << 20)) for _ in range(1024)) + pack.flush()
    head = b"%PDF-1.7\n"
    size = b"/Type /XRef /Size 99999999 /W [1 2 1] /Root 1 0 R /Filter /FlateDecode"
    stream = b"1 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (size, len(data), data)
    return head + stream + b"startxref\n9\n%%EOF\n"


def test_a_pdf_bomb_is_refused_and_the_service_lives_on(ann, paper):
    status, answer = ann.upload(f"/papers/{paper['id']}/pdf", bomb())
    assert status == 422, answer
    assert ann.get("/health")[0] == 200


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE triple; --", "<script>alert(1)</script>", "../../etc/passwd", "💥 ünï", "a\\b%_"]
)
def test_hostile_text_is_kept_as_it_is(ann, paper, text):
    body = {"paper_id": paper["id"], "sentence": text, "triples": [triple(source_entity_name=text)]}
    assert ann.post("/save", **body)[0] == 200
    assert ann.get("/triples", q=text)[1]["rows"][0]["sentence"] == text
    assert ann.get("/triples", entity=text)[1]["total"] == 1
    assert ann.get("/export", format="nt")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {"sentence": "a\x00b", "triples": []},
        {"sentence": "", "triples": []},
        {"sentence": "x" * 10_001, "triples": []},
        {"sentence": "x", "triples": [triple()] * 501},
        {"sentence": "x", "triples": [triple(source_entity_name="")]},
        {"sentence": "x", "triples": [], "paper_id": 10**30},
        {"sentence": "x", "triples": [], "project_id": 12345},
        {"sentence": "x", "triples": [], "typo": 1},
        {"sentence": ["x"], "triples": {}},
        {"sentence": "x", "triples": [], "literature_link": "a\x00b"},
    ],
)
def test_unfit_bodies_are_refused_with_a_sentence(ann, body):
    status, answer = ann.post("/save", **body)
    assert status == 422
    assert answer["error"]
    assert ann.get("/totals")[1]["sentences"] == 0


@pytest.mark.parametrize(
    "path", ["/triples?relation=%00", "/triples?entity=a%00", "/rows?triple_contributor=%00", "/export?q=%01"]
)
def test_questions_with_control_characters_are_refused_with_a_sentence(ann, path):
    status, answer = ann.send("GET", path)
    assert (status, "control characters" in answer["error"]) == (422, True)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_on_a_full_disk_files_are_refused_with_a_word_and_leave_nothing(admin, paper, settings, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "open", full)
    before = {one.name for one in Path(settings.STATE_DIR).iterdir()}
    for answer in (
        admin.upload(f"/papers/{paper['id']}/pdf", text_pdf()),
        admin.send("POST", "/import", data=b'{"triples": []}'),
    ):
        assert (answer[0], "disk is full" in answer[1]["error"]) == (507, True)
    assert {one.name for one in Path(settings.STATE_DIR).iterdir()} - before <= {"project_pdfs"}
    assert list(Path(settings.PDF_DIR).iterdir()) == []


def protected(password, algorithm):
    writer, data = PdfWriter(clone_from=PdfReader(io.BytesIO(text_pdf()))), io.BytesIO()
    writer.encrypt(password, "owner", algorithm=algorithm)
    writer.write(data)
    return data.getvalue()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_pdf_that_anybody_may_open_is_accepted_however_it_is_encrypted(ann, paper):
    where = f"/papers/{paper['id']}/pdf"
    for algorithm in ("RC4-128", "AES-128", "AES-256"):
        status, answer = ann.upload(where, protected("", algorithm))
        assert status == 200, answer
        marked = ann.client.get(f"/api{where}/marked", headers=ann.headers)
        assert "DREB2A" in PdfReader(io.BytesIO(marked.data)).pages[0].extract_text()
    assert ann.upload(where, protected("secret", "AES-256")) == (
        422,
        {"ok": False, "error": "The PDF is protected by a password."},
    )
    # The tests' own environment has it anyway; the app's must bring what AES needs.
    assert "\ncryptography==" in (APP / "requirements.txt").read_text()


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "x.pdf", "a'b.pdf"])
def test_path_names_lead_nowhere(ann, paper, path):
    assert ann.get(f"/projects/1/pdf/{path}")[0] == 404


def test_bodies_that_are_not_json_are_refused(ann):
    assert ann.send("POST", "/save", data="sentence=x", headers={"Content-Type": "text/plain"})[0] == 415
    assert ann.send("POST", "/save", data="{", headers={"Content-Type": "application/json"})[0] == 422
    assert (
        ann.send("POST", "/save", data="x" * 3_000_000, headers={"Content-Type": "application/json"})[0]
        == 413
    )


def test_a_cookie_from_a_page_of_another_site_changes_nothing(settings, ann):
    name, token = settings.cookie_name, ann.headers["Authorization"].split()[1]
    ann.client.set_cookie(name, token)
    ann.headers.clear()
    foreign = {"Origin": "https://evil.example"}
    body = {"sentence": "x", "triples": []}
    assert ann.send("POST", "/save", json=body, headers=foreign)[0] == 403
    assert ann.send("POST", "/save", json=body, headers={"Origin": "http://localhost"})[0] == 200


def test_forged_and_ended_sessions_are_nobody(ann):
    token = ann.headers["Authorization"]
    ann.headers["Authorization"] = token[:-2] + "xx"
    assert ann.get("/me")[0] == 401
    ann.headers["Authorization"] = token
    assert ann.post("/logout")[0] == 200
    assert ann.get("/me")[0] == 401


def test_an_upload_of_500_mb_is_refused_with_a_word_and_leaves_nothing(running):
    api, headers = running["api"], signed_in(running["api"])
    requests.post(f"{api}/projects", json={"name": "Wheat"}, headers=headers, timeout=30)
    requests.post(f"{api}/projects/1/papers", json={"dois": ["10.1000/a"]}, headers=headers, timeout=30)
    size = 500 * 1024 * 1024

    def body():
        yield b"%PDF-1.7\n"
        for _ in range(size >> 20):
            yield b"x" * (1 << 20)

    sent = {**headers, "Content-Type": "application/pdf"}
    answer = requests.put(f"{api}/papers/1/pdf", data=body(), headers=sent, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["error"] == "The PDF is larger than 30 MiB."
    assert [path for path in running["folder"].glob("project_pdfs/**/*") if path.is_file()] == []
