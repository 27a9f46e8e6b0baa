"""Which releases stay on a host, and what goes with the others."""

import os
import time
from pathlib import Path

import pytest

from provision.remote import releases


def record(name: str, outcome: str = "bad", previous: str = "") -> dict[str, str]:
    return {"id": name, "outcome": outcome, "previous": previous}


@pytest.mark.parametrize(
    ("records", "count", "stay"),
    [
        ([record("a", "good"), record("b", "live", "a")], 2, {"a", "b"}),
        ([record("a", "good"), record("b", "good"), record("c", "live", "b")], 2, {"b", "c"}),
        # The live one came back by itself after bad ones, which are newer.
        ([record("a", "good"), record("b", "live", "a"), record("c"), record("d")], 3, {"a", "b", "d"}),
        # What failed is never kept in the place of what worked.
        ([record("a", "good"), record("b"), record("c"), record("d", "live", "c")], 2, {"a", "c", "d"}),
        ([record("a", "trying")], 2, {"a"}),
    ],
)
def test_the_live_the_previous_and_the_last_good_release_stay(
    records: list[dict[str, str]], count: int, stay: set[str]
) -> None:
    live = next((each["id"] for each in records if each["outcome"] == "live"), "")
    assert releases.kept(records, live, count) == stay


def release(root: Path, name: str, venv: Path, age: float) -> None:
    folder = root / "releases" / name
    folder.mkdir(parents=True)
    (folder / "venv").symlink_to(venv)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    releases.note(str(root), name, outcome="good", at=at)


def test_old_releases_go_with_the_environments_that_none_uses(tmp_path: Path) -> None:
    root, other = tmp_path / "harvest", tmp_path / "harvest-beta"
    venvs = {name: root / "venvs" / name for name in ("old", "shared", "used", "fresh", "half")}
    for name, path in venvs.items():
        path.mkdir(parents=True)
        if name != "half":
            (path / ".complete").touch()
        if name not in ("fresh", "half"):
            os.utime(path / ".complete", (1e9, 1e9))
    for age, (name, venv) in enumerate((("c", "used"), ("b", "used"), ("a", "old"))):
        release(root, name, venvs[venv], age * 100.0)
    release(other, "x", venvs["shared"], 0.0)
    (root / "harvest").symlink_to("releases/c/harvest")
    assert releases.prune(str(root), 2, str(root)) == ["a"]
    assert sorted(path.name for path in (root / "releases").iterdir()) == ["b", "b.json", "c", "c.json"]
    assert sorted(path.name for path in (root / "venvs").iterdir()) == ["fresh", "half", "shared", "used"]
    assert releases.prune(str(root), 2, str(root)) == []
