"""The audit on a host with two instances: each way of breaking the second one fails a test under its name."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import hosts
from tests.audit.report import read
from tests.host.runs import audit, deploy

INSTANCES = {
    "alpha": {"base_path": "/alpha/"},
    "beta": {"base_path": "/beta/", "frontend_port": 8051, "backend_ports": [5011, 5012]},
}
SETTINGS = {
    "instances": INSTANCES,
    "notify": {"form": "plain", "url": {"command": ["echo", "http://127.0.0.1:9/hook"]}},
    "metrics_from": ["192.0.2.7"],
}
HOST = {"name": "t-audit", "suite": "trixie", "group": "harvest_nginx", "settings": SETTINGS}
pytestmark = [
    pytest.mark.parametrize("lab_host", [HOST], ids=["t-audit"], indirect=True, scope="module"),
    pytest.mark.xdist_group("t-audit"),
]


@dataclass(frozen=True)
class Break:
    """A root shell's command that breaks beta, the tests of the audit that fail for it, and what they name."""

    command: str
    tests: tuple[str, ...]
    named: str


def drop_in(unit: str, *lines: str) -> str:
    """A command that adds a drop-in to a unit of beta's. It takes effect with RELOAD."""
    return of_host(f"harvest-beta-{unit}", *lines)


def of_host(unit: str, *lines: str) -> str:
    """The same, for any unit of the host."""
    folder = f"/etc/systemd/system/{unit}.d"
    return f"mkdir -p {folder}; printf '%s\\n' {' '.join(lines)} >>{folder}/mine.conf"


