"""Required cards: what every cube's header should tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vampd.model.cubes import Card, Cards, Undefined


def find_missing(headers: Iterable[Cards], required: Sequence[str]) -> tuple[str, ...]:
    """The required keywords that none of these headers tells anything by, each once.

    A card without a value or with a blank string tells nothing; NaN and the like are another fault.
    """
    # Not by `Cards.value`: the index that it keeps would weigh on ten thousand headers of a night.
    left = {keyword.ljust(8): keyword for keyword in required}
    for cards in headers:
        for text in cards.texts:
            if text[:8] in left and _tells(Card(text)):
                del left[text[:8]]
    return tuple(left.values())


def _tells(card: Card) -> bool:
    value = card.value
    if isinstance(value, Undefined):
        return False
    return not isinstance(value, str) or bool(value.strip())
