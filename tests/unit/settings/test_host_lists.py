"""Hosts from lists of other tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from provision.settings.host_lists import HostListError, hosts_from

WEB1 = {"domain": "harvest.example.net", "ssh_port": 2222, "trusted_addresses": ["192.0.2.0/24"]}
WANT = {"harvest_nginx": [("web1", WEB1)], "harvest_internal": [("web2", {})], "berlin": [("web2", {})]}
ROWS: list[dict[str, Any]] = [
    {"name": "web1", "group": "harvest_nginx", **WEB1},
    {"name": "web2", "group": ["harvest_internal", "berlin"], "domain": None},
]
CSV = """\
name, group,domain,ssh_port,trusted_addresses
web1,harvest_nginx,harvest.example.net,2222,"[""192.0.2.0/24""]"
web2,harvest_internal berlin,,,
"""
FORMS = {
    "hosts.csv": CSV,
    "excel.CSV": "\ufeff" + CSV.replace("\n", "\r\n"),
    "list.json": json.dumps(ROWS),
    "by_name.json": json.dumps({row["name"]: {k: row[k] for k in row if k != "name"} for row in ROWS}),
    "show.json": json.dumps(
        {"terraform_version": "1.9.0", "values": {"outputs": {"harvest_hosts": {"value": ROWS}}}}
    ),
    "terraform.tfstate": json.dumps(
        {"terraform_version": "1.9.0", "outputs": {"harvest_hosts": {"value": ROWS}}}
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_groups(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FORMS[name], newline="")
    assert hosts_from(tmp_path / name) == WANT


WRONG = {
    ("a.csv", "host,group\nweb1,x\n"): "a.csv, line 1: must name the columns, name and group among them",
    ("a.csv", "name,group\nweb1,x,y\n"): "a.csv, line 2: has more cells than line 1",
    ("a.csv", "name,group\nweb1,\n"): "a.csv, line 2: has no group; name one, like harvest_nginx",
    ("a.csv", "name,group\n,x\n"): "a.csv, line 2: has no name",
    ("a.csv", "name,group\nweb1,x\nweb1,y\n"): "a.csv, line 3: web1 is listed twice",
    ("a.csv", "name,group,ports\nweb1,x,[80\n"): "a.csv, line 2, ports: is not JSON",
    ("a.csv", "name,group\n"): "a.csv: lists no host",
    ("a.csv", "name,group\nweb1,two-words\n"): 'line 2: group "two-words": must be a name of letters, digits',
    ("a.json", "[{"): "a.json: is not JSON",
    ("a.json", "3"): "a.json: must be a list of hosts",
    ("a.json", '["web1"]'): "a.json, host 1: must be an object",
    ("a.json", '{"terraform_version": "1", "outputs": {"ip": {}}}'): (
        'has no output "harvest_hosts" (it has ip); docs/operating.md shows one'
    ),
}


@pytest.mark.parametrize(("file", "sentence"), WRONG.items(), ids=WRONG.values())
def test_a_list_that_is_none_is_refused_with_the_place(
    file: tuple[str, str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / file[0]).write_text(file[1])
    with pytest.raises(HostListError) as refused:
        hosts_from(tmp_path / file[0])
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostListError, match=r"hosts\.csv: No such file or directory"):
        hosts_from(tmp_path / "hosts.csv")
