"""The kinds of value that settings are made of, each with its one rule and one plain sentence.

Every rule guards a place where the value ends up: a file name, a unit, an nginx line, a shell word.
"""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from provision.settings.names import domain_name, email, host_name, mail_address, time_zone
from provision.settings.public_keys import public_key

USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
BASE_PATH = re.compile(r"/([A-Za-z0-9][A-Za-z0-9._~-]*/)*")
INSTANCE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(?<!.{17})")
HTTPS_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
PUBLIC_URL = re.compile(r"(?i:(https?)://([^/:@\s]+|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?)(/\S*)?")
ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}|\[[0-9A-Fa-f:]+\]")
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
# Their folders in /etc and /var/lib (harvest-NAME) are a host's own.
TAKEN_INSTANCES = {"backup", "guard", "maintenance", "metrics", "notify", "provision"}
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
    if value in TAKEN_INSTANCES:
        raise ValueError(f"names a folder of the host's own, harvest-{value}; choose another name")
    return value


def https_url(value: str) -> str:
    """An https:// address that a shell and a configuration file take as it is."""
    if not HTTPS_URL.fullmatch(value):
        raise ValueError("must be an address like https://ca.example.org/acme/directory")
    return value


def public_url(value: str) -> str:
    """What browsers call a site: scheme, name and perhaps a port, in lower case; a path only "/" or a base path."""
    found = PUBLIC_URL.fullmatch(value.strip())
    if not found or (found[3] and int(found[3]) > 65535):
        raise ValueError(
            "must be an address like https://harvest.example.org or https://harvest.example.org:8443"
        )
    scheme, name, port, path = found.groups()
    name = name if ADDRESS.fullmatch(name) else domain_name(name)
    usual = {"http": "80", "https": "443"}[scheme.lower()]
    shown = f":{port}" if port and port != usual else ""
    return f"{scheme.lower()}://{name}{shown}{path or '/'}"


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
    env: Annotated[str, Field(min_length=1)] | None = None
    file: Path | None = None
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

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
PublicUrl = Annotated[str, AfterValidator(public_url)]
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
