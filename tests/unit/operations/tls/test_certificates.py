"""A pair from the controller: whoever changed it last, there or on the host, wins."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import Entry
from provision.operations.tls import certificates
from provision.operations.tls.certificates import SelfSigned, Uploaded, changes, remarks
from provision.settings.model import SettingsError, settings_from
from tests.unit.examples import GOOD
from tests.unit.states import state, text

WANT = Uploaded("/t", b"chain", b"key")
DAY = 86400.0


def have(
    certificate: bytes = b"chain", key: bytes = b"key", placed: Uploaded = WANT, left: float = DAY
) -> Any:
    """A host where these lie, and where the controller put `placed` last."""
    content = {"/t/cert.pem": certificate, "/t/key.pem": key, placed.note.path: placed.note.data}
    entries = {
        path: Entry(
            kind="file",
            mode=0o644 if path == "/t/cert.pem" else 0o600,
            owner="root",
            group="root",
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for path, data in content.items()
    }
    entries["/t"] = Entry(kind="directory", mode=0o700, owner="root", group="root")
    made = {"names": ["a.org"], "left": left, "life": 90 * DAY}
    notes = {placed.note.path: placed.note.data.decode()}
    return state(files=entries, certificates={"/t/cert.pem": made}, notes=notes)


def test_what_is_there_already_costs_nothing() -> None:
    assert not list(certificates.upload_changes(have(), WANT))
    assert not list(remarks(have(), WANT))


def test_a_pair_that_somebody_put_on_the_host_stays_and_is_told() -> None:
    theirs = have(b"other chain", b"other key")
    assert not list(certificates.upload_changes(theirs, WANT))
    (told,) = remarks(theirs, WANT)
    assert "/t/cert.pem was replaced on the host, and is left alone (1 days left)" in told


@pytest.mark.parametrize(
    "difference",
    [
        {"placed": Uploaded("/t", b"former chain", b"former key")},  # the controller's changed since
        {"left": -DAY},
        {"left": 0},
    ],
)
def test_a_newer_certificate_on_the_controller_or_an_expired_one_on_the_host_is_replaced(
    difference: dict[str, Any],
) -> None:
    theirs = have(b"other chain", b"other key", **difference)
    assert list(certificates.upload_changes(theirs, WANT))
    assert not list(remarks(theirs, WANT))


def test_no_content_of_the_key_is_shown() -> None:
    assert "key" not in repr(Uploaded("/t", b"chain", b"my key"))


def test_a_key_of_another_certificate_is_refused_before_any_host_is_touched(tmp_path: Path) -> None:
    for name in ("a", "b"):
        words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
        words += f" -keyout {name}.key -out {name}.pem"
        subprocess.run(words.split(), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "junk").write_text("junk")
    pair = {"tls": "files", "tls_certificate": str(tmp_path / "a.pem")}
    assert settings_from({**GOOD, **pair, "tls_key": str(tmp_path / "a.key")}).trusted
    for key, why in (("b.key", "KEY_VALUES_MISMATCH"), ("junk", "one of them is not PEM")):
        with pytest.raises(SettingsError, match=f"tls_key: .*{key} does not go with .*{why}"):
            settings_from({**GOOD, **pair, "tls_key": str(tmp_path / key)})


def half(**known: Any) -> Any:
    """A host whose self-signed pair is so."""
    found = {"names": ["a.org"], "left": 60 * DAY, "life": 90 * DAY} | known
    return state(certificates={"/t/cert.pem": found, "/live": {}})


def test_a_self_signed_pair_that_is_half_gone_is_made_again() -> None:
    want = SelfSigned("/t", ("a.org",))
    assert not text(changes(half(), want))
    (command,) = text(changes(half(fits=False), want))
    assert "openssl req -x509" in command
    long = ".".join(["a" * 60] * 2)
    assert "-subj /O=HARVEST" in text(changes(half(), SelfSigned("/t", (long,))))[0]


def test_a_pair_from_the_controller_of_which_one_half_was_replaced_is_put_back() -> None:
    broken = have(certificate=b"other")
    broken.certificates["/t/cert.pem"].fits = False
    assert list(certificates.upload_changes(broken, WANT))
    assert not list(certificates.upload_changes(have(certificate=b"other", key=b"other key"), WANT))


def test_the_placeholder_comes_back_where_the_authority_pair_is_half_gone() -> None:
    both = half()
    both.certificates |= {
        "/t/cert.pem": type(both.certificates["/live"])(),
        "/live": both.certificates["/t/cert.pem"],
    }
    want = SelfSigned("/t", ("a.org",), until="/live")
    assert not text(changes(both, want))
    both.certificates["/live"].fits = False
    assert text(changes(both, want))
