"""A HARVEST of one's own for each test: a state folder, a migrated database, an admin and an annotator."""

import re
import sys
import uuid
from pathlib import Path

import pytest
from flask import request
from pydantic import TypeAdapter
from sqlalchemy import create_engine, text

from tests.app import services

APP = Path(__file__).parents[2] / "app"
sys.path.insert(0, str(APP))

from harvest import accounts, migrate  # noqa: E402
from harvest.api import create_app, models  # noqa: E402
from harvest.api.http import ENDPOINTS  # noqa: E402
from harvest.api.openapi import document  # noqa: E402
from harvest.db import Database  # noqa: E402
from harvest.settings import load  # noqa: E402

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def postgres_folder(tmp_path_factory):
    """A PostgreSQL server with a database `model` at the newest schema."""
    with services.postgres(tmp_path_factory.mktemp("pg")) as folder:
        engine = create_engine(postgres_url(folder, "postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE model"))
        engine.dispose()
        model = Database(postgres_url(folder, "model"))
        migrate.upgrade(model)
        model.engine.dispose()
        yield folder


def postgres_url(folder, name):
    return f"postgresql+psycopg://harvest@/{name}?host={folder}"


def new_postgres_database(folder):
    name = f"t{uuid.uuid4().hex}"
    engine = create_engine(postgres_url(folder, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE model"))
    engine.dispose()
    return postgres_url(folder, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    """Where the data lives: tests that keep data run once for each."""
    url = ""
    if request.param == "postgresql":
        url = new_postgres_database(request.getfixturevalue("postgres_folder"))
    return {"DATABASE_URL": url}


@pytest.fixture
def environment(tmp_path, store):
    return {
        **store,
        "HARVEST_STATE_DIR": str(tmp_path / "state"),
        "HARVEST_CROSSREF_URL": "",
        "HARVEST_SECRET_KEY": "s" * 40,
        "HARVEST_MAX_UPLOAD_MB": "30",
    }


@pytest.fixture
def settings(environment, tmp_path):
    (tmp_path / "state").mkdir(exist_ok=True)
    return load(environment)


@pytest.fixture
def database(settings):
    made = Database(settings.database_url)
    migrate.upgrade(made)
    with made.write() as connection:
        accounts.add_user(connection, settings.secret_key, "admin@example.org", PASSWORD, admin=True)
        accounts.add_user(connection, settings.secret_key, "ann@example.org", PASSWORD)
    yield made
    made.engine.dispose()


@pytest.fixture
def backend(settings, database):
    made = create_app(settings)
    # Tests speak through this hook, so every answer that they get is held against the OpenAPI document.
    made.after_request(hold_against_document)
    return made


def hold_against_document(response):
    rule = request.url_rule
    declared = [one for one in ENDPOINTS if rule and (one.path, one.method) == (rule.rule, request.method)]
    if not declared or response.mimetype != "application/json" or response.is_streamed:
        return response
    one = declared[0]
    documented = document()["paths"][re.sub(r"<(?:[^<>]+:)?(\w+)>", r"{\1}", one.path)][one.method.lower()][
        "responses"
    ]
    assert str(response.status_code) in documented, f"{one.method} {one.path} gave {response.status_code}"
    if response.status_code == one.status and one.returns:
        TypeAdapter(one.returns).validate_json(response.data)
    elif response.status_code >= 400 and one.path != "/api/ready":
        models.Error.model_validate_json(response.data)
    return response


class Api:
    """The backend in the name of one account: `api.post("/projects", name="x")` gives (status, JSON)."""

    def __init__(self, app, email=None):
        self.client = app.test_client()
        self.headers = {}
        if email:
            status, session = self.post("/login", email=email, password=PASSWORD)
            assert status == 200, session
            self.headers["Authorization"] = f"Bearer {session['token']}"

    def send(self, method, path, **options):
        headers = {**self.headers, **options.pop("headers", {})}
        answer = self.client.open(f"/api{path}", method=method, headers=headers, **options)
        return answer.status_code, answer.get_json(silent=True)

    def get(self, path, **query):
        return self.send("GET", path, query_string=query)

    def post(self, path, **body):
        return self.send("POST", path, json=body)

    def patch(self, path, **body):
        return self.send("PATCH", path, json=body)

    def delete(self, path):
        return self.send("DELETE", path)

    def upload(self, path, data):
        return self.send("PUT", path, data=data, headers={"Content-Type": "application/pdf"})


@pytest.fixture
def admin(backend):
    return Api(backend, "admin@example.org")


@pytest.fixture
def ann(backend):
    return Api(backend, "ann@example.org")


@pytest.fixture
def anyone(backend):
    return Api(backend)


@pytest.fixture
def paper(admin):
    """A project with one paper; gives the paper."""
    _, project = admin.post("/projects", name="Wheat")
    admin.post(f"/projects/{project['id']}/papers", dois=["10.1000/ABC"])
    return admin.get(f"/projects/{project['id']}/papers")[1][0]


def triple(**changes):
    made = {
        "source_entity_name": "TP53",
        "source_entity_attr": "Gene",
        "relation_type": "activates",
        "sink_entity_name": "p21",
        "sink_entity_attr": "Protein",
    }
    return {**made, **changes}
