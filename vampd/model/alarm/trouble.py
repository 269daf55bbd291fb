"""What is wrong now and wants a person: what `status --problems` lists of nights, and low disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vampd.model.delivery import Correspondence
from vampd.model.nights import Kind, NightId, NightRecord, UnreadableNight
from vampd.model.size import format_size
from vampd.model.standing import (
    NO_MAIL,
    PROBLEM_NOTES,
    describe_failure,
    is_held,
    is_passed_over,
    is_remade,
    is_unsafe,
)
from vampd.model.words import one_line


class AlarmState(StrEnum):
    """What a person is told of."""

    HELD = "held"  # a night is held
    UNSAFE = "unsafe"  # the archive copy of a finished night was found bad
    DISK_LOW = "disk_low"  # little space for what a night needs next
    PROBLEM = "problem"  # whatever else `status --problems` lists
    RECOVERED = "recovered"  # it is over, of what was told before


@dataclass(frozen=True)
class LowPlace:
    """A place that was low on space for what the next stage of a night needs.

    ``night`` is None in what an older version recorded.
    """

    place: str
    needed_bytes: int
    night: NightId | None = None


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: of a night or a place (``subject``), by a stable ``code``.

    ``title`` and ``what`` make a sentence, ``reason`` says why, ``advice`` what to do.
    """

    state: AlarmState
    subject: str
    code: str
    title: str
    what: str
    reason: str
    advice: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told by, once."""
        return (self.state, self.subject, self.code)


def write_low_place(needed_bytes: int, night: NightId) -> str:
    """What the marker of a low place says, in few bytes: it is written when space is low."""
    return f"{needed_bytes}-{night.date}-{night.kind}"


def parse_low_place(place: str, text: str) -> LowPlace | None:
    """What was written; None for what is none of vampd's."""
    needed, _, rest = text.partition("-")
    date, _, kind = rest.partition("-")
    if not needed.isdecimal():
        return None
    try:
        return LowPlace(place, int(needed), NightId(date, Kind(kind)))
    except ValueError:
        return LowPlace(place, int(needed))


def name_of(night: NightId) -> str:
    """The night as programs name it: ``20251106-archive``."""
    return f"{night.date}-{night.kind}"


def find_troubles(
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    low_places: Sequence[LowPlace] = (),
    unreadable: Sequence[UnreadableNight] = (),
) -> tuple[Trouble, ...]:
    """All that is wrong now, disks first, then the newest nights."""
    dates = Counter(record.night.date for record in records)
    return (
        *(_of_place(low) for low in low_places),
        *(_of_row(row) for row in unreadable),
        *(
            trouble
            for record in reversed(records)
            if not is_passed_over(record)
            for trouble in _of_night(
                record,
                correspondence.get(record.night, NO_MAIL),
                typed_name(record.night, dates[record.night.date]),
            )
        ),
    )


def typed_name(night: NightId, of_date: int) -> str:
    """The night as commands are typed for it; the kind is named where the date has both."""
    return f"{night.date} --kind {night.kind}" if of_date > 1 else night.date


def _of_place(low: LowPlace) -> Trouble:
    size = format_size(low.needed_bytes)
    night = "a night" if low.night is None else f"{low.night.date} ({low.night.kind})"
    return Trouble(
        AlarmState.DISK_LOW,
        low.place,
        "disk_low",
        low.place,
        "is low on space",
        f"the next stage of {night} needs {size} there",
        "`vampctl doctor` shows how much is free, `vampctl purge NIGHT --dry-run` what raw could go"
        " here. Nothing is lost: a stage that finds too little room does not begin, and its night"
        " goes on by itself once there is room.",
    )


def _of_row(row: UnreadableNight) -> Trouble:
    return Trouble(
        AlarmState.PROBLEM,
        f"row-{row.row}",
        "night_row_unreadable",
        f"Row {row.row} of the nights",
        "cannot be read",
        one_line(row.why),
        "`vampctl explain night_row_unreadable` says what it means.",
    )


def _of_night(record: NightRecord, correspondence: Correspondence, typed: str) -> Iterator[Trouble]:
    night, state = record.night, record.state
    subject, title = name_of(night), f"{night.date} {night.kind}"
    why = f"`vampctl why {typed}` shows what you can do."
    if is_held(record):
        code, reason = record.code or "held", describe_failure(record)
        what = f"is held at {state.stage}"
        yield Trouble(AlarmState.HELD, subject, code, title, what, reason, why)
        return
    if record.needs_person:
        code, reason = record.code or "failed", describe_failure(record)
        what = f"has failed {state.attempts} times at {state.stage}, and is still tried"
        release = (
            f" `vampctl release {typed}` lets it go on without the raw files that cannot be read,"
            " and sets these aside."
            if record.refused
            else ""
        )
        yield Trouble(AlarmState.PROBLEM, subject, code, title, what, reason, why + release)
    if record.note_code in PROBLEM_NOTES:
        code, reason = str(record.note_code), one_line(record.note or "")
        yield Trouble(AlarmState.PROBLEM, subject, code, title, "needs a look", reason, why)
    if is_unsafe(record):
        reason = "its copy on the archive host was found bad"
        again = f"`vampctl retry {typed} --from transfer` sends again what is bad there."
        what = "is NOT safe"
        yield Trouble(AlarmState.UNSAFE, subject, "not_safe", title, what, reason, again)
    if is_remade(record, correspondence):
        reason = "its manifest was written anew since one was mailed, and STARS has not been told"
        mail = f"`vampctl mail {night.date}` shows the mail that tells them; --send sends it."
        what = "is not what was announced"
        yield Trouble(AlarmState.PROBLEM, subject, "remade", title, what, reason, mail)
