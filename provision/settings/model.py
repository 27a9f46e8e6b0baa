"""The desired state of one host: every key, its default and its rules, and nowhere else.

Group data is flat and plain; `settings_from` turns one host's data into `Settings` or says, a sentence a key,
what is wrong. Deploy, templates, audit and tests read the same object.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from provision.settings import public
from provision.settings.foreign import is_foreign
from provision.settings.foreign import problem as foreign_problem
from provision.settings.instances import FIRST, OWN_ALONE, Instance, PerInstance
from provision.settings.phrases import problem_of
from provision.settings.types import (
    Address,
    Email,
    HostName,
    HttpsUrl,
    InstanceName,
    LocalFile,
    LoginName,
    MailAddress,
    Opening,
    Port,
    PublicKey,
    RebootTime,
    Secret,
    TimeZone,
    UserName,
    check_pair,
)
from provision.settings.waivers import Waived


class SettingsError(ValueError):
    """What is wrong with one host's data: `problems` holds (key, sentence) pairs."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {sentence}" for key, sentence in problems))
        self.problems = problems


class Settings(PerInstance):
    """One host. Units are in the names or the descriptions; `docs/settings.md` is made from this class."""

    mode: Literal["internal", "nginx"] = Field(
        description="internal: the frontend's port is the door; nginx: nginx is, and HARVEST stays on loopback."
    )
    behind_proxy: tuple[Address, ...] = Field(
        (),
        description="Addresses or networks of the proxy or load balancer that ends TLS in front of this host: only its "
        "X-Forwarded-For and X-Forwarded-Proto are believed. Without public_url browsers use https:// and domain.",
    )
    site: Literal["own", "beside"] = Field(
        "own",
        description="own: the domain is HARVEST's; beside: another site of this host has it (and its TLS), with "
        "`include /etc/nginx/harvest.d/DOMAIN/*.conf;` in its server block.",
    )
    tls: Literal["letsencrypt", "selfsigned", "files", "off"] = Field(
        "selfsigned",
        description="Where the site's certificate comes from (letsencrypt: any ACME authority); off serves plain HTTP.",
    )
    acme_directory: HttpsUrl = Field(
        "https://acme-v02.api.letsencrypt.org/directory",
        description="tls = letsencrypt: the ACME authority; a company's own goes with trusted_cas.",
    )
    acme_email: MailAddress | None = Field(
        None, description="tls = letsencrypt: whom the authority may write to."
    )
    acme_preflight: bool = Field(
        True,
        strict=True,
        description="tls = letsencrypt: whether this machine first looks that each name leads to the host; False where "
        "the world's DNS differs from yours (split DNS), or you cannot reach the public address from here (NAT).",
    )
    tls_certificate: LocalFile | None = Field(
        None,
        description="tls = files: the chain, PEM, on the controller. Whoever replaces it on the host is left alone "
        "until this file, or tls_key, changes.",
    )
    tls_key: LocalFile | None = Field(
        None, description="tls = files: the private key, PEM, on the controller."
    )

    admin_user: UserName = Field(description="The sudo user that is made; the only one who may log in.")
    admin_keys: tuple[PublicKey, ...] = Field(
        min_length=1,
        description='Its public keys: lines ("ssh-ed25519 AAAA... you@laptop"), or paths of files that hold one.',
    )
    admin_sudo: Literal["nopasswd", "password"] = Field(
        "nopasswd", description="Whether sudo asks the admin for a password."
    )
    admin_password: Secret | None = Field(
        None,
        description="Where the admin's sudo password comes from (admin_sudo = password, or was so until now).",
    )
    bootstrap_user: LoginName = Field("root", description="Who can log in on a fresh host.")
    bootstrap_password: Secret | None = Field(
        None, description="The bootstrap user's password, where no key is set."
    )
    sshd_port: Port = Field(
        22, description="The port that sshd shall listen on; where to connect until then is ssh_port, below."
    )
    remove_foreign_keys: bool = Field(
        False, description="Whether SSH keys in other accounts' homes, which sshd ignores, are removed too."
    )
    confirm_within_s: int = Field(
        120,
        strict=True,
        ge=30,
        le=3600,
        description="Time within which a new login must confirm an access change before the host reverts it, seconds.",
    )

    trusted_addresses: tuple[Address, ...] = Field(
        (), description="IP addresses or networks that fail2ban never bans: yours, the audit's."
    )
    firewall_allow: tuple[Opening, ...] = Field(
        (),
        description='What else of this host others may reach: "9100/tcp", "9100/tcp from 192.0.2.0/24". Any other rule '
        "is removed.",
    )
    audit_waivers: dict[str, Waived] = Field(
        {},
        description="Checks of the audit whose failure is accepted, by id, with the reason and the last day: "
        '{"ssh.loglevel": {"reason": "why", "until": "2027-01-31"}}.',
    )
    reboot_after_updates: RebootTime = Field(
        "04:00",
        description='When the host reboots if an update needs it: "HH:MM" of its local time, or "never".',
    )

    idle_logout_min: int = Field(
        15,
        strict=True,
        ge=0,
        le=60,
        description="Minutes after which a shell's unused prompt ends, programs that run in it do not; 0: never.",
    )

    first_admin: Email | None = Field(
        None, description="HARVEST's first administrator, by e-mail address: made once, if missing."
    )
    first_admin_password: Secret | None = Field(
        None, description="Where that administrator's password comes from, 10 to 200 characters."
    )
    instances: dict[InstanceName, PerInstance] = Field(
        {},
        description="Several HARVESTs on this host: name to what differs there of base_path, domain, "
        "domain_aliases, api_domain, frontend_port, backend_ports, app_source and publish_api.",
    )
    max_upload_mb: int = Field(
        100, strict=True, ge=1, le=2048, description="Largest upload in MiB, everywhere."
    )
    request_timeout_s: int = Field(
        300, strict=True, ge=10, le=3600, description="Longest request in seconds."
    )
    keep_releases: int = Field(
        5, strict=True, ge=2, le=100, description="Releases kept on the host, for each instance."
    )
    timeout_factor: float = Field(
        1.0,
        ge=1,
        le=20,
        description="Factor of every time limit of a run, for a host or a link that is slow to answer.",
    )

    hostname: HostName | None = Field(None, description="The host's name; unset leaves it as it is.")
    timezone: TimeZone | None = Field(None, description="The host's time zone; unset leaves it as it is.")
    trusted_cas: tuple[LocalFile, ...] = Field(
        (), description="PEM certificate authorities that the host trusts in addition to its distribution's."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        for key in OWN_ALONE if self.instances else ():
            if getattr(self, key):
                raise ValueError(
                    f"{key}: belongs to one instance; put it into that one's braces in instances"
                )
        for key in OWN_ALONE if self.mode == "internal" else ():
            if any(getattr(each, key) for each in self.all_instances):
                raise ValueError(
                    f"{key}: needs nginx mode; in internal mode browsers reach the frontend's port directly"
                )
        self._check_ports()
        self._check_sources()
        if self.mode == "nginx" and not all(each.domain for each in self.all_instances):
            raise ValueError(
                "domain: is not set; nginx mode needs the site's DNS name, like harvest.example.org"
            )
        public.check(self)
        self._check_places()
        self._check_aliases()
        if self.tls == "files" and not (self.tls_certificate and self.tls_key):
            raise ValueError("tls_certificate: is not set; tls = files needs tls_certificate and tls_key")
        if self.tls == "files" and self.tls_certificate and self.tls_key:
            check_pair(self.tls_certificate, self.tls_key)
        if (self.first_admin is None) != (self.first_admin_password is None):
            raise ValueError("first_admin_password: goes with first_admin, and that needs it")
        if self.admin_sudo == "password" and self.admin_password is None:
            raise ValueError("admin_password: is not set; admin_sudo = password needs it")
        return self

    def _check_sources(self) -> None:
        """What only the embedded HARVEST can do is not asked of another."""
        for each in self.all_instances:
            if each.publish_api is False and (each.api_domain or each.app_source.embedded):
                why = (
                    f"api_domain is {each.api_domain}"
                    if each.api_domain
                    else "its pages call the API themselves"
                )
                raise ValueError(f"publish_api: is False, but {why}")

    def _check_ports(self) -> None:
        """No port is taken twice."""
        ports = [self.sshd_port, *(port for each in self.all_instances for port in each.ports)]
        ports += [80, 443] if self.mode == "nginx" else []
        twice = sorted({port for port in ports if ports.count(port) > 1})
        if twice:
            raise ValueError(
                f"backend_ports: port {twice[0]} is used twice (sshd_port, frontend_port, backend_ports, nginx, and "
                "the port below several backends, which spreads requests over them)"
            )
        shut = {f"{port}/tcp" for each in self.all_instances for port in each.ports} - {
            f"{port}/tcp" for port in self.open_ports
        }
        if bad := shut.intersection(opening.split(" from ")[0] for opening in self.firewall_allow):
            raise ValueError(f"firewall_allow: {min(bad)} is HARVEST's own and stays on loopback")
        if self.mode == "internal" and any(each.balancer_port for each in self.all_instances):
            raise ValueError(
                "backend_ports: several backends need nginx mode, which spreads requests over them"
            )

    def _check_places(self) -> None:
        """No place in URLs is taken twice, and none lies inside another instance's."""
        if self.mode == "internal":
            return
        seen: dict[tuple[str | None, str], str] = {}
        names = {each.api_domain for each in self.all_instances} & {
            each.domain for each in self.all_instances
        }
        if names - {None}:
            raise ValueError("api_domain: is the site's own name; the API's must be another")
        for each in self.all_instances:
            for domain, path in [(each.domain, each.base_path), (each.api_domain, "/api/")]:
                other = seen.setdefault((domain, path), each.name)
                if domain and other != each.name:
                    raise ValueError(
                        f"instances: {other} and {each.name} are both at {domain}{path}; give one another base_path"
                    )

    def _check_aliases(self) -> None:
        """No further name is one of another site, of an API, or another server's to redirect."""
        taken = [*self.sites, *(name for site in self.sites for name in self.aliases(site))]
        taken += {each.api_domain for each in self.all_instances if each.api_domain}
        if twice := [name for name in taken if taken.count(name) > 1]:
            raise ValueError(f"domain_aliases: {twice[0]} is another name of this host already")
        if self.site == "beside" and any(map(self.aliases, self.sites)):
            raise ValueError(
                'domain_aliases: belong to the other site where site = "beside"; name them there'
            )

    @cached_property
    def all_instances(self) -> tuple[Instance, ...]:
        """Every HARVEST of the host: those of `instances`, or the one that the settings themselves describe."""
        named = self.instances or {FIRST: PerInstance()}
        return tuple(self._instance(name, said) for name, said in named.items())

    def _instance(self, name: str, said: PerInstance) -> Instance:
        """The host's own settings, but for what the instance says for itself."""
        alone = OWN_ALONE if self.instances else ()
        given = {
            key: getattr(said if key in said.model_fields_set or key in alone else self, key)
            for key in PerInstance.model_fields
        }
        return Instance(
            name=name,
            mode=self.mode,
            scheme=self.scheme,
            public=public.origin_for(self, given["public_url"], given["domain"]),
            **given,
        )

    @cached_property
    def scheme(self) -> Literal["http", "https"]:
        """What this host itself speaks; a proxy in front may speak another with browsers."""
        return "https" if self.mode == "nginx" and self.tls != "off" else "http"

    def url(self, host: str) -> str:
        """Where a browser finds the first HARVEST, ending in "/"; `host` stands in where no domain is set."""
        return self.all_instances[0].url(host)

    @cached_property
    def sites(self) -> dict[str, tuple[Instance, ...]]:
        """nginx mode: each page's DNS name with the instances that live there."""
        domains = [each.domain for each in self.all_instances if each.domain and self.mode == "nginx"]
        return {name: tuple(each for each in self.all_instances if each.domain == name) for name in domains}

    def certificate_names(self, domain: str) -> tuple[str, ...]:
        """All DNS names of one site: the page's first, then its APIs', then its aliases."""
        apis = (each.api_domain for each in self.sites[domain] if each.api_domain)
        return (domain, *apis, *self.aliases(domain))

    def aliases(self, domain: str) -> tuple[str, ...]:
        """The names that redirect to a site's own."""
        return tuple(dict.fromkeys(name for each in self.sites[domain] for name in each.domain_aliases))

    @cached_property
    def trusted(self) -> bool:
        """Whether browsers may be told to insist on the certificate (HSTS): they trust it, and the domain is ours."""
        real = self.tls == "files" or (self.tls == "letsencrypt" and "staging" not in self.acme_directory)
        return real and self.site == "own"

    @cached_property
    def open_ports(self) -> tuple[int, ...]:
        """TCP ports that the world may reach."""
        if self.mode == "internal":
            return (self.sshd_port, *(each.frontend_port for each in self.all_instances))
        return (self.sshd_port, 80) if self.tls == "off" else (self.sshd_port, 80, 443)


def settings_from(data: Mapping[str, Any]) -> Settings:
    """One host's merged data as `Settings`, without the keys of pyinfra's own.

    Raises `SettingsError` with every problem of the host, none of the input of secrets repeated.
    """
    own = {key: value for key, value in data.items() if not is_foreign(key)}
    wrong = [
        (key, said)
        for key, value in data.items()
        if is_foreign(key) and (said := foreign_problem(key, value, Settings.model_fields))
    ]
    try:
        settings = Settings.model_validate(own)
    except ValidationError as error:
        details = error.errors()
        # A list whose item is wrong is reported "too short" as well: one sentence is enough.
        inner = {detail["loc"][:-1] for detail in details if len(detail["loc"]) > 1}
        raise SettingsError(
            wrong + [problem_of(dict(d), Settings) for d in details if d["loc"] not in inner]
        ) from None
    if wrong:
        raise SettingsError(wrong)
    return settings
