"""Pages with a group's work in them bar nobody: axe-core at a desk and on a phone, the Tab key, no sideways scroll."""

import time
from pathlib import Path

import axe_core_python
import pytest
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import Walker
from tests.app.group import fill

PAGES = {
    "": "Drought tolerance in wheat",
    "projects/1": "Root architecture",
    "papers/1": "In our trials DREB2A",
    "browse": "DREB2A",
    "admin": "ann@example.org",
    "admin/vocabulary": "activates",
    "admin/audit": "save sentence",
    "admin/data": "Import data",
    "account": "New password",
    "help": "Who sees what",
}
AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text()
AUDIT = """
const done = arguments[1];
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then(
  ({violations}) => done(violations.filter((one) => arguments[0].includes(one.impact)).map(
    (one) => `${one.impact} ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`)),
  (error) => done([String(error)]));
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with services.place(tmp_path_factory.mktemp("filled"), "internal", "/") as found:
        fill(found["api"])
        yield found["url"]


@pytest.fixture
def walker(filled, width):
    made = Walker(filled, width)
    yield made
    made.driver.quit()


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_accessible(walker, width):
    """Names of controls, contrast, order of headings, landmarks: axe-core finds nothing that bars anybody."""
    walker.go("")
    walker.see("#email")
    told = {"sign-in": barred(walker)}
    walker.sign_in()
    for path, text in PAGES.items():
        walker.go(path)
        walker.see("main", text)
        time.sleep(0.4)
        told[path] = barred(walker)
        assert walker.run("return document.documentElement.scrollWidth") <= width, f"{path} scrolls sideways"
    walker.go("browse")
    walker.click(".segmented label", "Graph")
    walker.see("#graph canvas")
    told["graph"] = barred(walker)
    assert {path: found for path, found in told.items() if found} == {}
    reached = "return [...document.querySelectorAll('button.dash-dropdown')].map((one) => one.tabIndex)"
    assert walker.run(reached) == [0] * 5, "the Tab key comes to every list"
    walker.run("document.getElementById('filter-relation').focus()")
    walker.press(Keys.ENTER)
    walker.see(".dash-dropdown-content")


def barred(walker):
    walker.run(AXE)
    return walker.driver.execute_async_script(AUDIT, ["serious", "critical"])
