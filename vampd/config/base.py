"""What all tables of the configuration are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# What is added to a time stays a time that the database can hold.
_CENTURY_DAYS = 36_525
Seconds = Annotated[float, Field(gt=0, le=_CENTURY_DAYS * 86_400)]
Days = Annotated[float, Field(gt=0, le=_CENTURY_DAYS)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class Table(BaseModel):
    """A table of the file: frozen, and unknown keys are refused."""

    # Built once, as parts of Settings; building each on its own too would double the start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
