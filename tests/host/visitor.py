"""Somebody out there: a browser's requests, made by hand, against a deployed host."""

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from lab import hosts
from tests.host.runs import REPO

MIME = {"js": ("text/javascript", "application/javascript"), "css": ("text/css",), "ico": ("image/",)}
ADMIN = "admin@harvest.test"


def password() -> str:
    """The first administrator's, as the lab's inventory made it."""
    lab = os.environ.get("LAB_DIR") or str(REPO / ".lab")
    with open(f"{lab}/harvest_password") as file:
        return file.read().strip()


class From(HTTPAdapter):
    """A client that has one of this machine's addresses."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *words: Any, **options: Any) -> None:
        super().init_poolmanager(*words, source_address=(self.address, 0), **options)  # type: ignore[no-untyped-call]


def big_pdf(size: int) -> bytes:
    """A valid one-page PDF of about `size` bytes, most of them in a stream that nobody shows."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
        b"<< /Length %d >>\nstream\n" % size + b"x" * size + b"\nendstream",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    xref = b"xref\n0 5\n0000000000 65535 f \n" + table
    return data + xref + b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(data)


@dataclass
class Visitor:
    """One who knows `url` (ending in "/") and has cookies."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/")[:3])

    @property
    def base(self) -> str:
        return self.url[len(self.origin) :]

    def get(self, path: str, **options: Any) -> requests.Response:
        """`path` below the base path, or from the root where it starts with "/"."""
        url = self.origin + path if path.startswith("/") else self.url + path
        return self.session.get(url, timeout=60, allow_redirects=False, **options)

    def assets(self) -> list[str]:
        """What the page links to, as paths from the root."""
        return re.findall(r'(?:src|href)="([^"#]+)"', self.get("").text)

    def sign_in(self) -> None:
        form = {"email": ADMIN, "password": password()}
        answer = self.session.post(self.url + "login", data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        assert "sign-in" not in answer.headers["Location"], answer.headers["Location"]

    def ticket(self) -> dict[str, str]:
        """Headers for an API with an origin of its own, where the session's cookie does not go."""
        made = self.get("ticket").json()
        return {"Authorization": f"Bearer {made['token']}", "Origin": self.origin}


@dataclass
class Inside:
    """The API as the host itself sees it on loopback: how internal mode's backend is reached at all."""

    host: hosts.Host
    token: str = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        code = (
            "import json, sys, urllib.request as u\n"
            f"data = None if {body!r} is None else json.dumps({body!r}).encode()\n"
            f"r = u.Request('http://127.0.0.1:5001/api{path}', data, method={method!r})\n"
            "r.add_header('Content-Type', 'application/json')\n"
            f"r.add_header('Authorization', 'Bearer {self.token}')\n"
            "print(u.urlopen(r, timeout=20).read().decode())"
        )
        return json.loads(self.host.exec(f'python3 -c "{code}"').stdout)


def paper_of(host: hosts.Host, doi: str) -> tuple[int, str]:
    """A new project with one paper; its id and the paper's PDF name."""
    inside = Inside(host)
    inside.token = inside.call("POST", "/login", {"email": ADMIN, "password": password()})["token"]
    project = inside.call("POST", "/projects", {"name": f"Test {doi}"})["id"]
    inside.call("POST", f"/projects/{project}/papers", {"dois": [doi]})
    return project, hashlib.sha256(doi.encode()).hexdigest()[:16] + ".pdf"
