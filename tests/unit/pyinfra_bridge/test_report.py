"""What a sysadmin reads: plans, summaries, failures."""

from provision.pyinfra_bridge.report import (
    Difference,
    Drift,
    Report,
    Step,
    Summary,
    drift_code,
    drift_lines,
    failure_lines,
    plan_lines,
    status_lines,
    summary_lines,
)


def test_a_host_on_which_nothing_is_to_do_takes_one_line() -> None:
    assert plan_lines("web1", Report()) == ["[web1] nothing to do"]


def test_a_plan_shows_drift_changes_text_and_what_would_stop() -> None:
    steps = [
        Step("Packages", ["install nginx"]),
        Step("Check free disk space", stops=["only 10 MiB are free"]),
        Step("Files", ["change /etc/issue (content)"], diff=["-old", "+new"]),
    ]
    lines = plan_lines("web1", Report(plan=steps, noted=["since the last run: /etc/issue"]))
    assert lines == [
        "[web1] since the last run: /etc/issue",
        "[web1] Packages",
        "      install nginx",
        "[web1] Check free disk space",
        "      would stop the run: only 10 MiB are free",
        "[web1] Files",
        "      change /etc/issue (content)",
        "      | -old",
        "      | +new",
        "[web1] 3 operations would change something",
    ]


SUMMARY = Summary(
    {"url": "https://a.test/", "release": "HARVEST 1 (abc)"}, ["a reboot is pending"], ["pytest"]
)


def test_one_host_is_summed_up_in_a_paragraph() -> None:
    assert summary_lines("web1", ["Packages"], SUMMARY, compact=False) == [
        "[web1] changed: Packages",
        "      url        https://a.test/",
        "      release    HARVEST 1 (abc)",
        "      attention  a reboot is pending",
        "      next       pytest",
    ]


def test_of_several_hosts_each_takes_a_line_and_what_wants_attention() -> None:
    assert summary_lines("web1", [], SUMMARY, compact=True) == [
        "[web1] No changes; https://a.test/; HARVEST 1 (abc)",
        "      attention  a reboot is pending",
    ]
    assert summary_lines("web1", [], None, compact=True) == ["[web1] No changes"]


def test_a_failure_names_host_operation_and_the_next_command() -> None:
    lines = failure_lines({"web1": "Packages", "web2": ""}, "pyinfra inventories/prod.py deploy.py -y")
    assert lines[0] == "[web1] failed at: Packages; its words stand above"
    assert lines[1] == "[web2] failed; its words stand above"
    assert lines[-1] == "      pyinfra inventories/prod.py deploy.py -y --limit web1 --limit web2"


def test_a_host_of_status_is_a_paragraph_that_begins_with_whether_all_is_well() -> None:
    well = Summary({"url": "https://a/", "disk": "1 GiB free"}, attention=["a reboot is pending"])
    assert status_lines("web1", well) == [
        "[web1] all is well",
        "      url        https://a/",
        "      disk       1 GiB free",
        "      attention  a reboot is pending",
    ]
    assert status_lines("web1", Summary(wrong=["x", "y"])) == [
        "[web1] 2 things not well",
        "      wrong  x",
        "      wrong  y",
    ]


def test_drift_is_told_by_cause_with_its_time_and_operation() -> None:
    edited = Difference("change /etc/issue", "/etc/issue", "this", "that", 7.0, "Install files", "edited")
    foreign = Difference("x", "/etc/cron.d/x", "absent", "there", cause="foreign")
    other = Difference("restart a.service", operation="Start units", cause="state")
    assert drift_lines("web1", Drift([other, foreign, edited])) == [
        "[web1] 3 differences",
        "      edited by hand   /etc/issue: expected this, found that; since 1970-01-01 00:00 UTC; Install files",
        "      not of deploy.py /etc/cron.d/x: expected absent, found there",
        "      differs          restart a.service; Start units",
        "      what of this is right, accept by name: operate/drift.py --data accept=PATH",
    ]
    assert drift_lines("web1", Drift()) == ["[web1] as wanted"]
    assert drift_lines("web1", Drift([other], ["AIDE failed"])) == [
        "[web1] 1 difference",
        "      cannot tell      AIDE failed",
        "      differs          restart a.service; Start units",
    ]
    assert drift_lines("web1", Drift(unknown=["why"])) == ["[web1] cannot tell", "      cannot tell      why"]


def test_the_exit_code_is_that_of_the_host_that_says_least() -> None:
    wanted, drifted, unknown = Drift(), Drift([Difference("x", cause="state")]), Drift(unknown=["why"])
    assert [drift_code(each) for each in ([wanted], [wanted, drifted], [drifted, unknown], [])] == [
        0,
        2,
        1,
        1,
    ]
