"""The kinds of values that clients send."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

MAX_ID = 2**31 - 1
Name = Annotated[str, Field(min_length=1, max_length=300)]
Label = Annotated[str, Field(min_length=1, max_length=60)]
PersonName = Annotated[
    str, Field(max_length=100, pattern="^[^@\\n\\r\\t]*$")
]  # no address: it is shown to everyone
Text = Annotated[str, Field(max_length=10_000)]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
