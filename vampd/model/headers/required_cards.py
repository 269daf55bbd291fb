"""Required cards: what every cube's header should have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vampd.model.cubes import Card, Cards, Undefined


def find_missing(headers: Iterable[Cards], required: Sequence[str]) -> tuple[str, ...]:
    """The required keywords for which none of these headers has a value, each once.

    A card without a value or with a blank string counts as missing; NaN and the like do not.
    """
    # Not by `Cards.value`: the index that it builds costs too much for ten thousand headers.
    left = {keyword.ljust(8): keyword for keyword in required}
    for cards in headers:
        for text in cards.texts:
            if text[:8] in left and _has_value(Card(text)):
                del left[text[:8]]
    return tuple(left.values())


def _has_value(card: Card) -> bool:
    value = card.value
    if isinstance(value, Undefined):
        return False
    return not isinstance(value, str) or bool(value.strip())
