"""Each name of pyinfra that is private, undocumented or replaced by us: an upgrade that moves one fails here, by name.

What all other files use is pyinfra's documented API alone; the last tests hold that, and that this list is complete.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
BRIDGE = REPO / "provision/pyinfra_bridge"

NAMES = {
    # Replaced: their parameters are those that our own functions take and hand on.
    "pyinfra_cli.cli._handle_commands": ("state", "config"),
    "pyinfra_cli.cli._do_confirm": ("msg",),
    "pyinfra_cli.cli.run_ops": ("state",),
    "pyinfra_cli.cli.print_results": ("state",),
    "pyinfra_cli.cli.print_run_json": ("state", "dry"),
    "pyinfra_cli.inventory.exec_file": ("filename",),
    "pyinfra_cli.inventory._get_group_data": ("dirname_or_filename",),
    "pyinfra.api.operation.get_operation_order_from_stack": ("state",),
    "pyinfra.api.arguments.all_global_arguments": (),
    "pyinfra.connectors.ssh.SSHConnector.connect": ("self",),
    "pyinfra.connectors.sshuserclient.SSHClient.exec_command": ("self", "command"),
    "pyinfra.api.host.Host.log": ("self", "message"),
    "pyinfra.api.state.BaseStateCallback.operation_host_error": (
        "state",
        "host",
        "op_hash",
        "retry_count",
        "max_retries",
    ),
    # Called.
    "pyinfra_cli.cli._set_override_data": (
        "data",
        "ssh_user",
        "ssh_key",
        "ssh_key_password",
        "ssh_port",
        "ssh_password",
    ),
    "pyinfra_cli.inventory.make_inventory_from_files": (
        "inventory_filename",
        "override_data",
        "cwd",
        "group_data_directories",
    ),
    "pyinfra_cli.inventory._is_inventory_group": ("key", "value"),
    "pyinfra_cli.prints.build_plan_json": ("state",),
    "pyinfra_cli.prints.build_results_json": ("state",),
    "pyinfra_cli.prints.print_json": ("payload",),
    "pyinfra.api.state.State.add_callback_handler": ("self", "handler"),
    "pyinfra.connectors.ssh_util._patch_paramiko_sk_key_support": (),
}
"""Functions, with the names that their parameters begin with."""

VALUES = (
    "pyinfra.api.util.PYINFRA_INSTALL_DIR",
    "pyinfra.context.ctx_host.isset",
    "pyinfra.context.ctx_state.use",
    "pyinfra_cli.exceptions.UnexpectedExternalError",
)

ATTRIBUTES = {
    "pyinfra.api.state.State": (
        "add_callback_handler",
        "check_for_changes",
        "current_deploy_filename",
        "current_op_file_number",
        "current_stage",
        "cwd",
        "failed_hosts",
        "get_op_order",
        "inventory",
        "is_executing",
        "op_meta",
        "ops",
        "print_fact_info",
        "print_fact_input",
        "print_input",
        "print_noop_info",
    ),
    "pyinfra.api.host.Host": (
        "connector",
        "connector_cls",
        "current_op_hash",
        "executing_op_hash",
        "groups",
        "run_shell_command",
    ),
    "pyinfra.api.inventory.Inventory": (
        "get_active_hosts",
        "group_data",
        "groups",
        "host_data",
        "iter_activated_hosts",
        "override_data",
    ),
    "pyinfra.api.operation.OperationMeta": ("_success", "did_change", "is_complete"),
}
"""What a class's source must set or define."""

PUBLIC = {"pyinfra", "pyinfra.api", "pyinfra.facts", "pyinfra.operations"}
KNOWN_ELSEWHERE = {
    ("settings/foreign.py", "pyinfra.connectors.ssh.connector_data_meta"),
    ("settings/foreign.py", "pyinfra.connectors.ssh.ConnectorData"),
    ("login/keys.py", "pyinfra.connectors.ssh_util.load_key_with_certificate"),
}
"""Public names outside of pyinfra.api: what a host's data may hold, and key files."""

LOOK_UP = f"""
import importlib, inspect, re, sys

def find(name):
    words = name.split(".")
    for length in range(len(words), 0, -1):
        try:
            found = importlib.import_module(".".join(words[:length]))
        except ImportError:
            continue
        for word in words[length:]:
            found = getattr(found, word)
        return found
    raise ImportError(name)

wrong = []
for name, first in {NAMES!r}.items():
    try:
        found = find(name)
    except (ImportError, AttributeError) as why:
        wrong.append(f"{{name}} is gone ({{why}})")
        continue
    has = tuple(inspect.signature(found).parameters)
    if has[:len(first)] != first:
        wrong.append(f"{{name}} takes {{has}}, not {{first}}")
for name in {VALUES!r}:
    try:
        find(name)
    except (ImportError, AttributeError) as why:
        wrong.append(f"{{name}} is gone ({{why}})")
for name, attributes in {ATTRIBUTES!r}.items():
    owner = find(name)
    text = inspect.getsource(owner)
    wrong += [
        f"{{name}}.{{each}} is gone"
        for each in attributes
        if not hasattr(owner, each) and not re.search(rf"\\b{{each}}\\b\\s*[:=]", text)
    ]
print("\\n".join(wrong), end="")
"""


def test_pyinfra_still_has_each_name_that_is_reached_into() -> None:
    """In a process of its own: pyinfra's command line patches whatever process imports it."""
    done = subprocess.run([sys.executable, "-c", LOOK_UP], cwd=REPO, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def imports(file: Path) -> Iterator[str]:
    """The full names of what a file imports from pyinfra; of whole modules, the module's."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in (
            "pyinfra",
            "pyinfra_cli",
        ):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("pyinfra"))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "import_module"
        ):
            words = (word.value for word in node.args if isinstance(word, ast.Constant))
            yield from (word for word in words if word.startswith("pyinfra"))


def documented(name: str) -> bool:
    """Whether a name belongs to pyinfra's documented API."""
    module, _, last = name.rpartition(".")
    return (
        not last.startswith("_")
        and any(module == each or module.startswith(f"{each}.") for each in PUBLIC - {"pyinfra"})
    ) or (module == "pyinfra" and last in ("host", "state", "inventory", "logger", "local", "config"))


def test_the_list_names_all_that_the_bridge_imports() -> None:
    listed = {*NAMES, *VALUES, *ATTRIBUTES}
    missing = {
        name
        for file in BRIDGE.glob("*.py")
        for name in imports(file)
        if not documented(name)
        and not any(
            each == name or each.startswith(f"{name}.") or name.startswith(f"{each}.") for each in listed
        )
    }
    assert missing == set()


def test_the_list_names_all_that_the_screen_replaces() -> None:
    tree = ast.parse((BRIDGE / "screen.py").read_text())
    (replaced,) = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "replaced"
    ]
    assert isinstance(replaced, ast.Dict)
    names = {f"pyinfra_cli.cli.{key.value}" for key in replaced.keys if isinstance(key, ast.Constant)}
    assert names
    assert names <= NAMES.keys()


@pytest.mark.parametrize("folder", ["provision", "tasks", "operate", "inventories"])
def test_no_other_file_reaches_into_pyinfra(folder: str) -> None:
    found = {
        (str(file.relative_to(REPO / folder)), name)
        for file in (REPO / folder).rglob("*.py")
        if BRIDGE not in file.parents
        for name in imports(file)
        if not documented(name)
    }
    assert found - KNOWN_ELSEWHERE == set()
