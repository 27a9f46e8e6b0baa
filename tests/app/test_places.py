"""A browser walks through HARVEST in the four places where it lives, at a desk and on a phone."""

import json

import pytest
import requests
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import LINES, Walker, text_pdf
from tests.app.conftest import PASSWORD, triple
from tests.app.crossref_standin import crossref
from tests.app.samples import upstream_database

PLACES = {
    "internal/": ("internal", "/", False),
    "internal/harvest/": ("internal", "/harvest/", False),
    "nginx/": ("nginx", "/", False),
    "nginx/harvest/": ("nginx", "/harvest/", False),
    "nginx/, the API by its own name": ("nginx", "/", True),
}


# A place is started once: its tests stay on one worker.
@pytest.fixture(
    scope="module", params=[pytest.param(one, marks=pytest.mark.xdist_group(one)) for one in PLACES]
)
def found(request, tmp_path_factory):
    mode, base, api_domain = PLACES[request.param]
    with (
        crossref() as server,
        services.place(
            tmp_path_factory.mktemp("place"),
            mode,
            base,
            api_domain=api_domain,
            HARVEST_CROSSREF_URL=server.url,
        ) as made,
    ):
        yield made


@pytest.fixture
def walker(found):
    made = Walker(found["url"])
    yield made
    made.driver.quit()


SELECT = """
const spans = [...document.querySelectorAll(".textLayer span")].filter((one) => one.textContent.trim());
const range = document.createRange();
range.setStart(spans[0].firstChild, 0);
range.setEnd(spans.at(-1).firstChild, spans.at(-1).textContent.length);
getSelection().removeAllRanges();
getSelection().addRange(range);
"""

# What the page itself would get from there.
FETCHED = """
return window.harvest.headersFor(arguments[0]).then((headers) => fetch(arguments[0], {headers}))
  .then((answer) => answer.text())
"""


SENTENCE = " ".join(LINES)


def test_the_seven_steps(walker, found, tmp_path):
    walker.sign_in()
    a_project_with_papers(walker)
    walker.click(".paper-title a", "10.1000/abc")
    # Its PDF: what is none is refused with a word and not kept.
    walker.drop("paper.pdf", b"hello\n")
    walker.see(".toast.error", "not a PDF")
    walker.drop("paper.pdf", text_pdf())
    walker.see(".textLayer span", "DREB2A")
    annotate(walker)
    by_keyboard_alone(walker)
    the_marked_copy(walker, tmp_path)
    browse(walker)
    for path, data in (("upstream.json", upstream_export()), ("upstream.db", upstream_file(tmp_path))):
        walker.go("admin/data")
        walker.drop(path, data)
        walker.see("#import-report", "Added: 1 projects, 1 papers, 1 sentences, 1 triples")
    walker.go("projects/2")
    walker.click("summary", "Change")
    walker.click("#project-delete button", "Delete the project")
    walker.agree()
    walker.see("h1", "Projects")
    walker.go("admin")
    walker.type("#user-email", "ann@example.org")
    walker.type("#user-password", "another good password")
    walker.click("#user-save")
    walker.see("td", "ann@example.org")
    walker.go("admin/audit")
    walker.see("td", "save sentence")
    walker.click("button", "Sign out")
    walker.see("h1", "Sign in")
    another_annotator(walker)
    walker.collect()
    # The one complaint is the browser's own word about the file that was refused.
    assert [one for one in walker.complaints if "422" not in one] == []
    assert len(walker.complaints) <= 1
    public = found["environ"].get("HARVEST_BACKEND_PUBLIC_URL", found["url"])
    ours = tuple(f"{url.split('/')[0]}//{url.split('/')[2]}/" for url in (found["url"], public))
    foreign = [url for url in walker.requested if not url.startswith((*ours, "data:", "blob:", "chrome"))]
    assert foreign == [], "a request left the host"
    if found["api_domain"]:
        assert any(url.startswith(f"{public}/projects/1/pdf/") for url in walker.requested)


