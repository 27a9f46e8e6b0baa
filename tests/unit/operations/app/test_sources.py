"""Where the code comes from: what is taken of it, and what is refused before any host is touched."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from provision.operations.app import git, sources
from provision.operations.app.git import SourceError
from provision.settings.app_source import Source
from provision.settings.model import settings_from
from tests.unit.examples import GOOD, TWO
from tests.unit.repositories import FILES, LOCK, commit, write
from tests.unit.repositories import git as run_git


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources._from_git.cache_clear()
    sources._from_folder.cache_clear()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "lock.txt"
    file.write_text(LOCK)
    return file


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    commit(tmp_path / "repo", FILES)
    return tmp_path / "repo"


def source(lock: Path, **where: Any) -> Source:
    return Source.model_validate(
        {key: str(value) for key, value in where.items()} | {"requirements": str(lock)}
    )


def names(tar: bytes) -> dict[str, tarfile.TarInfo]:
    return {info.name: info for info in tarfile.open(fileobj=io.BytesIO(tar))}


def refusal(lock: Path, **where: Any) -> str:
    with pytest.raises(SourceError) as refused:
        sources.artifact(source(lock, **where))
    return str(refused.value)


def test_a_tag_a_branch_and_a_commit_give_the_same_archive_and_say_which_commit(
    repo: Path, lock: Path
) -> None:
    head = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "tag", "-a", "v1", "-m", "one")
    made = [sources.artifact(source(lock, git=repo, ref=ref)) for ref in ("main", "v1", head, head[:10])]
    assert len({(each.id, each.tar) for each in made}) == 1
    assert made[0].origin == {
        "kind": "git",
        "url": str(repo),
        "ref": "main",
        "commit": head,
        "requirements": str(lock),
    }
    assert made[0].requirements == LOCK


def test_a_branch_is_followed_and_a_known_commit_needs_no_repository(repo: Path, lock: Path) -> None:
    old = sources.artifact(source(lock, git=repo, ref="main"))
    new = commit(repo, {"wsgi_be.py": "app = 2\n"})
    sources._from_git.cache_clear()  # the next run
    assert sources.artifact(source(lock, git=repo, ref="main")).origin["commit"] == new
    repo.rename(repo.with_name("away"))
    assert sources.artifact(source(lock, git=repo, ref=old.origin["commit"])).id == old.id
    assert "cannot be read" in refusal(lock, git=repo, ref=new[:10])


def test_a_branch_that_was_rewritten_is_taken_as_it_is_now(repo: Path, lock: Path) -> None:
    first = run_git(repo, "rev-parse", "HEAD")
    commit(repo, {"wsgi_be.py": "app = 2\n"})
    sources.artifact(source(lock, git=repo, ref="main"))
    run_git(repo, "reset", "-q", "--hard", first)
    sources._from_git.cache_clear()
    assert sources.artifact(source(lock, git=repo, ref="main")).origin["commit"] == first


def test_a_branch_that_is_gone_makes_room_for_one_below_its_name(repo: Path, lock: Path) -> None:
    """git keeps a branch as a file: next/one does not fit in a mirror that still has next."""
    run_git(repo, "branch", "next")
    sources.artifact(source(lock, git=repo, ref="next"))
    run_git(repo, "branch", "-m", "next", "next/one")
    sources._from_git.cache_clear()
    head = run_git(repo, "rev-parse", "HEAD")
    assert sources.artifact(source(lock, git=repo, ref="next/one")).origin["commit"] == head
    assert "next" in refusal(lock, git=repo, ref="next")


def test_another_lock_is_another_release_of_the_same_commit(repo: Path, lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(LOCK.replace("0" * 64, "1" * 64))
    one, two = (sources.artifact(source(file, git=repo, ref="main")) for file in (lock, other))
    assert one.tar == two.tar
    assert one.id != two.id


def test_a_release_has_the_bytes_of_the_commit_whatever_attributes_say(repo: Path, lock: Path) -> None:
    odd = {".gitattributes": "*.py export-subst\nsecret.py export-ignore\n*.txt text eol=crlf\n"}
    commit(repo, odd | {"x.py": "# $Format:%H$\n", "secret.py": "\n", "a.txt": "a\nb\n"})
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    commit(repo, {})
    tar = sources.artifact(source(lock, git=repo, ref="main")).tar
    found = names(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        texts = {name: opened.extractfile(name).read() for name in ("x.py", "a.txt")}  # type: ignore[union-attr]
    assert texts == {"x.py": b"# $Format:%H$\n", "a.txt": b"a\nb\n"}
    assert "secret.py" in found
    assert (found["run.sh"].mode, found["x.py"].mode) == (0o755, 0o644)
    assert {(info.uname, info.mtime) for info in found.values()} == {("root", 0)}


def test_an_application_that_writes_below_its_code_finds_folders_there(repo: Path, lock: Path) -> None:
    commit(repo, {"project_pdfs/old.pdf": "x"})
    found = names(sources.artifact(source(lock, git=repo, ref="main")).tar)
    assert found["project_pdfs"].isdir()
    assert found[".cache"].isdir()
    assert "project_pdfs/old.pdf" not in found


def test_a_fork_of_the_embedded_application_is_run_as_that_is(repo: Path, lock: Path) -> None:
    commit(repo, {"harvest/__main__.py": ""})
    artifact = sources.artifact(source(lock, git=repo, ref="main"))
    assert artifact.native
    assert "project_pdfs" not in names(artifact.tar)


def test_an_unknown_ref_is_told_with_what_there_is(repo: Path, lock: Path) -> None:
    assert refusal(lock, git=repo, ref="mian") == (
        f'{repo} has no tag, branch or commit "mian"; did you mean main?'
    )
    assert refusal(lock, git=repo, ref="0" * 40).endswith("there are: main")


def test_a_name_that_is_a_tag_and_a_branch_of_different_commits_is_refused(repo: Path, lock: Path) -> None:
    run_git(repo, "tag", "main")
    sources.artifact(source(lock, git=repo, ref="main"))  # of the same commit: which it is does not matter
    commit(repo, {"wsgi_be.py": "app = 2\n"})
    sources._from_git.cache_clear()
    assert "both a tag and a branch" in refusal(lock, git=repo, ref="main")


def test_a_wrong_address_is_told_in_gits_words_and_nothing_waits_for_a_password(
    tmp_path: Path, lock: Path
) -> None:
    assert refusal(lock, git=tmp_path / "none", ref="main") == (
        f"{tmp_path}/none cannot be read: '{tmp_path}/none' does not appear to be a git repository"
    )
    assert git.environment()["GIT_TERMINAL_PROMPT"] == "0"
    assert "BatchMode=yes" in git.environment()["GIT_SSH_COMMAND"]


def test_a_token_in_the_address_is_shown_nowhere() -> None:
    assert git.shown("https://token@example.org/h.git") == "https://example.org/h.git"
    assert git.shown("git@example.org:h.git") == "git@example.org:h.git"


def test_a_run_inside_a_git_hook_reads_the_mirror_all_the_same(
    repo: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    assert sources.artifact(source(lock, git=repo, ref="main")).id


def test_without_git_a_source_from_git_is_refused(
    repo: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "git is not installed on this machine" in refusal(lock, git=repo, ref="main")


def test_two_runs_at_once_share_a_mirror(repo: Path, lock: Path) -> None:
    program = f"from provision.operations.app import git; print(git.resolve({str(repo)!r}, 'main'))"
    runs = [
        subprocess.Popen(
            [__import__("sys").executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )
        for _ in range(4)
    ]
    assert {run.communicate()[0].strip() for run in runs} == {run_git(repo, "rev-parse", "HEAD")}


TREES: dict[str, tuple[dict[str, str], str]] = {
    "no contract": ({"harvest.py": ""}, "has no wsgi_be.py and no wsgi_fe.py: that is no HARVEST"),
    "half of it": ({"wsgi_be.py": ""}, "has no wsgi_fe.py: that is no HARVEST"),
    "too deep": (
        {"app/wsgi_be.py": "", "app/wsgi_fe.py": ""},
        "has no wsgi_be.py and no wsgi_fe.py: that is no HARVEST; there is one in app/, but it must lie at the top",
    ),
    "LFS": (
        FILES | {"model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"},
        "holds model.bin as a pointer to Git LFS, not the file itself; commit the file",
    ),
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("kind", ["git", "path"])
def test_a_tree_that_cannot_be_deployed_is_refused(tmp_path: Path, lock: Path, name: str, kind: str) -> None:
    files, why = TREES[name]
    folder = tmp_path / "tree"
    if kind == "git":
        head = commit(folder, files)
        assert refusal(lock, git=folder, ref="main") == f"{folder} at {head[:12]} {why}"
    else:
        write(folder, files)
        assert refusal(lock, path=folder) == f"{folder} {why}"


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../x", "sub/../../x", "in/../x"])
@pytest.mark.parametrize("kind", ["git", "path"])
def test_a_link_that_leads_out_is_refused(repo: Path, lock: Path, target: str, kind: str) -> None:
    (repo / "link").symlink_to(target)
    commit(repo, {})
    where: dict[str, Any] = {"git": repo, "ref": "main"} if kind == "git" else {"path": repo}
    assert f"has a symbolic link that leads out of it: link -> {target}" in refusal(lock, **where)


@pytest.mark.parametrize("kind", ["git", "path"])
def test_a_link_inside_stays_a_link(repo: Path, lock: Path, kind: str) -> None:
    write(repo, {"sub/x": ""})
    (repo / "sub/up").symlink_to("../config.py")
    commit(repo, {})
    where: dict[str, Any] = {"git": repo, "ref": "main"} if kind == "git" else {"path": repo}
    found = names(sources.artifact(source(lock, **where)).tar)["sub/up"]
    assert (found.issym(), found.linkname) == (True, "../config.py")


def test_a_submodule_is_refused(repo: Path, lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    commit(other, {"x": ""})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "vendor")
    head = commit(repo, {})
    assert refusal(lock, git=repo, ref="main") == (
        f"{repo} at {head[:12]} has a submodule, vendor; a release holds one repository's files alone"
    )


def test_a_folder_is_taken_as_it_is_without_what_git_ignores(repo: Path, lock: Path) -> None:
    write(repo, {".gitignore": "*.db\n", "harvest.db": "data", "new.py": "", "__pycache__/x.pyc": ""})
    artifact = sources.artifact(source(lock, path=repo))
    assert {"new.py", "wsgi_be.py", ".gitignore"} <= artifact.files
    assert not {path for path in artifact.files if path.startswith((".git/", "__pycache__")) or "db" in path}
    assert artifact.origin == {"kind": "path", "url": str(repo), "requirements": str(lock)}


def test_each_instance_has_its_own_source_and_its_own_complaint(repo: Path, lock: Path) -> None:
    wrong = {"git": str(repo), "ref": "none", "requirements": str(lock)}
    right = wrong | {"ref": "main"}
    two = {"harvest": TWO["harvest"], "research": TWO["research"] | {"app_source": wrong}}
    settings = settings_from(GOOD | {"instances": two})
    assert [key for key, _ in sources.check(settings)] == ["instances.research.app_source"]
    two["research"] = TWO["research"] | {"app_source": right}
    settings = settings_from(GOOD | {"instances": two})
    assert sources.check(settings) == []
    first, second = settings.all_instances
    assert (sources.native(first), sources.native(second)) == (True, False)
    assert (sources.publishes_api(first), sources.publishes_api(second)) == (True, False)
    (note,) = sources.notes(settings)
    assert note == f"harvest-research: main of {repo} is commit {run_git(repo, 'rev-parse', 'HEAD')}"


def test_below_a_path_an_application_like_upstream_needs_nginx(repo: Path, lock: Path) -> None:
    said = {
        "mode": "internal",
        "base_path": "/x/",
        "app_source": {"path": str(repo), "requirements": str(lock)},
    }
    plain = {key: value for key, value in GOOD.items() if key != "domain"}
    assert sources.check(settings_from(plain | said)) == [
        ("base_path", 'is "/x/"; this app_source serves PDFs below a path in nginx mode only')
    ]


def test_the_embedded_application_costs_no_look_at_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (only,) = settings_from(GOOD).all_instances
    assert sources.native(only)
    assert sources.artifact(only.app_source).origin == {"kind": "embedded"}
