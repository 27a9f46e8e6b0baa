"""Several HARVESTs on one host: what each is called, and which settings of theirs are refused."""

from typing import Any

import pytest

from provision.operations.app.former_units import FILES, STARTED, FormerUnits, changes
from provision.settings.app_source import Source
from provision.settings.instances import PerInstance
from provision.settings.model import settings_from
from tests.unit.examples import GOOD, TWO, problem
from tests.unit.states import state, text

ETC = "/etc/systemd/system"


def test_without_instances_the_settings_describe_the_only_one() -> None:
    (only,) = settings_from(GOOD).all_instances
    assert (only.slug, only.root, only.etc, only.state) == (
        "harvest",
        "/opt/harvest",
        "/etc/harvest",
        "/var/lib/harvest",
    )
    assert only.stems == ("harvest-backend@5001", "harvest-frontend")


def test_another_instance_puts_its_own_name_everywhere() -> None:
    first, second = settings_from(GOOD | {"instances": TWO}).all_instances
    assert (first.url(""), second.url("")) == (
        "https://harvest.example.org/harvest/",
        "https://harvest.example.org/research/",
    )
    assert (second.root, second.etc, second.state) == (
        "/opt/harvest-research",
        "/etc/harvest-research",
        "/var/lib/harvest-research",
    )
    assert second.stems == ("harvest-research-backend@5011", "harvest-research-frontend")


def test_the_frontend_calls_go_to_the_balancer_where_there_are_several_backends() -> None:
    (one,) = settings_from(GOOD).all_instances
    (three,) = settings_from(GOOD | {"backend_ports": [5001, 5002, 5003]}).all_instances
    assert (one.api_port, three.api_port) == (5001, 5000)


def test_two_instances_in_one_place_are_refused() -> None:
    said = problem(instances={"a": {}, "b": {"frontend_port": 8051, "backend_ports": [5011]}})
    assert said == "instances: a and b are both at harvest.example.org/; give one another base_path"


def test_two_instances_on_one_port_are_refused() -> None:
    assert "port 5001 is used twice" in problem(instances={"a": {}, "b": {"frontend_port": 8051}})


def test_a_balancer_port_is_taken_as_well() -> None:
    assert "port 5000 is used twice" in problem(backend_ports=[5001, 5002], frontend_port=5000)


def test_several_backends_need_nginx() -> None:
    assert "need nginx mode" in problem(mode="internal", backend_ports=[5001, 5002])


def test_the_api_name_is_not_the_page_name() -> None:
    assert problem(api_domain="harvest.example.org").startswith("api_domain: is the site's own name")


@pytest.mark.parametrize("key", ["api_domain", "domain_aliases"])
def test_a_name_of_one_instance_is_not_the_hosts(key: str) -> None:
    name: Any = "www.example.org" if key == "api_domain" else ["www.example.org"]
    two = {"one": {"base_path": "/one/", key: name}, "two": TWO["research"]}
    assert problem(instances=two, **{key: name}).startswith(f"{key}: belongs to one instance; put it into")
    first, second = settings_from(GOOD | {"instances": two}).all_instances
    assert [bool(getattr(each, key)) for each in (first, second)] == [True, False]
    assert problem(mode="internal", **{key: name}).startswith(f"{key}: needs nginx mode")


@pytest.mark.parametrize("taken", ["harvest.example.org", "api.example.org", "www.example.org"])
def test_a_further_name_is_taken_once(taken: str) -> None:
    more = {"api_domain": "api.example.org", "domain_aliases": [taken, taken, "x.example.org"]}
    if taken == "www.example.org":
        two = {
            "one": {"domain": "a.example.org", "domain_aliases": [taken]},
            "two": TWO["research"] | {"domain": "b.example.org", "domain_aliases": [taken]},
        }
        more = {"instances": two}
    assert problem(**more) == f"domain_aliases: {taken} is another name of this host already"


def test_a_further_name_of_another_servers_site_is_not_ours() -> None:
    assert "belong to the other site" in problem(site="beside", domain_aliases=["www.example.org"])


def test_an_instance_says_each_of_its_keys_for_itself() -> None:
    said: dict[str, Any] = {
        "base_path": "/x/",
        "domain": "x.example.org",
        "domain_aliases": ("www.example.org",),
        "public_url": "https://x.example.org:8443/",
        "api_domain": "api.example.org",
        "frontend_port": 9000,
        "backend_ports": (9001,),
        "app_source": Source.model_validate("embedded"),
        "publish_api": True,
    }
    assert said.keys() == PerInstance.model_fields.keys()
    (only,) = settings_from(GOOD | {"behind_proxy": ["10.0.0.7"], "instances": {"a": said}}).all_instances
    assert {key: getattr(only, key) for key in said} == said


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "a" * 17, "-a", "a-"])
def test_an_instance_name_that_a_file_or_unit_could_misread_is_refused(name: str) -> None:
    assert "must be 1 to 16" in problem(instances={name: {}})


def test_a_backend_that_is_no_longer_named_is_stopped_and_one_that_is_stays() -> None:
    links = [
        f"{ETC}/sockets.target.wants/harvest-backend@{port}.{kind}"
        for port in (5001, 5002)
        for kind in ("socket", "service")
    ]
    found = {pattern: [] for pattern in (*STARTED, *FILES)} | {STARTED[1]: links}
    (command,) = text(changes(state(found=found), FormerUnits(("harvest-backend@5001", "harvest-frontend"))))
    assert "systemctl stop harvest-backend@5002.socket harvest-backend@5002.service;" in command
    assert "5001" not in command


def test_an_instance_that_is_gone_leaves_no_unit_file() -> None:
    files = [
        f"{ETC}/harvest-frontend.service",
        f"{ETC}/harvest-frontend.service.d",  # drop-ins of a unit that stays, stay
        f"{ETC}/harvest-research-frontend.service",
        f"{ETC}/harvest-research-frontend.service.d",
    ]
    found = {pattern: [] for pattern in (*STARTED, *FILES)} | {FILES[0]: files}
    (command,) = text(changes(state(found=found), FormerUnits(("harvest-frontend",))))
    assert (
        "systemctl stop harvest-research-frontend.service; "
        f"rm -rf {ETC}/harvest-research-frontend.service {ETC}/harvest-research-frontend.service.d; "
        "systemctl daemon-reload"
    ) in command


def test_an_instance_that_is_gone_is_swept_no_more() -> None:
    slugs = ("harvest", "harvest-research")
    enabled = [f"{ETC}/timers.target.wants/{slug}-sweep.timer" for slug in slugs]
    files = [f"{ETC}/{slug}-sweep.{kind}" for slug in slugs for kind in ("service", "timer")]
    found = {pattern: [] for pattern in (*STARTED, *FILES)} | {STARTED[2]: enabled, FILES[3]: files}
    stop, forget = text(
        changes(state(found=found), FormerUnits(("harvest-backend@5001", "harvest-frontend")))
    )
    assert "systemctl stop harvest-research-sweep.timer;" in stop
    assert f"rm -rf {files[2]} {files[3]};" in forget
    assert "harvest-sweep" not in stop + forget


def test_nothing_stale_costs_nothing() -> None:
    found = {pattern: [] for pattern in (*STARTED, *FILES)} | {FILES[1]: [f"{ETC}/harvest-backend@.service"]}
    assert not text(changes(state(found=found), FormerUnits(("harvest-backend@5001", "harvest-frontend"))))