RELOAD = """systemctl daemon-reload
systemctl stop harvest-beta-frontend.socket harvest-beta-frontend.service
systemctl start harvest-beta-frontend.socket harvest-beta-frontend.service"""
OPEN = ("PrivateTmp=no", "ProtectSystem=no", "ProtectHome=no", "NoNewPrivileges=no", "PrivateDevices=no")
OPEN += ("SystemCallFilter=", "RestrictAddressFamilies=", "CapabilityBoundingSet=~")
BREAKS = {
    "unit stopped": Break(
        # Masked, since a frontend that starts would start it too.
        "systemctl mask -q --runtime --now harvest-beta-backend@5012.socket harvest-beta-backend@5012.service",
        (
            "test_units_are_active_and_loaded_from_the_current_files",
            "test_ports_behind_nginx_listen_on_loopback_only",
            "test_each_backend_answers_from_its_database",
            "test_each_backend_is_ready",
            "test_the_figures_of_each_instance_are_served",
        ),
        "harvest-beta-backend@5012.socket",
    ),
    "socket disabled": Break(
        "systemctl disable -q harvest-beta-backend@5011.socket",
        ("test_sockets_are_enabled",),
        "'harvest-beta-backend@5011.socket': {'UnitFileState': 'disabled'}",
    ),
    "timer stopped": Break(
        "systemctl stop harvest-beta-sweep.timer",
        ("test_unused_pdf_files_are_deleted_daily",),
        "harvest-beta-sweep.timer",
    ),
    "another user": Break(
        drop_in("frontend.service", "[Service]", "User=harvest-alpha"),
        ("test_services_run_as_their_own_user",),
        "'harvest-beta-frontend.service': 'harvest-alpha'",
    ),
    "no sandbox": Break(
        drop_in("frontend.service", *OPEN),
        ("test_services_are_sandboxed",),
        "harvest-beta-frontend.service",
    ),
    "secret in a unit": Break(
        drop_in("frontend.service", "Environment=X=$(cat /etc/harvest-beta/secret_key)"),
        ("test_secrets_are_in_no_unit_and_on_no_command_line",),
        "['harvest-beta-frontend.service']",
    ),
    "failure not reported": Break(
        "mkdir -p /etc/systemd/system/harvest-beta-frontend.service.d; "
        "ln -s /dev/null /etc/systemd/system/harvest-beta-frontend.service.d/harvest-notify.conf",
        ("test_each_service_reports_its_failure",),
        "'harvest-beta-frontend.service'",
    ),
    "receiver readable": Break(
        "chmod 644 /etc/harvest-notify/receiver.json",
        ("test_root_alone_can_read_the_secret",),
        "644 root",
    ),
    "nothing is looked at hourly": Break(
        "systemctl stop harvest-notify.timer",
        ("test_the_timer_is_active_and_enabled",),
        "'inactive'",
    ),
    "message not delivered, sender's sandbox open": Break(
        of_host("harvest-notify-send.service", "[Service]", "ExecStartPre=/bin/false", *OPEN)
        + "; systemctl daemon-reload; ! systemctl start harvest-notify-send.service 2>/dev/null",
        (
            "test_the_last_message_was_delivered",
            "test_the_services_that_report_are_sandboxed",
            "test_no_unit_has_failed",
        ),
        "journalctl -u harvest-notify-send.service -e",
    ),
    "sandbox of the figures open": Break(
        of_host("harvest-metrics.service", "[Service]", *OPEN),
        ("test_the_services_that_serve_figures_are_sandboxed",),
        "harvest-metrics.service",
    ),
    "figures stale": Break(
        "systemctl stop harvest-metrics.timer; systemctl start harvest-metrics.service; "
        "touch -d '1 hour ago' /var/lib/harvest-metrics/harvest.prom",
        ("test_the_figures_are_fresh", "test_the_exporter_and_the_timer_are_active_and_enabled"),
        "/var/lib/harvest-metrics/harvest.prom",
    ),
    "port open": Break(
        drop_in("frontend.socket", "[Socket]", "ListenStream=", "ListenStream=0.0.0.0:8051")
        + f"; ufw allow 8051/tcp >/dev/null; {RELOAD}",
        (
            "test_only_open_ports_listen_beyond_loopback",
            "test_only_open_ports_answer_from_outside",
            "test_ports_behind_nginx_listen_on_loopback_only",
            "test_ports_behind_nginx_are_closed_to_this_machine",
            "test_ufw_allows_exactly_the_open_ports",
        ),
        "8051/tcp ALLOW Anywhere",
    ),
    "unit file changed since daemon-reload": Break(
        drop_in("backend@.service", "[Service]", "Nice=1"),
        ("test_units_are_active_and_loaded_from_the_current_files",),
        "'NeedDaemonReload': 'yes'",
    ),
    "release writable": Break(
        "chmod o+w /opt/harvest-beta/harvest/wsgi_be.py",
        (
            "test_release_and_configuration_are_owned_by_root",
            "test_code_and_environment_are_as_installed",
        ),
        "/harvest/wsgi_be.py",
    ),
    "configuration's owner": Break(
        "chown harvest-beta /etc/harvest-beta/harvest.env",
        (
            "test_release_and_configuration_are_owned_by_root",
            "test_secrets_are_readable_by_root_and_the_service_only",
        ),
        "/etc/harvest-beta/harvest.env",
    ),
    "secret's mode": Break(
        "chmod 755 /etc/harvest-beta; chmod 644 /etc/harvest-beta/secret_key",
        (
            "test_secrets_are_readable_by_root_and_the_service_only",
            "test_other_users_cannot_read_secrets_or_data",
        ),
        "/etc/harvest-beta/secret_key",
    ),
    "data's mode": Break(
        "chmod 755 /var/lib/harvest-beta; chmod 644 /var/lib/harvest-beta/harvest.db",
        ("test_the_database_is_readable_by_the_service_only", "test_other_users_cannot_read_secrets_or_data"),
        "/var/lib/harvest-beta",
    ),
    "release's link moved": Break(
        "cd /opt/harvest-beta && ln -sfn /opt/harvest-beta/$(readlink venv) venv",
        ("test_the_live_release_is_the_recorded_one",),
        "/opt/harvest-beta/venv",
    ),
    "another page": Break(
        "sed -i s,//harvest_beta_frontend,//harvest_alpha_frontend, /etc/nginx/harvest.d/*/beta.conf; "
        "systemctl reload nginx",
        (
            "test_the_page_answers_from_outside",
            "test_the_layout_is_json",
            "test_what_the_page_links_to_can_be_had",
        ),
        "/beta/",
    ),
    "another API": Break(
        "sed -i s,//harvest_beta_backend,//127.0.0.1:9, /etc/nginx/harvest.d/*/beta.conf; systemctl reload nginx",
        ("test_the_api_answers_from_outside",),
        "/beta/api/health",
    ),
}
FOR_THE_HOST = {
    "test_nothing_was_changed_outside_of_deploy",
    "test_only_open_ports_answer_from_outside",
    "test_only_open_ports_listen_beyond_loopback",
    "test_ufw_allows_exactly_the_open_ports",
    "test_each_service_reports_its_failure",
    "test_root_alone_can_read_the_secret",
    "test_the_figures_are_fresh",
    "test_the_exporter_and_the_timer_are_active_and_enabled",
    "test_the_timer_is_active_and_enabled",
    "test_the_last_message_was_delivered",
    "test_no_unit_has_failed",
    "test_the_services_that_report_are_sandboxed",
    "test_the_services_that_serve_figures_are_sandboxed",
}
"""What the audit asks of a host once."""


