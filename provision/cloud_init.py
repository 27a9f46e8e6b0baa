"""User-data for a machine that is still to be made, so that it is born reachable for deploy.py alone.

    python -m provision.cloud_init [--inventory inventories/prod.py] HOST > user-data

It is what the host's provider takes as "user data" or "cloud-init": the admin with the keys and sudo, sshd's settings.
"""

import argparse
import sys

from provision.engine.templates import render
from provision.inventory import settings_of
from provision.settings.model import Settings
from tasks import access


def user_data(host: str, settings: Settings) -> str:
    """The text, which begins with #cloud-config and holds no secret."""
    return render(
        "cloud-init/user-data",
        host=host,
        settings=settings,
        group=access.LOGIN_GROUP,
        files=access.files_at_birth(settings),
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m provision.cloud_init", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--inventory", default="inventories/prod.py", help="the inventory that has the host")
    parser.add_argument("host", help="the host's name in the inventory")
    words = parser.parse_args()
    print(user_data(words.host, settings_of(words.inventory, words.host)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
