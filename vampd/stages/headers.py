"""headers: every card in the form that the instrument's keyword dictionary prescribes.

What the dictionary asks for and would harm a value is not done; it becomes a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.cards import Cards
from vampd.model.dictionary import Dictionary, format_cards
from vampd.model.forms import Problem
from vampd.model.night import NightId
from vampd.model.plan import EditCards, Plan, Remark
from vampd.model.state import StageName
from vampd.ports import Eyes

NAME = StageName.HEADERS


@dataclass(frozen=True)
class FramelistCards:
    """One framelist's path and cards."""

    path: str
    cards: Cards


@dataclass(frozen=True)
class HeadersSurvey:
    """The cards of every framelist, by path, and the dictionary to hold them against."""

    framelists: tuple[FramelistCards, ...]
    dictionary: Dictionary


def survey(night: NightId, eyes: Eyes) -> HeadersSurvey:
    """Read the cards of every framelist; ConfigError if the dictionary cannot be used."""
    dictionary = eyes.dictionary()
    # Most of a night's cards are the same in all headers: each text is kept once, or the survey of
    # ten thousand framelists would take half a gigabyte.
    kept: dict[str, str] = {}
    framelists = []
    for head in eyes.framelist_heads(night):
        texts = eyes.framelist(night, head.path).cards.texts
        cards = Cards(tuple(kept.setdefault(text, text) for text in texts))
        framelists.append(FramelistCards(head.path, cards))
    return HeadersSurvey(tuple(framelists), dictionary)


def plan(survey: HeadersSurvey, settings: Settings) -> Plan:
    """One edit of every framelist that is not in form, and a remark on what stays out of form."""
    edits: list[EditCards] = []
    problems: list[tuple[str, Problem]] = []
    for framelist in survey.framelists:
        formatted = format_cards(framelist.cards, survey.dictionary)
        if formatted.edits:
            edits.append(EditCards(framelist.path, formatted.edits))
        problems += ((framelist.path, problem) for problem in formatted.problems)
    return Plan.of(edits, remarks=_remarks(problems))


def _remarks(problems: Iterable[tuple[str, Problem]]) -> Iterator[Remark]:
    """One remark per keyword and code: a night may hold the same card ten thousand times."""
    grouped: dict[tuple[str, str], list[tuple[str, Problem]]] = {}
    for path, problem in problems:
        grouped.setdefault((problem.keyword, problem.code), []).append((path, problem))
    for (keyword, code), cases in sorted(grouped.items()):
        path, first = cases[0]
        paths = len({path for path, _ in cases})
        where = path if paths == 1 else f"{paths} framelists, first {path}"
        yield Remark(code, keyword, f"{first.message}; it stays as it is in {where}")