def a_project_with_papers(walker):
    walker.click("summary", "New project")
    walker.type("#project-name", "Wheat")
    walker.click("#project-create")
    walker.see("h1", "Wheat")
    walker.type("#dois", "10.1000/abc\n10.1000/known\n10.1000/broken")
    walker.click("#dois-add")
    walker.see(".paper-title a", "10.1000/abc")

    def told():
        walker.driver.refresh()
        text = walker.see("table").text
        return "not reachable" in text and "Fetching" not in text

    walker.until(told, "what CrossRef said is not shown")
    seen = [row.text for row in walker.driver.find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert "Unknown to CrossRef" in seen[0]
    assert "A known paper & its title" in seen[1]
    assert "trying again" in seen[2]


def annotate(walker):
    """A selection becomes a highlight and the sentence."""
    walker.run(SELECT)
    walker.until(lambda: walker.see(".viewer-bar .primary").is_enabled())
    walker.click(".viewer-bar .primary")
    walker.see(".mark")
    walker.until(lambda: walker.see("#sentence").get_attribute("value") == SENTENCE)
    walker.until(lambda: walker.driver.switch_to.active_element.get_attribute("list") == "entity-names")
    walker.fill_triple("DREB2A", "Gene", "increases", "grain yield", "Phenotype")
    walker.click("#save")
    walker.see(".saved", SENTENCE)
    walker.see(".saved .relation", "increases")
    # What is wrong is said, and nothing is lost.
    walker.type("#sentence", "Half a sentence")
    walker.click("#save")
    walker.see(".toast.error", "Please fill in")
    assert walker.see("#sentence").get_attribute("value") == "Half a sentence"
    walker.see("#triples [aria-invalid]")
    walker.click("#cancel", "Clear")
    walker.agree()
    walker.until(lambda: walker.see("#sentence").get_attribute("value") == "")


def by_keyboard_alone(walker):
    """Save two triples, change the sentence and delete it, without the mouse."""
    walker.go("papers/1")
    walker.see("#sentence")
    walker.press((Keys.ALT, "s"), "Typed, not clicked.", Keys.TAB)
    walker.fill_triple("NAC69", "Gene", "activates", "proline", "Chemical")
    walker.press((Keys.ALT, "t"))
    walker.until(lambda: len(walker.driver.find_elements(By.CSS_SELECTOR, ".triple")) == 2)
    # The new triple goes on about the same source: its relation is the next to fill in.
    walker.run("document.querySelectorAll('.triple')[1].querySelector('.relation_type input').focus()")
    walker.fill_triple("inhibits", "drought", "Environment")
    walker.press((Keys.CONTROL, Keys.ENTER))
    walker.see(".saved", "Typed, not clicked.")
    walker.see(".saved .relation", "inhibits")
    tab_to(walker, "Edit")
    walker.press(Keys.ENTER)
    walker.see("#form-title", "Edit")
    walker.press((Keys.ALT, "s"), Keys.END, " And changed.", (Keys.CONTROL, Keys.ENTER))
    walker.see(".saved", "Typed, not clicked. And changed.")
    tab_to(walker, "Delete")
    walker.press(Keys.ENTER)
    walker.agree()
    walker.until(lambda: "Typed, not clicked" not in walker.see("#sentences").text)
    walker.see(".saved", SENTENCE)


def tab_to(walker, label):
    """The Tab key until the focus, which is seen, is on a button of that name in the newest sentence."""
    walker.press((Keys.ALT, "s"))
    for _ in range(40):
        walker.press(Keys.TAB)
        focus = walker.driver.switch_to.active_element
        if focus.text == label:
            assert walker.run("return getComputedStyle(arguments[0]).outlineStyle", focus) != "none"
            return
    raise AssertionError(f"no way by Tab to {label}")


def the_marked_copy(walker, folder):
    walker.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )
    walker.click("summary", "Files")
    walker.click("a", "Copy with highlights")
    (copy,) = walker.until(lambda: list(folder.glob("*-marked.pdf")), "nothing came down")
    assert b"HarvestMark" in copy.read_bytes()
    original = walker.see("a", "Download").get_attribute("href")
    told = walker.run(FETCHED, original)
    assert "HarvestMark" not in told
    assert told.startswith("%PDF-")


