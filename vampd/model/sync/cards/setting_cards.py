"""The cards of settings: compared as values, and as they are written."""

from __future__ import annotations

from collections.abc import Hashable

from vampd.model.cubes import (
    Cards,
    Nonsense,
    Number,
    RawCube,
    Undefined,
    Value,
    render_card,
    render_string,
)
from vampd.model.sync.sequence import Setting

_EQUAL_DECIMALS = {"RET-ANG1": 2, "EXPTIME": 9}  # an encoder's last digits are no other angle


def setting_key(cube: RawCube, keyword: str) -> Hashable:
    """What the cube's card says, equal for values that are one setting."""
    value = cube.cards.value(keyword)
    match value:
        case Number():
            return round(float(value), _EQUAL_DECIMALS[keyword])
        case Undefined():
            return None
        case _:
            return str(value).strip()


def fields_beside(setting: Setting, cards: Cards) -> tuple[tuple[str, str], ...]:
    """The setting's keywords and value fields that these cards do not say."""
    return tuple(
        (keyword, field)
        for keyword, field in setting.fields
        if _plain(render_card(keyword, field).value) != _plain(cards.value(keyword))
    )


def value_field(cards: Cards, keyword: str) -> str:
    """The card's value field, as it stands there."""
    value = cards.value(keyword)
    match value:
        case Number(text) | Nonsense(text):
            return text
        case str(text):
            return render_string(text)
        case bool():
            return "T" if value else "F"
        case _:
            return ""


def _plain(value: Value) -> Hashable:
    match value:
        case Number():
            return float(value)
        case Undefined():
            return None
        case _:
            return value
