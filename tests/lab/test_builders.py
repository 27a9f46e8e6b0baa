"""The lab's commands and files, by their exact text."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab import (
    cgroups,
    image,
    layers,
    names,
    needs,
    network,
    processes,
    record,
    seed,
    shapes,
    ssh,
    supervisor,
)
from lab.errors import LabError
from lab.suites import SUITES, find

NET = network.Network("8577bdf6", "10.90.56.0/24")
KEY = "ssh-ed25519 AAAA lab"


def a_record(**changes: object) -> record.Record:
    values: dict[str, object] = {
        "name": "demo",
        "fqdn": "demo.harvest.test",
        "address": NET.address(11),
        "address6": NET.address6(11),
        "suite": "trixie",
        "shape": "vps",
        "group": "harvest_internal",
        "bootstrap_user": "root",
        "key_file": "/lab/id_ed25519",
        "bootstrap_password": None,
        "known_hosts": "/lab/known_hosts",
        "machine": "8577bdf6-11",
    }
    return record.Record(**{**values, **changes})  # type: ignore[arg-type]


def test_an_image_is_built_from_what_the_tool_brings() -> None:
    plan = image.recipe(find("trixie"), "vps")
    assert plan.build_command(Path("/images/new/root")) == [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--include=ca-certificates,dbus,iproute2,kmod,libpam-systemd,netbase,openssh-server,procps,python3,sudo,"
        "systemd-sysv,tzdata",
        "--components=main",
        "trixie",
        "/images/new/root",
    ]
    assert plan.commands == (("systemctl", "enable", "systemd-networkd.service"),)
    assert plan.files == {}


def test_a_mirror_and_its_keyring_are_named_in_every_pocket() -> None:
    plan = image.recipe(find("noble"), "cloud", "http://mirror.example/ubuntu", "/keys/ubuntu.gpg")
    assert "--components=main,universe" in plan.bootstrap
    assert "--keyring=/keys/ubuntu.gpg" in plan.bootstrap
    assert plan.sources == tuple(
        f"deb [signed-by=/keys/ubuntu.gpg] http://mirror.example/ubuntu noble{pocket} main universe"
        for pocket in ("", "-updates", "-security")
    )


def test_a_changed_recipe_has_another_digest() -> None:
    digests = {image.recipe(suite, shape).digest for suite in SUITES.values() for shape in shapes.SHAPES}
    assert len(digests) == len(SUITES) * len(shapes.SHAPES)
    assert image.recipe(find("trixie"), "vps").digest == image.recipe(find("trixie"), "vps").digest


def test_of_the_controllers_apt_only_what_its_network_needs_is_carried() -> None:
    dump = """APT "";
Acquire::http::Proxy "http://proxy:3128";
Acquire::https::Proxy "";
Acquire::Check-Date "false";
"""
    assert image.carried_apt_options(dump) == ['Acquire::http::Proxy "http://proxy:3128";']


@pytest.mark.parametrize(("refusals", "carried"), [(0, []), (1, ['Acquire::Check-Date "false";'])])
def test_apt_checks_of_dates_are_left_out_only_where_the_archive_fails_them(
    refusals: int, carried: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[str]] = []

    def builder(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        tried.append(command)
        (tmp_path / "root/etc").mkdir(parents=True)
        return subprocess.CompletedProcess(command, 1 if len(tried) <= refusals else 0)

    monkeypatch.setattr(image.needs, "require_builder", lambda: None)
    monkeypatch.setattr(image, "_apt_dump", lambda: 'Acquire::Check-Date "false";\n')
    monkeypatch.setattr(image.subprocess, "run", builder)
    monkeypatch.setattr(image, "run", lambda command: "")
    image._build(image.recipe(find("trixie"), "vps"), tmp_path / "root")
    assert [any("Check-Date" in word for word in command) for command in tried] == [False, True][
        : refusals + 1
    ]
    assert image.host_apt_options(tmp_path / "root") == carried


def test_an_archive_that_fails_anyhow_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image.needs, "require_builder", lambda: None)
    monkeypatch.setattr(image, "_apt_dump", lambda: 'Acquire::Check-Date "false";\n')
    monkeypatch.setattr(image.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(LabError, match="could not build trixie"):
        image._build(image.recipe(find("trixie"), "vps"), tmp_path / "root")


def test_processes_that_take_their_time_to_end_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the machine is busy: they are there for a while after SIGKILL."""
    left = [{2**22 + 1}] * 5 + [set[int]()]
    monkeypatch.setattr(cgroups, "members", lambda groups: left.pop(0))
    monkeypatch.setattr(cgroups, "SAY_AFTER", 0.03)
    cgroups.kill([Path("/nowhere")])
    assert not left
    assert "lab: waiting for a process to end" in capsys.readouterr().err


