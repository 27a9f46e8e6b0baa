"""Real hosts for the tests: booted, deployed to with the command of production, thrown away."""

import os
from collections.abc import Iterator

import pytest

from lab import hosts, needs


@pytest.fixture(scope="session", autouse=True)
def _lab_possible() -> None:
    """These tests need root and namespaces; CI never skips them."""
    if problem := needs.problem():
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)


@pytest.fixture(scope="module")
def lab_host(request: pytest.FixtureRequest) -> Iterator[hosts.Host]:
    """One fresh host for a module's tests: `pytestmark = pytest.mark.parametrize("lab_host", [{...}], indirect=True)`.

    The parameter is what `hosts.up` takes; the host goes when the module's tests are done.
    """
    host = hosts.up(**request.param, fresh=True)
    yield host
    if not os.environ.get("KEEP_HOSTS"):
        host.down()
