"""Finding the night that an argument names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from vampd.cli.shared.output import write, write_error
from vampd.cli.shared.typed_nights import name_with_kind
from vampd.errors import EXIT_OK, UsageError, VampdError
from vampd.model.nights import (
    ARCHIVE_FOLDER,
    Kind,
    NightId,
    NightRecord,
    name_kind,
    parse_night_date,
)

_DASHED = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_NAMED = 3  # how many nights are suggested for an unknown one


class NightWord(StrEnum):
    """A night in a word, for the commands that only read."""

    LAST = "last"  # the newest on record
    YESTERDAY = "yesterday"  # the UT date before this one


_WORDS = frozenset(NightWord)


def parse_night(text: str) -> str:
    """The date ``YYYYMMDD`` of ``20251106`` or ``2025-11-06``; UsageError for anything else."""
    date = _DASHED.sub(r"\1\2\3", text)
    if parse_night_date(date) is None:
        read_only = "; words are for the commands that only read" if text in _WORDS else ""
        raise UsageError(
            "not_a_night",
            f"a night is a UT date such as 20251106 or 2025-11-06, not {text!r}{read_only}",
        )
    return date


def choose_records(
    records: Sequence[NightRecord], text: str, kind: Kind | None, now: float | None = None
) -> tuple[NightRecord, ...]:
    """The nights of that date, of both kinds unless one is asked for.

    ``now``, in unix seconds, is given by commands that only read: they take a `NightWord`, too.
    UsageError ``not_a_night`` or ``night_unknown``; both suggest the nearest known nights.
    """
    if now is not None:
        text = date_of_word(records, text, kind, now)
    try:
        date = parse_night(text)
    except UsageError as error:
        raise UsageError(error.code, f"{error.message}{_proposal(records, text)}") from error
    same_date = tuple(record for record in records if record.night.date == date)
    chosen = tuple(r for r in same_date if kind is None or r.night.kind is kind)
    if len(chosen) == 1 and len(same_date) > 1:
        name_with_kind(chosen[0].night)
    if chosen:
        return chosen
    if same_date:
        raise UsageError(
            "night_unknown",
            f"{date} is known as an {same_date[0].night.kind} night only, not as {kind}",
        )
    raise UsageError("night_unknown", f"no night {date} is known{_proposal(records, date)}")


def choose_record(
    records: Sequence[NightRecord], text: str, kind: Kind | None, now: float | None = None
) -> NightRecord:
    """The one night that is named; UsageError ``kind_needed`` for a date that has both."""
    chosen = choose_records(records, text, kind, now)
    if len(chosen) > 1:
        raise UsageError(
            "kind_needed",
            f"{chosen[0].night.date} is an archive night and an engineering night: say"
            " --kind archive or --kind engineering",
        )
    return chosen[0]


def date_of_word(records: Sequence[NightRecord], text: str, kind: Kind | None, now: float) -> str:
    """The date that a word means, ``now`` in unix seconds; any other text as it is.

    UsageError ``night_unknown`` for the last night where there is none of this kind.
    """
    match text:
        case NightWord.YESTERDAY:
            return f"{datetime.fromtimestamp(now, UTC) - timedelta(days=1):%Y%m%d}"
        case NightWord.LAST:
            dates = [r.night.date for r in records if kind is None or r.night.kind is kind]
            if not dates:
                of_kind = "" if kind is None else f"{kind} "
                raise UsageError("night_unknown", f"vampd has found no {of_kind}night yet")
            return max(dates)
        case _:
            return text


def choose_shown(
    records: Sequence[NightRecord], text: str, kind: Kind | None, now: float, *, one: bool
) -> tuple[NightRecord, ...]:
    """The nights that a command shows to people, both kinds of a date; programs get ``one``."""
    if one:
        return (choose_record(records, text, kind, now),)
    return choose_records(records, text, kind, now)


def show_each(records: Sequence[NightRecord], show: Callable[[NightRecord], int]) -> int:
    """Show the nights one after the other; the highest of their exit statuses.

    What one of several cannot show is said, and the others are shown.
    """
    if len(records) == 1:
        return show(records[0])
    status = EXIT_OK
    for position, record in enumerate(records):
        if position:
            write("")
        name_with_kind(record.night)
        try:
            status = max(status, show(record))
        except VampdError as error:
            write_error(f"{title_of(record.night)}: {error.message}")
            status = max(status, error.exit_status)
    return status


def night_of_folder(folder: Path, root: Path) -> NightId:
    """The night in this folder; UsageError if it is not one below the watched root."""
    real, real_root = folder.resolve(), root.resolve()
    for parent, kind in ((real_root / ARCHIVE_FOLDER, Kind.ARCHIVE), (real_root, Kind.ENGINEERING)):
        if real.parent == parent and parse_night_date(real.name) and real.is_dir():
            return NightId(real.name, kind)
    raise UsageError(
        "not_a_night",
        f"{folder} is not a night's folder, which is {root}/{ARCHIVE_FOLDER}/YYYYMMDD or"
        f" {root}/YYYYMMDD",
    )


def title_of(night: NightId) -> str:
    """A night as people write it: ``20251106 archive``."""
    return f"{night.date} {night.kind}"


def named(night: NightId, records: Sequence[NightRecord]) -> str:
    """A night as a command takes it: with its kind if the date has both."""
    shared = any(r.night.date == night.date and r.night != night for r in records)
    return f"{night.date} --kind {night.kind}" if shared else night.date


def with_kinds(records: Iterable[NightRecord]) -> tuple[NightRecord, ...]:
    """The records, their commands as they are typed: with the kind where a date has both."""
    known = tuple(records)
    nights = Counter(record.night.date for record in known)
    return tuple(
        _with_kind(record)
        if nights[record.night.date] > 1 and (record.error or record.note)
        else record
        for record in known
    )


def _with_kind(record: NightRecord) -> NightRecord:
    date = record.night.date
    name = f"{date} --kind {record.night.kind}"
    error, note = (text and name_kind(text, date, name) for text in (record.error, record.note))
    return replace(record, error=error, note=note)


def _proposal(records: Sequence[NightRecord], text: str) -> str:
    nights = [record.night for record in records]
    if not nights:
        return "; vampd has found no night yet"
    day = parse_night_date(text)
    if day is None:
        import difflib

        dates = difflib.get_close_matches(text, {n.date for n in nights}, n=_NAMED, cutoff=0)
        near = sorted(n for n in nights if n.date in dates)
    else:
        near = sorted(sorted(nights, key=lambda n: (abs(n.day - day), n))[:_NAMED])
    return "; nearest: " + ", ".join(f"{n.date} ({n.kind})" for n in near)