def browse(walker):
    """The table, the picture, the export."""
    walker.go("browse")
    walker.see(".triples-table td", "DREB2A")
    walker.type("#search", "no such thing" + Keys.ENTER)
    walker.see("#found", "No triple matches")
    walker.type("#search", Keys.CONTROL + "a" + Keys.NULL + "yield" + Keys.ENTER)
    walker.see("#count", "1 triple")
    link = walker.see("#exports a", "CSV").get_attribute("href")
    assert "grain yield" in walker.run(FETCHED, link)
    walker.click(".segmented label", "Graph")
    walker.see("#graph canvas")


def upstream_export():
    document = {
        "projects": [{"id": 4, "name": "Moved in", "doi_list": ["10.1000/moved"]}],
        "sentences": [{"id": 9, "text": "It moved in.", "doi_hash": "x"}],
        "triples": [{**triple(), "sentence_id": 9, "project_id": 4, "contributor_email": "old@example.org"}],
    }
    return json.dumps({"data": document}).encode()


def upstream_file(folder):
    return upstream_database(folder / "upstream.db").read_bytes()


def another_annotator(walker):
    """Sees what others saved and may not touch it; what is one's own may be changed and deleted."""
    walker.sign_in("ann@example.org", "another good password")
    assert walker.driver.find_elements(By.LINK_TEXT, "Admin") == []
    walker.go("papers/1")
    theirs = walker.see(".saved", SENTENCE)
    assert [one.text for one in theirs.find_elements(By.TAG_NAME, "button") if one.text] == ["page 1"]
    assert "@" not in theirs.text
    walker.type("#sentence", "Mine.")
    walker.click(".triple input")
    walker.fill_triple("NAC69", "Gene", "activates", "proline", "Chemical")
    walker.click("#save")
    mine = walker.see(".saved", "Mine.")
    assert [one.text for one in mine.find_elements(By.TAG_NAME, "button") if one.text] == ["Edit", "Delete"]
    walker.click(".saved button", "Edit")
    walker.see("#form-title", "Edit")
    walker.type("#sentence", " Changed.")
    walker.click("#save", "Save changes")
    walker.see(".saved", "Mine. Changed.")
    walker.click(".saved button", "Delete")
    walker.agree()
    walker.until(lambda: "Mine." not in walker.see("#sentences").text)


def test_each_mode_reaches_pdfs_its_own_way(found):
    session = requests.Session()
    session.post(
        f"{found['url']}login", data={"email": "admin@example.org", "password": PASSWORD}, timeout=30
    )
    proxied = session.get(f"{found['url']}proxy/pdf/1/none.pdf", timeout=30)
    assert (proxied.status_code, proxied.headers["Content-Type"]) == (404, "application/json")
    if found["environ"]["HARVEST_DEPLOYMENT_MODE"] == "nginx":
        assert "no such proxy route" in proxied.json()["error"]
        if found["api_domain"]:
            assert (
                requests.get(f"{found['environ']['HARVEST_BACKEND_PUBLIC_URL']}/me", timeout=30).status_code
                == 401
            )
            return
        assert session.get(f"{found['url']}api/me", timeout=30).json()["admin"], (
            "the session's cookie reaches the API"
        )
        foreign = requests.get(
            f"{found['url']}api/choices", headers={"Origin": "https://evil.example"}, timeout=30
        )
        assert "Access-Control-Allow-Origin" not in foreign.headers
    else:
        assert "no PDF" in proxied.json()["error"]
        assert "json" not in session.get(f"{found['url']}api/me", timeout=30).headers["Content-Type"]


def test_every_script_and_style_is_served_under_the_base_path_with_its_type(found):
    import re

    page = requests.get(found["url"], timeout=30)
    assert "unsafe-eval" not in page.headers["Content-Security-Policy"].replace("wasm-unsafe-eval", "")
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(names) > 8
    base = found["environ"]["HARVEST_URL_BASE_PATHNAME"]
    for name in names:
        assert name.startswith(base)
        answer = requests.get(found["url"] + name[len(base) :], timeout=30)
        assert answer.status_code == 200, name
        kind = {"js": "javascript", "ss": "css", "vg": "svg"}.get(name.split("?")[0][-2:], "")
        assert kind in answer.headers["Content-Type"], name
