"""What a browser must not lose: a half-filled form, a selection of triples, where somebody wanted to go."""

import io

import pytest
import requests
from pypdf import PdfWriter
from selenium.webdriver.common.keys import Keys

from tests.app import group
from tests.app.browser import Walker
from tests.app.conftest import PASSWORD, triple
from tests.app.services import place

# A double click, and what a slow hand makes of it.
TWICE = "const b = document.getElementById('save'); b.click(); setTimeout(() => b.click(), 30);"
SELECT = """
const range = document.createRange();
range.selectNodeContents(document.querySelector(".textLayer span"));
getSelection().removeAllRanges();
getSelection().addRange(range);
"""

# Its place is started once, so its tests stay on one worker.
pytestmark = pytest.mark.xdist_group("form")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with place(tmp_path_factory.mktemp("form"), "internal", "/") as found:
        group.fill(found["api"])
        yield found


@pytest.fixture
def walker(found):
    walker = Walker(found["url"])
    yield walker
    walker.collect()
    walker.driver.quit()
    assert not [one for one in walker.complaints if "401" not in one]


def token(found):
    login = {"email": "ann@example.org", "password": PASSWORD}
    made = requests.post(f"{found['api']}/login", json=login, timeout=60).json()
    return {"Authorization": f"Bearer {made['token']}"}


def form(walker):
    fields = "return [...document.querySelectorAll('#sentence, #triples input')].map((one) => one.value)"
    return walker.run(fields)


def test_a_half_filled_form_outlives_its_session_and_a_double_click_saves_once(walker, found):
    walker.go("papers/3")
    walker.sign_in("ann@example.org", go=False, password="the wrong password")
    walker.see("[role=alert]", "wrong")
    walker.sign_in("ann@example.org", go=False)
    walker.type("#sentence", "TP53 acts.")
    walker.see("#triples input").click()
    walker.fill_triple("TP53", "Gene", "activates", "p21", "Protein")
    walker.press((Keys.ALT, "t"))
    filled = ["TP53 acts.", "TP53", "Gene", "activates", "p21", "Protein"]
    walker.until(lambda: form(walker) == [*filled, "TP53", "Gene", "", "", ""])
    where = (
        "return [document.activeElement.name, document.activeElement.closest('.triple:last-child') !== null]"
    )
    walker.until(lambda: walker.run(where) == ["relation_type", True])
    walker.run("document.querySelectorAll('.triple .remove')[1].click()")
    walker.until(lambda: form(walker) == filled)
    requests.post(f"{found['api']}/logout", headers=token(found), timeout=60)
    walker.press((Keys.CONTROL, Keys.ENTER))
    walker.see(".toast.error", "What you typed is kept")
    walker.sign_in("ann@example.org", go=False)
    walker.until(lambda: form(walker) == filled)
    walker.click("nav a", "Browse")
    walker.see("h1", "Browse")
    walker.driver.back()
    walker.until(lambda: form(walker) == filled)
    walker.driver.refresh()
    walker.until(lambda: form(walker) == filled)
    walker.run(TWICE)
    walker.see(".toast", "Saved with 1 triple.")
    walker.until(lambda: form(walker) == [""] * 6)
    assert walker.until(lambda: walker.run("return document.activeElement.id") == "sentence")
    saved = requests.get(f"{found['api']}/papers/3/sentences", headers=token(found), timeout=60).json()
    assert [one["sentence"] for one in saved] == ["TP53 acts."]
    walker.driver.refresh()
    walker.see(".saved", "TP53 acts.")
    assert form(walker) == [""] * 6, "what is saved is no draft any more"


