"""The page in place of HARVEST: what --data may say, and which files make it."""

import json

import pytest

from provision.engine.state import Entry
from provision.operations.app import maintenance
from provision.operations.app.maintenance import ALLOWED, FLAG, FOLDER, Maintenance
from provision.operations.files import Absent, File, due
from provision.settings.model import settings_from
from tests.unit.examples import GOOD
from tests.unit.states import state


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({}, "say one of --data on=yes, --data off=yes"),
        ({"on": "yes", "off": "yes"}, "say one of"),
        ({"off": "yes", "text": "x"}, "--data text: goes with on=yes only"),
        ({"off": "yes", "allow": "192.0.2.1"}, "--data allow: goes with on=yes only"),
        ({"on": "yes", "text": "two\nlines"}, "--data text: must be one line of at most 500 characters"),
        ({"on": "yes", "text": "x" * 501}, "--data text: must be one line of at most 500 characters"),
        ({"on": "yes", "allow": "../../x"}, "--data allow=../../x: must be an IP address"),
        (
            {"on": "yes", "allow": "192.0.2.1, 192.0.2.0/24"},
            "--data allow=192.0.2.0/24: must be an IP address",
        ),
    ],
)
def test_wrong_words_are_refused_with_what_is_right(words: dict[str, str], sentence: str) -> None:
    assert maintenance.problem(words).startswith(sentence)


def test_addresses_are_written_as_nginx_writes_them() -> None:
    words = {"on": "yes", "allow": "2001:DB8:0:0::1, 192.0.2.1,"}
    assert maintenance.problem(words) == ""
    assert maintenance.wanted(words) == Maintenance(True, "", ("192.0.2.1", "2001:db8::1"))


def test_the_site_closes_when_the_page_is_there() -> None:
    items = maintenance.items(Maintenance(True, 'Back at 14:00 <&"', ("192.0.2.1",)))
    assert [item.path for item in items][-1] == FLAG
    files = {item.path: item.content for item in items if isinstance(item, File)}
    assert f"{ALLOWED}/192.0.2.1" in files
    assert "<p>Back at 14:00 &lt;&amp;&quot;</p>" in str(files[f"{FOLDER}/maintenance.html"])
    said = json.loads(str(files[f"{FOLDER}/maintenance.json"]))
    assert said == {"ok": False, "error": 'HARVEST is being worked on. Back at 14:00 <&"'}


def test_off_leaves_nothing_and_is_done_once() -> None:
    want = maintenance.desired(Maintenance(False))
    there = Entry(kind="file", mode=0o644, owner="root", group="root")
    assert due(state(files={FLAG: there}), want) == [Absent(FLAG)]
    assert due(state(), want) == []


def test_a_former_text_and_former_addresses_go() -> None:
    want = maintenance.desired(Maintenance(True, "", ("192.0.2.2",)))
    have = state(
        found={
            f"{ALLOWED}/*": [f"{ALLOWED}/192.0.2.1", f"{ALLOWED}/192.0.2.2"],
            f"{FOLDER}/maintenance.*": [f"{FOLDER}/maintenance.html"],
        }
    )
    gone = [item.path for item in due(have, want) if isinstance(item, Absent)]
    assert gone == [f"{ALLOWED}/192.0.2.1", f"{FOLDER}/maintenance.html"]


def test_a_host_that_cannot_show_it_is_refused() -> None:
    assert maintenance.unfit(settings_from(GOOD)) == ""
    internal = settings_from({**GOOD, "mode": "internal", "tls": "off"})
    assert maintenance.unfit(internal).startswith("mode internal has no nginx")
    beside = settings_from({**GOOD, "site": "beside", "tls": "off", "behind_proxy": ["10.0.0.7"]})
    assert "close HARVEST at the proxy" in maintenance.unfit(beside)
