"""Where a HARVEST's code comes from: this repository's app/, a git repository, or a folder on this machine."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

SHAPES = (
    '"embedded", {"git": URL, "ref": TAG, BRANCH or COMMIT, "requirements": PATH} or '
    '{"path": FOLDER, "requirements": PATH}'
)
# What git fetches from: https, ssh (also as user@host:path), file, or a folder. No helper such as ext::.
URL = re.compile(
    r"(?:https?|ssh|git)://[A-Za-z0-9@._:\[\]-]+/\S+|file:///\S+|/\S+|[A-Za-z0-9_.-]+@[A-Za-z0-9._-]+:\S+"
)
REF = re.compile(r"(?!.*(?:\.\.|//|@\{|\.lock$|[./]$))[A-Za-z0-9_][A-Za-z0-9._/+@#=-]{0,199}")
CONFIG_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|API_KEY|SALT")
OURS = {
    "DEPLOYMENT_MODE": "mode",
    "URL_BASE_PATHNAME": "base_path",
    "BACKEND_PUBLIC_URL": "domain",
    "HOST": "mode",
    "PORT": "frontend_port",
    "BE_PORT": "backend_ports",
}
"""Names in HARVEST's config.py that a setting decides."""
PLACES = ("DB_PATH", "PDF_STORAGE_DIR", "PDF_DOWNLOAD_DB_PATH")
"""Names in HARVEST's config.py that are paths in the state folder."""


class Source(BaseModel):
    """`app_source`. Neither git nor path: the app/ of this repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    git: str | None = None
    ref: str | None = None
    path: Path | None = None
    requirements: Path | None = None
    config: tuple[tuple[str, Any], ...] = ()
    """What the application's config.py is to say otherwise, by its names."""

    @property
    def embedded(self) -> bool:
        return self.git is None and self.path is None

    def __repr__(self) -> str:
        return "'embedded'" if self.embedded else f"Source({self.git or self.path})"

    @model_validator(mode="before")
    @classmethod
    def _one_of_three(cls, value: Any) -> Any:
        if isinstance(value, Source):
            return value
        if value == "embedded":
            return {}
        if not isinstance(value, dict) or ("git" in value) == ("path" in value):
            raise ValueError(f"must be {SHAPES}")
        if "git" in value and not value.get("ref"):
            raise ValueError(f"ref is not set: name a tag, a branch or a commit; app_source must be {SHAPES}")
        if "path" in value and "ref" in value:
            raise ValueError("ref belongs to a git source; a folder is deployed as it is")
        if not value.get("requirements"):
            raise ValueError(
                "requirements is not set: name a lock file with hashes, made by "
                "python -m scripts.lock --app REQUIREMENTS LOCKFILE"
            )
        return value

    @field_validator("git")
    @classmethod
    def _url(cls, value: str) -> str:
        if re.match(r"https?://[^/@]*:[^/]*@", value):
            raise ValueError("must not hold a password; leave it to git's credential helper, or use ssh")
        if not URL.fullmatch(value):
            raise ValueError(
                "must be a repository's address like https://example.org/harvest.git, git@example.org:harvest.git or "
                "/srv/git/harvest.git"
            )
        return value

    @field_validator("ref")
    @classmethod
    def _ref(cls, value: str) -> str:
        if not REF.fullmatch(value):
            raise ValueError("must be the name of a tag or branch, or a commit")
        return value

    @field_validator("path")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        path = value.expanduser()
        if not path.is_dir():
            raise ValueError("is not a folder on this machine")
        return path.resolve()

    @field_validator("requirements")
    @classmethod
    def _lock(cls, value: Path) -> Path:
        path = value.expanduser()
        if not path.is_file():
            raise ValueError(
                "is not a file on this machine; make it: python -m scripts.lock --app REQUIREMENTS LOCKFILE"
            )
        if problem := lock_problem(path.read_text(encoding="utf-8", errors="replace")):
            raise ValueError(problem)
        return path.resolve()

    @field_validator("config", mode="before")
    @classmethod
    def _config(cls, value: Any) -> Any:
        if isinstance(value, tuple):
            return value
        if not isinstance(value, dict):
            raise ValueError('must be in braces: {"NAME": VALUE}')
        for name, said in value.items():
            if why := config_problem(name, said):
                raise ValueError(f"{name}: {why}")
        return tuple(value.items())


def lock_problem(text: str) -> str:
    """Why a requirements file is not a lock with hashes that runs HARVEST; "" where it is one."""
    names = set()
    for number, line in _logical_lines(text):
        if line.startswith("-"):
            return f"line {number}: {line.split()[0]} is an option; a lock holds packages with hashes alone"
        name = re.split(r"[\s=<>!~\[;@]", line, maxsplit=1)[0]
        if "==" not in line.partition(";")[0] or "--hash=" not in line:
            return (
                f"line {number}: {name} has no {'version' if '--hash=' in line else 'hash'}; make a lock with hashes: "
                "python -m scripts.lock --app REQUIREMENTS LOCKFILE"
            )
        names.add(name.lower())
    if "gunicorn" not in names:
        return "lacks gunicorn, which serves HARVEST; python -m scripts.lock --app adds it"
    return ""


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number, line) of a requirements file without comments, its continued lines joined."""
    lines, begun, start = [], "", 0
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        start = start if begun else number
        begun = f"{begun} {line.removesuffix(chr(92)).strip()}".strip()
        if begun and not line.endswith("\\"):
            lines.append((start, begun))
            begun = ""
    return [*lines, *([(start, begun)] if begun else [])]


def config_problem(name: Any, value: Any) -> str:
    """Why config.py cannot be told so; "" where it can."""
    if not isinstance(name, str) or not CONFIG_NAME.fullmatch(name):
        return "is not a name of config.py; these are in capitals, like UNPAYWALL_EMAIL"
    if name in OURS:
        return f"is decided by the setting {OURS[name]}"
    if name in PLACES:
        return "lies in the instance's state folder"
    if SECRET_NAME.search(name):
        return "names a secret, which must not stand in an inventory; HARVEST's own is made on the host"
    if not _plain(value):
        return "must be text, a number, True, False, None, or a list or braces of these"
    return ""


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(each) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


APP = Source.model_validate("embedded")
"""The default: app/ here."""