def test_each_break_of_the_second_instance_is_found_and_reported(
    lab_host: hosts.Host, tmp_path: Path
) -> None:
    run = deploy(lab_host.name)
    assert run.code == 0, run.said
    sound = audit(lab_host.name, options=("--report", str(tmp_path)))
    assert sound.returncode == 0, sound.stdout
    for name, each in BREAKS.items():
        done = lab_host.exec(each.command, check=False)
        assert done.returncode == 0, (name, done.stderr)
    said = audit(lab_host.name, options=("--report", str(tmp_path))).stdout
    failed = set(re.findall(r"^FAILED tests/audit/\w+\.py::(\w+)\[(\w+)", said, re.MULTILINE))
    assert {test for test, _ in failed} - FOR_THE_HOST == {
        test for each in BREAKS.values() for test in each.tests
    } - FOR_THE_HOST, said
    assert {where for test, where in failed if test not in FOR_THE_HOST} == {"beta"}, said
    assert {test for test, _ in failed} >= FOR_THE_HOST, said
    for name, each in BREAKS.items():
        assert each.named in said, name
    report = read(tmp_path / "audit.json")
    assert report
    assert report.new == sorted(" ".join(filter(None, each.key)) for each in report.failed()), (
        "none failed before"
    )
    assert {"release of harvest-alpha", "updates pending"} <= set(report.facts[lab_host.name])
    (rules,) = [each for each in report.failed() if each.id == "firewall.rules"]
    assert "8051/tcp ALLOW Anywhere" in rules.found
    assert [shown.command for shown in rules.evidence] == ["ufw status"]
    text = (tmp_path / "audit.json").read_text() + (tmp_path / "audit.html").read_text()
    secret = lab_host.exec("cat /etc/harvest-beta/secret_key").stdout.strip()
    assert len(secret) > 20
    assert secret not in text


def test_a_waived_failure_is_shown_and_fails_nothing_until_its_last_day(lab_host: hosts.Host) -> None:
    """The host is as the test above left it."""
    for until, code, outcome in (("2999-12-31", 0, "waived"), ("2020-01-01", 1, "failed")):
        waivers = {"firewall.rules": {"reason": "being moved", "until": until}}
        hosts.up(lab_host.name, settings={"audit_waivers": waivers})
        done = audit(lab_host.name, options=("-k", "test_ufw_allows_exactly_the_open_ports"))
        assert done.returncode == code, done.stdout
        assert f"{lab_host.name}: 1 {outcome}" in done.stdout, done.stdout
    hosts.up(
        lab_host.name,
        settings={"audit_waivers": {"firewall.rule": {"reason": "typo", "until": "2999-12-31"}}},
    )
    done = audit(lab_host.name)
    assert done.returncode != 0
    assert 'there is no check "firewall.rule"; did you mean firewall.rules' in done.stdout + done.stderr
