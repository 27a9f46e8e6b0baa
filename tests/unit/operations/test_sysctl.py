"""The kernel's settings: what is drifted, what the kernel refused, what another file undoes at the next boot."""

from typing import Any

import pytest

from provision.engine.state import Entry, Query
from provision.engine.templates import render
from provision.operations import sysctl
from provision.remote import sysctl as on_host
from tests.unit.states import state, text

PATH = "/etc/sysctl.d/zzz-harvest.conf"
FILE = "# a note\nkernel.sysrq = 0\nnet.ipv4.conf.*.rp_filter = 1\n"
WANT = sysctl.Sysctl(PATH, lambda have: FILE, frozenset({"kernel.sysrq"}), Query())
APPLIED = {PATH: Entry(kind="file", sha256="1"), sysctl.STAMP: Entry(kind="file", sha256="1")}


def have(now: str = "0", boot: str = "0", file: str = PATH, files: Any = APPLIED, refused: str = "") -> Any:
    values = {"kernel.sysrq": {"now": now, "boot": boot, "file": file}}
    return state(sysctl=values, files=files, notes={sysctl.REFUSED: refused})


def test_what_holds_is_left_alone_and_a_file_that_was_not_applied_is() -> None:
    assert not text(sysctl.changes(have(), WANT))
    assert not list(sysctl.remarks(have(), WANT))
    (command,) = text(sysctl.changes(have(files={PATH: APPLIED[PATH]}), WANT))
    assert f"systemd-sysctl {PATH} " in command


def test_a_drifted_value_is_set_again_though_its_file_is_right() -> None:
    assert len(text(sysctl.changes(have(now="1"), WANT))) == 1
    assert list(sysctl.remarks(have(now="1"), WANT)) == [
        "kernel.sysrq was set to 1 on the host; setting 0 again"
    ]


def test_what_the_kernel_lacks_or_refused_is_no_change_on_each_run() -> None:
    assert not text(sysctl.changes(have(now=""), WANT))
    assert not text(sysctl.changes(have(now="1", refused="kernel.sysrq = 1\n"), WANT))
    assert text(sysctl.changes(have(now="438", refused="kernel.sysrq = 1\n"), WANT))


def test_a_file_that_undoes_ours_at_the_next_boot_is_named() -> None:
    (sentence,) = sysctl.remarks(have(boot="0x01b6", file="/etc/sysctl.d/zzzz.conf"), WANT)
    assert sentence.startswith(
        f"/etc/sysctl.d/zzzz.conf is read after {PATH} and sets kernel.sysrq = 0x01b6 at the"
    )
    assert not list(sysctl.remarks(have(boot="0", file="/etc/sysctl.d/zzzz.conf"), WANT))


@pytest.mark.parametrize(
    ("key", "now", "wanted", "weaker"),
    [
        ("kernel.sysrq", "0x01b6", "0", True),
        ("kernel.kptr_restrict", "1", "2", True),
        ("kernel.yama.ptrace_scope", "3", "1", False),
        ("net.ipv4.conf.all.rp_filter", "2", "1", True),
        ("kernel.core_pattern", "core", "|/bin/false", True),
    ],
)
def test_more_is_stricter_but_off_is_off_and_loose_is_loose(
    key: str, now: str, wanted: str, weaker: bool
) -> None:
    assert sysctl.is_weaker(key, now, wanted) is weaker


def test_the_last_assignment_counts_in_each_way_that_sysctl_d_can_be_written() -> None:
    lines = [
        "# /etc/sysctl.d/10.conf",
        "# kernel.sysrq = 7",
        "kernel.sysrq=1",
        "net/ipv4/conf/eth0.5/rp_filter = 2",
        "-kernel.dmesg_restrict = 0",
        "-net.ipv4.conf.all.rp_filter",
        "",
        "# /usr/lib/sysctl.d/99.conf",
        "; kernel.sysrq = 8",
        "  kernel/sysrq =  2 ",
    ]
    keys = [
        "kernel.sysrq",
        "net.ipv4.conf.eth0/5.rp_filter",
        "kernel.dmesg_restrict",
        "net.ipv4.conf.all.rp_filter",
    ]
    said = [(found.get("boot"), found.get("file")) for found in on_host.values(keys, lines).values()]
    early = "/etc/sysctl.d/10.conf"
    assert said == [("2", "/usr/lib/sysctl.d/99.conf"), ("2", early), ("0", early), (None, None)]


def test_our_file_is_read_after_those_of_packages_and_images() -> None:
    others = (
        "99-protect-links.conf",
        "99-sysctl.conf",
        "99-cloudimg-ipv6.conf",
        "99-zz-local.conf",
        "zz-local.conf",
    )
    assert max(*others, PATH.rsplit("/", 1)[1]) == PATH.rsplit("/", 1)[1]
    assert "net.ipv4.conf.*.rp_filter = 1" in render("system/zzz-harvest.conf", single=True).splitlines()
