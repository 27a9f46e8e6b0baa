"""Prints the hosts that an inventory means, as JSON: {name: [instance, ...]}. No host is asked.

A process of its own, as pyinfra reads inventories; a mistake in one ends it with a sentence and exit code 1.
"""

import argparse
import json

from provision.inventory import settings_of_all


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m provision.rollout.hosts", description=__doc__)
    parser.add_argument("inventory")
    parser.add_argument("--limit", action="append", default=[])
    parser.add_argument("--exclude", action="append", default=[])
    words = parser.parse_args()
    found = settings_of_all(words.inventory, {"limit": words.limit, "exclude": words.exclude})
    print(
        json.dumps({name: [each.slug for each in settings.all_instances] for name, settings in found.items()})
    )


if __name__ == "__main__":
    main()
