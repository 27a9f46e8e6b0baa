"""DOIs: how people write them, and the one form that is kept."""

import hashlib
import re
from urllib.parse import unquote

SHAPE = re.compile(r"10\.\d{4,9}/[^\s\x00-\x1f\x7f\"]{1,280}")
PREFIX = re.compile(r"(doi:\s*)?((https?://)?(dx\.|www\.)?doi\.org/)?(doi:\s*)?", re.IGNORECASE)
# Web pages put them between letters; nobody sees them.
INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")


def normal(text: str) -> str | None:
    """`https://doi.org/10.1000/ABC` -> `10.1000/abc`; None when it is no DOI."""
    text = INVISIBLE.sub("", text).strip().rstrip(".,;")
    for bracket in ("<>", "()", "[]"):
        if text.startswith(bracket[0]):
            text = text[1:].removesuffix(bracket[1])
    found = PREFIX.match(text)
    doi = text[found.end() if found else 0 :]
    if found and found[2]:  # in a link a DOI's own signs are encoded
        doi = unquote(re.split(r"[?#]", doi)[0])
    doi = doi.rstrip(".,;").lower()
    return doi if SHAPE.fullmatch(doi) else None


def listed(text: str) -> list[str]:
    """The DOIs, or what else, of a pasted list. Commas and semicolons are parts of DOIs, too."""
    text = re.sub(r"(doi:)\s+", r"\1", text, flags=re.IGNORECASE)
    return [
        one for one in re.split(r"\s+|[,;]+(?=\s|$|10\.\d{4}|doi:|https?:)", text, flags=re.IGNORECASE) if one
    ]


def short_hash(doi: str) -> str:
    """The name of a paper's PDF without .pdf: the first 16 hex digits of the DOI's SHA-256."""
    return hashlib.sha256(doi.encode()).hexdigest()[:16]
