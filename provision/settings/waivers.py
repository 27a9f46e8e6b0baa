"""Checks of the audit whose failure is accepted until a day, with the reason."""

import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SHAPE = '{"reason": "why", "until": "2027-01-31"}'


class Waiver(BaseModel):
    """`until` is the last day."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: str = Field(min_length=3)
    until: datetime.date

    def holds(self, today: datetime.date) -> bool:
        return today <= self.until


def _shape(value: Any) -> Any:
    if isinstance(value, Waiver):
        return value
    if not isinstance(value, dict) or set(value) != {"reason", "until"}:
        raise ValueError(f"must be {SHAPE}")
    if len(str(value["reason"]).strip()) < 3:
        raise ValueError("needs a reason, which the report shows")
    try:
        until = datetime.date.fromisoformat(str(value["until"]))
    except ValueError:
        raise ValueError(f'until: "{value["until"]}" is no day; write it like 2027-01-31') from None
    return {"reason": str(value["reason"]).strip(), "until": until}


Waived = Annotated[Waiver, BeforeValidator(_shape)]
