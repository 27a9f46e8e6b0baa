"""pyinfra's command line: mistakes in it are answered in one sentence, exit code 1, before any host is asked.

pyinfra itself takes an inventory that does not exist for a host's name, warns, does nothing and reports success.

pyinfra_cli is imported where it is needed: the import alone replaces Python's sockets and threads by gevent's.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import click
from pyinfra import host, state
from pyinfra.context import ctx_host

from provision.settings.foreign import is_foreign

REPO = Path(__file__).parents[2]
DEPLOY = "deploy.py"
PATTERN = "pyinfra inventories/prod.py deploy.py"
PROVISION = str(REPO / "provision")
OPERATE = {
    "drift.py": ("accept",),
    "logs.py": ("instance", "level", "lines", "since", "unit"),
    "maintenance.py": ("allow", "off", "on", "text"),
    "notify.py": (),
    "releases.py": (),
    "restart.py": ("instance",),
    "rollback.py": ("instance", "release", "restore", "rollout"),
    "status.py": (),
    "user.py": ("add", "admin", "instance", "list", "reset"),
}
"""The pages of operate/, and the words that each takes by --data."""
LOOKS = ("drift.py", "logs.py", "notify.py", "releases.py", "status.py")
"""Those that change nothing, and so ask nothing."""
_resolved: set[str] = set()


class Named(Protocol):
    """An instance, as far as its name goes."""

    @property
    def name(self) -> str: ...
    @property
    def slug(self) -> str: ...


Chosen = TypeVar("Chosen", bound=Named)


def stop(lines: Iterable[str]) -> NoReturn:
    """End the run. SystemExit passes through pyinfra, which would wrap anything else in a traceback."""
    print("\n".join(lines), file=sys.stderr, flush=True)
    sys.exit(1)


def options() -> dict[str, Any]:
    """The command line's words by their names, where there is a command line."""
    context = click.get_current_context(silent=True)
    return dict(context.params) if context else {}


def check() -> None:
    """Refuse a command line that pyinfra would misunderstand; say in which line an inventory is no Python."""
    given = options()
    if problem := refusal(given):
        stop([problem])
    _patch()


def refusal(given: Mapping[str, Any]) -> str:
    """What is wrong with the words on the command line, "" where nothing is."""
    inventory, operations = str(given.get("inventory", "")), tuple(given.get("operations") or ())
    if any("=" not in word for word in given.get("data") or ()):
        return "--data: must be KEY=VALUE, like --data bootstrap_user=ubuntu"
    for folder in given.get("group_data") or ():
        if not Path(folder).exists():
            return f"--group-data: {folder} is not there"
    deploys = [word for word in operations if word.endswith(".py")]
    if not deploys and not inventory.endswith(".py"):
        return ""  # an ad hoc command for a host, which needs no settings
    if Path(inventory).name == DEPLOY:
        other = next(iter(deploys), "inventories/prod.py")
        return f"{inventory} is no inventory; the inventory comes first: pyinfra {other} {inventory}"
    if not Path(inventory).is_file():
        what = "is not there" if inventory.endswith(".py") else "is not an inventory file"
        deploy = " ".join(deploys or operations)
        return (
            f"{inventory}: {what}; {_inventories(Path.cwd(), deploy)}. A host belongs into a group of an "
            "inventory, with ssh_hostname, bootstrap_user and the like in its braces"
        )
    return ""


def _inventories(folder: Path, deploy: str) -> str:
    """The inventories that there are, and how one is used."""
    found = sorted(str(file.relative_to(folder)) for file in folder.glob("inventories/*.py"))
    if not found:
        return f"none lies in {folder}/inventories either: start from the folder that holds them, or name it by --chdir"
    return f"there are {', '.join(found)}: pyinfra {found[-1]} {deploy}"


def no_match(given: Mapping[str, Any], match: Callable[[str], set[str]], names: Iterable[str]) -> list[str]:
    """A sentence for each --limit and --exclude that matches no host; pyinfra would go on without it."""
    there = ", ".join(names)
    return [
        f'--{option} "{pattern}" matches no host'
        + (f"; give each its own: {_each(option, pattern)}" if "," in pattern else "")
        + f"; there are {there}"
        for option in ("limit", "exclude")
        for pattern in given.get(option) or ()
        if not match(pattern)
    ]


def _each(option: str, pattern: str) -> str:
    return " ".join(f"--{option} {name.strip()}" for name in pattern.split(",") if name.strip())


def deploys(given: Mapping[str, Any]) -> bool:
    """Whether the run is about a release that is to be installed: only then its source is read."""
    return compares(given) or any(Path(word).name == DEPLOY for word in given.get("operations") or ())


def only_looks(given: Mapping[str, Any]) -> bool:
    """Whether the run can change nothing."""
    pages, said = [Path(word) for word in given.get("operations") or ()], given.get("data") or ()
    looks = {*LOOKS, *(("user.py",) if "list=yes" in said else ())}
    looks -= {"drift.py"} if any(word.startswith("accept=") for word in said) else set()
    return bool(pages) and all(page.parent.name == "operate" and page.name in looks for page in pages)


def compares(given: Mapping[str, Any]) -> bool:
    """Whether the run is operate/drift.py's comparison: it ends when all operations are prepared."""
    return only_looks(given) and any(Path(word).name == "drift.py" for word in given["operations"])


