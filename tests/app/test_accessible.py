"""Pages with a group's work in them bar nobody: axe-core at a desk and on a phone, by day and by night, the Tab key, no
sideways scroll; and what a page is on paper."""

import time
from pathlib import Path

import axe_core_python
import pytest
import requests
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import Walker
from tests.app.conftest import PASSWORD
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
    "trash": "In our trials",
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
        yield found


@pytest.fixture
def walker(filled, width, scheme):
    made = Walker(filled["url"], width)
    preferred = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    made.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", preferred)
    yield made
    made.driver.quit()


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")]
)
def test_every_page_is_accessible(walker, width, scheme, filled):
    """Names of controls, contrast, order of headings, landmarks: axe-core finds nothing that bars anybody."""
    walker.go("")
    walker.see("#email")
    dark = "return getComputedStyle(document.body).backgroundColor"
    assert (walker.run(dark) == "rgb(19, 25, 22)") == (scheme == "dark")
    told = {"sign-in": barred(walker)}
    walker.sign_in()
    delete_a_sentence(filled["api"])
    for path, text in PAGES.items():
        walker.go(path)
        walker.see("main", text)
        time.sleep(0.4)
        walker.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
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


def delete_a_sentence(api):
    login = {"email": "admin@example.org", "password": PASSWORD}
    headers = {
        "Authorization": f"Bearer {requests.post(f'{api}/login', json=login, timeout=60).json()['token']}"
    }
    last = requests.get(f"{api}/rows?limit=1", headers=headers, timeout=60).json()[0]["sentence_id"]
    requests.delete(f"{api}/sentences/{last}", headers=headers, timeout=60).raise_for_status()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark")])
def test_a_page_on_paper_is_what_was_found(walker, width, scheme):
    """Dark ink on white, sentences and rows in full, and nothing to click."""
    walker.sign_in()
    walker.go("papers/1")
    walker.see(".saved", "DREB2A")
    walker.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    walker.see(".saved p", "DREB2A")
    shown = (
        "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).length"
    )
    assert walker.run(shown, "button, nav, #viewer, textarea, .to-form") == 0
    assert walker.run("return getComputedStyle(document.body).color") == "rgb(29, 42, 36)"
    walker.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen"})
    walker.go("browse")
    walker.see(".triples-table td", "DREB2A")
    walker.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert walker.run(shown, ".filters, .pager, #exports, nav") == 0
    cut = "return [...document.querySelectorAll('td .clip')].filter((one) => one.scrollHeight > one.clientHeight + 1)"
    assert walker.run(f"{cut}.length") == 0


def barred(walker):
    walker.run(AXE)
    return walker.driver.execute_async_script(AUDIT, ["serious", "critical"])