def test_processes_that_never_end_are_named_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(cgroups.os, "kill", lambda pid, number: None)
    monkeypatch.setattr(cgroups, "members", lambda groups: {child.pid})
    try:
        with pytest.raises(LabError, match=rf"sleep \({child.pid}\) did not end within 0 s of SIGKILL"):
            cgroups.kill([Path("/nowhere")], 0.1)
    finally:
        child.terminate()
        child.wait()


def test_sudo_rs_takes_the_place_of_sudo_where_the_suite_has_it() -> None:
    steps = shapes.commands("cloud", find("trixie"))
    assert steps[-4:] == [
        ["dpkg-divert", "--local", "--rename", "--divert", "/usr/bin/sudo.ws", "--add", "/usr/bin/sudo"],
        ["ln", "-s", "/usr/lib/cargo/bin/sudo", "/usr/bin/sudo"],
        [
            "dpkg-divert",
            "--local",
            "--rename",
            "--divert",
            "/usr/sbin/visudo.ws",
            "--add",
            "/usr/sbin/visudo",
        ],
        ["ln", "-s", "/usr/lib/cargo/bin/visudo", "/usr/sbin/visudo"],
    ]
    for other in ("bookworm", "resolute"):
        assert not any("dpkg-divert" in step for step in shapes.commands("cloud", find(other)))
    assert "sudo-rs" in shapes.packages("cloud", find("resolute"))
    assert "sudo-rs" not in shapes.packages("vps", find("trixie"))


def test_a_failed_build_of_ubuntu_without_keys_says_where_keys_are() -> None:
    assert "package ubuntu-keyring" in image.build_failure(image.recipe(find("noble"), "vps"))
    assert "--mirror" in image.build_failure(image.recipe(find("noble"), "vps", keyring="/k.gpg"))
    assert "--mirror" in image.build_failure(image.recipe(find("trixie"), "vps"))


def test_a_host_is_a_layer_over_its_image() -> None:
    assert " ".join(layers.mount_command(Path("/i/root"), Path("/h/demo"), "label")) == (
        "mount -t overlay label -o lowerdir=/i/root,upperdir=/h/demo/upper,workdir=/h/demo/work,redirect_dir=on "
        "/h/demo/root"
    )


@pytest.mark.parametrize("name", ["", "A", "1a", "a-", "a_b", "a.b", "../a", "a" * 41, "a b"])
def test_a_name_that_cannot_be_a_host_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="cannot name a host"):
        record.check_name(name)


def test_an_unknown_suite_or_shape_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"Unknown suite 'woody': choose one of .*bookworm, trixie"):
        find("woody")
    with pytest.raises(LabError, match="Unknown shape 'round': choose one of vps, cloud"):
        shapes.check("round")


def test_missing_tools_are_named_with_their_packages() -> None:
    assert needs.missing_tools({"ip": "iproute2"}, which=lambda _: "/bin/ip") is None
    assert needs.missing_tools({"ip": "iproute2"}, which=lambda _: None) == (
        "ip is missing: run `apt-get install iproute2`."
    )
    assert needs.missing_tools({"a": "x", "b": "x", "c": "y"}, which=lambda _: None) == (
        "a, b, c are missing: run `apt-get install x y`."
    )


def test_system_programs_are_found_whatever_su_left_on_the_path() -> None:
    assert needs.with_sbin("/usr/bin:/bin") == "/usr/bin:/bin:/usr/sbin:/sbin"
    assert needs.with_sbin("/usr/sbin:/usr/bin:/sbin") == "/usr/sbin:/usr/bin:/sbin"


def test_the_bridge() -> None:
    assert [" ".join(command) for command in network.bridge_commands(NET)] == [
        "ip link add lab-8577bdf6 address 02:1a:85:77:bd:f6 type bridge stp_state 0 forward_delay 0",
        "ip address add 10.90.56.1/24 dev lab-8577bdf6",
        "ip address add 10.90.56.2/24 dev lab-8577bdf6",
        "ip -6 address add fd85:77bd:f6::1/64 dev lab-8577bdf6 nodad",
        "ip link set lab-8577bdf6 up",
    ]
    assert len(NET.bridge) <= 15
    assert len(f"vb-{NET.lab_id}-254") <= 15


