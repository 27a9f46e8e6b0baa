"""Annotating, browsing, exporting, importing and administering, through the API."""

import concurrent.futures
import json

import pytest

from tests.app.conftest import Api, triple
from tests.app.samples import a_pdf, save, upstream_database


def test_owners_and_admins_change_sentences_and_others_may_not(ann, admin, paper, backend):
    admin.post("/users", email="bob@example.org", password="correct horse battery")
    bob = Api(backend, "bob@example.org")
    made = save(ann, paper)
    change = {"sentence": "Changed.", "triples": [triple(sink_entity_name="p53")]}
    assert bob.send("PUT", f"/sentences/{made}", json=change)[0] == 403
    assert bob.delete(f"/sentences/{made}")[0] == 403
    status, changed = ann.send("PUT", f"/sentences/{made}", json=change)
    assert (status, changed["sentence"], changed["triples"][0]["sink_entity_name"]) == (
        200,
        "Changed.",
        "p53",
    )
    assert bob.delete(f"/triple/{changed['triples'][0]['id']}")[0] == 403
    assert admin.delete(f"/sentences/{made}")[0] == 200
    assert ann.get("/rows")[1] == []


def test_who_comes_second_is_told_who_came_first_and_saves_nothing(ann, admin, paper):
    made = save(ann, paper)
    where = f"/sentences/{made}"

    def put(api, text, version=None, **more):
        status, answer = api.send("PUT", where, json={"sentence": text, "version": version, **more})
        return status, answer.get("error"), answer.get("version")

    old = ann.get(where)[1]["version"]
    assert ann.get(f"/papers/{paper['id']}/sentences")[1][0]["version"] == old
    status, _, newer = put(ann, "Ann's.", old)
    assert (status, newer) == (200, ann.get(where)[1]["version"]), "an answer's version is good for the next"
    assert put(ann, "Twice.", old)[:2] == (409, "You changed this sentence meanwhile: nothing was saved.")
    told = "ann@example.org changed this sentence meanwhile: nothing was saved."
    assert put(admin, "Boss.", old)[:2] == (409, told)
    assert put(admin, "Boss.", newer, triples=[triple(), triple(sink_entity_name="p53")])[0] == 200
    alias = next(one["alias"] for one in admin.get("/users")[1] if one["admin"])
    told = f"{alias} changed this sentence meanwhile: nothing was saved."
    assert put(ann, "Late.", newer)[:2] == (409, told), "annotators see no e-mail address"
    seen = ann.get(where)[1]
    assert (seen["sentence"], len(seen["triples"])) == ("Boss.", 2)
    assert admin.delete(f"/triple/{seen['triples'][0]['id']}")[0] == 200
    told = "This sentence was changed meanwhile: nothing was saved."
    assert put(ann, "Late.", seen["version"])[:2] == (409, told)
    assert put(ann, "Without a version the last wins.")[0] == 200
    seen = ann.get(where)[1]["version"]
    assert admin.delete(where)[0] == 200
    told = f"{alias} deleted this sentence meanwhile: nothing was saved."
    assert put(ann, "Gone.", seen)[:2] == (409, told)
    assert put(ann, "Gone.")[0] == 404


def test_of_many_at_the_same_moment_one_changes_a_sentence(ann, backend, paper):
    made = save(ann, paper)
    version = ann.get(f"/sentences/{made}")[1]["version"]

    def change(number):
        body = {"sentence": f"Number {number}.", "triples": [triple()] * 9, "version": version}
        return backend.test_client().put(f"/api/sentences/{made}", json=body, headers=ann.headers).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, range(8))) == [200] + [409] * 7
    assert len(ann.get(f"/sentences/{made}")[1]["triples"]) == 9


