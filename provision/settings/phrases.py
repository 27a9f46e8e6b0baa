"""pydantic's errors in our words: key, value found, what to write."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from provision.settings.app_source import Source
from provision.settings.foreign import nearest
from provision.settings.instances import PerInstance
from provision.settings.types import Secret

TYPES = {
    "tuple_type": "must be a list, in square brackets: [...]",
    "string_type": 'must be text, in quotes: "..."',
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be True or False, without quotes",
    "bool_parsing": "must be True or False, without quotes",
    "dict_type": 'must be in braces: {{"KEY": VALUE}}',
    "model_type": 'must be in braces: {{"KEY": VALUE}}',
    "path_type": "must be a path, in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}


def problem_of(detail: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """One of pydantic's errors as (key, sentence)."""
    key = ".".join(str(part) for part in detail["loc"])
    message, kind = str(detail["msg"]).removeprefix("Value error, "), str(detail["type"])
    if kind == "extra_forbidden":
        return key, nearest(str(detail["loc"][-1]), _known(detail["loc"], model))
    if kind == "missing":
        return key, f"is not set; {model.model_fields[key].description}"
    if not key:  # _fit_together names its key itself
        key, _, message = message.partition(": ")
        return key, message
    if kind in TYPES:
        message = TYPES[kind].format(**detail.get("ctx", {}))
    elif kind != "value_error":
        message = message[0].lower() + message[1:]
    if (
        key.endswith("app_source") or key == "notify"
    ):  # their sentences name what they are about, and a URL may hold a password
        return key, message
    if (
        "password" in key
        or key.endswith("app_source.git")
        or "PRIVATE KEY" in f"{message} {detail['input']}".upper()
    ):  # the value may be the secret itself
        return key, message
    return key, f"is {_shown(detail['input'])}; {message}"


def _known(place: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys that there are where an unknown one was found."""
    if len(place) == 1:
        return list(model.model_fields)
    if "app_source" in place:
        return list(Source.model_fields)
    return list((PerInstance if place[0] == "instances" else Secret).model_fields)


def _shown(value: Any) -> str:
    """A value on one line, in quotes where it is text, cut at 80 characters."""
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= 80 else text[:77] + "..."
