"""Messages to the operator, from a real failure to a real receiver: HTTP, SMTP, and one that is dead."""

from pathlib import Path
from typing import Any

import pytest

from lab import hosts
from tests.host.authority import bridge_address
from tests.host.receivers import PASSWORD, USER, Listener, eventually, start_relay
from tests.host.runs import Run, deploy

HOST = {"name": "t-notify", "suite": "bookworm", "group": "harvest_internal"}
FILE = "tests/host/deploys/notify_only.py"
pytestmark = [
    pytest.mark.parametrize("lab_host", [HOST], ids=["t-notify"], indirect=True, scope="module"),
    pytest.mark.xdist_group("t-notify"),
]
BREAKS = "systemd-run -q --unit=backup-job sh -c 'echo password=hunter2; exit 3'"
SEND = "/usr/local/lib/harvest/notify_send.py"


def notified(host: hosts.Host, **settings: Any) -> Run:
    """Deploy notifications with these settings."""
    hosts.up(host.name, settings=settings)
    run = deploy(host.name, file=FILE)
    assert run.code == 0, run.said
    return run


def look(host: hosts.Host) -> None:
    host.exec("systemctl start harvest-notify@hourly.service")


def test_failures_reach_a_webhook_once_and_are_resolved(lab_host: hosts.Host, tmp_path: Path) -> None:
    with Listener(bridge_address(lab_host)) as listener:
        (tmp_path / "url").write_text(listener.url)
        (tmp_path / "token").write_text("t0ken")
        references = {"url": {"file": str(tmp_path / "url")}, "token": {"file": str(tmp_path / "token")}}
        notified(lab_host, notify={"form": "plain", **references})
        assert deploy(lab_host.name, file=FILE).changed == []
        test = deploy(lab_host.name, file="operate/notify.py")
        assert "delivered: test message: notifications work" in test.said
        assert listener.headers[0]["Authorization"] == "Bearer t0ken"

        lab_host.exec(BREAKS)
        eventually(lambda: len(listener.messages) > 1)
        message = listener.messages[1]
        assert (message["host"], message["what"]) == ("t-notify", "backup-job.service failed (exit-code)")
        assert message["since"].endswith(" UTC")
        assert (
            "backup-job.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED" in message["log"]
        )
        assert "hunter2" not in str(message)
        assert (
            message["command"]
            == "systemctl status 'backup-job.service'; journalctl -u 'backup-job.service' -e"
        )

        lab_host.exec(
            "touch -d '2 days ago' /run/reboot-required; echo linux-image >/run/reboot-required.pkgs"
        )
        look(lab_host)
        look(lab_host)
        lab_host.exec("rm /run/reboot-required*; systemctl reset-failed backup-job.service")
        look(lab_host)
        assert sorted(listener.said()[2:]) == [
            "resolved: backup-job.service failed (exit-code)",
            "resolved: updates wait for a reboot",
            "updates wait for a reboot",
        ]


def test_a_dead_receiver_harms_nothing_and_its_messages_come_later(
    lab_host: hosts.Host, tmp_path: Path
) -> None:
    """The listener of the test above is gone; nobody answers at its port."""
    lab_host.exec(f"sed -i 's/^TRIES, WAIT_S, PAUSE_S = .*/TRIES, WAIT_S, PAUSE_S = 2, 1.0, 0.5/' {SEND}")
    failed = deploy(lab_host.name, file="operate/notify.py")
    assert failed.code == 1
    assert "not delivered: ConnectionRefusedError (Connection refused)" in failed.said
    lab_host.exec(BREAKS)
    sent = "systemctl show -p Result --value harvest-notify-send.service; systemctl list-jobs --no-legend"
    eventually(lambda: lab_host.exec(sent).stdout.split() == ["exit-code"])
    failing = lab_host.exec("systemctl list-units --failed --plain --no-legend").stdout
    assert {line.split()[0] for line in failing.splitlines()} == {
        "backup-job.service",
        "harvest-notify-send.service",
        "harvest-notify@test.service",
    }, "the services that report start nothing when they fail"

    relay = tmp_path / "relay.pem"
    relay.write_text(start_relay(lab_host))
    (tmp_path / "password").write_text(PASSWORD)
    notify = {"form": "mail", "relay": "127.0.0.1", "port": 2525, "sender": "web1@example.org"}
    notify |= {"to": ["ops@example.org"], "user": USER, "password": {"file": str(tmp_path / "password")}}
    notified(lab_host, notify=notify)
    untrusted = deploy(lab_host.name, file="operate/notify.py")
    assert "not delivered: SSLCertVerificationError" in untrusted.said, untrusted.said
    assert PASSWORD not in untrusted.said
    notified(lab_host, trusted_cas=[str(relay)])
    look(lab_host)
    mails = lab_host.exec("cat /root/mail/new/*").stdout
    assert "Subject: t-notify: backup-job.service failed (exit-code)" in mails
    assert "To: ops@example.org" in mails
    assert "journalctl -u 'backup-job.service' -e" in mails
    assert PASSWORD not in lab_host.exec("journalctl -q; systemctl show 'harvest-notify*'").stdout


def test_unset_it_leaves_nothing(lab_host: hosts.Host) -> None:
    notified(lab_host, notify=None)
    assert deploy(lab_host.name, file=FILE).changed == []
    left = "find /etc /run/harvest-notify /usr/local /var/lib -name '*harvest-notify*'; ls /usr/local/lib/harvest"
    assert lab_host.exec(left, check=False).stdout == ""
    assert "harvest-notify" not in lab_host.exec("systemctl show -p OnFailure cron.service").stdout
    refused = deploy(lab_host.name, file="operate/notify.py")
    assert refused.code == 1
    assert "host t-notify: notify is not set; docs/notifications.md says how to set it" in refused.said
