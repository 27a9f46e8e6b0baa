"""Which HARVEST an instance runs: its source, with the environment that its lock file describes."""

import re

from provision.operations.app import sources
from provision.operations.app.git import SourceError
from provision.operations.app.release import Release
from provision.pyinfra_bridge import command_line
from provision.settings.instances import Instance

APP = sources.EMBEDDED


def wanted_release(instance: Instance) -> Release:
    """The instance's release; stops the run where its source cannot be read, which `resolve` tells before."""
    try:
        artifact = sources.artifact(instance.app_source)
    except SourceError as why:
        command_line.stop([f"app_source: {why}"])
    return Release(instance.root, artifact, artifact.requirements)


def version(instance: Instance) -> str:
    """What app/ calls itself, or where else the code is from; "" where neither says."""
    if instance.app_source.embedded:
        found = re.search(r'^VERSION = "([^"]+)"', (APP / "harvest/__init__.py").read_text(), re.MULTILINE)
        return found[1] if found else ""
    origin = wanted_release(instance).source.origin
    commit = f"{origin['ref']}, commit {origin['commit'][:12]} of " if "commit" in origin else "from "
    return f"{commit}{origin['url']}"