def test_a_triple_deleted_at_the_moment_of_a_change_does_not_come_back(ann, backend, paper):
    def send(method, path, **options):
        return backend.test_client().open(path, method=method, headers=ann.headers, **options).status_code

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for _ in range(30):
            one = ann.get(f"/sentences/{save(ann, paper)}")[1]
            change = {"sentence": "Changed.", "triples": [triple()], "version": one["version"]}
            put = pool.submit(send, "PUT", f"/api/sentences/{one['id']}", json=change)
            gone = pool.submit(send, "DELETE", f"/api/triple/{one['triples'][0]['id']}")
            assert put.result() in (200, 409)
            assert gone.result() == 404 or not ann.get(f"/sentences/{one['id']}")[1]["triples"]


def test_highlights_are_rows_and_the_file_stays_as_it_was(ann, paper):
    data = a_pdf()
    name = ann.upload(f"/papers/{paper['id']}/pdf", data)[1]["pdf"]["name"]
    where = f"/projects/{paper['project_id']}/pdf/{name}/highlights"
    status, made = ann.post(where, page=1, rects=[[10, 10, 90, 20]], color="#ffe066", text="marked")
    assert status == 201, made
    assert ann.get(where)[1]["highlights"][0]["text"] == "marked"
    assert ann.post(where, page=3, rects=[[0, 0, 1, 1]])[0] == 404
    assert ann.post(where, page=1, rects=[[0, 0, 1]])[0] == 422
    path = f"/api/papers/{paper['id']}/pdf"
    assert ann.client.get(path, headers=ann.headers).data == data
    marked = ann.client.get(f"{path}/marked", headers=ann.headers)
    assert marked.data.startswith(b"%PDF-")
    assert b"HarvestMark" in marked.data
    body = {"paper_id": paper["id"], "sentence": "marked", "triples": [], "highlight_id": made["id"]}
    assert ann.post("/save", **body)[0] == 200
    assert ann.delete(f"/highlights/{made['id']}")[0] == 200
    assert ann.post("/save", **body)[0] == 200, (
        "the sentence counts, also where its mark was removed meanwhile"
    )
    listed = ann.get(f"/papers/{paper['id']}/sentences")[1]
    assert [(one["sentence"], one["highlight_id"]) for one in listed] == [("marked", None)] * 2


@pytest.fixture
def many(ann, admin, paper):
    for number in range(25):
        save(ann, paper, f"Sentence {number}.", triple(source_entity_name=f"G{number % 10}"))
    save(admin, paper, "100% <b>sure</b> of it_.", triple(relation_type="inhibits"))
    return ann


