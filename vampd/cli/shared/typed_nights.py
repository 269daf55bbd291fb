"""Nights as the commands that are shown take them: with the kind, where a date has both.

What finds a fault knows its night and not the others, so that all that people read passes here. One
process runs one command, which begins with none.
"""

from __future__ import annotations

from vampd.model.nights import NightId, name_kind

_names: dict[str, str] = {}


def forget_names() -> None:
    """A command begins."""
    _names.clear()


def name_with_kind(night: NightId) -> None:
    """This night was chosen, and its date has both kinds."""
    _names[night.date] = f"{night.date} --kind {night.kind}"


def as_typed(text: str) -> str:
    """The text with its commands as they are typed for the nights that were chosen."""
    for date, name in _names.items():
        text = name_kind(text, date, name)
    return text
