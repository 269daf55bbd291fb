"""What all tables of the configuration are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Table(BaseModel):
    """A table of the file: frozen, and unknown keys are refused."""

    # Built once, as parts of Settings; building each on its own too would double the start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