def prepare_page(name: str) -> None:
    """Execute another page of the repository for this host, as if its operations were called where this is."""
    file = str(REPO / name)
    exec(compile(Path(file).read_text(), file, "exec"), {"__file__": file})  # noqa: S102 - our own file


def without_words(data: Mapping[str, Any], *pages: str) -> dict[str, Any]:
    """A host's data without what --data says to pages of operate/."""
    words = {word for page in pages for word in OPERATE.get(Path(page).name, ())}
    return {key: value for key, value in data.items() if key not in words}


def unknown_word(given: Mapping[str, Any], settings: Iterable[str]) -> str:
    """What is wrong with a key of --data that no page of operate/ and no setting has; "" where all are known."""
    files = [Path(word) for word in given.get("operations") or ()]
    if not files or any(file.parent.name != "operate" or file.name not in OPERATE for file in files):
        return ""
    words = sorted({word for file in files for word in OPERATE[file.name]})
    for key in (said.partition("=")[0] for said in given.get("data") or ()):
        if key not in {*words, *settings} and not is_foreign(key):
            takes = ", ".join(words) or "none"
            names = ", ".join(f"operate/{file.name}" for file in files)
            return f"--data {key}: is not an option of {names} (it takes {takes}), and not a setting"
    return ""


def yes(word: str, said: object) -> bool:
    """What a word of --data says that is yes or no; no where it is not given."""
    if said in (None, "no", "yes"):
        return said == "yes"
    stop([f"--data {word}={said}: must be {word}=yes or {word}=no"])


def chosen(instances: Sequence[Chosen], name: object) -> tuple[Chosen, ...]:
    """The instances that --data instance=NAME means: all where it is not given."""
    found = tuple(each for each in instances if name is None or str(name) in (each.name, each.slug))
    if not found:
        there = ", ".join(each.name for each in instances)
        stop([f"host {host.name}: --data instance={name}: there is no such instance; there are {there}"])
    return found


def pages() -> tuple[str, ...]:
    """The files that the run executes on hosts."""
    return tuple(options().get("operations") or ())


def resolved(inventory: str) -> None:
    """Remember that this inventory's hosts were checked and logged in on."""
    _resolved.add(inventory)


def require_resolved() -> None:
    """For deploy.py's first line: refuse hosts whose settings were never checked."""
    if not ctx_host.isset():  # type: ignore[no-untyped-call]
        stop([f"{DEPLOY} is no inventory; the inventory comes first: {PATTERN}"])
    if not _resolved:
        words = "its settings were not checked; name an inventory that ends with `resolve(globals())`, like"
        stop([f"host {host.name}: {words} {PATTERN}"])


@cache
def _patch() -> None:
    """pyinfra's reading of inventories and group data: from any folder, its mistakes in one sentence."""
    from pyinfra_cli import inventory  # type: ignore[import-untyped]
    from pyinfra_cli.exceptions import UnexpectedExternalError  # type: ignore[import-untyped]

    exec_file, get_group_data = inventory.exec_file, inventory._get_group_data

    def in_words(filename: str, *words: Any, **more: Any) -> Any:
        try:
            return exec_file(filename, *words, **more)
        except UnexpectedExternalError as wrapped:
            if sentence := broken(filename, wrapped.exception):
                stop([sentence])
            raise
        except (SyntaxError, ValueError, OSError) as error:  # not even read
            stop([broken(filename, error) or f"{filename}: cannot be read ({error})"])

    def from_anywhere(folder: str) -> Any:
        path = Path(folder)
        up = path.parent.parent / path.name
        elsewhere = path.parent.name == "inventories" and up.parent != Path(state.cwd or ".")
        return get_group_data(str(up) if elsewhere and up.is_dir() and not path.exists() else folder)

    inventory.exec_file = in_words
    # It looks in the working directory, and next to the inventory; ours lies one folder above inventories/.
    inventory._get_group_data = from_anywhere


def broken(file: str, error: BaseException) -> str:
    """Which line of a Python file is wrong and how; "" where the fault is not the file's own."""
    if isinstance(error, SyntaxError):
        return f"{_place(file, error.lineno or 0)}: is not Python ({error.msg})"
    if isinstance(error, UnicodeDecodeError):
        return f"{file}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
    if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] in ("provision", "tasks"):
        return f"{file}: cannot find the folder that holds deploy.py; start there, or type: pyinfra --chdir FOLDER ..."
    line, frame = 0, error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code.co_filename
        if os.path.abspath(code).startswith(PROVISION) and not code.endswith("command_line.py"):
            return ""
        line = frame.tb_lineno if code == file else line
        frame = frame.tb_next
    if not line:
        return ""
    place = _place(file, line)
    if isinstance(error, NameError):
        if "password" in place:  # the word may be the secret itself
            return f'{place}: names a thing that is not there; a secret is a reference, like {{"env": NAME}}'
        return f'{place}: {error}; text stands in quotes, like "{error.name}"'
    return (
        f"{place}: {type(error).__name__}: {error}"
        if "password" not in place
        else f"{place}: {type(error).__name__}"
    )


def _place(file: str, line: int) -> str:
    """A file's line, and the key that is set there."""
    try:
        text = Path(file).read_text(errors="replace").splitlines()[line - 1]
    except (OSError, IndexError):
        text = ""
    key = text.partition("=")[0].strip()
    return f"{file}, line {line}" + (f", {key}" if key.isidentifier() and "=" in text else "")
