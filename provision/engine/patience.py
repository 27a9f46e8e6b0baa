"""How long a run waits: time limits are made for a host that answers soon, and grow with how long this one takes."""

from weakref import WeakKeyDictionary

from pyinfra.api.host import Host

LOOK_S = 5.0
"""How long a look at a host may take before the host counts as slow."""
MOST = 20.0

_took: WeakKeyDictionary[Host, float] = WeakKeyDictionary()


def learn(host: Host, seconds: float) -> None:
    """A look at the host took so long; its slowest counts."""
    _took[host] = max(seconds, _took.get(host, 0.0))


def limit(host: Host, seconds: float) -> float:
    """A time limit for this host: `seconds`, by `timeout_factor` or by how slow its looks are, whichever is more."""
    factor = max(float(host.data.get("timeout_factor") or 1), _took.get(host, 0.0) / LOOK_S)
    return seconds * min(max(factor, 1.0), MOST)


def failure(error: Exception, limit_s: float) -> str:
    """What went wrong with a command, for the operator; a time-out's own words are empty."""
    if isinstance(error, TimeoutError):
        return f"the host took more than {limit_s:.0f} s for this step; where it is that slow, set timeout_factor"
    return f"{type(error).__name__}: {error}".removesuffix(": ")
