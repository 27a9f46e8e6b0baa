"""`app_source`: which words it takes, and one sentence for each that it does not."""

from pathlib import Path
from typing import Any

import pytest

from provision.settings.app_source import lock_problem
from provision.settings.model import settings_from
from tests.unit.examples import GOOD, TWO, problem
from tests.unit.repositories import LOCK


@pytest.fixture
def lock(tmp_path: Path) -> str:
    (tmp_path / "lock.txt").write_text(LOCK)
    return str(tmp_path / "lock.txt")


def said(lock: str, **changed: Any) -> str:
    source = {"git": "https://example.org/harvest.git", "ref": "main", "requirements": lock}
    return problem(
        app_source={key: value for key, value in {**source, **changed}.items() if value is not None}
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/h.git",
        "ssh://git@example.org:2222/h.git",
        "git@example.org:team/h.git",
        "/srv/git/h.git",
        "file:///srv/git/h.git",
    ],
)
@pytest.mark.parametrize("ref", ["main", "v1.2", "feature/new-page", "release-2", "e90f5ee79225", "a" * 40])
def test_what_git_takes_is_taken(lock: str, url: str, ref: str) -> None:
    (only,) = settings_from(
        GOOD | {"app_source": {"git": url, "ref": ref, "requirements": lock}}
    ).all_instances
    assert (only.app_source.git, only.app_source.ref) == (url, ref)


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch /tmp/x", "-x", "a..b", "a b", "@{-1}", "x.lock", "a:b", "^x"]
)
def test_a_ref_that_is_none_is_refused(lock: str, ref: str) -> None:
    assert said(lock, ref=ref).endswith("must be the name of a tag or branch, or a commit")


@pytest.mark.parametrize(
    "url", ["--upload-pack=x", "ext::sh -c x", "example.org/h.git", "h.git", "http://a b"]
)
def test_an_address_that_is_none_is_refused(lock: str, url: str) -> None:
    assert "app_source.git: must be a repository's address" in said(lock, git=url)


def test_a_password_in_the_address_is_refused_and_not_repeated(lock: str) -> None:
    words = said(lock, git="https://me:hunter2@example.org/h.git")
    assert "must not hold a password" in words
    assert "hunter2" not in words


@pytest.mark.parametrize("wrong", ["upstream", 5, [], {}, {"git": "/a", "path": "/b"}, {"ref": "main"}])
def test_another_shape_is_refused_with_the_three_that_there_are(wrong: Any) -> None:
    assert problem(app_source=wrong).startswith('app_source: must be "embedded", {"git": URL, "ref": ')


def test_what_is_missing_or_too_much_is_named(lock: str, tmp_path: Path) -> None:
    assert "app_source: ref is not set" in said(lock, ref=None)
    assert "app_source: requirements is not set" in said(lock, requirements=None)
    assert said(lock, reff="x") == "app_source.reff: is not a setting; did you mean ref?"
    folder = {"path": str(tmp_path), "requirements": lock}
    assert "ref belongs to a git source" in problem(app_source=folder | {"ref": "main"})
    assert "is not a folder on this machine" in problem(app_source=folder | {"path": "/none"})
    assert "python -m scripts.lock --app" in said(lock, requirements="/none")


def test_an_instance_says_it_for_itself(lock: str, tmp_path: Path) -> None:
    own = {"path": str(tmp_path), "requirements": lock}
    two = {"harvest": TWO["harvest"], "research": TWO["research"] | {"app_source": own}}
    first, second = settings_from(GOOD | {"instances": two}).all_instances
    assert (first.app_source.embedded, second.app_source.path) == (True, tmp_path)
    two["research"] = TWO["research"] | {"app_source": own | {"path": "/none"}}
    assert problem(instances=two).startswith("instances.research.app_source.path: ")


LOCKS = {
    "flask\n": "line 1: flask has no hash",
    "# a comment\n\nflask==3.1.3\n": "line 3: flask has no hash",
    "flask>=3 --hash=sha256:00\n": "line 1: flask has no version",
    LOCK + "-r other.txt\n": "line 3: -r is an option",
    "--index-url https://x\n" + LOCK: "line 1: --index-url is an option",
    "-e .\n": "line 1: -e is an option",
    "x @ https://example.org/x.whl --hash=sha256:00\n": "line 1: x has no version",
    "flask==3 \\\n  --hash=sha256:00\n": "lacks gunicorn",
    "": "lacks gunicorn",
}


@pytest.mark.parametrize("text", LOCKS)
def test_a_lock_without_hashes_is_refused_by_its_line(text: str) -> None:
    assert lock_problem(text).startswith(LOCKS[text])


def test_our_own_lock_is_one() -> None:
    assert lock_problem(Path("app/requirements.txt").read_text()) == ""


CONFIG = {
    "unpaywall": "is not a name of config.py",
    "PORT": "is decided by the setting frontend_port",
    "DB_PATH": "lies in the instance's state folder",
    "EMAIL_HASH_SALT": "names a secret",
    "WOS_API_KEY": "names a secret",
}


@pytest.mark.parametrize("name", CONFIG)
def test_what_config_py_cannot_be_told_is_refused(lock: str, name: str) -> None:
    assert CONFIG[name] in said(lock, config={name: "x"})


def test_config_takes_plain_values_alone(lock: str) -> None:
    assert "must be text, a number" in said(lock, config={"X": object()})
    assert 'must be in braces: {"NAME": VALUE}' in said(lock, config=[1])


def test_an_api_that_its_pages_need_is_not_closed() -> None:
    assert problem(publish_api=False) == "publish_api: is False, but its pages call the API themselves"
