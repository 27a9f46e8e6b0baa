"""schemathesis asks every operation of the OpenAPI document what nobody thought of; answers must be as it says.

Few examples and always the same ones, so that a failure is one to mend and not one of luck.
"""

import hypothesis
import hypothesis.strategies
import pytest
import schemathesis
from harvest import accounts, migrate
from harvest.api import create_app
from harvest.api.openapi import document
from harvest.db import Database
from harvest.settings import load
from harvest.tables import user
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from sqlalchemy import select, update

from tests.app.browser import text_pdf
from tests.app.conftest import triple

EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    checks.response_schema_conformance,
    checks.status_code_conformance,
    checks.content_type_conformance,
]
# Bytes of PDFs go out as they are: nearly all are none, some only begin like one.
BYTES = hypothesis.strategies.binary(max_size=2000)
schemathesis.openapi.media_type("application/pdf", BYTES | BYTES.map(lambda tail: b"%PDF-1.4\n" + tail))


@schemathesis.serializer("application/pdf")
def as_it_is(context, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


SCHEMA = schemathesis.openapi.from_dict({**document(), "servers": [{"url": "/"}]})
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
# What takes neither parameters nor a body can't be asked wrongly.
NEGATIVE = [name for name, one in OPERATIONS.items() if one.body or one.path_parameters or one.query]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One HARVEST for all: what is asked here is about the API, so SQLite and a shared state do."""
    folder = tmp_path_factory.mktemp("fuzz")
    settings = load(
        {
            "HARVEST_STATE_DIR": str(folder),
            "HARVEST_CROSSREF_URL": "",
            "HARVEST_SECRET_KEY": "s" * 40,
            "HARVEST_MAX_UPLOAD_MB": "30",
        }
    )
    database = Database(settings.database_url)
    migrate.upgrade(database)
    with database.write() as connection:
        accounts.add_user(connection, settings.secret_key, "admin@example.org", "a good password", admin=True)
    yield create_app(settings), database, settings.secret_key
    database.engine.dispose()


@pytest.fixture
def admin(served):
    """Headers of the admin, whom an earlier test may have signed out."""
    _, database, secret = served
    with database.write() as connection:
        connection.execute(update(user).where(user.c.id == 1).values(active=True, admin=True))
        version = connection.scalar(select(user.c.session_version).where(user.c.id == 1))
    return {"Authorization": f"Bearer {accounts.make_token(secret, 1, version)}"}


@pytest.fixture
def ids(served, admin):
    """The ids of a row of each kind that exists now, by the name that paths give them."""
    client = served[0].test_client()

    def send(method, path, **options):
        answer = client.open(f"/api{path}", method=method, headers=admin, **options)
        assert answer.status_code < 300, answer.text
        return answer.get_json()

    project = next(iter(send("GET", "/projects")), None) or send("POST", "/projects", json={"name": "Wheat"})
    made = {"project_id": project["id"], "user_id": 1}
    papers = f"/projects/{project['id']}/papers"
    if not send("GET", papers):
        send("POST", papers, json={"dois": ["10.1000/abc"]})
    paper = made["paper_id"] = send("GET", papers)[0]["id"]
    send("PUT", f"/papers/{paper}/pdf", data=text_pdf(), content_type="application/pdf")
    made["name"] = send("GET", papers)[0]["pdf_name"]
    rects = [[0.1, 0.1, 0.2, 0.2]]
    saved = {"sentence": "As found.", "paper_id": paper, "triples": [triple()]}
    made["sentence_id"] = send("POST", "/save", json=saved)["sentence_id"]
    made["triple_id"] = send("GET", f"/sentences/{made['sentence_id']}")["triples"][0]["id"]
    marks = f"/papers/{paper}/highlights"
    made["highlight_id"] = send("POST", marks, json={"page": 1, "rects": rects, "text": "As"}).get("id", 1)
    return made


def ask(label, mode, served, headers, ids):
    """Send the examples; where `ids` holds what a path names, that is what they are about."""
    operation = OPERATIONS[label]
    operation.app = served[0]

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def examples(case):
        for name in case.path_parameters or {}:
            case.path_parameters[name] = ids.get(name, case.path_parameters[name])
        case.call_and_validate(headers=headers, checks=CHECKS)

    examples()


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_fits_the_document_is_answered_by_it(label, served, admin, ids):
    ask(label, GenerationMode.POSITIVE, served, admin, ids)


@pytest.mark.parametrize("label", NEGATIVE)
def test_what_does_not_fit_is_refused_by_it(label, served, admin):
    ask(label, GenerationMode.NEGATIVE, served, admin, {})
