"""Pages in a browser: adding papers with a preview, the search in the address, the graph, a phone, files that fail."""

import pytest
import requests
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import Walker
from tests.app.conftest import PASSWORD
from tests.app.group import fill
from tests.app.test_papers import BIBTEX

pytestmark = pytest.mark.xdist_group("pages")
# Relations' labels that are shown and lie on an entity, a name or another one; names that lie on a relation.
COVERED = """
const view = document.getElementById("graph").view;
const meet = (a, b) => a.x1 < b.x2 && a.x2 > b.x1 && a.y1 < b.y2 && a.y2 > b.y1;
const alone = {includeNodes: false, includeOverlays: false, includeUnderlays: false, includeOutlines: false};
const names = view.nodes().map((one) => one.renderedBoundingBox(alone));
const boxes = view.nodes().map((one) => one.renderedBoundingBox({includeLabels: true}));
const shown = view.edges().filter((one) => !one.hasClass("silent")).map((one) => one.scratch("place"));
const labels = shown.filter((one, at) => [...boxes, ...shown.slice(0, at)].some((box) => meet(one, box)));
const crossed = view.edges().filter((edge) => {
  const [from, to] = [edge.renderedSourceEndpoint(), edge.renderedTargetEndpoint()];
  return [...Array(60).keys()].some((step) => {
    const [x, y] = ["x", "y"].map((axis) => from[axis] + (to[axis] - from[axis]) * step / 59);
    return names.some((box) => x > box.x1 + 2 && x < box.x2 - 2 && y > box.y1 + 2 && y < box.y2 - 2);
  });
});
return [shown.length, labels.length, crossed.length];
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with services.place(tmp_path_factory.mktemp("pages"), "internal", "/") as found:
        fill(found["api"])
        yield found


@pytest.fixture
def walker(filled, request):
    made = Walker(filled["url"], *getattr(request, "param", ()))
    yield made
    made.driver.quit()


def tell(walker, name, value):
    walker.run("window.dash_clientside.set_props(arguments[0], {value: arguments[1]})", name, value)


def test_papers_are_looked_at_before_they_are_added(walker):
    walker.sign_in()
    walker.go("projects/3")
    walker.see("#dois")
    tell(walker, "dois", BIBTEX)
    walker.click("#dois-check")
    told = walker.see("#papers-checked", "Refused (2)").text
    assert "New (3)" in told
    assert "A Book without DOI · John Smith, Wei Chen · 2020" in told
    assert "it has neither a DOI nor a title" in told
    walker.click("#dois-add")
    walker.see(".toast.error", "3 papers added. Refused: @article{open")
    walker.see(".paper-title a", "A Book without DOI")
    walker.run("document.querySelector('.disclosure').open = true")
    walker.type("#new-title", "Field notes")
    walker.type("#new-year", "19x8")
    walker.click("#paper-add")
    walker.see(".toast.error", "The year is a number, not '19x8'.")
    walker.run("document.querySelectorAll('.toast').forEach((one) => one.remove())")
    walker.type("#new-year", Keys.CONTROL + "a")
    walker.type("#new-year", "1998")
    walker.click("#paper-add")
    walker.click(".paper-title a", "Field notes")
    walker.see("h1", "Field notes")
    walker.click("summary", "Change title")
    walker.type("#paper-title", " of a summer")
    walker.click("#paper-change")
    walker.see("h1", "Field notes of a summer")


def test_the_search_is_in_the_address(walker):
    walker.sign_in()
    walker.go("browse")
    walker.type("#search", "proline")
    walker.until(lambda: walker.driver.current_url.endswith("/browse?q=proline"))
    walker.see("#count", "2 triples")
    walker.click(".segmented label", "Graph")
    walker.until(lambda: walker.driver.current_url.endswith("/browse?q=proline&view=graph"))
    shared = walker.driver.current_url.rpartition("/")[2]
    walker.run("sessionStorage.clear()")
    walker.go(shared)
    walker.see("#graph canvas")
    assert walker.see("#search").get_attribute("value") == "proline"
    walker.go("browse?source_type=Gene&relation=activates")
    walker.see("#count", "2 triples")


@pytest.mark.parametrize("walker", [(1440, 900), (390, 844)], indirect=True)
def test_labels_cover_nothing_in_the_graph_and_a_colour_stays_with_its_type(walker):
    walker.sign_in()
    walker.go("browse?view=graph")
    walker.see("#graph canvas")
    walker.until(lambda: walker.run("return document.getElementById('graph').view !== undefined"))
    shown, labels, crossed = walker.run(COVERED)
    assert shown > 6 or walker.run("return innerWidth") < 500
    assert labels == 0
    assert crossed <= 2 or walker.run("return innerWidth") < 500, "names stand beside their relations"
    entries = "[...document.querySelectorAll('#legend li')]"
    color = f"return {entries}.find((one) => one.textContent === 'Gene').firstChild.style.background"
    before = walker.run(color)
    walker.go("browse?view=graph&source_type=Gene")
    walker.see("#legend li", "Gene")
    assert walker.run(color) == before


@pytest.mark.parametrize("walker", [(390, 844)], indirect=True)
def test_on_a_phone_one_tap_leads_to_the_form(walker):
    walker.sign_in()
    walker.go("papers/1")
    walker.see(".textLayer span", "DREB2A")
    walker.click(".to-form")
    box = "const box = document.getElementById('sentence').getBoundingClientRect();"
    walker.until(lambda: walker.run(f"{box} return box.top >= 0 && box.bottom <= innerHeight"))
    walker.until(lambda: not walker.driver.find_element(By.CSS_SELECTOR, ".to-form").is_displayed())


def test_what_no_page_uses_is_not_loaded_and_what_fails_is_named(walker, filled):
    walker.sign_in()
    walker.go("papers/1")
    walker.see(".textLayer span", "DREB2A")
    walker.go("browse")
    walker.see(".triples-table td")
    walker.collect()
    assert not [one for one in walker.requested if "dash_table" in one or "polyfill" in one]
    sizes = "return performance.getEntries().filter((one) => one.decodedBodySize).map((one) => one.encodedBodySize)"
    walker.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    walker.go("")
    walker.see("h1", "Projects")
    assert sum(walker.run(sizes)) < 600_000
    for name in ("dash_renderer", "form.js"):
        walker.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [f"*{name}*"]})
        walker.go("")
        walker.see("#not-loaded", f"could not be loaded ({name}")
    walker.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_an_admin_unlocks_an_account_in_the_list(walker, filled):
    for _ in range(6):
        wrong = {"email": "ann@example.org", "password": "wrong password"}
        status = requests.post(f"{filled['api']}/login", json=wrong, timeout=60).status_code
    assert status == 429
    requests.post(f"{filled['api']}/login", json={**wrong, "email": "nobody@example.org"}, timeout=60)
    walker.sign_in()
    walker.go("admin")
    walker.see(".badge", "Locked")
    walker.click("td button", "Unlock")
    walker.until(
        lambda: (
            not [
                one for one in walker.driver.find_elements(By.CSS_SELECTOR, ".badge") if one.text == "Locked"
            ]
        )
    )
    right = {**wrong, "password": PASSWORD}
    assert requests.post(f"{filled['api']}/login", json=right, timeout=60).status_code == 200


def test_an_admin_gives_a_role_and_the_page_follows_it(walker):
    walker.sign_in()
    walker.go("projects/2")
    walker.click("summary", "Who may do what")
    tell(walker, "role-may", "none")
    walker.click("#role-set")
    walker.see(".toast", "The role is set.")
    walker.go("projects/1")
    walker.click("summary", "Who may do what")
    tell(walker, "role-may", "read")
    walker.click("#role-set")
    walker.see(".toast", "The role is set.")
    walker.click("button", "Sign out")
    walker.sign_in("ann@example.org")
    walker.see(".cards", "Drought tolerance")
    assert "Salt stress" not in walker.see("main").text
    walker.go("papers/1")
    walker.see("#annotate", "You can only read in this project.")
    assert not walker.driver.find_element(By.ID, "save").is_displayed()
    walker.go("projects/2")
    walker.see("[role=alert]", "There is no project 2.")
