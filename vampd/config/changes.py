"""The difference between two versions of the configuration."""

from __future__ import annotations

from pydantic import BaseModel


def changed_keys(old: BaseModel, new: BaseModel, prefix: str = "") -> tuple[str, ...]:
    """The dotted keys whose values differ, in the order of the file; never the values."""
    keys: list[str] = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        key = f"{prefix}{name}"
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            keys += changed_keys(before, after, f"{key}.")
        elif before != after:
            keys.append(key)
    return tuple(keys)
