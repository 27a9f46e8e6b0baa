"""Pictures of the main pages with a group's work in them: `python -m tests.app.screenshots [FOLDER]`.

Starts a HARVEST, fills it, has a browser look at it at a desk and on a phone, and shrinks what it saw.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import requests
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.conftest import PASSWORD
from tests.app.test_places import Walker, text_pdf

FOLDER = Path(__file__).parents[2] / "docs/screenshots"
WIDTHS = {1440: 900, 390: 844}
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
# Selects the first sentence below the title.
SELECT = """
const spans = [...document.querySelectorAll(".textLayer span")].filter((one) => one.textContent.trim());
const range = document.createRange();
range.setStart(spans[2].firstChild, 0);
range.setEnd(spans[3].firstChild, spans[3].textContent.indexOf(".") + 1);
getSelection().removeAllRanges();
getSelection().addRange(range);
"""
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


def look(url: str, folder: Path, width: int, height: int) -> None:
    walker = Walker(url, width, height)
    walker.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})

    def shoot(name: str) -> None:
        walker.run("document.querySelectorAll('.toast').forEach((one) => one.remove())")
        time.sleep(1)  # pictures that move come to rest
        walker.driver.save_screenshot(str(folder / f"{name}-{width}.png"))

    try:
        walker.go("")
        walker.see("#email")
        shoot("sign-in")
        walker.sign_in()
        walker.see("main a", "Drought tolerance")
        shoot("projects")
        walker.go("projects/1")
        walker.see(".paper-title a", "Root architecture")
        shoot("project")
        walker.go("papers/1")
        walker.see(".textLayer span", "DREB2A")
        if width > 500:  # on a phone the form is below the PDF
            walker.run(SELECT)
            walker.until(lambda: walker.see(".viewer-bar .primary").is_enabled())
            walker.click(".viewer-bar .primary")
            walker.see(".mark")
            keys = ActionChains(walker.driver)
            walker.until(
                lambda: walker.driver.switch_to.active_element.get_attribute("list") == "entity-names"
            )
            for word in FACTS[0]:
                keys = keys.send_keys(word).pause(0.1).send_keys(Keys.ESCAPE, Keys.TAB)
            keys.perform()
            walker.run("document.activeElement.blur(); scrollTo(0, 0)")
        shoot("annotate")
        walker.go("browse")
        walker.see(".triples-table td", "DREB2A")
        shoot("browse")
        walker.click(".segmented label", "Graph")
        canvas = walker.see("#graph canvas")
        time.sleep(2)
        walker.run("arguments[0].scrollIntoView({block: 'end'}); scrollBy(0, 48)", canvas)
        shoot("graph")
        walker.go("admin")
        walker.see("td", "ann@example.org")
        shoot("admin")
    finally:
        walker.driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="harvest-shots-") as top,
        services.place(Path(top), "internal", "/") as found,
    ):
        fill(found["api"])
        for width, height in WIDTHS.items():
            look(found["url"], folder, width, height)
    quant = [services.program("pngquant"), "--force", "--skip-if-larger", "--ext", ".png", "--strip", "64"]
    # 98 and 99 say that a picture is as small as it gets.
    assert subprocess.run([*quant, *folder.glob("*.png")], check=False).returncode in (0, 98, 99)


if __name__ == "__main__":
    main()
