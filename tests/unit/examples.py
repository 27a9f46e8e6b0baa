"""Settings that are right, for tests to change."""

from typing import Any

import pytest

from provision.settings.model import SettingsError, settings_from

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS someone"
GOOD: dict[str, Any] = {
    "mode": "nginx",
    "domain": "harvest.example.org",
    "admin_user": "sysop",
    "admin_keys": [KEY],
}
TWO: dict[str, Any] = {
    "harvest": {"base_path": "/harvest/"},
    "research": {"base_path": "/research/", "frontend_port": 8051, "backend_ports": [5011]},
}


def problem(**changed: Any) -> str:
    """The one sentence that these changed keys earn."""
    with pytest.raises(SettingsError) as refused:
        settings_from(GOOD | changed)
    assert len(refused.value.problems) == 1, refused.value.problems
    return ": ".join(refused.value.problems[0])