def test_two_windows_on_one_sentence_lose_nothing(walker, found):
    saved = {"sentence": "Once.", "paper_id": 3, "page": 1, "triples": [triple()]}
    made = requests.post(f"{found['api']}/save", json=saved, headers=token(found), timeout=60).json()
    where = f"{found['api']}/sentences/{made['sentence_id']}"

    def edit(window):
        walker.driver.switch_to.window(window)
        walker.go("papers/3")
        walker.see(".saved", "Once.")
        walker.click(".saved button", "Edit")
        walker.see("#form-title", "Edit")

    def save(typed, button="Save changes"):
        walker.type("#sentence", typed)
        walker.click("#save", button)

    walker.go("papers/3")
    walker.sign_in("ann@example.org", go=False)
    walker.see(".saved", "Once.")
    one = walker.driver.current_window_handle
    walker.driver.switch_to.new_window("tab")
    two = walker.driver.current_window_handle
    edit(one)
    edit(two)
    save(" Second window.")
    walker.see(".toast", "Saved")
    walker.driver.switch_to.window(one)
    save(" First window.")
    walker.see("#refused", "You changed this sentence meanwhile: nothing was saved. What you typed is kept")
    walker.see(".saved", "Once. Second window.")
    assert form(walker)[:2] == ["Once. First window.", "TP53"]
    walker.driver.refresh()
    walker.see("#refused", "You changed this sentence meanwhile")
    walker.click("#save", "Save mine instead")
    walker.see(".saved", "Once. First window.")
    edit(one)
    edit(two)
    save(" Again.")
    walker.see(".saved", "Again.")
    walker.driver.switch_to.window(one)
    save(" Late.")
    walker.click("#refused button", "Load the newer version")
    walker.agree()
    walker.until(lambda: form(walker)[0] == "Once. First window. Again.")
    walker.until(lambda: not walker.run("return document.getElementById('refused').textContent"))
    requests.delete(where, headers=token(found), timeout=60)
    save(" Kept.")
    walker.see("#refused", "You deleted this sentence meanwhile: nothing was saved.")
    walker.until(lambda: "Once." not in walker.run("return document.getElementById('sentences').textContent"))
    save("", "Save")
    walker.see(".saved", "Once. First window. Again. Kept.")
    walker.see(".saved button", "page 1")


def test_a_row_among_many_is_there_at_once(walker, found):
    """Dash took 7 s for a row after 60 others."""
    triples = [triple(sink_entity_name=f"sink {number}") for number in range(60)]
    saved = {"sentence": "Sixty.", "paper_id": 3, "triples": triples}
    made = requests.post(f"{found['api']}/save", json=saved, headers=token(found), timeout=60).json()
    walker.go("papers/3")
    walker.sign_in("ann@example.org", go=False)
    walker.see(".saved", "Sixty.")
    walker.click(".saved button", "Edit")
    rows = "document.querySelectorAll('.triple').length"
    walker.until(lambda: walker.run(f"return {rows}") == 60)
    click = "for (const one of document.querySelectorAll(arguments[0])) one.click();"
    assert walker.run(f"{click} return {rows}", "#add-triple") == 61
    assert walker.run(f"{click} return {rows}", ".triple:nth-child(3) .remove") == 60
    walker.run("document.querySelector('.triple:last-child .relation_type input').focus()")
    walker.fill_triple("inhibits", "drought", "Environment")
    walker.press((Keys.CONTROL, Keys.ENTER))
    walker.see(".toast", "Saved with 60 triples.")
    where = f"{found['api']}/sentences/{made['sentence_id']}"
    kept = requests.get(where, headers=token(found), timeout=60).json()["triples"]
    sinks = [f"sink {number}" for number in range(60) if number != 2]
    assert [one["sink_entity_name"] for one in kept] == [*sinks, "drought"]
    assert walker.run(f"{click} return {rows}", ".triple .remove") == 1, "the last one is emptied"


def test_a_highlight_made_by_mistake_is_removed(walker):
    walker.go("papers/1")
    walker.sign_in("ann@example.org", go=False)
    walker.see(".textLayer span")
    walker.run(SELECT)
    walker.press((Keys.ALT, "h"))
    walker.see(".mark")
    walker.click("summary", "Highlights")
    walker.click("#marks button", "Remove")
    walker.see("#marks", "Nothing is highlighted yet.")
    walker.until(lambda: not walker.run("return document.querySelectorAll('.mark').length"))


def test_a_scanned_pdf_says_why_nothing_can_be_selected_and_far_pages_give_memory_back(walker, found):
    writer, data = PdfWriter(), io.BytesIO()
    for _ in range(40):
        writer.add_blank_page(595, 842)
    writer.write(data)
    headers = {**token(found), "Content-Type": "application/pdf"}
    requests.put(f"{found['api']}/papers/2/pdf", data=data.getvalue(), headers=headers, timeout=60)
    walker.go("papers/2")
    walker.sign_in("ann@example.org", go=False)
    walker.see(".page-number", "no text to select")
    for number in range(0, 40, 2):
        walker.run("document.getElementById('viewer').viewer.go(arguments[0])", number + 1)
        walker.until(
            lambda at=number: walker.run(
                "return !!document.querySelectorAll('.pdf-page')[arguments[0]].firstChild", at
            )
        )
    walker.until(lambda: walker.run("return document.querySelectorAll('canvas').length") < 10)


