"""Certificates without an authority: made on the host and signed by itself, or handed over by the controller."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.operations import files

DAYS = 365
RENEW_AT_S = 30 * 86400
"""Replaced when fewer seconds than this are left."""


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
    until = have.certificates[want.until] if want.until else None
    if until and until.names and until.fits:
        if have.files[want.folder].kind != "absent":
            yield script(f"rm -rf {want.folder}")
        return
    # Else it was made while the clock was ahead, and browsers refuse it.
    began = found.left <= found.life + 60
    if found.names == sorted(want.names) and found.left > RENEW_AT_S and found.fits and began:
        return
    yield script(self_signed_script(want.folder, want.names))


def self_signed_script(folder: str, names: tuple[str, ...]) -> str:
    """Make cert.pem and key.pem in `folder` for the DNS `names`, with openssl."""
    listed = ",".join(f"DNS:{name}" for name in names)
    # A common name has at most 64 characters (X.520); browsers read the other names alone.
    subject = f"/CN={names[0]}" if len(names[0]) <= 64 else "/O=HARVEST"
    return (
        f"umask 077; mkdir -p {folder}; cd {folder}\n"
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {DAYS} -subj {subject} "
        f"-addext subjectAltName={listed} -keyout key.new -out cert.new 2>/dev/null\n"
        "chmod 644 cert.new; mv -f key.new key.pem; mv -f cert.new cert.pem"
    )


def _query(want: SelfSigned) -> Query:
    until = {want.until} if want.until else set()
    return Query(certificates={f"{want.folder}/cert.pem", *until}, files={want.folder})


def plan(have: HostState, want: SelfSigned) -> Iterator[str]:
    if want.until and have.certificates[want.until].names:
        yield f"remove the placeholder in {want.folder}"
    else:
        yield f"make a self-signed certificate for {', '.join(want.names)} in {want.folder}"


self_signed = converge(_query, changes, plan=plan)


@dataclass(frozen=True)
class Uploaded:
    """`folder` has the controller's pair, or what somebody put there on the host since the controller's last changed.

    Who changed it last wins: a company's own tool may renew the pair on the host, and a run must not undo that.
    """

    folder: str
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def pair(self) -> tuple[files.File, files.File]:
        return (
            files.File(f"{self.folder}/cert.pem", self.certificate),
            files.File(f"{self.folder}/key.pem", self.key, 0o600),
        )

    @property
    def note(self) -> files.File:
        """Which pair of the controller's was put there last."""
        both = hashlib.sha256(self.certificate + b"\0" + self.key).hexdigest()
        return files.File(f"{self.folder}/from-controller", f"{both}\n", 0o600)

    @property
    def items(self) -> files.Files:
        return files.Files((files.Directory(self.folder, 0o700), *self.pair, self.note))


def replaced(have: HostState, want: Uploaded) -> bool:
    """Another pair, which fits and has not ended, was put on the host after the controller had placed its own."""
    certificate, key = want.pair
    there = all(have.files[file.path].kind == "file" for file in want.pair)
    other = not (certificate.fits(have.files[certificate.path]) and key.fits(have.files[key.path]))
    placed = have.notes.get(want.note.path, "").encode() == want.note.data
    found = have.certificates[certificate.path]
    return placed and there and other and found.left > 0 and found.fits


def upload_changes(have: HostState, want: Uploaded) -> Iterator[Command]:
    if not replaced(have, want):
        yield from files.changes(have, want.items)


def remarks(have: HostState, want: Uploaded) -> Iterator[str]:
    if replaced(have, want):
        path = f"{want.folder}/cert.pem"
        days = int(have.certificates[path].left / 86400)
        yield (
            f"{path} was replaced on the host, and is left alone ({days} days left); to have tls_certificate and "
            f"tls_key there again: rm {path}"
        )


def _hand_query(want: Uploaded) -> Query:
    certificate, _ = want.pair
    return files.query(want.items) | Query(certificates={certificate.path}, notes={want.note.path})


upload = converge(_hand_query, upload_changes, remarks, plan=lambda have, want: files.plan(have, want.items))
