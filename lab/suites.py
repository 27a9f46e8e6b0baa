"""The distributions that a lab host can run."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import LabError


@dataclass(frozen=True)
class Suite:
    """One release of a distribution, by its archive name."""

    name: str
    distribution: str
    version: str
    sudo_rs: bool = False
    """Cloud hosts get sudo-rs: Ubuntu's default by then, on Debian a package beside the classic sudo."""

    @property
    def components(self) -> str:
        """Archive components, as apt sources name them."""
        return "main universe" if self.distribution == "ubuntu" else "main"


SUITES = {
    suite.name: suite
    for suite in (
        Suite("bullseye", "debian", "11"),
        Suite("bookworm", "debian", "12"),
        Suite("trixie", "debian", "13", sudo_rs=True),
        Suite("jammy", "ubuntu", "22.04"),
        Suite("noble", "ubuntu", "24.04"),
        Suite("resolute", "ubuntu", "26.04", sudo_rs=True),
    )
}


def find(name: str) -> Suite:
    """Return the suite of that name.

    Raises:
        LabError: nobody knows it.
    """
    if name not in SUITES:
        raise LabError(f"Unknown suite {name!r}: choose one of {', '.join(SUITES)}.")
    return SUITES[name]
