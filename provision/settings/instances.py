"""Several HARVESTs on one host: each an instance with a name, a place in URLs, ports, and everything else its own."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from provision.settings.app_source import APP, Source
from provision.settings.types import BasePath, DomainName, PublicUrl, ServicePort

FIRST = "harvest"
"""The name of the only instance where the settings name none; its files and units carry just "harvest"."""


def in_url(host: str) -> str:
    """A host's name or address where a URL takes it (RFC 6874 for a zone)."""
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


class PerInstance(BaseModel):
    """What each HARVEST of a host may say for itself. A new such key is one line here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_path: BasePath = Field("/", description='Where HARVEST lives in URLs: "/" or "/x/".')
    domain: DomainName | None = Field(None, description="The site's DNS name; nginx mode needs one.")
    domain_aliases: tuple[DomainName, ...] = Field(
        (),
        description="The site's further DNS names, such as www.: in its certificate, each redirecting to domain.",
    )
    public_url: PublicUrl | None = Field(
        None,
        description="Address that browsers use where a proxy or load balancer in front gives HARVEST another scheme, "
        "name or port, like https://harvest.example.org; nginx mode: of the same name as domain.",
    )
    api_domain: DomainName | None = Field(
        None, description="Separate DNS name for the API, which is then not on the site's name."
    )
    frontend_port: ServicePort = Field(8050, description="The frontend's port.")
    backend_ports: tuple[ServicePort, ...] = Field(
        (5001,), min_length=1, max_length=16, description="The backends' ports, always on loopback only."
    )
    app_source: Source = Field(
        APP,
        description='HARVEST\'s code: "embedded" (app/ here), {"git": URL, "ref": TAG, BRANCH or COMMIT, '
        '"requirements": PATH} or {"path": FOLDER, "requirements": PATH}; requirements is a lock file with hashes, '
        'and "config": {NAME: VALUE} sets what only the application\'s config.py knows.',
    )
    publish_api: bool | None = Field(
        None,
        strict=True,
        description="nginx mode: whether browsers and programs reach the API; unset: yes, but for an app_source whose "
        "pages do not need it (upstream HARVEST), since there anyone may write by it.",
    )


OWN_ALONE = ("api_domain", "domain_aliases")
"""What belongs to one instance's own name, so that several do not take it from the host's settings."""


class Instance(PerInstance):
    """One HARVEST: where it is found, and what it is called on the host."""

    name: str
    mode: Literal["internal", "nginx"]
    scheme: Literal["http", "https"]
    public: str = ""
    """The origin that a proxy in front of the host gives it; "" where there is none."""

    @property
    def slug(self) -> str:
        """Its user, and the first word of its folders and units. The prefix keeps an instance named "ssh" harmless."""
        return FIRST if self.name == FIRST else f"{FIRST}-{self.name}"

    @property
    def label(self) -> str:
        """The first word of its upstreams in nginx."""
        return self.slug.replace("-", "_")

    @property
    def root(self) -> str:
        """Its releases."""
        return f"/opt/{self.slug}"

    @property
    def etc(self) -> str:
        """Its configuration and its secret."""
        return f"/etc/{self.slug}"

    @property
    def state(self) -> str:
        """Its database and its PDFs."""
        return f"/var/lib/{self.slug}"

    @property
    def frontend(self) -> str:
        """The frontend's unit without its suffix."""
        return f"{self.slug}-frontend"

    @property
    def sweep(self) -> str:
        """The daily sweep's unit without its suffix."""
        return f"{self.slug}-sweep"

    def backend(self, port: int) -> str:
        """One backend's unit without its suffix."""
        return f"{self.slug}-backend@{port}"

    @property
    def stems(self) -> tuple[str, ...]:
        """All its units without their suffixes, backends first."""
        return (*(self.backend(port) for port in self.backend_ports), self.frontend)

    @property
    def balancer_port(self) -> int | None:
        """nginx's loopback port that spreads the frontend's own calls; none where there is one backend."""
        return min(self.backend_ports) - 1 if len(self.backend_ports) > 1 else None

    @property
    def api_port(self) -> int:
        """Where the frontend finds the backend, on loopback."""
        return self.balancer_port or self.backend_ports[0]

    @property
    def ports(self) -> tuple[int, ...]:
        """Every TCP port that it takes on the host."""
        balancer = (self.balancer_port,) if self.balancer_port else ()
        return (self.frontend_port, *self.backend_ports, *balancer)

    def url(self, host: str) -> str:
        """Where a browser finds it, ending in "/"; `host` stands in where no domain is set."""
        return f"{self.public}{self.base_path}" if self.public else self.inner_url(host)

    def inner_url(self, host: str) -> str:
        """Where this host itself answers for it, whatever stands in front."""
        port = f":{self.frontend_port}" if self.mode == "internal" else ""
        return f"{self.scheme}://{self.domain or in_url(host)}{port}{self.base_path}"

    @property
    def origin(self) -> str:
        """The page's origin as a browser sends it (RFC 6454); "" where the host's name is not known."""
        own = f"{self.scheme}://{self.domain}" if self.mode == "nginx" and self.domain else ""
        return self.public or own

    @property
    def api_url(self) -> str:
        """Where a browser finds "api/", without the last slash; "" where the API is not published."""
        if self.mode == "internal":
            return ""
        if not self.api_domain:
            return self.url("").rstrip("/")
        scheme, _, place = (self.public or f"{self.scheme}://").partition("://")
        port = place.partition(":")[2]
        return f"{scheme}://{self.api_domain}" + (f":{port}" if port else "")

    @property
    def inner_api_url(self) -> str:
        """Where this host itself answers for "api/", without the last slash."""
        name = f"{self.scheme}://{self.api_domain}"
        return name if self.api_domain else self.inner_url("").rstrip("/")
