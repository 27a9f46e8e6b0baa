"""A real browser that trusts one more authority, signs in, and tells what it complained about."""

import subprocess
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.host.visitor import ADMIN, password


def page_of(
    url: str, ca: Path, home: Path, paper: str = "", picture: Path | None = None
) -> tuple[str, list[str]]:
    """Sign in at `url`; the words on the page then, and every line of the console that is an error.

    With `paper`, a path below the base, that is opened too, until its PDF is drawn.
    """
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{store}", "-N", "--empty-password"], check=True)
    add = ["certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "lab", "-i", str(ca)]
    subprocess.run(add, check=True)
    options = webdriver.ChromeOptions()
    for word in (
        "--headless=new",
        "--no-sandbox",
        f"--user-data-dir={home}/profile",
        "--window-size=1300,900",
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(
        "/usr/bin/chromedriver", env={"HOME": str(home), "PATH": "/usr/bin:/bin"}
    )
    browser = webdriver.Chrome(options=options, service=service)
    try:
        browser.get(url)
        wait = WebDriverWait(browser, 30, ignored_exceptions=[StaleElementReferenceException])
        wait.until(lambda page: page.find_elements(By.NAME, "password"))
        browser.find_element(By.NAME, "email").send_keys(ADMIN)
        browser.find_element(By.NAME, "password").send_keys(password())
        browser.find_element(By.CSS_SELECTOR, "form button[type=submit]").click()
        wait.until(lambda page: ADMIN in page.find_element(By.TAG_NAME, "body").text)
        if picture:
            browser.save_screenshot(str(picture))
        words = browser.find_element(By.TAG_NAME, "body").text
        if paper:
            browser.get(url + paper)
            wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "#viewer canvas"))
        lines = browser.get_log("browser")  # type: ignore[no-untyped-call]
        return words, [line["message"] for line in lines if line["level"] == "SEVERE"]
    finally:
        browser.quit()
