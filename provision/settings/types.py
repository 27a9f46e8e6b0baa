"""The kinds of value that settings are made of, each with its one rule and one plain sentence.

Every rule guards a place where the value ends up: a file name, a unit, an nginx line, a shell word.
"""

import base64
import binascii
import ipaddress
import re
import ssl
import struct
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
BASE_PATH = re.compile(r"/([A-Za-z0-9][A-Za-z0-9._~-]*/)*")
INSTANCE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(?<!.{17})")
HTTPS_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
# Debian's and Ubuntu's own accounts that an admin must not take over (base-passwd), and ours.
TAKEN_USERS = {"root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy"}
TAKEN_USERS |= {
    "www-data",
    "backup",
    "list",
    "irc",
    "nobody",
    "sshd",
    "systemd-network",
    "messagebus",
    "harvest",
}
# Paths that HARVEST itself answers below its base path.
TAKEN_PATHS = {"api", "proxy", "assets", "_dash-component-suites", "_dash-layout"}


def user_name(value: str) -> str:
    """A name that `adduser` takes and no file, sudoers line or shell can misread."""
    if not USER_NAME.fullmatch(value):
        raise ValueError("must be 1 to 31 of a-z, 0-9, _ and -, starting with a letter or _")
    if value in TAKEN_USERS:
        raise ValueError("is an account of the system or of HARVEST; choose another name")
    return value


def login_name(value: str) -> str:
    """A name that may log in at first: root is one."""
    if not USER_NAME.fullmatch(value):
        raise ValueError("must be 1 to 31 of a-z, 0-9, _ and -, starting with a letter or _")
    return value


def domain_name(value: str) -> str:
    """A DNS name in lower case, unicode turned into punycode (RFC 3490)."""
    try:
        name = value.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("must be a full DNS name like harvest.example.org, without scheme, port or path")
    if labels[-1].isdigit():
        raise ValueError("must be a DNS name, not an IP address")
    return name


def host_name(value: str) -> str:
    """A host name, short or full (hostname(7))."""
    if len(value) > 64 or not all(LABEL.fullmatch(label) for label in value.split(".")):
        raise ValueError("must be a host name of a-z, 0-9 and -, at most 64 characters")
    return value


def base_path(value: str) -> str:
    """Where HARVEST lives in URLs: "/" or "/x/" (RFC 3986 unreserved characters only)."""
    if not value.startswith("/") or not value.endswith("/"):
        raise ValueError('must start and end with "/", like "/" or "/harvest/"')
    if not BASE_PATH.fullmatch(value):
        raise ValueError('must be made of letters, digits, ".", "_", "~" and "-" between single slashes')
    if TAKEN_PATHS & set(value.strip("/").split("/")):
        raise ValueError(f"collides with a path of HARVEST itself ({', '.join(sorted(TAKEN_PATHS))})")
    return value


def instance_name(value: str) -> str:
    """A name that becomes part of a user's, of units' and of folders'."""
    if not INSTANCE_NAME.fullmatch(value):
        raise ValueError("must be 1 to 16 of a-z, 0-9 and -, starting with a letter, like research")
    return value


def https_url(value: str) -> str:
    """An https:// address that a shell and a configuration file take as it is."""
    if not HTTPS_URL.fullmatch(value):
        raise ValueError("must be an address like https://ca.example.org/acme/directory")
    return value


def mail_address(value: str) -> str:
    """A plain mail address."""
    if not MAIL_ADDRESS.fullmatch(value):
        raise ValueError("must be a mail address like admin@example.org")
    return value


def email(value: str) -> str:
    """An e-mail address as people write it: one @, a domain, no blanks or quotes."""
    if not EMAIL.fullmatch(value):
        raise ValueError("must be an e-mail address like someone@example.org")
    return value.lower()


def time_zone(value: str) -> str:
    """A name of the tz database, like Europe/Berlin."""
    if not TIME_ZONE.fullmatch(value):
        raise ValueError("must be a time zone like Europe/Berlin or Etc/UTC")
    return value


