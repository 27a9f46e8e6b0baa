"""Searching: what is found, that the index is always in step, and that much data does not make it slow."""

import uuid

import pytest
from harvest import accounts, importing, migrate, triples
from harvest.accounts import User
from harvest.db import Database
from sqlalchemy import create_engine, text

from tests.app.conftest import postgres_url, triple
from tests.app.samples import save

ME = User(id=1, email="admin@example.org", alias="x", admin=True)
SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def total(api, part):
    status, page = api.get("/triples", q=part)
    assert status == 200, page
    assert page["total"] == len(page["rows"])
    return page["total"]


@pytest.mark.parametrize(
    "part",
    [
        "AB",
        "b*",
        "OR",
        'say "no',
        "NOT x",
        "NEAR(a b)",
        "source_name:x",
        "100% s",
        "_it_",
        "a\\b",
        "^ab",
        "-x -",
        "💥 ü",
    ],
)
def test_whatever_is_typed_is_text(ann, paper, part):
    save(ann, paper, f"before {part} after", triple(source_entity_name="first"))
    save(ann, paper, "Another.", triple(source_entity_name=f"x{part}y"))
    save(ann, paper, "A third.", triple(source_entity_name=f"x{part[:-1]}#{part[-1]}y"))
    assert total(ann, part) == 2
    assert total(ann, part.lower().replace("ü", "Ü") if part.isascii() else part) == 2


def test_a_part_with_the_same_trigrams_in_another_order_is_not_found(ann, paper):
    save(ann, paper, "abcd bcde")
    assert (total(ann, "abcde"), total(ann, "abcd b")) == (0, 1)


def test_no_script_minds_case(ann, paper):
    save(ann, paper, "Die Ähre reift.", triple(source_entity_name="β-Catenin"))
    save(ann, paper, "Η ΣΕΙΡΑ", triple(source_entity_name="Ген"))
    for part in ("ähre", "ÄHRE", "Β-catenin", "β-C", "σειρα", "ГЕН"):
        assert total(ann, part) == 1, part
    assert total(ann, "ähren") == 0


def in_step(database):
    """SQLite compares the whole index with the tables; it raises when they differ."""
    if database.sqlite:
        with database.write() as connection:
            for index in ("search_triple", "search_sentence"):
                connection.execute(text(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)"))  # noqa: S608
    return True


def test_the_index_follows_every_change(ann, admin, paper, database):
    made = save(ann, paper, "A wheat sentence.", triple(), triple(sink_entity_name="yield"))
    assert (total(ann, "wheat"), total(ann, "yield")) == (2, 1)
    change = {"sentence": "A barley sentence.", "triples": [triple(sink_entity_name="height")]}
    assert ann.send("PUT", f"/sentences/{made}", json=change)[0] == 200
    assert [total(ann, part) for part in ("wheat", "yield", "barley", "height")] == [0, 0, 1, 1]
    renamed = {"kind": "relation", "name": "activates", "new_name": "switches on"}
    assert admin.send("PUT", "/vocabulary", json=renamed)[0] == 200
    assert (total(ann, "activates"), total(ann, "switches")) == (0, 1)
    assert in_step(database)
    document = {"projects": [{"id": 1, "name": "Wheat"}], "sentences": [{"id": 5, "text": "It moved in."}]}
    document["triples"] = [{**triple(), "sentence_id": 5, "project_id": 1}]
    assert admin.send("POST", "/import", json=document)[0] == 200
    assert total(ann, "moved") == 1
    save(ann, paper, "Saved after the import.")
    assert total(ann, "after the import") == 1
    assert in_step(database)
    assert admin.delete("/projects/1")[0] == 200
    assert [total(ann, part) for part in ("barley", "moved", "TP53")] == [0, 0, 0]
    assert in_step(database)


def fill(database, count):
    rows = [
        {**triple(source_entity_name=f"gene {n:05}"), "sentence_id": n // 4, "project_id": 1}
        for n in range(count)
    ]
    data = {name: [] for name in importing.TABLES}
    data["sentences"] = [{"id": n, "text": f"Sentence number {n:05}."} for n in range(count // 4)]
    with database.write() as connection:
        importing.load(connection, b"s" * 40, ME, {**data, "triples": rows})


def steps(database, part):
    """How many hundred steps SQLite's machine takes for a page."""
    taken = [0]

    def count():
        taken[0] += 1

    with database.read() as connection:
        connection.connection.set_progress_handler(count, 100)
        found = triples.find(connection, ME, triples.Page(q=part))
        connection.connection.set_progress_handler(None, 0)
    return taken[0], found["total"]


@SQLITE
@pytest.mark.parametrize("part", ["gene 00077", "number 00015", "nowhere", "activates"])
def test_twenty_times_the_triples_are_not_much_more_work(database, part):
    fill(database, 1000)
    few, _ = steps(database, part)
    fill(database, 20_000)
    many, _ = steps(database, part)
    assert many < 3 * max(few, 10)


@SQLITE
def test_sqlite_index_is_made_for_what_was_there_before(settings, database):
    fill(database, 8)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert not migrate.fits(connection)
    migrate.upgrade(database)
    assert steps(database, "number 00001")[1] == 4
    assert in_step(database)


@pytest.mark.parametrize("owner", [True, False], ids=["owner", "guest"])
def test_postgresql_searches_with_pg_trgm_and_without(postgres_folder, owner):
    """Its owner may switch the extension on; who was only let in may not."""
    name = f"t{uuid.uuid4().hex}"
    with create_engine(
        postgres_url(postgres_folder, "postgres"), isolation_level="AUTOCOMMIT"
    ).connect() as boss:
        boss.execute(text(f"CREATE ROLE {name} LOGIN"))
        boss.execute(text(f"CREATE DATABASE {name} {f'OWNER {name}' if owner else ''}"))
    inside = create_engine(postgres_url(postgres_folder, name), isolation_level="AUTOCOMMIT")
    with inside.connect() as boss:
        boss.execute(text(f"GRANT ALL ON SCHEMA public TO {name}"))
    database = Database(postgres_url(postgres_folder, name).replace("harvest@", f"{name}@"))
    migrate.upgrade(database)
    migrate.upgrade(database)
    with database.write() as connection:
        accounts.add_user(connection, b"s" * 40, ME.email, "a good password")
    fill(database, 20)
    with database.read() as connection:
        assert triples.find(connection, ME, triples.Page(q="gene 0001"))["total"] == 10
        index = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'search_%'"
        assert connection.scalar(text(index)) == (2 if owner else 0)
    if not owner:  # whoever may switch it on later, does; the next start finds it
        with inside.connect() as boss:
            boss.execute(text("CREATE EXTENSION pg_trgm"))
        migrate.upgrade(database)
        with database.read() as connection:
            assert connection.scalar(text(index)) == 2
    database.engine.dispose()
    inside.dispose()
