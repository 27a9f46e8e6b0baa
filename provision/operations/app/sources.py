"""`app_source` as the archive that hosts get: resolved and checked on the controller, before any host is touched."""

import posixpath
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

from provision.operations.app import git
from provision.operations.app.artifact import NATIVE, Artifact, blobs_of, identity, pack, tar_of
from provision.operations.app.git import Blob, SourceError
from provision.settings.app_source import Source
from provision.settings.instances import Instance
from provision.settings.model import Settings

EMBEDDED = Path(__file__).parents[3] / "app"
CONTRACT = ("wsgi_be.py", "wsgi_fe.py")
"""What gunicorn serves: `wsgi_be:app`, the API, and `wsgi_fe:server`, the pages."""
STATE_FOLDERS = ("project_pdfs",)
CACHE_FOLDERS = (".cache",)
"""Where upstream HARVEST writes below its own code: empty in the release, bound to the state and cache folders."""
STORE = "harvest_store.py"
"""Upstream's accounts and data."""
LFS = b"version https://git-lfs.github.com/spec/"


def artifact(source: Source) -> Artifact:
    """The archive of a source, read once a run. Raises SourceError, one sentence that says what is wrong."""
    if source.embedded:
        return pack(EMBEDDED)
    if source.requirements is None:
        raise SourceError("requirements is not set")
    if source.git and source.ref:
        return _from_git(source.git, source.ref, source.requirements)
    return _from_folder(source.path or Path(), source.requirements)


def native(instance: Instance) -> bool:
    """Whether the instance's application has the embedded one's command line, prefix and pages."""
    return instance.app_source.embedded or artifact(instance.app_source).native


def admin_by(instance: Instance) -> Literal["command", "store", "none"]:
    """How the instance's application adds an administrator: `python -m harvest`, upstream's store, or not at all."""
    if native(instance):
        return "command"
    return "store" if STORE in artifact(instance.app_source).files else "none"


def publishes_api(instance: Instance) -> bool:
    """Whether nginx lets anyone reach the instance's API."""
    if instance.publish_api is None:
        return bool(instance.api_domain) or native(instance)
    return instance.publish_api


def check(settings: Settings) -> list[tuple[str, str]]:
    """(key, sentence) for each source of one host that cannot be deployed."""
    problems = []
    for each in settings.all_instances:
        try:
            strange = not native(each)
            artifact(each.app_source)
        except SourceError as why:
            problems.append((_key(settings, each), str(why)))
            continue
        if strange and each.mode == "internal" and each.base_path != "/":
            sentence = f'is "{each.base_path}"; this app_source serves PDFs below a path in nginx mode only'
            problems.append((_key(settings, each, "base_path"), sentence))
    return problems


def _key(settings: Settings, each: Instance, key: str = "app_source") -> str:
    return f"instances.{each.name}.{key}" if settings.instances else key


def notes(settings: Settings) -> list[str]:
    """A line for each ref that was resolved: what is deployed if it is a branch."""
    said = []
    for each in settings.all_instances:
        if each.app_source.git:
            origin = artifact(each.app_source).origin
            said.append(f"{each.slug}: {origin['ref']} of {origin['url']} is commit {origin['commit']}")
    return said


@cache
def _from_git(url: str, ref: str, requirements: Path) -> Artifact:
    commit = git.resolve(url, ref)
    origin = {"kind": "git", "url": git.shown(url), "ref": ref, "commit": commit}
    return _build(list(git.tree(url, commit)), requirements, origin, f"{git.shown(url)} at {commit[:12]}")


@cache
def _from_folder(folder: Path, requirements: Path) -> Artifact:
    kept = git.kept(folder)
    blobs = [each for each in blobs_of(folder, links=True) if kept is None or each.path in kept]
    return _build(blobs, requirements, {"kind": "path", "url": str(folder)}, str(folder))


def _build(blobs: list[Blob], requirements: Path, origin: dict[str, str], where: str) -> Artifact:
    for why in problems(blobs):
        raise SourceError(f"{where} {why}")
    files = frozenset(blob.path for blob in blobs)
    folders = () if NATIVE in files else (*STATE_FOLDERS, *CACHE_FOLDERS)
    held = [blob for blob in blobs if blob.path.split("/")[0] not in folders]
    data, lock = tar_of(held, folders), requirements.read_text()
    origin = origin | {"requirements": str(requirements)}
    return Artifact(identity(data, lock.encode()), data, lock, files, origin)


def problems(blobs: Iterable[Blob]) -> Iterable[str]:
    """Why a tree cannot be deployed, each after the words that say which tree."""
    blobs = list(blobs)
    paths = {blob.path for blob in blobs}
    if missing := [name for name in CONTRACT if name not in paths]:
        below = sorted(posixpath.dirname(path) for path in paths if posixpath.basename(path) == missing[0])
        hint = f"; there is one in {below[0]}/, but it must lie at the top" if below else ""
        yield f"has no {' and no '.join(missing)}: that is no HARVEST{hint}"
    for blob in blobs:
        if blob.mode == "120000" and _leads_out(blob):
            yield f"has a symbolic link that leads out of it: {blob.path} -> {blob.data.decode(errors='replace')}"
        if blob.data.startswith(LFS):
            yield f"holds {blob.path} as a pointer to Git LFS, not the file itself; commit the file"


def _leads_out(blob: Blob) -> bool:
    """Whether a link may lead out of the tree: also by going up from where another link leads."""
    parts = blob.data.decode(errors="replace").split("/")
    up = len([part for part in parts if part == ".."])
    return parts[0] == "" or parts[:up] != [".."] * up or up > blob.path.count("/")
