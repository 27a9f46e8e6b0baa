"""The kernel's settings, as they are and as the next boot will set them. A part of host_state.py, on the host."""

import subprocess


def value_of(name: str) -> str:
    """A setting's value now; "" where the kernel lacks it."""
    try:
        with open("/proc/sys/" + name.replace(".", "/"), errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def begin() -> "subprocess.Popen[str]":
    """Begin to print sysctl.d's files in the order of the boot."""
    words = ["systemd-analyze", "--no-pager", "cat-config", "sysctl.d"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def values(names: "list[str]", lines: "list[str]") -> "dict[str, dict[str, str]]":
    """The kernel's values, and what the lines of sysctl.d's files, in the order of the boot, assign last."""
    assigned, file = {}, ""
    for line in map(str.strip, lines):
        if line.startswith("# /") and line.endswith(".conf"):
            file = line[2:]
        key, sign, value = line.partition("=")
        key = key.strip().lstrip("-")
        if sign and not line.startswith(("#", ";")):
            swap = "/" in key and "." not in key.partition("/")[0]  # sysctl.d(5): the first separator decides
            key = key.translate({46: 47, 47: 46}) if swap else key
            assigned[key] = {"boot": value.strip(), "file": file}
    return {name: {"now": value_of(name), **assigned.get(name, {})} for name in names}
