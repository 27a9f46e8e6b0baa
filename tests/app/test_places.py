"""A browser walks through HARVEST in the four places where it lives, at a desk and on a phone."""

import base64
import json
import time

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.app import services
from tests.app.conftest import PASSWORD

PLACES = [("internal", "/"), ("internal", "/harvest/"), ("nginx", "/"), ("nginx", "/harvest/")]
LINES = ["Overexpression of DREB2A increased grain yield", "under drought by 18 % in three field trials."]


@pytest.fixture(scope="module", params=PLACES, ids=lambda found: f"{found[0]}{found[1]}")
def found(request, tmp_path_factory):
    with services.place(tmp_path_factory.mktemp("place"), *request.param) as made:
        yield made


def text_pdf(lines=LINES):
    """A PDF of one page with real text."""
    content = (
        b"BT /F1 14 Tf 72 700 Td 20 TL " + b"".join(b"(%s) Tj T* " % line.encode() for line in lines) + b"ET"
    )
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
        b"/Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


class Walker:
    """A browser with the words of the walk."""

    def __init__(self, url, width=1440, height=900):
        options = webdriver.ChromeOptions()
        options.binary_location = services.program("chromium")
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(services.program("chromedriver"))
        self.driver, self.url = webdriver.Chrome(options=options, service=service), url
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.requested, self.complaints = [], []

    def until(self, condition, what=""):
        return WebDriverWait(self.driver, 15, 0.1).until(lambda _: self.calm(condition), what)

    def calm(self, condition):
        """React replaces elements while we look at them: then look again."""
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            return condition()
        except StaleElementReferenceException:
            return False

    def see(self, selector, text=""):
        """The first shown element that fits."""

        def look():
            for one in self.driver.find_elements(By.CSS_SELECTOR, selector):
                if one.is_displayed() and text in one.text:
                    return one
            return False

        return self.until(look, f"{selector} with '{text}' is not shown")

    def click(self, selector, text=""):
        self.see(selector, text).click()

    def type(self, selector, text):
        self.see(selector).send_keys(text)

    def go(self, path):
        self.driver.get(self.url + path)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def collect(self):
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        self.complaints += [
            one["message"] for one in self.driver.get_log("browser") if one["level"] != "DEBUG"
        ]

    def sign_in(self):
        self.go("")
        self.type("#email", "admin@example.org")
        self.type("#password", PASSWORD + Keys.ENTER)
        self.see("h1", "Projects")


@pytest.fixture
def walker(found):
    made = Walker(found["url"])
    yield made
    made.driver.quit()


DROP = """
const bytes = Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], "paper.pdf", {type: "application/pdf"}));
document.querySelector(arguments[0]).dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: files}));
"""
SELECT = """
const spans = [...document.querySelectorAll(".textLayer span")].filter((one) => one.textContent.trim());
const range = document.createRange();
range.setStart(spans[0].firstChild, 0);
range.setEnd(spans.at(-1).firstChild, spans.at(-1).textContent.length);
getSelection().removeAllRanges();
getSelection().addRange(range);
"""


