"""One way to write each text: what looks the same is the same, whatever keyboard, PDF or web page it comes from."""

from __future__ import annotations

import re
import unicodedata

# Line breaks and tabs are text; other control characters (and halves of UTF-16 pairs) no database and no CSV likes.
UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Soft hyphens and zero-width spaces are where a page may break a word; byte order marks come with files.
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
# No-break, figure and narrow spaces: PDFs are full of them, and nobody types them into a search.
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
# PDFs draw these as one sign.
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})


def normal(text: str) -> str:
    """The text in Unicode's composed form (NFC), ligatures taken apart, spaces plain, without unseen signs and without
    spaces at its ends. Applying it twice changes nothing more."""
    if text.isascii():
        return text.strip()
    text = _SPACES.sub(" ", _UNSEEN.sub("", text)).translate(_LIGATURES)
    return unicodedata.normalize("NFC", text).strip()
