"""DOIs: how people write them, and the one form that is kept; and what identifies a paper that has none."""

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import unquote

SHAPE = re.compile(r"10\.\d{4,9}/[^\s\x00-\x1f\x7f\"]{1,280}")
SECOND = re.compile(r"[,;|]10\.\d{4,9}/")
PREFIX = re.compile(r"(doi:\s*)?((https?://)?(dx\.|www\.)?doi\.org/)?(doi:\s*)?", re.IGNORECASE)
# Web pages put them between letters, and word processors mark directions with them; nobody sees them.
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Of Chinese and Japanese keyboards: the same signs, in width of an ideograph.
WIDE = str.maketrans("，；：／．（）［］＜＞、。", ",;:/.()[]<>,.")
MARKDOWN = re.compile(r"\[([^\]]*)\]\(\s*<?(https?://[^\s]+?)>?\s*\)(?=[\s,;.]|$)")
QUOTES = "\"'`“”‘’«»„*"
# Before the identifier of a paper without a DOI, which no user sees. No DOI begins like this.
LOCAL = "local:"
PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}


def normal(text: str) -> str | None:
    """`https://doi.org/10.1000/ABC` -> `10.1000/abc`; None when it is no DOI."""
    text = _unwrapped(_plain(text))
    found = PREFIX.match(text)
    doi = text[found.end() if found else 0 :]
    if found and found[2]:  # in a link a DOI's own signs are encoded
        doi = unquote(re.split(r"[?#]", doi)[0])
    doi = _unwrapped(doi).lower()
    return doi if SHAPE.fullmatch(doi) and not SECOND.search(doi) else None


def _plain(text: str) -> str:
    """Without unseen signs, in the signs of one keyboard, and the address alone of a Markdown link."""
    text = INVISIBLE.sub("", text).translate(WIDE).strip()
    return MARKDOWN.sub(lambda link: link[2], text)


def _unwrapped(text: str) -> str:
    """Without what a text puts around a DOI: quotes, punctuation, brackets that are closed or opened elsewhere."""
    while text:
        last = text[-1]
        if last in ".,;:" or last in QUOTES:
            text = text[:-1]
        elif text[0] in QUOTES or (
            text[0] in PAIRS.values() and not (last in PAIRS and PAIRS[last] == text[0])
        ):
            text = text[1:]
        elif last in PAIRS and text[0] == PAIRS[last]:
            text = text[1:-1].strip()
        elif last in PAIRS and text.count(last) > text.count(PAIRS[last]):
            text = text[:-1]  # 10.1016/S0140-6736(05)67889-7 keeps its own
        else:
            break
    return text


def listed(text: str) -> list[str]:
    """The DOIs, or what else, of a pasted list. Commas and semicolons are parts of DOIs, too."""
    text = re.sub(r"(doi:)\s+", r"\1", _plain(text), flags=re.IGNORECASE)
    parts = re.split(r"\s+|[,;|]+(?=\s|$|[<(\[\"']*(?:10\.\d{4}|doi:|https?:))", text, flags=re.IGNORECASE)
    return [one for one in parts if one]


def pasted(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The DOIs of pasted texts, each once, and the texts or parts of them that are none."""
    dois: dict[str, None] = {}
    others = []
    for text in texts:
        parts = {part: normal(part) for part in listed(text)}
        dois.update(dict.fromkeys(doi for doi in parts.values() if doi))
        if not any(parts.values()):
            others.append(text.strip())
        else:  # words around a DOI are no attempt at one
            others += [part for part, doi in parts.items() if not doi and "10." in part]
    return list(dois), others


def short_hash(doi: str) -> str:
    """The name of a paper's PDF without .pdf: the first 16 hex digits of the DOI's SHA-256."""
    return hashlib.sha256(doi.encode()).hexdigest()[:16]


def local(title: str, authors: str, year: int | None) -> str:
    """What identifies a paper without a DOI: the same for the same title, authors and year in any case."""
    words = " ".join(f"{title} | {authors} | {year or ''}".casefold().split())
    return LOCAL + hashlib.sha256(words.encode()).hexdigest()[:16]


def identifier(text: str) -> str | None:
    """The normal form of a DOI, or the identifier of a paper that has none as an export holds it."""
    return text if re.fullmatch(f"{LOCAL}[0-9a-f]{{16}}", text) else normal(text)


def public(found: str | None) -> str:
    """The DOI to show; "" where a paper has none."""
    return "" if found is None or found.startswith(LOCAL) else found