def test_the_selection_is_still_there_after_a_look_at_a_paper(walker):
    walker.go("browse?project_id=1")
    walker.sign_in("ann@example.org", go=False)
    walker.see("#count", "triples")
    walker.type("#search", "DREB2A")
    walker.until(lambda: walker.see("#count").text == "2 triples")
    walker.click(".triples-table a")
    walker.see("#sentence")
    walker.driver.back()
    walker.see("#count", "2 triples")
    assert walker.see("#search").get_attribute("value") == "DREB2A"


def test_names_wider_than_a_phone_do_not_push_the_page_aside(found):
    def send(method, path, body):
        answer = requests.request(method, found["api"] + path, json=body, headers=admin, timeout=60)
        answer.raise_for_status()
        return answer.json()

    login = {"email": "admin@example.org", "password": PASSWORD}
    made = requests.post(f"{found['api']}/login", json=login, timeout=60).json()
    admin, word = {"Authorization": f"Bearer {made['token']}"}, "Donaudampfschiff" * 10
    project = send("POST", "/projects", {"name": word, "description": word})
    send("POST", "/vocabulary", {"kind": "entity", "name": word[:60]})
    send("POST", f"/projects/{project['id']}/papers", {"dois": ["10.1000/" + "x" * 200]})
    save = {"sentence": word, "paper_id": 7, "triples": [triple(source_entity_name=word)]}
    send("POST", "/save", save)
    walker = Walker(found["url"], 390)
    try:
        walker.sign_in()
        for path in ("", f"projects/{project['id']}", "papers/7", "admin/vocabulary"):
            walker.go(path)
            walker.see("main", "Donaudampf")
            assert walker.run("return document.scrollingElement.scrollWidth") == 390, path
    finally:
        walker.driver.quit()


def test_save_while_the_network_is_away_tells_so_and_works_again_afterwards(found):
    walker = Walker(found["url"])
    try:
        walker.go("papers/3")
        walker.sign_in("ann@example.org", go=False)
        walker.type("#sentence", "Saved on the train.")
        walker.see("#triples input").click()
        walker.fill_triple("TP53", "Gene", "activates", "p21", "Protein")
        offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        walker.driver.execute_cdp_cmd("Network.enable", {})
        walker.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        walker.click("#save")
        walker.see(".toast.error", "nothing was saved")
        walker.until(lambda: walker.see("#save").is_enabled())
        assert form(walker)[0] == "Saved on the train."
        walker.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
        walker.click("#save")
        walker.see("#sentences", "Saved on the train.")
    finally:
        walker.driver.quit()


def test_no_draft_goes_without_a_question_and_what_is_missing_is_marked(walker, found):
    saved = {"sentence": "Asked first.", "paper_id": 3, "triples": [triple()]}
    requests.post(f"{found['api']}/save", json=saved, headers=token(found), timeout=60)
    walker.go("papers/3")
    walker.sign_in("ann@example.org", go=False)
    walker.see(".saved", "Asked first.")
    walker.type("#sentence", "Half done.")
    walker.see("#triples input").click()
    walker.fill_triple("TP53", "Gene")
    walker.click("#save")
    walker.see(".toast.error", "Triple 1: please fill in Relation, Target entity, Target type.")
    names = "return [...document.querySelectorAll('[aria-invalid]')].map((one) => one.name)"
    lacking = ["relation_type", "sink_entity_name", "sink_entity_attr"]
    walker.until(lambda: walker.run(names) == lacking)
    assert walker.run("return document.activeElement.name") == "relation_type"
    walker.press("a")
    walker.until(lambda: walker.run(names) == lacking[1:])
    for button in (".saved button", "#cancel"):
        walker.click(button)
        walker.driver.switch_to.alert.dismiss()
        assert form(walker) == ["Half done.", "TP53", "Gene", "a", "", ""]
    walker.driver.refresh()
    walker.see(".saved", "Asked first.")
    walker.until(lambda: form(walker)[0] == "Half done.")
    walker.click(".saved button", "Edit")
    walker.agree()
    walker.see("#form-title", "Edit")
    walker.click("#cancel", "Cancel")
    walker.until(lambda: form(walker) == [""] * 6, "nothing was typed, so nothing is asked")
