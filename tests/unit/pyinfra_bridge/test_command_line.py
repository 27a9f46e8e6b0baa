"""Mistakes on the command line: one sentence, exit code 1, and no host is asked."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from provision.pyinfra_bridge.command_line import (
    OPERATE,
    compares,
    deploys,
    only_looks,
    refusal,
    unknown_word,
    yes,
)
from tests.unit.command import REPO, complaints, pyinfra


@pytest.mark.parametrize(
    "words",
    [
        ("inventories/nosuch.py", "deploy.py", "-y"),
        ("web1", "deploy.py", "-y"),
        ("@local", "deploy.py", "-y"),
    ],
)
def test_what_is_no_inventory_is_told_with_those_there_are(words: tuple[str, ...]) -> None:
    (line,) = complaints(pyinfra(REPO, *words))
    assert line.startswith(f"{words[0]}: is not ")
    assert "there are inventories/lab.py, inventories/prod.py: pyinfra inventories/prod.py d" in line


@pytest.mark.parametrize(
    "inventory", ["192.0.2.1", "web1,web2", "inventories", "nosuch.py", "inventories.prod:x"]
)
def test_a_host_name_is_no_inventory(monkeypatch: pytest.MonkeyPatch, inventory: str) -> None:
    monkeypatch.chdir(REPO)
    assert refusal({"inventory": inventory, "operations": ("deploy.py",)}).startswith(f"{inventory}: is not ")


def test_a_command_for_any_host_is_none_of_our_business() -> None:
    assert refusal({"inventory": "web1", "operations": ("exec", "uptime")}) == ""


def test_every_page_of_operate_says_which_words_it_takes() -> None:
    assert {file.name for file in (REPO / "operate").glob("*.py")} == set(OPERATE)


def test_swapped_arguments_are_told() -> None:
    (line,) = complaints(pyinfra(REPO, "deploy.py", "inventories/prod.py"))
    assert line.endswith("the inventory comes first: pyinfra inventories/prod.py deploy.py")


def test_hosts_that_nobody_checked_are_refused_before_the_first_look(tmp_path: Path) -> None:
    """No config.py is read in another folder than deploy.py's."""
    done = pyinfra(tmp_path, "@local", str(REPO / "deploy.py"), "-y")
    assert done.returncode == 1
    assert "host @local: its settings were not checked; name an inventory that ends with" in done.stderr
    assert "Traceback" not in done.stderr


def test_deploy_py_by_itself_says_how_it_is_run() -> None:
    done = subprocess.run([sys.executable, "deploy.py"], cwd=REPO, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "deploy.py is run by pyinfra, type: pyinfra inventories/prod.py deploy.py",
    )


@pytest.mark.parametrize("file", ["config.py", "deploy.py", "inventories/prod.py", "inventories/lab.py"])
def test_an_older_python_says_which_one_is_needed(file: str) -> None:
    code = f"""import sys; sys.version_info = (3, 9, 2, "final", 0); sys.path.insert(0, ".")
sys.modules["pyinfra"] = type(sys)("pyinfra"); sys.modules["pyinfra"].host = None
exec(compile(open({file!r}).read(), {file!r}, "exec"), {{"__file__": {file!r}}})"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Python 3.9 is too old for HARVEST's deployment, which needs 3.10 or newer; "
    )
    ast.parse((REPO / file).read_text(), feature_version=(3, 9))


def test_a_word_that_is_yes_or_no_takes_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert [yes("restore", said) for said in ("yes", "no", None)] == [True, False, False]
    with pytest.raises(SystemExit):
        yes("restore", "ja")
    assert capsys.readouterr().err == "--data restore=ja: must be restore=yes or restore=no\n"


@pytest.mark.parametrize(
    ("words", "looks"),
    [
        ({"operations": ("operate/status.py",)}, True),
        ({"operations": ("/srv/repo/operate/logs.py", "operate/releases.py")}, True),
        ({"operations": ("operate/user.py",), "data": ("list=yes",)}, True),
        ({"operations": ("operate/drift.py",)}, True),
        ({"operations": ("operate/drift.py",), "data": ("accept=/etc/x",)}, False),
        ({"operations": ("operate/drift.py",), "data": ("accept=",)}, False),
        ({"operations": ("operate/drift.py", "deploy.py")}, False),
        ({"operations": ("operate/user.py",), "data": ("add=a@b.org",)}, False),
        ({"operations": ("operate/status.py", "deploy.py")}, False),
        ({"operations": ("status.py",)}, False),
        ({"operations": ()}, False),
    ],
)
def test_a_run_that_can_change_nothing_asks_nothing(words: dict[str, tuple[str, ...]], looks: bool) -> None:
    assert only_looks(words) == looks
    drifts = "operate/drift.py" in words["operations"]
    assert compares(words) == (looks and drifts)
    assert deploys(words) == ("deploy.py" in words["operations"] or (looks and drifts)), "reads the sources"


@pytest.mark.parametrize(
    ("page", "word", "sentence"),
    [
        (
            "operate/logs.py",
            "levle=err",
            "--data levle: is not an option of operate/logs.py (it takes instance, level,",
        ),
        (
            "operate/status.py",
            "level=err",
            "--data level: is not an option of operate/status.py (it takes none)",
        ),
        ("operate/logs.py", "level=err", ""),
        ("operate/logs.py", "domain=a.org", ""),
        ("operate/logs.py", "ssh_user=ann", ""),
        ("deploy.py", "levle=err", ""),
    ],
)
def test_an_unknown_option_of_operate_is_told_with_those_there_are(
    page: str, word: str, sentence: str
) -> None:
    said = unknown_word({"operations": (page,), "data": (word,)}, ["domain"])
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)
