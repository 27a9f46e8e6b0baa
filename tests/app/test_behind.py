"""Behind a proxy that ends TLS: whose word counts for scheme, address and a page's origin."""

import pytest
from harvest.settings import SettingsError, load
from harvest.web.app import create_app

HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "1.2.3.4, 203.0.113.5"}
ORIGIN = {"Origin": "https://h.example.org"}


def sign_in(tmp_path, monkeypatch, headers, peer="10.0.0.7", host="h.example.org", **environ):
    """The frontend's answer to the sign-in form, and what it told the backend of the browser's address."""
    told = {}

    def call(method, path, **options):
        from harvest.web import client

        told.update(client.headers())
        return {"token": "t", "expires_in": 60}

    monkeypatch.setattr("harvest.web.proxy.client.call", call)
    names = {f"HARVEST_{key}": value for key, value in environ.items()}
    app = create_app(load({"HARVEST_STATE_DIR": str(tmp_path), **names})).server
    answer = app.test_client().post(
        "/login", headers={**headers, "Host": host}, environ_base={"REMOTE_ADDR": peer}
    )
    return answer, told.get("X-Forwarded-For")


def test_the_proxy_word_makes_it_https_for_the_browser_address(tmp_path, monkeypatch):
    for peer in ("10.0.0.7", "::ffff:10.0.0.7"):
        answer, address = sign_in(
            tmp_path, monkeypatch, HTTPS | ORIGIN, peer, PROXY_ADDRESSES="10.0.0.0/8 2001:db8::1"
        )
        assert (answer.status_code, address) == (303, "203.0.113.5")
        assert "Secure" in answer.headers["Set-Cookie"]


def test_forwarded_headers_of_other_addresses_are_ignored(tmp_path, monkeypatch):
    answer, _ = sign_in(tmp_path, monkeypatch, HTTPS | ORIGIN, "192.0.2.9", PROXY_ADDRESSES="10.0.0.0/8")
    assert answer.status_code == 403
    answer, address = sign_in(tmp_path, monkeypatch, HTTPS, "192.0.2.9", PROXY_ADDRESSES="10.0.0.0/8")
    assert (answer.status_code, address) == (303, "192.0.2.9")
    assert "Secure" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("host", ["h.example.org", "10.0.0.1:8050"])
def test_the_public_url_pages_may_sign_in_whatever_the_proxy_says(host, tmp_path, monkeypatch):
    public = {"PUBLIC_URL": "https://h.example.org:443/"}
    answer, _ = sign_in(tmp_path, monkeypatch, ORIGIN, host=host, **public)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    answer, _ = sign_in(tmp_path, monkeypatch, {"Origin": "https://evil.example"}, host=host, **public)
    assert answer.status_code == 403


def test_an_address_that_is_none_is_told():
    with pytest.raises(SettingsError, match="PROXY_ADDRESSES: 'x'"):
        load({"HARVEST_PROXY_ADDRESSES": "x"})