def public_key(value: Any) -> Any:
    """One OpenSSH public key; a path that ends in .pub is read from the controller.

    Returns "type base64 comment". Options (command=, from=) are refused: sshd's drop-in says who may do what.
    """
    if not isinstance(value, str):
        return value
    if value.endswith(".pub") and " " not in value:
        try:
            value = Path(value).expanduser().read_text()
        except OSError as error:
            raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
    if "PRIVATE KEY" in value:
        raise ValueError(
            "is a PRIVATE key; give the public one (the file that ends in .pub), and replace this key"
        )
    words = value.strip().split(None, 2)
    if len(words) < 2 or "\n" in value.strip() or words[0] not in KEY_TYPES:
        raise ValueError(
            f'must be one line "TYPE BASE64 [COMMENT]" or a path to a .pub file; types: {", ".join(KEY_TYPES)}'
        )
    blob, parts = _key_parts(words[1])
    if len(parts) < 2 or parts[0] != words[0].encode():
        raise ValueError(f"is cut or garbled: its base64 part does not hold a {words[0]} key")
    if words[0] == "ssh-rsa" and len(blob) < 256 + 11:
        raise ValueError("is an RSA key of less than 2048 bits; make an ed25519 key (ssh-keygen -t ed25519)")
    return " ".join(words)


def _key_parts(text: str) -> tuple[bytes, list[bytes]]:
    """A key's binary form and its length-prefixed parts (RFC 4253, 6.6); no parts where one is cut."""
    try:
        blob = rest = base64.b64decode(text, validate=True)
        parts = []
        while rest:
            (size,) = struct.unpack(">I", rest[:4])
            if len(rest) < 4 + size:
                return blob, []
            parts.append(rest[4 : 4 + size])
            rest = rest[4 + size :]
    except (binascii.Error, struct.error):
        return b"", []
    return blob, parts


def existing_file(value: Path) -> Path:
    """A file on the controller."""
    path = value.expanduser()
    if not path.is_file():
        raise ValueError("is no file on this machine")
    return path.resolve()


def check_pair(certificate: Path, key: Path) -> None:
    """The key fits the certificate, and asks for no passphrase: nginx could not start otherwise."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, an empty passphrase a ValueError
        other = "one of them is not PEM" if isinstance(error, OSError) else "the key wants a passphrase"
        why = getattr(error, "reason", None) or other
        raise ValueError(f"tls_key: {key} does not go with {certificate} ({why})") from None


def address(value: str) -> str:
    """An IP address or network (RFC 4632), as Python and fail2ban read it."""
    try:
        network = ipaddress.ip_network(value)
        return str(network.network_address if network.num_addresses == 1 else network)
    except ValueError as error:
        raise ValueError(f"must be an IP address or network like 192.0.2.0/24 ({error})") from None


def opening(value: str) -> str:
    """A port, its protocol, and perhaps from where it may be reached: "9100/tcp", "161/udp from 192.0.2.7"."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})/(tcp|udp)(?: from (\S+))?", value)
    if not found or int(found[1]) > 65535:
        raise ValueError('must be like "9100/tcp" or "9100/tcp from 192.0.2.0/24"')
    return value if found[3] is None else f"{found[1]}/{found[2]} from {address(found[3])}"


def reboot_time(value: str) -> str:
    """A time of day, or never."""
    if value != "never" and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('must be "never" or a time like "04:00"')
    return value


class Secret(BaseModel):
    """Where a secret comes from: exactly one of an environment variable, a file, or a command's first line.

    The value itself never stands in an inventory, so it cannot end up in git.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    env: str | None = None
    file: Path | None = None
    command: tuple[str, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_reference(cls, value: Any) -> Any:
        if not isinstance(value, dict) or len(value) != 1:
            # The value is not repeated: it may be the secret itself.
            raise ValueError('must be a reference: {"env": NAME}, {"file": PATH} or {"command": [WORD, ...]}')
        return value


UserName = Annotated[str, AfterValidator(user_name)]
LoginName = Annotated[str, AfterValidator(login_name)]
DomainName = Annotated[str, AfterValidator(domain_name)]
Email = Annotated[str, AfterValidator(email)]
HostName = Annotated[str, AfterValidator(host_name)]
BasePath = Annotated[str, AfterValidator(base_path)]
InstanceName = Annotated[str, AfterValidator(instance_name)]
HttpsUrl = Annotated[str, AfterValidator(https_url)]
MailAddress = Annotated[str, AfterValidator(mail_address)]
TimeZone = Annotated[str, AfterValidator(time_zone)]
PublicKey = Annotated[str, BeforeValidator(public_key)]
LocalFile = Annotated[Path, AfterValidator(existing_file)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
ServicePort = Annotated[int, Field(strict=True, ge=1024, le=65535)]
Address = Annotated[str, AfterValidator(address)]
Opening = Annotated[str, AfterValidator(opening)]
RebootTime = Annotated[str, AfterValidator(reboot_time)]