def test_the_packet_filter_rules_name_their_lab() -> None:
    mark = "-m comment --comment harvest lab 8577bdf6"
    assert [" ".join(network.rule_command("-I", rule)) for rule in network.rules(NET)] == [
        f"iptables -w 10 -t nat -I POSTROUTING -s 10.90.56.0/24 ! -d 10.90.56.0/24 {mark} -j MASQUERADE",
        f"iptables -w 10 -t filter -I FORWARD -i lab-8577bdf6 {mark} -j ACCEPT",
        f"iptables -w 10 -t filter -I FORWARD -o lab-8577bdf6 -m conntrack --ctstate RELATED,ESTABLISHED {mark} "
        "-j ACCEPT",
        f"ip6tables -w 10 -t filter -I FORWARD -i lab-8577bdf6 -o lab-8577bdf6 {mark} -j ACCEPT",
    ]


def test_a_taken_subnet_is_passed_over_and_a_wide_route_is_not_in_the_way() -> None:
    first, second = list(network.candidates("8577bdf6"))[:2]
    assert network.choose_subnet("8577bdf6", []) == first
    assert network.choose_subnet("8577bdf6", ["10.0.0.0/8", "192.0.2.1"]) == first
    assert network.choose_subnet("8577bdf6", [first]) == second
    assert network.choose_subnet("8577bdf6", [first.replace(".0/24", ".77")]) == second


def test_host_numbers_are_reused_from_the_lowest() -> None:
    assert network.free_number(NET, []) == 11
    assert network.free_number(NET, [NET.address(11), NET.address(13)]) == 12
    with pytest.raises(LabError, match="full"):
        network.free_number(NET, [NET.address(number) for number in range(11, 255)])


def test_the_network_file_of_a_host() -> None:
    assert seed.network_unit(NET, a_record()) == (
        "[Match]\nName=host0\n\n[Network]\nGateway=10.90.56.1\nIPv6AcceptRA=no\n\n"
        "[Address]\nAddress=10.90.56.11/24\n\n"
        "[Address]\nAddress=fd85:77bd:f6::b/64\nDuplicateAddressDetection=none\n"
    )


def test_a_loopback_resolver_is_replaced_by_what_stands_behind_it() -> None:
    stub, real = "nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.53\n"
    assert seed.resolver(stub, real) == real
    assert seed.resolver(stub, None) == stub
    assert seed.resolver("nameserver 10.0.0.1\n", real) == "nameserver 10.0.0.1\n"


def test_a_vps_lets_root_in_by_key_and_a_password_adds_the_providers_drop_in() -> None:
    files = seed.host_files(NET, a_record(), KEY, "nameserver 10.0.0.1\n")
    assert files["/root/.ssh/authorized_keys"].text == "ssh-ed25519 AAAA lab\n"
    assert not any("sshd_config" in path or "sudoers" in path or "apt.conf" in path for path in files)
    files = seed.host_files(
        NET, a_record(bootstrap_password="pw"), None, "", ['Acquire::Check-Date "false";']
    )
    assert "/root/.ssh/authorized_keys" not in files
    assert (
        files["/etc/ssh/sshd_config.d/50-provider.conf"].text
        == "PermitRootLogin yes\nPasswordAuthentication yes\n"
    )
    assert files["/etc/apt/apt.conf.d/99network"].text == 'Acquire::Check-Date "false";\n'


def test_a_cloud_host_refuses_root_in_cloud_inits_words() -> None:
    cloud = a_record(shape="cloud", bootstrap_user="ubuntu")
    files = seed.host_files(NET, cloud, KEY, "")
    assert files["/root/.ssh/authorized_keys"].text == (
        "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user "
        '\\"ubuntu\\" rather than the user \\"root\\".\';echo;sleep 10;exit 142" ssh-ed25519 AAAA lab\n'
    )
    assert files["/home/ubuntu/.ssh/authorized_keys"].owner == 1000
    rules = "/etc/sudoers.d/90-cloud-init-users"
    assert files[rules].text == "# User rules for ubuntu\nubuntu ALL=(ALL) NOPASSWD:ALL\n"
    assert files[rules].mode == 0o440
    with_password = a_record(shape="cloud", bootstrap_user="ubuntu", bootstrap_password="pw")
    assert seed.host_files(NET, with_password, KEY, "")[rules].text.endswith("ubuntu ALL=(ALL) ALL\n")


