"""headers: every card in the form that the instrument's keyword dictionary prescribes.

What the dictionary requires but would harm a value is not done; it becomes a remark, as do the
cards that sync had to change for readers. Missing required cards hold the night, before it can take
frame IDs, or become remarks too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vampd.config import Settings, WhenMissing
from vampd.errors import DataError
from vampd.model.cubes import Product, reported_cards
from vampd.model.headers import Dictionary, Problem, find_filled, format_cards
from vampd.model.nights import Gate, NightId, StageName
from vampd.model.plan import EditCards, Plan, RebuildFramelists, Remark
from vampd.ports import NightReader
from vampd.stages.records.unmade import find_unmade

NAME = StageName.HEADERS


@dataclass(frozen=True, slots=True)
class FramelistForm:
    """What planning needs of one framelist's cards.

    ``edits`` counts those to bring into the dictionary's form, and ``problems`` tell what stays out
    of it; ``filled`` are the keywords with a value. ``reported`` is what HISTORY says of changed
    cards: code, keyword, words.
    """

    path: str
    edits: int
    filled: frozenset[str]
    problems: tuple[Problem, ...]
    reported: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class HeadersSurvey:
    """How the cards of every framelist, by path, stand to the dictionary.

    ``unmade`` are the products whose framelists were lost.
    """

    framelists: tuple[FramelistForm, ...]
    dictionary: Dictionary
    unmade: tuple[Product, ...] = ()


def survey(night: NightId, reader: NightReader) -> HeadersSurvey:
    """Judge the cards of every framelist; ConfigError if the dictionary cannot be used.

    One framelist is held at a time: the cards of a night, and what is edited of them, are a
    gigabyte.
    """
    dictionary = reader.dictionary()
    # Headers of a night mostly have the same keywords, and the same ones filled.
    kept: dict[frozenset[str], frozenset[str]] = {}
    framelists = []
    for head in reader.framelist_heads(night):
        cards = reader.framelist(night, head.path).cards
        formatted, filled = format_cards(cards, dictionary), find_filled(cards)
        framelists.append(
            FramelistForm(
                head.path,
                len(formatted.edits),
                kept.setdefault(filled, filled),
                formatted.problems,
                tuple(reported_cards(cards)),
            )
        )
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
    edits = [
        EditCards(framelist.path, framelist.edits, survey.dictionary)
        for framelist in survey.framelists
        if framelist.edits
    ]
    remarks = (_missing_remarks(missing), _problem_remarks(survey), _card_remarks(survey))
    return Plan.of(edits, remarks=[remark for each in remarks for remark in each])


def _missing_cards(survey: HeadersSurvey, required: Sequence[str]) -> dict[str, list[str]]:
    """By required keyword, the framelists that lack it."""
    missing = {
        keyword: [one.path for one in survey.framelists if keyword not in one.filled]
        for keyword in required
    }
    return {keyword: paths for keyword, paths in missing.items() if paths}


def _missing_message(keyword: str, paths: list[str]) -> str:
    return f"the required card {keyword} is missing or empty in {_where(paths)}"


def _missing_remarks(missing: Mapping[str, list[str]]) -> Iterator[Remark]:
    for keyword, paths in missing.items():
        changes = (("keyword", keyword), ("framelists", str(len(paths))))
        message = _missing_message(keyword, paths)
        yield Remark(Gate.CARD_MISSING.value, keyword, message, changes)


def _problem_remarks(survey: HeadersSurvey) -> Iterator[Remark]:
    """One remark per keyword and code: a night may have the same card ten thousand times."""
    grouped: dict[tuple[str, str], list[tuple[str, Problem]]] = {}
    for framelist in survey.framelists:
        for problem in framelist.problems:
            cases = grouped.setdefault((problem.keyword, problem.code), [])
            cases.append((framelist.path, problem))
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
        for code, keyword, words in framelist.reported:
            grouped.setdefault((code, keyword), {})[framelist.path] = words
    for (code, keyword), said in sorted(grouped.items()):
        paths = list(said)
        changes = (("keyword", keyword), ("framelists", str(len(paths))))
        yield Remark(code, keyword, f"{said[paths[0]]}: {_where(paths)}", changes)


def _where(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} framelists, first {paths[0]}"
