"""headers: every card in the form that the instrument's keyword dictionary prescribes.

What the dictionary requires but would harm a value is not done; it becomes a remark, as do the
cards that sync had to change for readers. Missing required cards hold the night, before it can take
frame IDs, or become remarks too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vampd.config import Settings, WhenMissing
from vampd.errors import DataError
from vampd.model.cubes import Cards, Product, reported_cards
from vampd.model.headers import Dictionary, Problem, find_missing, format_cards
from vampd.model.nights import Gate, NightId, StageName
from vampd.model.plan import EditCards, Plan, RebuildFramelists, Remark
from vampd.ports import NightReader
from vampd.stages.records.unmade import find_unmade

NAME = StageName.HEADERS


@dataclass(frozen=True)
class FramelistCards:
    """One framelist's path and cards."""

    path: str
    cards: Cards


@dataclass(frozen=True)
class HeadersSurvey:
    """The cards of every framelist, by path, and the dictionary to check them against.

    ``unmade`` are the products whose framelists were lost.
    """

    framelists: tuple[FramelistCards, ...]
    dictionary: Dictionary
    unmade: tuple[Product, ...] = ()


def survey(night: NightId, reader: NightReader) -> HeadersSurvey:
    """Read the cards of every framelist; ConfigError if the dictionary cannot be used."""
    dictionary = reader.dictionary()
    # Most of a night's cards are the same in all headers: each text is kept once, or the survey of
    # ten thousand framelists would take half a gigabyte.
    kept: dict[str, str] = {}
    framelists = []
    for head in reader.framelist_heads(night):
        texts = reader.framelist(night, head.path).cards.texts
        cards = Cards(tuple(kept.setdefault(text, text) for text in texts))
        framelists.append(FramelistCards(head.path, cards))
    return HeadersSurvey(tuple(framelists), dictionary, find_unmade(night, reader))


def plan(survey: HeadersSurvey, settings: Settings) -> Plan:
    """One edit of every framelist that is not in form, and a remark for what stays out of form.

    Raises DataError ``card_missing`` if required cards are missing and hold the night.
    """
    if survey.unmade:
        return Plan.of([RebuildFramelists(survey.unmade)])
    missing = _missing_cards(survey, settings.headers.required)
    if missing and settings.headers.when_missing is WhenMissing.HOLD:
        raise DataError(
            Gate.CARD_MISSING.value,
            "; ".join(_missing_message(keyword, paths) for keyword, paths in missing.items())
            + ". A product cannot get them later: check what the cubes are, then"
            " `vampctl release NIGHT` lets the night proceed without them",
        )
    edits: list[EditCards] = []
    problems: list[tuple[str, Problem]] = []
    for framelist in survey.framelists:
        formatted = format_cards(framelist.cards, survey.dictionary)
        if formatted.edits:
            edits.append(EditCards(framelist.path, formatted.edits))
        problems += ((framelist.path, problem) for problem in formatted.problems)
    remarks = (_missing_remarks(missing), _problem_remarks(problems), _card_remarks(survey))
    return Plan.of(edits, remarks=[remark for each in remarks for remark in each])


def _missing_cards(survey: HeadersSurvey, required: Sequence[str]) -> dict[str, list[str]]:
    """By required keyword, the framelists that lack it."""
    missing: dict[str, list[str]] = {keyword: [] for keyword in required}
    for framelist in survey.framelists:
        for keyword in find_missing([framelist.cards], required):
            missing[keyword].append(framelist.path)
    return {keyword: paths for keyword, paths in missing.items() if paths}


def _missing_message(keyword: str, paths: list[str]) -> str:
    return f"the required card {keyword} is missing or empty in {_where(paths)}"


def _missing_remarks(missing: Mapping[str, list[str]]) -> Iterator[Remark]:
    for keyword, paths in missing.items():
        changes = (("keyword", keyword), ("framelists", str(len(paths))))
        message = _missing_message(keyword, paths)
        yield Remark(Gate.CARD_MISSING.value, keyword, message, changes)


def _problem_remarks(problems: Iterable[tuple[str, Problem]]) -> Iterator[Remark]:
    """One remark per keyword and code: a night may have the same card ten thousand times."""
    grouped: dict[tuple[str, str], list[tuple[str, Problem]]] = {}
    for path, problem in problems:
        grouped.setdefault((problem.keyword, problem.code), []).append((path, problem))
    for (keyword, code), cases in sorted(grouped.items()):
        first = cases[0][1]
        paths = list(dict.fromkeys(path for path, _ in cases))
        yield Remark(
            code,
            keyword,
            f"{first.message}; it stays as it is in {_where(paths)}",
            (
                ("keyword", keyword),
                ("value", first.value),
                ("form", str(first.form)),
                ("framelists", str(len(paths))),
            ),
        )


def _card_remarks(survey: HeadersSurvey) -> Iterator[Remark]:
    """One remark per code and keyword of what HISTORY reports."""
    grouped: dict[tuple[str, str], dict[str, str]] = {}
    for framelist in survey.framelists:
        for code, keyword, words in reported_cards(framelist.cards):
            grouped.setdefault((code, keyword), {})[framelist.path] = words
    for (code, keyword), said in sorted(grouped.items()):
        paths = list(said)
        changes = (("keyword", keyword), ("framelists", str(len(paths))))
        yield Remark(code, keyword, f"{said[paths[0]]}: {_where(paths)}", changes)


def _where(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} framelists, first {paths[0]}"