def test_the_line_that_boots_a_host() -> None:
    command = supervisor.nspawn_command(Path("/lab/hosts/demo/root"), NET.bridge, a_record())
    assert " ".join(command) == (
        "systemd-nspawn --quiet --register=no --keep-unit --settings=no --link-journal=no --resolv-conf=off "
        "--timezone=off --directory=/lab/hosts/demo/root --machine=8577bdf6-11 --hostname=demo "
        "--network-bridge=lab-8577bdf6 --boot"
    )
    assert supervisor.in_groups([Path("/cg/a"), Path("/cg/b")], ["x", "y"]) == [
        "/bin/sh",
        "-c",
        'echo $$ > "/cg/a/cgroup.procs" && echo $$ > "/cg/b/cgroup.procs" && exec "$@"',
        "sh",
        "x",
        "y",
    ]


def test_ssh_neither_reads_nor_pins_host_keys() -> None:
    assert " ".join(ssh.ssh_command("10.0.0.9", "root", 2222, "/k", ["BindAddress=10.0.0.2"])) == (
        "ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
        "-o ConnectTimeout=10 -o IdentitiesOnly=yes -i /k -o BatchMode=yes -o BindAddress=10.0.0.2 "
        "-p 2222 root@10.0.0.9"
    )
    assert "PubkeyAuthentication=no" in ssh.ssh_command("10.0.0.9", "root")


def test_the_hosts_block_comes_and_goes_without_touching_another_byte() -> None:
    before = (
        "127.0.0.1 localhost\n\n# BEGIN harvest lab other\n10.1.1.1 x.harvest.test\n# END harvest lab other\n"
    )
    lines = names.host_lines([a_record(aliases=["api.demo.harvest.test"])], short=True)
    assert lines == ["10.90.56.11 demo.harvest.test demo api.demo.harvest.test"]
    after = names.with_block(before, "8577bdf6", lines)
    assert after == (
        before + "# BEGIN harvest lab 8577bdf6\n"
        "10.90.56.11 demo.harvest.test demo api.demo.harvest.test\n# END harvest lab 8577bdf6\n"
    )
    assert names.with_block(after, "8577bdf6", lines) == after
    assert names.with_block(after, "8577bdf6", []) == before


def test_a_name_of_another_lab_is_seen() -> None:
    text = names.with_block("127.0.0.1 localhost\n", "other", ["10.1.1.1 demo.harvest.test"])
    assert names.claimed(text, "8577bdf6", "demo.harvest.test")
    assert not names.claimed(text, "other", "demo.harvest.test")
    assert not names.claimed("# 10.1.1.1 demo.harvest.test\n", "8577bdf6", "demo.harvest.test")


def test_pinned_keys_of_a_gone_host_are_forgotten_on_every_port() -> None:
    text = (
        "10.90.56.11 ssh-ed25519 A\n[10.90.56.11]:2222 ssh-ed25519 A\ndemo.harvest.test,10.0.0.1 ssh-rsa B\n"
        "@revoked demo ssh-rsa C\n\n# a note\n10.90.56.110 ssh-ed25519 D\n"
    )
    assert names.without_keys(text, ["10.90.56.11", "demo", "demo.harvest.test"]) == (
        "\n# a note\n10.90.56.110 ssh-ed25519 D\n"
    )


def test_recorded_settings_by_group() -> None:
    settings = record.default_settings("demo.harvest.test", "harvest_nginx", KEY, ["/ca.crt"])
    assert settings == {
        "admin_user": "sysop",
        "admin_keys": [KEY],
        "domain": "demo.harvest.test",
        "trusted_cas": ["/ca.crt"],
        "tls": "off",
    }
    assert "tls" not in record.default_settings("demo.harvest.test", "harvest_internal", KEY, [])


def test_a_process_is_known_by_its_start_and_a_zombie_is_none() -> None:
    fields = " ".join(str(number) for number in range(4, 40))
    assert processes.start_time(f"42 (odd) name) S {fields}") == 22
    assert processes.start_time(f"42 (sh) Z {fields}") is None


def test_a_pid_that_somebody_else_got_is_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    assert processes.recorded(file) is None
    processes.record(file, os.getpid())
    assert processes.recorded(file) == os.getpid()
    file.write_text(f"{os.getpid()} 1")
    assert processes.recorded(file) is None


def test_control_groups_are_found_in_either_version() -> None:
    hybrid = (
        "30 20 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,relatime,name=systemd\n"
        "31 20 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "32 20 0:28 / /sys/fs/cgroup/memory rw shared:1 - cgroup cgroup rw,memory\n"
    )
    assert cgroups.mounts(hybrid) == [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]
    assert cgroups.mounts("31 20 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n") == [
        Path("/sys/fs/cgroup")
    ]
