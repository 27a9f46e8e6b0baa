"""The frontend's way to the backend."""

import flask
import pytest
import requests
from harvest.settings import load
from harvest.web import client


@pytest.mark.parametrize("seconds", ["900", "20"])
def test_the_frontend_waits_as_long_as_a_request_may_take(monkeypatch, seconds):
    asked = {}
    monkeypatch.setattr(requests, "request", lambda *words, **options: asked.update(options))
    app = flask.Flask("x")
    app.extensions["harvest"] = load({"HARVEST_REQUEST_TIMEOUT_S": seconds})
    with app.test_request_context():
        client.send("GET", "/projects")
    assert asked["timeout"] == (client.CONNECT_S, int(seconds))
