"""The lab's own key pair."""

from __future__ import annotations

from lab import locks, paths
from lab.run import run


def public_key() -> str:
    """Return the lab's public key (one line), making the pair on first use."""
    private = paths.key_file()
    public = private.with_suffix(".pub")
    with locks.locked(paths.lab_dir() / "locks" / "key"):
        if not public.exists():
            private.unlink(missing_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(private)])
    return public.read_text().strip()
