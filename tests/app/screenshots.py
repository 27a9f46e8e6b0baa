"""Pictures of the main pages with a group's work in them: `python -m tests.app.screenshots [FOLDER]`.

Starts a HARVEST, fills it, has a browser look at it at a desk and on a phone, and shrinks what it saw.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import Walker
from tests.app.group import FACTS, fill

FOLDER = Path(__file__).parents[2] / "docs/screenshots"
WIDTHS = {1440: 900, 390: 844}
# Selects the first sentence below the title.
SELECT = """
const spans = [...document.querySelectorAll(".textLayer span")].filter((one) => one.textContent.trim());
const range = document.createRange();
range.setStart(spans[2].firstChild, 0);
range.setEnd(spans[3].firstChild, spans[3].textContent.indexOf(".") + 1);
getSelection().removeAllRanges();
getSelection().addRange(range);
"""


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