def test_the_seven_steps(walker, found):
    walker.sign_in()
    # A project with a paper.
    walker.click("summary", "New project")
    walker.type("#project-name", "Wheat")
    walker.click("#project-create")
    walker.see("h1", "Wheat")
    walker.type("#dois", "10.1000/abc")
    walker.click("#dois-add")
    walker.click(".paper-title a", "10.1000/abc")
    # Its PDF.
    walker.see(".missing .dropzone")
    walker.run(DROP, "[data-upload]", base64.b64encode(text_pdf()).decode())
    walker.see(".textLayer span", "DREB2A")
    # A selection becomes a highlight and the sentence; the rest is done by keyboard alone.
    walker.run(SELECT)
    walker.until(lambda: walker.see(".viewer-bar .primary").is_enabled())
    walker.click(".viewer-bar .primary")
    walker.see(".mark")
    sentence = " ".join(LINES)
    walker.until(lambda: walker.see("#sentence").get_attribute("value") == sentence)
    walker.until(lambda: walker.driver.switch_to.active_element.get_attribute("list") == "entity-names")
    keys = webdriver.ActionChains(walker.driver)
    for word in ("DREB2A", "Gene", "increases", "grain yield", "Phenotype"):
        keys = keys.send_keys(word).pause(0.1).send_keys(Keys.ESCAPE, Keys.TAB)
    keys.perform()
    webdriver.ActionChains(walker.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(
        Keys.CONTROL
    ).perform()
    walker.see(".saved", sentence)
    walker.see(".saved .relation", "increases")
    # What is wrong is said, and nothing is lost.
    walker.type("#sentence", "Half a sentence")
    walker.click("#save")
    walker.see(".toast.error", "Please fill in")
    assert walker.see("#sentence").get_attribute("value") == "Half a sentence"
    # Browse: the table, the picture, the export.
    walker.go("browse")
    walker.see(".triples-table td", "DREB2A")
    walker.type("#search", "no such thing" + Keys.ENTER)
    walker.see("#found", "No triple matches")
    walker.type("#search", Keys.CONTROL + "a" + Keys.NULL + "yield" + Keys.ENTER)
    walker.see("#count", "1 triple")
    link = walker.see("#exports a", "CSV").get_attribute("href")
    assert "grain yield" in walker.run("return fetch(arguments[0]).then((answer) => answer.text())", link)
    walker.click(".segmented label", "Graph")
    walker.see("#graph canvas")
    # Admin.
    walker.go("admin")
    walker.type("#user-email", "ann@example.org")
    walker.type("#user-password", "another good password")
    walker.click("#user-save")
    walker.see("td", "ann@example.org")
    walker.go("admin/audit")
    walker.see("td", "save sentence")
    walker.click("button", "Sign out")
    walker.see("h1", "Sign in")
    walker.collect()
    assert walker.complaints == []
    origin = found["url"].split("/", 3)[2]
    foreign = [
        url
        for url in walker.requested
        if not url.startswith((f"http://{origin}/", "data:", "blob:", "chrome"))
    ]
    assert foreign == [], "a request left the host"


def test_a_phone_scrolls_only_up_and_down(found):
    walker = Walker(found["url"], 390, 844)
    try:
        walker.sign_in()
        for path in ("", "projects/1", "papers/1", "browse", "admin", "admin/vocabulary", "help"):
            walker.go(path)
            walker.see("h1")
            time.sleep(0.3)
            assert walker.run("return document.documentElement.scrollWidth") <= 390, path
    finally:
        walker.driver.quit()


def test_every_control_has_a_name(walker):
    walker.sign_in()
    for path in ("", "projects/1", "papers/1", "browse", "admin", "admin/vocabulary"):
        walker.go(path)
        walker.see("h1")
        time.sleep(0.3)
        nameless = walker.run("""
            const named = (one) => one.textContent.trim() || one.labels?.length || one.ariaLabel || one.title;
            return [...document.querySelectorAll("main :is(input, textarea, button, a, select)")]
              .filter((one) => one.offsetParent && !one.ariaHidden && one.type !== "hidden" && !named(one))
              .map((one) => one.outerHTML.slice(0, 150));""")
        assert nameless == [], path


def test_each_mode_reaches_pdfs_its_own_way(found):
    session = requests.Session()
    session.post(
        f"{found['url']}login", data={"email": "admin@example.org", "password": PASSWORD}, timeout=30
    )
    proxied = session.get(f"{found['url']}proxy/pdf/1/none.pdf", timeout=30)
    assert (proxied.status_code, proxied.headers["Content-Type"]) == (404, "application/json")
    if found["environ"]["HARVEST_DEPLOYMENT_MODE"] == "nginx":
        assert "no such proxy route" in proxied.json()["error"]
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
