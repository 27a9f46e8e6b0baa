"""Python that runs on the host, as files. A host has its own python3 alone, without any package of ours."""

from pathlib import Path

UNPACK = """import sys, types
for name in ("provision", "provision.remote"):
    sys.modules[name] = types.ModuleType(name)
for name, text in PARTS.items():
    whole = "provision.remote." + name
    part = sys.modules[whole] = types.ModuleType(whole)
    exec(compile(text, name + ".py", "exec"), part.__dict__)
    setattr(sys.modules["provision.remote"], name, part)
"""


def source(name: str) -> str:
    """The program `name` (without .py) as text, to be sent to a host."""
    return (Path(__file__).parent / f"{name}.py").read_text()


def program(name: str, *parts: str) -> str:
    """`name` as one program that brings along the modules `parts`, which it imports as `provision.remote.PART`."""
    carried = {part: source(part) for part in parts}
    return f"PARTS = {carried!r}\n{UNPACK}\n{source(name)}"
