"""What tests put into HARVEST: a saved sentence, a PDF, a database of upstream's."""

import io
import sqlite3

from pypdf import PdfWriter

from tests.app.conftest import triple


def save(api, paper, text="TP53 activates p21.", *triples):
    status, answer = api.post(
        "/save", paper_id=paper["id"], sentence=text, triples=list(triples) or [triple()]
    )
    assert status == 200, answer
    return answer["sentence_id"]


def a_pdf(pages=2, padding=0):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue() + b"\n%" + b"x" * padding


def upstream_database(path):
    """A SQLite file with the tables that upstream documents."""
    db = sqlite3.connect(path)
    db.executescript("""
        CREATE TABLE entity_types(name TEXT PRIMARY KEY, value TEXT UNIQUE);
        CREATE TABLE relation_types(name TEXT PRIMARY KEY);
        CREATE TABLE sentences(id INTEGER PRIMARY KEY, text TEXT, literature_link TEXT, doi_hash TEXT, created_at TEXT);
        CREATE TABLE doi_metadata(doi_hash TEXT PRIMARY KEY, doi TEXT, created_at TEXT);
        CREATE TABLE projects(id INTEGER PRIMARY KEY, name TEXT UNIQUE, description TEXT, doi_list TEXT,
                              created_by TEXT, created_at TEXT);
        CREATE TABLE triples(id INTEGER PRIMARY KEY, sentence_id INTEGER, source_entity_name TEXT,
            source_entity_attr TEXT, relation_type TEXT, sink_entity_name TEXT, sink_entity_attr TEXT,
            contributor_email TEXT, project_id INTEGER, created_at TEXT);
        INSERT INTO entity_types VALUES('Allele', 'allele');
        INSERT INTO projects VALUES(7, 'Old', 'from upstream', '["10.1000/OLD"]', 'a@b.org', '');
        INSERT INTO doi_metadata VALUES('h1', '10.1000/old', '');
        INSERT INTO sentences VALUES(3, 'An allele matters.', '', 'h1', '2025-01-01 10:00:00');
        INSERT INTO triples VALUES(1, 3, 'x', 'Allele', 'matters for', 'y', 'Trait', 'old@b.org', 7,
            '2025-01-01 10:00:00');
        INSERT INTO triples VALUES(2, 3, '', 'Allele', 'matters for', 'y', 'Trait', 'old@b.org', 7, '');
    """)
    db.commit()
    db.close()
    return path