@pytest.mark.parametrize("sort", ["id", "source_name", "relation"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_show_every_triple_once_in_order(many, sort, order):
    seen, after = [], {}
    while True:
        status, page = many.get("/triples", sort=sort, order=order, limit=7, **after)
        assert (status, page["total"]) == (200, 26)
        seen += page["rows"]
        if not page["next"]:
            break
        after = {"after": page["next"]}
    assert len({row["id"] for row in seen}) == 26
    key = {"id": "id", "source_name": "source_entity_name", "relation": "relation_type"}[sort]
    values = [row[key] for row in seen]
    assert values == sorted(values, reverse=order == "desc")


def test_search_and_filters_narrow_down(many):
    assert many.get("/triples", q="SENTENCE 1")[1]["total"] == 11
    assert many.get("/triples", q="100% <b>")[1]["total"] == 1
    assert many.get("/triples", q="100_")[1]["total"] == 0, "_ is no wildcard"
    assert many.get("/triples", relation="inhibits")[1]["total"] == 1
    assert many.get("/triples", entity="G3", mine="true")[1]["total"] == 3
    assert many.get("/triples", project_id=99)[1]["total"] == 0
    assert many.get("/triples", after="nonsense")[0] == 422
    assert many.get("/triples", sort="id; DROP TABLE triple")[0] == 422
    assert many.get("/graph", entity="G3")[1]["edges"][0]["count"] == 3


def test_annotators_see_no_e_mail_address_and_admins_do(many, admin):
    for path in ("/rows", "/triples", "/projects", "/papers/1/sentences", "/export?format=jsonl"):
        text = many.client.get(f"/api{path}", headers=many.headers).text
        assert "@example.org" not in text, path
    assert "ann@example.org" in admin.client.get("/api/rows", headers=admin.headers).text


def exported(api, kind, **query):
    answer = api.client.get("/api/export", query_string={"format": kind, **query}, headers=api.headers)
    assert answer.status_code == 200
    return answer.text


def test_exports_hold_everything(many):
    assert len(exported(many, "jsonl").splitlines()) == 26
    assert len(exported(many, "csv").splitlines()) == 27
    document = json.loads(exported(many, "json"))
    assert (len(document["triples"]), len(document["sentences"]), document["schema_version"]) == (
        26,
        26,
        "v2",
    )
    lines = exported(many, "nt", relation="inhibits").splitlines()
    assert (
        "<urn:harvest:entity:Gene:TP53> <urn:harvest:relation:inhibits> <urn:harvest:entity:Protein:p21> ."
        in lines
    )
    assert all(line.endswith(" .") for line in lines)


def test_an_export_of_a_selection_holds_no_sentence_beside_it(many):
    document = json.loads(exported(many, "json", relation="inhibits"))
    assert [one["text"] for one in document["sentences"]] == ["100% <b>sure</b> of it_."]
    assert len(json.loads(exported(many, "json", project_id=1))["sentences"]) == 26


def test_a_spreadsheet_does_not_run_what_was_annotated(ann, paper):
    save(ann, paper, "=HYPERLINK(1)", triple(source_entity_name="=1+1"))
    assert "'=1+1" in exported(ann, "csv")
    assert "'=HYPERLINK(1)" in exported(ann, "csv")


def test_an_export_is_imported_and_a_second_time_changes_nothing(many, admin, backend):
    document = exported(admin, "json").encode()
    assert admin.delete("/projects/1")[0] == 200
    assert admin.get("/triples")[1]["total"] == 0
    status, report = admin.send("POST", "/import", data=document)
    assert (status, report["triples"], report["skipped"]) == (200, 26, [])
    assert many.get("/triples", mine="true")[1]["total"] == 25, "annotators keep what is theirs"
    status, again = admin.send("POST", "/import", data=document)
    assert (again["triples"], again["sentences"], again["known"]) == (0, 0, 26)
    assert many.send("POST", "/import", data=document)[0] == 403


def test_an_upstream_database_moves_in(admin, tmp_path):
    upstream = upstream_database(tmp_path / "upstream.db")
    status, report = admin.send("POST", "/import", data=upstream.read_bytes())
    assert status == 200, report
    assert (report["projects"], report["papers"], report["sentences"], report["triples"]) == (1, 1, 1, 1)
    assert report["skipped"] == ["triple 2: source_entity_name is missing or too long"]
    row = admin.get("/rows")[1][0]
    assert (row["doi"], row["triple_contributor"], row["created_at"]) == (
        "10.1000/old",
        "old@b.org",
        "2025-01-01T10:00:00Z",
    )
    old = next(one for one in admin.get("/users")[1] if one["email"] == "old@b.org")
    assert not old["can_sign_in"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"SQLite format 3\x00garbage", b'{"triples": 1}', b"[" * 100_000]
)
def test_what_is_no_export_is_refused(admin, data):
    assert admin.send("POST", "/import", data=data)[0] == 422


BROKEN = {"sentences": [{"id": 1, "text": "A."}], "projects": [{"id": 1, "name": "Old"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"projects": [{"id": {}, "name": "Old"}]},
        {"projects": [{"id": 1, "name": "Old", "doi_list": 5}]},
        {"projects": [{"id": 1, "name": "Old", "doi_list": "5"}]},
        {"sentences": [{"id": 1, "text": "A.", "page": 10**30}]},
        {"sentences": [{"id": [1], "text": "A."}, {"id": 1, "text": "A.", "contributor": 7}]},
        {"triples": [{"id": 1, "sentence_id": 1, "project_id": [], **triple()}]},
        {"triples": [{"id": 1, "sentence_id": 1, "contributor_email": 5, **triple()}]},
        {"triples": [{"id": 1, "sentence_id": 1, "created_at": "2025-99-99 10:00:00", **triple()}]},
    ],
)
def test_values_of_a_wrong_kind_do_not_stop_an_import(admin, change):
    data = {"triples": [{"id": 1, "sentence_id": 1, "project_id": 1, **triple()}], **BROKEN, **change}
    status, report = admin.send("POST", "/import", json=data)
    assert (status, report.get("triples")) == (200, 1), report
    assert "99" not in admin.get("/rows")[1][0]["created_at"]


def test_admins_manage_accounts_and_a_switched_off_one_is_out_at_once(admin, ann):
    me = next(one for one in admin.get("/users")[1] if one["email"] == "ann@example.org")
    assert admin.patch(f"/users/{me['id']}", active=False)[0] == 200
    assert ann.get("/me")[0] == 401
    mine = admin.get("/me")[1]["id"]
    assert admin.patch(f"/users/{mine}", admin=False)[0] == 409
    assert admin.post("/users", email="ann@example.org", password="long enough pw")[0] == 409
    assert admin.post("/users", email="no address", password="long enough pw")[0] == 422
    assert admin.post("/users", email="new@example.org", password="short")[0] == 422


def test_the_vocabulary_grows_is_renamed_and_does_not_lose_what_is_used(admin, ann, paper):
    assert admin.post("/vocabulary", kind="entity", name="Trait")[0] == 201
    assert admin.post("/vocabulary", kind="entity", name="Trait")[0] == 409
    assert ann.post("/vocabulary", kind="entity", name="Mine")[0] == 403
    save(ann, paper, "A trait.", triple(sink_entity_attr="Trait"))
    remove = {"kind": "entity", "name": "Trait"}
    assert admin.send("PUT", "/vocabulary", json=remove)[0] == 409
    assert admin.send("PUT", "/vocabulary", json={**remove, "new_name": "Feature"})[0] == 200
    assert ann.get("/rows")[1][0]["sink_entity_attr"] == "Feature"


def test_the_audit_trail_says_who_did_what(admin, ann, paper):
    made = save(ann, paper)
    ann.delete(f"/sentences/{made}")
    newest = admin.get("/audit")[1]["rows"][0]
    assert (newest["who"], newest["action"], newest["ref"]) == ("ann@example.org", "delete sentence", made)
    assert "TP53" in newest["detail"]
    assert ann.get("/audit")[0] == 403


def test_upstream_clients_log_in_and_export(anyone, many):
    auth = {"email": "admin@example.org", "password": "correct horse battery"}
    assert anyone.post("/admin/auth", **auth)[1]["is_admin"]
    assert len(anyone.post("/admin/export/triples", **auth)[1]["data"]["triples"]) == 26
    assert anyone.post("/admin/export/triples", email="ann@example.org", password=auth["password"])[0] == 403
    assert anyone.post("/admin/export/triples", email="admin@example.org", password="wrong wrong")[0] == 401


def test_metrics_are_for_prometheus(anyone, many):
    answer = anyone.client.get("/api/metrics")
    assert "harvest_triples 26" in answer.text.splitlines()
    assert 'harvest_http_requests_total{status="2xx"}' in answer.text


def test_without_crossref_address_nobody_is_asked(paper, admin):
    assert paper["metadata_state"] == "off"
    moved = {"triples": [], "projects": [{"id": 1, "name": "Moved in", "doi_list": ["10.1000/old"]}]}
    assert admin.send("POST", "/import", json=moved)[1]["papers"] == 1
    assert admin.get("/projects/2/papers")[1][0]["metadata_state"] == "off"
