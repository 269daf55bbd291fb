"""Whether the header of a product is still what its raw cube gives, whatever dictionary it got."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vampd.model.cubes import Card, Cards, Number
from vampd.model.headers.forms import Form, format_card, parse_form

# The ledger decides these, not the raw cube.
_GRANTED = frozenset({"FRAMEID", "EXP-ID"})
_STRING = re.compile(r"'((?:[^']|'')*)'")
# A string form pads to two digits of width at most.
_WIDEST = 99


def find_other_card(made: Cards, plain: Cards) -> str | None:
    """The keyword of the first card that no form makes of its plain one; None if all are made so.

    A dictionary changes neither order nor number of cards. Rounding hides what ``made`` never held.
    """
    mine, theirs = list(_compared(made)), list(_compared(plain))
    for card, before in zip(mine, theirs, strict=False):
        if not _is_made_of(card, before):
            return before.keyword
    if len(mine) == len(theirs):
        return None
    return max(mine, theirs, key=len)[min(len(mine), len(theirs))].keyword


def _compared(cards: Cards) -> Iterator[Card]:
    return (card for card in cards if card.keyword not in _GRANTED)


def _is_made_of(card: Card, plain: Card) -> bool:
    return card == plain or any(format_card(plain, form).card == card for form in _forms_of(card))


def _forms_of(card: Card) -> Iterator[Form]:
    """The forms that would write the card's value as it is written."""
    match card.value:
        case bool():
            yield parse_form("BOOLEAN")
        case Number(text):
            yield parse_form("%20d")
            yield parse_form(f"%20.{len(text.partition('.')[2])}f")
        case str():
            inner = _STRING.match(card.text[10:])
            if inner is not None:
                yield parse_form(f"%-{min(len(inner[1].replace(chr(39) * 2, chr(39))), _WIDEST)}s")
        case _:
            return
