"""A self-signed certificate for where no authority is at hand: made on the host, renewed before it ends."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.facts.host_state import HostState, Query
from provision.operations.converge import Command, converge, script

DAYS = 397
RENEW_AT_S = 30 * 86400
"""Made anew when fewer seconds than this are left."""


@dataclass(frozen=True)
class SelfSigned:
    """`folder` gets cert.pem and key.pem for exactly the DNS `names`.

    With `until`, only as long as no certificate is at that path: nginx needs one before an authority can give one.
    """

    folder: str
    names: tuple[str, ...]
    until: str = ""


def changes(have: HostState, want: SelfSigned) -> Iterator[Command]:
    found = have.certificates[f"{want.folder}/cert.pem"]
    if want.until and have.certificates[want.until].names:
        if have.files[want.folder].kind != "absent":
            yield script(f"rm -rf {want.folder}")
        return
    if found.names == sorted(want.names) and found.left > RENEW_AT_S:
        return
    names = ",".join(f"DNS:{name}" for name in want.names)
    yield script(
        f"umask 077; mkdir -p {want.folder}; cd {want.folder}\n"
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {DAYS} -subj /CN={want.names[0]} "
        f"-addext subjectAltName={names} -keyout key.new -out cert.new 2>/dev/null\n"
        "chmod 644 cert.new; mv -f key.new key.pem; mv -f cert.new cert.pem"
    )


def _query(want: SelfSigned) -> Query:
    until = {want.until} if want.until else set()
    return Query(certificates={f"{want.folder}/cert.pem", *until}, files={want.folder})


self_sign = converge(_query, changes)
