"""What a research group has in HARVEST after a while: projects, papers, a PDF, sentences and triples."""

import requests

from tests.app.browser import text_pdf
from tests.app.conftest import PASSWORD

PROJECTS = {
    "Drought tolerance in wheat": "Genes and treatments that change how wheat copes with water stress.",
    "Salt stress in rice": "Ion transporters, and what they do to yield on saline soil.",
    "Gut microbiome and mood": "",
}
PAPERS = [
    ("A dehydration-responsive factor improves water use in bread wheat", "R. Adeyemi, L. Sørensen", 2019),
    ("Root architecture under deficit irrigation", "M. Okafor, P. Lindqvist, J. Ortega", 2021),
    ("Abscisic acid and the timing of stomata closure", "H. Tanaka, S. Weiss", 2017),
]
FACTS = [
    ("DREB2A", "Gene", "increases", "grain yield", "Phenotype"),
    ("NAC69", "Gene", "activates", "proline", "Chemical"),
    ("abscisic acid", "Chemical", "activates", "stomata closure", "Process"),
    ("drought", "Environment", "decreases", "grain yield", "Phenotype"),
    ("proline", "Chemical", "increases", "drought tolerance", "Phenotype"),
    ("stomata closure", "Process", "increases", "drought tolerance", "Phenotype"),
    ("DREB2A", "Gene", "activates", "NAC69", "Gene"),
    ("drought", "Environment", "increases", "abscisic acid", "Chemical"),
    ("HKT1;5", "Gene", "decreases", "leaf sodium", "Phenotype"),
    ("leaf sodium", "Phenotype", "decreases", "grain yield", "Phenotype"),
    ("root depth", "Phenotype", "increases", "drought tolerance", "Phenotype"),
    ("DRO1", "Gene", "increases", "root depth", "Phenotype"),
]
PAGE = [
    "A dehydration-responsive factor improves",
    "water use in bread wheat",
    "",
    "Overexpression of DREB2A increased grain yield under",
    "drought by 18 % in three field trials. NAC69 activates the",
    "accumulation of proline, which protects leaf tissue while",
    "water is scarce. Abscisic acid closes the stomata within",
    "minutes, and plants that close them early keep their leaves.",
    "",
    "1. Introduction",
    "Wheat feeds a third of the world. Its yield falls by half",
    "when rain fails during flowering, and breeding for yield",
    "alone has cost it much of the tolerance of its ancestors.",
    "We asked which transcription factors give it back, and",
    "what they cost in years when rain does not fail.",
    "",
    "2. Results",
    "Lines with DREB2A had deeper roots (42 against 31 cm) and",
    "lost less water through their leaves at noon.",
]


def fill(api: str) -> None:
    """Projects, papers, a PDF and what two people found in them."""
    login = {"email": "admin@example.org", "password": PASSWORD}
    token = requests.post(f"{api}/login", json=login, timeout=60).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}

    def send(method: str, path: str, **options: object) -> dict:
        answer = requests.request(method, api + path, headers=headers, timeout=60, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.json()

    made = [
        send("POST", "/projects", json={"name": name, "description": text}) for name, text in PROJECTS.items()
    ]
    for number, project in enumerate(made[:2]):
        dois = [f"10.1000/{('wheat', 'rice')[number]}.{one}" for one in (1, 2, 3)]
        send("POST", f"/projects/{project['id']}/papers", json={"dois": dois})
    papers = send("GET", f"/projects/{made[0]['id']}/papers")
    for paper, (title, authors, year), status in zip(
        papers, PAPERS, ("in_progress", "done", "unstarted"), strict=True
    ):
        change = {"title": title, "authors": authors, "journal": "Journal of Plant Stress", "year": year}
        send("PATCH", f"/papers/{paper['id']}", json={**change, "status": status})
    requests.put(
        f"{api}/papers/{papers[0]['id']}/pdf",
        data=text_pdf(PAGE),
        headers={**headers, "Content-Type": "application/pdf"},
        timeout=60,
    ).raise_for_status()
    send("POST", "/users", json={"email": "ann@example.org", "password": PASSWORD})
    for number, (source, source_type, relation, sink, sink_type) in enumerate(FACTS):
        names = {"source_entity_name": source, "source_entity_attr": source_type, "relation_type": relation}
        sentence = f"In our trials {source} {relation.removesuffix('s')}d {sink} against the control plots."
        found = {**names, "sink_entity_name": sink, "sink_entity_attr": sink_type}
        body = {"paper_id": papers[number % 2]["id"], "page": 1, "sentence": sentence, "triples": [found]}
        send("POST", "/save", json=body)
