"""One's own account: everybody changes their own password, and nobody somebody else's."""

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from tests.app import services
from tests.app.browser import Walker
from tests.app.conftest import PASSWORD, Api

NEW = "battery staple horse"


def test_a_new_password_ends_all_other_sessions(ann, admin, anyone, backend):
    elsewhere = Api(backend, "ann@example.org")
    status, session = ann.post("/me/password", current=PASSWORD, new=NEW)
    assert status == 200
    assert (ann.get("/me")[0], elsewhere.get("/me")[0]) == (401, 401)
    ann.headers["Authorization"] = f"Bearer {session['token']}"
    assert ann.get("/me")[1]["email"] == "ann@example.org"
    assert anyone.post("/login", email="ann@example.org", password=PASSWORD)[0] == 401
    assert anyone.post("/login", email="ann@example.org", password=NEW)[0] == 200
    newest = admin.get("/audit")[1]["rows"][0]
    assert (newest["who"], newest["action"], newest["detail"]) == (
        "ann@example.org",
        "change own password",
        "",
    )


def test_who_finds_a_session_open_cannot_guess_the_password(ann, anyone):
    assert anyone.post("/me/password", current=PASSWORD, new=NEW)[0] == 401
    assert ann.post("/me/password", current=PASSWORD, new="short")[0] == 422
    for _ in range(5):
        assert ann.post("/me/password", current="wrong wrong wrong", new=NEW)[0] == 403
    assert ann.post("/me/password", current=PASSWORD, new=NEW)[0] == 429
    assert ann.get("/me")[0] == 200


def test_an_admin_lifts_the_lock_after_failed_logins_also_of_the_address(admin, ann, anyone, backend):
    for _ in range(5):
        anyone.post("/login", email="ann@example.org", password="wrong wrong wrong")
    for number in range(30):
        anyone.post("/login", email=f"other{number}@example.org", password="wrong wrong wrong")
    right = {"email": "ann@example.org", "password": PASSWORD}
    assert anyone.post("/login", **right)[0] == 429
    users = {one["email"]: one for one in admin.get("/users")[1]}
    assert [one["locked"] for one in users.values()] == [False, True]
    where = f"/users/{users['ann@example.org']['id']}"
    assert (ann.patch(where, locked=False)[0], admin.patch(where, locked=True)[0]) == (403, 422)
    assert admin.patch(where, locked=False)[1]["locked"] is False
    assert anyone.post("/login", **right)[0] == 200
    assert ann.get("/me")[0] == 200, "its sessions go on"


@pytest.fixture
def walker(tmp_path):
    with services.place(tmp_path / "account", "nginx", "/harvest/") as found:
        made = Walker(found["url"])
        yield made
        made.driver.quit()


def change(walker, current, new, again):
    for name, value in (("current", current), ("new", new), ("again", again)):
        walker.type(f"#{name}", value)
    walker.press(Keys.ENTER)


def test_a_password_is_changed_on_the_account_page(walker):
    walker.go("")
    walker.sign_in()
    walker.click(".bar .who")
    change(walker, PASSWORD, NEW, "battery staple house")
    walker.see("[role=alert]", "passwords do not match")
    change(walker, "wrong wrong wrong", NEW, NEW)
    walker.see("[role=alert]", "current password is wrong")
    change(walker, PASSWORD, NEW, NEW)
    walker.see("[role=status]", "The password is changed")
    walker.click("nav a", "Projects")
    walker.see("h1", "Projects")
    cookies = {one["name"]: one for one in walker.driver.get_cookies()}
    assert all(one["httpOnly"] and one["path"] == "/harvest/" for one in cookies.values())
    foreign = {"Origin": "https://elsewhere.example"}
    form = {"current": NEW, "new": PASSWORD, "again": PASSWORD}
    kept = {name: one["value"] for name, one in cookies.items()}
    answer = requests.post(f"{walker.url}password", form, cookies=kept, headers=foreign, timeout=10)
    assert answer.status_code == 403
