"""Users at work while a host changes: 50 requests a second of pages, reads, writes and slow uploads, through nginx.

Each user has one kept connection and asks at a fixed pace. An error is any answer other than 200 and any connection
that breaks; nothing is asked again. A wait lasts from the request's last byte to the answer's last.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3

from lab import hosts
from tests.host.visitor import ADMIN, big_pdf, password

PAUSE_S = 0.5
USERS = {"page": 11, "read": 9, "write": 5}
"""With PAUSE_S: 50 requests a second, within the rates that nginx allows one address."""
UPLOADERS, UPLOAD_BYTES, UPLOAD_S = 2, 20 << 20, 8.0
TIMEOUT_S = 60.0


@dataclass
class Outcome:
    """What the users met: requests by kind, errors, seconds of the longest wait by kind, and what was to be saved."""

    answered: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    longest: dict[str, float] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    uploaded: dict[int, int] = field(default_factory=dict)
    """Paper to the size of its last PDF that was acknowledged."""
    missing: list[str] = field(default_factory=list)
    """What was acknowledged and is not there afterwards."""

    @property
    def wait(self) -> float:
        return max(self.longest.values(), default=0.0)


class Traffic:
    """`with Traffic(host, "https://...") as outcome:`; `outcome` is complete once the block is over."""

    def __init__(self, host: hosts.Host, origin: str) -> None:
        self.origin, self.outcome, self.over = origin, Outcome(), threading.Event()
        self.mutex = threading.Lock()
        pool = self._pool()
        login = self._json(pool, "POST", "/api/login", {"email": ADMIN, "password": password()})
        self.headers = {"Authorization": f"Bearer {login['token']}"}
        project = self._json(pool, "POST", "/api/projects", {"name": f"Traffic {uuid.uuid4().hex[:8]}"})["id"]
        dois = [f"10.1000/{uuid.uuid4().hex[:12]}" for _ in range(1 + UPLOADERS)]
        self._json(pool, "POST", f"/api/projects/{project}/papers", {"dois": dois})
        papers = self._json(pool, "GET", f"/api/projects/{project}/papers")
        self.paper, *self.uploads = [int(paper["id"]) for paper in papers]
        self.pdfs = [big_pdf(UPLOAD_BYTES + number) for number in range(2)]
        self.threads: list[threading.Thread] = []

    def _pool(self) -> urllib3.HTTPConnectionPool:
        options: dict[str, Any] = {"maxsize": 1, "retries": False, "timeout": TIMEOUT_S}
        if self.origin.startswith("https"):
            options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        return urllib3.connection_from_url(self.origin, **options)

    def _json(self, pool: urllib3.HTTPConnectionPool, method: str, path: str, body: Any = None) -> Any:
        headers = getattr(self, "headers", {})
        answer = pool.request(method, path, headers=headers, **({} if body is None else {"json": body}))
        assert answer.status in (200, 201), f"{method} {path}: {answer.status} {answer.data[:200]!r}"
        return answer.json()

    def __enter__(self) -> Outcome:
        work: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        for kind, count in USERS.items():
            work += [(self._user, (kind, PAUSE_S * number / count)) for number in range(count)]
        work += [(self._uploader, (paper,)) for paper in self.uploads]
        self.threads = [threading.Thread(target=what, args=words, daemon=True) for what, words in work]
        for thread in self.threads:
            thread.start()
        return self.outcome

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(TIMEOUT_S + UPLOAD_S)
        self.outcome.missing = self._missing()

    def _note(self, kind: str, began: float, status: int, said: str) -> bool:
        waited = time.monotonic() - began
        with self.mutex:
            self.outcome.answered[kind] = self.outcome.answered.get(kind, 0) + 1
            self.outcome.longest[kind] = max(self.outcome.longest.get(kind, 0.0), waited)
            if status not in (200, 201):
                at = time.strftime("%H:%M:%S", time.gmtime())
                self.outcome.errors.append(
                    f"{at} {kind}: {status or 'connection'} {said[:150]} ({waited:.2f} s)"
                )
        return status in (200, 201)

    def _user(self, kind: str, first_s: float) -> None:
        pool = self._pool()
        paths = {
            "page": ["/", "/_dash-layout", "/projects"],
            "read": ["/api/choices", f"/api/papers/{self.paper}"],
        }.get(kind, [])
        count = 0
        due = time.monotonic() + first_s
        while not self.over.wait(max(0.0, due - time.monotonic())):
            due = max(due + PAUSE_S, time.monotonic())
            count += 1
            text = f"Sentence {uuid.uuid4().hex}."
            began = time.monotonic()
            try:
                if kind == "write":
                    body = {"sentence": text, "triples": [], "paper_id": self.paper}
                    answer = pool.request("POST", "/api/save", json=body, headers=self.headers)
                else:
                    answer = pool.request("GET", paths[count % len(paths)], headers=self.headers)
                status, said = answer.status, answer.data[:150].decode(errors="replace")
            except (urllib3.exceptions.HTTPError, OSError) as error:
                status, said = 0, repr(error)
            if self._note(kind, began, status, said) and kind == "write":
                with self.mutex:
                    self.outcome.saved.append(text)

    def _uploader(self, paper: int) -> None:
        pool, count = self._pool(), 0
        while not self.over.is_set():
            count += 1
            data = self.pdfs[count % len(self.pdfs)]
            sent = [time.monotonic()]
            headers = {**self.headers, "Content-Type": "application/pdf", "Content-Length": str(len(data))}
            try:
                answer = pool.request(
                    "PUT", f"/api/papers/{paper}/pdf", body=slowly(data, UPLOAD_S, sent), headers=headers
                )
                status, said = answer.status, answer.data[:150].decode(errors="replace")
            except (urllib3.exceptions.HTTPError, OSError) as error:
                status, said = 0, repr(error)
            if self._note("upload", sent[0], status, said):
                with self.mutex:
                    self.outcome.uploaded[paper] = len(data)

    def _missing(self) -> list[str]:
        pool = self._pool()
        have = {each["sentence"] for each in self._json(pool, "GET", f"/api/papers/{self.paper}/sentences")}
        gone = [text for text in self.outcome.saved if text not in have]
        for paper, size in self.outcome.uploaded.items():
            found = self._json(pool, "GET", f"/api/papers/{paper}").get("pdf") or {}
            if found.get("size") != size:
                gone.append(f"PDF of paper {paper}: {found.get('size')} bytes, not {size}")
        return gone


def slowly(data: bytes, seconds: float, sent: list[float], pieces: int = 80) -> Iterator[bytes]:
    """The bytes, spread over so long; `sent` has the time of the last piece."""
    size = len(data) // pieces + 1
    for start in range(0, len(data), size):
        if start:
            time.sleep(seconds / pieces)
        yield data[start : start + size]
        sent[0] = time.monotonic()
