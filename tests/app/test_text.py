"""One way to write each text, each name and each address; passwords as they were set."""

import csv
import io
import json

import pytest
import sqlalchemy as sa
from harvest import accounts, importing
from harvest.migrate import FOLDER
from harvest.text import normal

from tests.app import services
from tests.app.conftest import PASSWORD, triple

COMPOSED, RING = "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m"
SEPARATORS = (",", ";", "\t", "|")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (RING, COMPOSED),
        (" a\u00a0b\u202fc ", "a b c"),
        ("over\u00adexpression\ufeff", "overexpression"),
        ("e\ufb03cient \ufb01eld", "efficient field"),
        ("a\n\tb", "a\n\tb"),
        ("x²", "x²"),
    ],
)
def test_what_looks_the_same_is_kept_the_same(given, kept):
    assert normal(given) == kept
    assert normal(kept) == kept


@pytest.mark.parametrize("asked", [COMPOSED, RING, COMPOSED.lower()])
def test_an_entity_written_in_two_ways_is_one_and_found_by_either(admin, paper, asked):
    for name in (COMPOSED, RING):
        saved = {"paper_id": paper["id"], "sentence": f"About {name}."}
        assert admin.post("/save", **saved, triples=[triple(source_entity_name=name)])[0] == 200
    rows = admin.get("/triples", q=asked)[1]["rows"]
    assert [row["source_entity_name"] for row in rows] == [COMPOSED, COMPOSED]
    assert len(admin.get("/triples", entity=asked)[1]["rows"]) == (0 if asked.islower() else 2)


def test_a_name_that_grows_when_ligatures_are_taken_apart_is_measured_afterwards(admin, paper):
    saved = {"paper_id": paper["id"], "sentence": "x"}
    assert admin.post("/save", **saved, triples=[triple(source_entity_name="\ufb03" * 100)])[0] == 200
    assert admin.post("/save", **saved, triples=[triple(source_entity_name="\ufb03" * 101)])[0] == 422


def test_older_rows_are_brought_to_the_one_form(database):
    from alembic import command
    from alembic.config import Config

    def to(revision):
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        with database.write() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if revision == "0002" else command.upgrade)(config, revision)

    to("0002")
    at = "2026-01-01T00:00:00Z"
    with database.write() as connection:
        run = lambda text, **values: connection.execute(sa.text(text), values)  # noqa: E731
        run("INSERT INTO entity_type (name) VALUES (:name)", name=RING)
        run("INSERT INTO sentence (text, literature_link, created_at) VALUES (:t, '', :at)", t=RING, at=at)
        one = connection.scalar(sa.text("SELECT max(id) FROM sentence"))
        run(
            "INSERT INTO triple (sentence_id, source_name, source_type, relation, sink_name, sink_type, created_at, "
            "updated_at) VALUES (:one, :name, :name, 'activates', 'x', 'Gene', :at, :at)",
            one=one,
            name=RING,
            at=at,
        )
    to("0003")
    with database.read() as connection:
        assert (
            connection.execute(sa.text("SELECT source_name, source_type FROM triple")).one()
            == (COMPOSED,) * 2
        )
        assert connection.scalar(sa.text("SELECT text FROM sentence")) == COMPOSED
        names = connection.scalars(sa.text("SELECT name FROM entity_type")).all()
    assert COMPOSED in names
    assert RING not in names


@pytest.mark.parametrize(
    "email",
    ["mary.o'brien@uni.example", "a+b@x-y.de", "o&m=x@example.org", "jürgen@exämple.de", "a@localhost"],
)
def test_every_local_part_that_mail_has_is_an_address(email):
    assert accounts.checked_email(f" {email.upper()} ") == email


@pytest.mark.parametrize(
    "email", ["a..b@c.de", ".a@b.de", "a b@c.de", "a@-x.de", "a@b..c", "a@b@c.de", "<a@b.de>"]
)
def test_what_is_no_address_is_refused(email):
    with pytest.raises(accounts.AccountError):
        accounts.checked_email(email)


def test_a_password_counts_to_its_last_space(admin, anyone, environment):
    password = "good pass word "
    services.harvest(environment, "user", "add", "a@b.example", stdin=password + "\n")
    admin.post("/users", email="c@b.example", password=password)
    for email in ("a@b.example", "c@b.example"):
        assert anyone.post("/login", email=email, password=password)[0] == 200
        assert anyone.post("/login", email=email, password=password.strip())[0] == 401
    # What was set while spaces did not count still opens its account.
    assert anyone.post("/login", email="ann@example.org", password=f"{PASSWORD} ")[0] == 200


def formulas(text, separator):
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    return [
        cell
        for row in rows
        for cell in row
        if cell.lstrip(" \"'\u3000").startswith(FORMULA) and not cell.lstrip(' "').startswith("'")
    ]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    "name",
    [
        "foo;=1+1",
        "=1",
        "a\t=1",
        "a|+1",
        'a;"=1"',
        "a, @x",
        "a\n=1",
        "a;  -1",
        "a;＝1",
        '";=1',
        "'=1",
        ';"";=1',
    ],
)
def test_no_separator_makes_a_formula_of_an_exported_text(admin, paper, separator, name):
    admin.post("/save", paper_id=paper["id"], sentence=name, triples=[triple(source_entity_name=name)])
    answer = admin.client.get("/api/export?format=csv", headers=admin.headers)
    text = answer.get_data(as_text=True)
    assert text.startswith("\ufeffid,")
    assert formulas(text.removeprefix("\ufeff"), separator) == []


