"""Goals: how each measured value is judged, the same in every benchmark."""

import operator
import shutil
import sys

COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt, "=": operator.eq}


def verdict(value: float, goal: str) -> str:
    """ "met" or "MISSED" for a goal such as ">= 20", "<= 0.3", "= 0"; "" where there is no goal."""
    if not goal:
        return ""
    sign, _, limit = goal.partition(" ")
    return "met" if COMPARE[sign](value, float(limit)) else "MISSED"


def require(*programs: str) -> None:
    """End with what to type if a program is not installed."""
    if missing := [name for name in programs if not shutil.which(name)]:
        sys.exit(
            f"not installed: {', '.join(missing)}. This installs what benchmarks need, and runs them: make bench"
        )
