"""The kinds of values that clients send."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

# Line breaks and tabs are text; other control characters (and halves of UTF-16 pairs) no database and no CSV likes.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MAX_ID = 2**31 - 1


def _printable(text: str) -> str:
    if _UNFIT.search(text):
        raise ValueError("contains control characters")
    return text


Printable = AfterValidator(_printable)
Name = Annotated[str, Field(min_length=1, max_length=300), Printable]
Label = Annotated[str, Field(min_length=1, max_length=60), Printable]
Text = Annotated[str, Field(max_length=10_000), Printable]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
# In a path: a number that fits the column, so that a giant one is "not found" and not a crash.
PATH_ID = f"int(min=1,max={MAX_ID})"