def test_csv_names_authors_and_year_and_the_file_its_project(admin, paper):
    admin.patch(f"/papers/{paper['id']}", authors="Curie, M.", year=1911, title="Radium")
    admin.post("/save", paper_id=paper["id"], sentence="x", triples=[triple()])
    project = paper["project_id"]
    answer = admin.client.get(f"/api/export?format=csv&project_id={project}", headers=admin.headers)
    (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
    assert (row["authors"], row["year"]) == ("Curie, M.", "1911")
    assert 'filename="harvest-Wheat-20' in answer.headers["Content-Disposition"]


def everything(admin):
    made = json.loads(admin.client.get("/api/export", headers=admin.headers).get_data())
    return {key: made[key] for key in ("projects", "sentences", "triples", "doi_metadata")}


def send(admin, data):
    body = json.dumps(data).encode()
    return admin.send("POST", "/import", data=body, headers={"Content-Type": "application/octet-stream"})[1]


def test_what_was_exported_changes_nothing_when_imported_into_the_same_place(admin, ann, paper):
    admin.post("/users", email="mary.o'brien@uni.example", password=PASSWORD)
    for text in ("the same", "the same", f" {RING}\u00a0\ufb01x ", "=1;\t2\nx"):
        another = triple(source_entity_name=f"{text} again")
        for who in (ann, admin):
            saved = who.post("/save", paper_id=paper["id"], sentence=text, triples=[triple()])[1]
            # An admin adds to what another annotator saved: the sentence stays the annotator's.
            admin.post("/save", sentence_id=saved["sentence_id"], sentence=text, triples=[another])
    admin.post("/save", paper_id=paper["id"], sentence="no triple", triples=[])
    ann.post("/save", sentence="no paper", triples=[triple()])
    before, users = everything(admin), admin.get("/users")[1]
    report = send(admin, before)
    made = {key: report[key] for key in ("projects", "papers", "sentences", "triples", "users")}
    assert made == dict.fromkeys(made, 0)
    assert everything(admin) == before
    assert admin.get("/users")[1] == users


@pytest.mark.parametrize("who", ["mary.o'brien@uni.example", "annotator-0123456789", "Mary O'Brien", ""])
def test_work_of_others_never_becomes_the_work_of_the_importer(admin, who):
    names = dict(zip(importing.NAMES, ("a", "Gene", "activates", "b", "Protein"), strict=True))
    row = {"id": 1, "sentence_id": 1, "contributor_email": who, **names}
    for added in (1, 0):
        report = send(admin, {"triples": [row], "sentences": [{"id": 1, "text": "t"}]})
        assert report["triples"] == report["sentences"] == added
        assert report["users"] == (1 if who and added else 0)
    (found,) = admin.get("/triples")[1]["rows"]
    assert not found["mine"]
    assert [one["can_sign_in"] for one in admin.get("/users")[1]].count(True) == 2
    if "@" in who:
        assert found["triple_contributor"] == who


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-3", 206, 4),
        ("bytes=-5", 206, 5),
        ("bytes=0-0,10-20", 200, None),
        ("items=0-5", 200, None),
        ("bytes=5-2", 200, None),
        ("bytes=x", 200, None),
        ("bytes=999999-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_ranges_are_answered_as_http_says(admin, paper, pdf, asked, status, length):
    admin.upload(f"/papers/{paper['id']}/pdf", pdf)
    answer = admin.client.get(f"/api/papers/{paper['id']}/pdf", headers={**admin.headers, "Range": asked})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(pdf)}"
    else:
        assert len(answer.data) == (length or len(pdf))


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"x" * 1019])
def test_a_pdf_may_begin_within_its_first_1024_bytes(admin, paper, pdf, before):
    assert admin.upload(f"/papers/{paper['id']}/pdf", before + pdf)[0] == 200


def test_what_begins_later_is_no_pdf(admin, paper, pdf):
    assert admin.upload(f"/papers/{paper['id']}/pdf", b"x" * 1020 + pdf)[0] == 422


@pytest.fixture
def pdf():
    from tests.app.browser import text_pdf

    return text_pdf()


def test_long_questions_in_any_script_are_answered_in_json(settings, database, environment, tmp_path):
    import requests

    port = services.free_port()
    with services.gunicorn("wsgi_be:app", port, environment, tmp_path / "log"):
        url = f"http://127.0.0.1:{port}/api"
        services.wait_for(f"{url}/ready")
        login = {"email": "ann@example.org", "password": PASSWORD}
        token = requests.post(f"{url}/login", json=login, timeout=30).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        params = {"entity": "麦" * 300, "q": "酶" * 200, "relation": "促" * 60}
        answer = requests.get(f"{url}/triples", params=params, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["rows"]) == (200, [])
