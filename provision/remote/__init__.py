"""Python that runs on the host, as files. Nothing here imports anything of ours: a host has its own python3 alone."""

from pathlib import Path


def source(name: str) -> str:
    """The program `name` (without .py) as text, to be sent to a host."""
    return (Path(__file__).parent / f"{name}.py").read_text()
