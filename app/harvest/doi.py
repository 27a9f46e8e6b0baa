"""DOIs: how people write them, and the one form that is kept."""

import hashlib
import re

SHAPE = re.compile(r"10\.\d{4,9}/[^\s\x00-\x1f\x7f\"<>]{1,280}")
PREFIX = re.compile(r"^(doi:\s*|(https?://)?(dx\.|www\.)?doi\.org/)", re.IGNORECASE)


def normal(text: str) -> str | None:
    """`https://doi.org/10.1000/ABC` -> `10.1000/abc`; None when it is no DOI."""
    doi = PREFIX.sub("", text.strip()).rstrip(".,;").lower()
    return doi if SHAPE.fullmatch(doi) else None


def short_hash(doi: str) -> str:
    """The name of a paper's PDF without .pdf: the first 16 hex digits of the DOI's SHA-256."""
    return hashlib.sha256(doi.encode()).hexdigest()[:16]
