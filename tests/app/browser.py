"""A browser with the words of a walk through HARVEST, and a PDF to show it."""

import base64
import json

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from tests.app import services
from tests.app.conftest import PASSWORD

LINES = ["Overexpression of DREB2A increased grain yield", "under drought by 18 % in three field trials."]
DROP = """
const bytes = Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], arguments[2]));
document.querySelector(arguments[0]).dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: files}));
"""


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

    def press(self, *keys):
        """Keys for whatever has the focus; a key within a tuple is pressed with the ones before it held."""
        chain = webdriver.ActionChains(self.driver)
        for key in keys:
            if isinstance(key, tuple):
                held, last = key
                chain = chain.key_down(held).send_keys(last).key_up(held)
            else:
                chain = chain.send_keys(key)
            chain = chain.pause(0.1)
        chain.perform()

    def agree(self):
        """Say yes to the question that has come up."""
        WebDriverWait(self.driver, 10).until(expected_conditions.alert_is_present()).accept()

    def drop(self, name, data):
        self.see("[data-upload]")
        self.run(DROP, "[data-upload]", base64.b64encode(data).decode(), name)

    def sign_in(self, email="admin@example.org", password=PASSWORD, *, go=True):
        """On the first page, or with `go=False` where the browser is: that page comes back afterwards."""
        if go:
            self.go("")
        self.see("#email").clear()
        self.type("#email", email)
        self.type("#password", password + Keys.ENTER)
        if go:
            self.see("h1", "Projects")

    def fill_triple(self, *words):
        """From the first field of a triple on; Escape shuts the list of names."""
        self.press(*(key for word in words for key in (word, Keys.ESCAPE, Keys.TAB)))
