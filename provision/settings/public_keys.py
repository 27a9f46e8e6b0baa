"""Public keys as operators hand them over: lines, files in any common encoding and format; read by cryptography."""

import codecs
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
LEAST_BITS, MOST_BITS = 2048, 16384
"""Of an RSA key: Debian's sshd takes no shorter one with our configuration, and no longer one at all."""
LARGEST_FILE = 65536
NEW_ONE = "make an ed25519 key (ssh-keygen -t ed25519)"


def public_key(value: Any) -> Any:
    """One OpenSSH public key, "type base64 comment"; a path is read from the controller.

    Options (command=, from=) are refused: sshd's drop-in says who may do what.
    """
    if not isinstance(value, str):
        return value
    text = _read(Path(value.strip()).expanduser()) if _is_path(value) else value
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise ValueError(_private(value, text))
    return _line(_unwrapped(text))


def _is_path(value: str) -> bool:
    text = value.strip()
    if not text or "\n" in text or text.startswith("-----") or _type_in(text):
        return False
    if text.startswith(("~", "/", "./", "../")) or text.lower().endswith(".pub"):
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _type_in(text: str) -> str:
    """The first word that is a kind of key followed by its base64, "" where there is none."""
    words = text.split()
    for word, following in pairwise(words):
        if following.startswith("AAAA") and re.fullmatch(r"[a-z0-9@.-]+", word):
            return word
    return ""


def _read(path: Path) -> str:
    """A key file's text, whatever editor saved it."""
    try:
        raw = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else None
    except OSError as error:
        raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
    if raw is None:
        raise ValueError("names a file that is too large for a public key")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = raw.decode("utf-16", errors="replace")
    elif raw[1:2] == b"\0":
        text = raw.decode("utf-16-le", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")  # a comment's umlauts; the key itself is ASCII
    if not text.strip():
        raise ValueError("names a file that is empty")
    if "\0" in text:
        raise ValueError("names a file that holds no text")
    return text


def _private(value: str, text: str) -> str:
    """The words PRIVATE key keep the value out of messages."""
    where = "is a PRIVATE key" if text == value else f"names a PRIVATE key ({value.strip()})"
    leaked = ", and replace this key" if text == value else ""
    return f"{where}; give the public one (the file that ends in .pub){leaked}"


def _unwrapped(text: str) -> str:
    """OpenSSH's one line out of what may be RFC 4716 or PEM, without comments and empty lines."""
    if "BEGIN CERTIFICATE" in text:
        raise ValueError("is an X.509 certificate; give an SSH public key")
    if "BEGIN SSH2 PUBLIC KEY" in text:
        return _rfc_4716(text)
    if "-----BEGIN " in text:
        try:
            key = serialization.load_pem_public_key(text.strip().encode())
            ssh = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            return key.public_bytes(*ssh).decode()
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("is PEM, but holds no public key that SSH knows") from None
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    keys = [line for line in lines if _type_in(line)]
    if len(keys) > 1:
        raise ValueError(f"holds {len(keys)} keys; give each an entry of its own in admin_keys")
    if len(lines) > 1:
        raise ValueError(f"is broken into {len(lines)} lines; a key is one line, or a path to a .pub file")
    return lines[0] if lines else ""


def _rfc_4716(text: str) -> str:
    """A key as PuTTYgen and SSH.com save it: headers, of which one is the comment, then base64."""
    blocks = re.findall(r"---- BEGIN SSH2 PUBLIC KEY ----\s(.*?)---- END SSH2 PUBLIC KEY", text, re.DOTALL)
    if len(blocks) != 1:
        raise ValueError(f"holds {len(blocks)} whole keys in RFC 4716's format; give one")
    body = re.sub(r"\\\r?\n", "", blocks[0])
    headers = dict(re.findall(r"^([^:\s]+):\s*(.*?)\s*$", body, re.MULTILINE))
    base64 = "".join(line.strip() for line in body.splitlines() if ":" not in line)
    comment = next((value for name, value in headers.items() if name.lower() == "comment"), "").strip('"')
    match = re.match(r"AAAA[A-Za-z0-9+/]+", base64)
    kind = _kind_of(base64) if match else ""
    return f"{kind} {base64} {comment}".strip()


def _kind_of(base64: str) -> str:
    """The kind of key that a key's base64 says it is."""
    try:
        raw = codecs.decode(base64[:88].encode(), "base64")
    except ValueError:
        return ""
    return raw[4 : 4 + int.from_bytes(raw[:4], "big")].decode("ascii", errors="replace")


def _line(line: str) -> str:
    """A key's one line, checked."""
    words = line.split(None, 2)
    kind = _type_in(line)
    if kind and words[0] != kind:
        raise ValueError(
            'has options in front of the key; it must be one line "TYPE BASE64 [COMMENT]" without them'
        )
    if "-cert-v01@" in line:
        raise ValueError("is a certificate; give the key that it was made for (the file without -cert)")
    if words[:1] == ["ssh-dss"]:
        raise ValueError(f"is a DSA key, which sshd does not take any more; {NEW_ONE}")
    if len(words) < 2 or words[0] not in KEY_TYPES:
        raise ValueError(
            f'must be one line "TYPE BASE64 [COMMENT]" or a path to a .pub file; types: {", ".join(KEY_TYPES)}'
        )
    try:
        key = serialization.load_ssh_public_key(" ".join(words[:2]).encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"is cut or garbled: its base64 part does not hold a {words[0]} key") from None
    if isinstance(key, RSAPublicKey) and not LEAST_BITS <= key.key_size <= MOST_BITS:
        size = f"less than {LEAST_BITS}" if key.key_size < LEAST_BITS else f"more than {MOST_BITS}"
        raise ValueError(f"is an RSA key of {size} bits; {NEW_ONE}")
    if len(words) > 2 and not words[2].isprintable():
        raise ValueError("has control characters in its comment")
    return " ".join(words)
