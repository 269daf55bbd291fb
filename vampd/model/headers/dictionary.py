"""The instrument's keyword dictionary: which form each keyword's value has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from vampd.model.cubes import Card, Cards
from vampd.model.headers.forms import Form, Problem, format_text, is_standard_card


@dataclass(frozen=True)
class Entry:
    """One keyword of the dictionary; ``unit`` is None if there is none."""

    form: Form
    unit: str | None = None


@dataclass(frozen=True)
class Dictionary:
    """The keyword dictionary."""

    entries: Mapping[str, Entry]

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The forms by the first eight characters of a card, for the cards that may get one."""
        return {
            keyword.ljust(8): entry.form
            for keyword, entry in self.entries.items()
            if not is_standard_card(keyword)
        }


@dataclass(frozen=True)
class FormattedCards:
    """What the dictionary changes in a header: (old, new) pairs in order, and what it cannot."""

    edits: tuple[tuple[Card, Card], ...]
    problems: tuple[Problem, ...]


def format_cards(cards: Cards, dictionary: Dictionary) -> FormattedCards:
    """Every card of the dictionary in its form; strings over several cards stay untouched.

    Cards with one text are all edited alike, or not at all: an edit finds its card by text.
    """
    edits: list[tuple[Card, Card]] = []
    problems: list[Problem] = []
    for text, form in _cards_with_form(cards, dictionary.forms):
        new, problem = format_text(text, form.text)
        if new is not None:
            edits.append((Card(text), Card(new)))
        if problem is not None:
            problems.append(problem)
    return FormattedCards(tuple(edits), tuple(problems))


def _cards_with_form(cards: Cards, forms: Mapping[str, Form]) -> Iterator[tuple[str, Form]]:
    continued = {text for text, after in pairwise(cards.texts) if after.startswith("CONTINUE")}
    for text in cards.texts:
        form = forms.get(text[:8])
        if form is not None and text not in continued:
            yield text, form
