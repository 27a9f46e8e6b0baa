"""Every benchmark, one after the other: `python -m benchmarks`. `make bench` installs what they need first."""

import subprocess
import sys

ALL = ("app", "converge", "fleet", "deploys", "web", "tls", "hardening")


def main() -> None:
    broken = []
    for name in ALL:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            broken.append(name)
    if broken:
        sys.exit(f"did not come to an end: {', '.join(broken)}")


if __name__ == "__main__":
    main()
