"""What all tables of the configuration are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# What is added to a time stays a time that the database can hold.
_CENTURY_DAYS = 36_525
Seconds = Annotated[float, Field(gt=0, le=_CENTURY_DAYS * 86_400)]
Days = Annotated[float, Field(gt=0, le=_CENTURY_DAYS)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Table(BaseModel):
    """A table of the file: frozen, and unknown keys are refused."""

    # Built once, as parts of Settings; building each on its own too would double the start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
