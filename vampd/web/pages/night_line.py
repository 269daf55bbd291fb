"""A night in a line of the page: the words of `vampctl status`, and its stages as a strip."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.cli.look.night_notes import (
    is_unsafe,
    needs_person,
    sum_up_mail,
)
from vampd.cli.status.nights_table import COLUMNS, STATUS_STYLES, night_row
from vampd.model.delivery import Correspondence
from vampd.model.nights import NightRecord, Status, stages_of
from vampd.web.asked import night_name

# The classes of the style sheet, by the colors of the terminal.
STYLES = {
    "dim": "quiet",
    "": "plain",
    "cyan": "running",
    "yellow": "waiting",
    "bold red": "bad",
    "green": "good",
}
# What a stage shows beside its color.
_SIGNS = {
    Status.FILLING: "…",
    Status.READY: "›",
    Status.RUNNING: "▸",
    Status.WAITING: "↻",
    Status.HELD: "!",
    Status.DONE: "✓",
    Status.LEGACY: "–",
}
_TO_COME = "·"


@dataclass(frozen=True)
class StageCell:
    """A stage of a night: the sign and the class of how it stands."""

    sign: str
    style: str


@dataclass(frozen=True)
class NightLine:
    """The cells of a night's line."""

    name: str
    date: str
    kind: str
    stages: tuple[StageCell, ...]
    stages_in_words: str
    stage: str
    status: str
    style: str
    progress: str
    # From 0 to 100 while something runs; None otherwise.
    percent: int | None
    frames: str
    size: str
    mail: str
    age: str
    quality: str
    note: str
    needs_person: bool


def night_line(record: NightRecord, now: float, correspondence: Correspondence) -> NightLine:
    """The line of a night at a time."""
    titles = (column.title for column in COLUMNS)
    cells = dict(zip(titles, night_row(record, now, correspondence), strict=True))
    return NightLine(
        name=night_name(record.night),
        date=cells["date"],
        kind=cells["kind"],
        stages=tuple(_stages(record)),
        stages_in_words=_stages_in_words(record),
        stage=cells["stage"],
        status=cells["status"],
        style=style_of(record),
        progress=cells["progress"],
        percent=percent_of(record),
        frames=cells["frames"],
        size=cells["size"],
        mail=sum_up_mail(record, correspondence) or "-",
        age=cells["age"],
        quality=cells["quality"],
        note=cells["note"],
        needs_person=needs_person(record) or is_unsafe(record),
    )


def style_of(record: NightRecord) -> str:
    """The class of a night's status, whose color is that of `vampctl status`."""
    return "bad" if is_unsafe(record) else STYLES[STATUS_STYLES[record.state.status]]


def percent_of(record: NightRecord) -> int | None:
    """How much of a running attempt is done: of its bytes if it packs, else of its actions."""
    if record.state.status is not Status.RUNNING or not record.all_actions:
        return None
    part = record.done_part
    return round(100 * (record.done_actions / record.all_actions if part is None else part))


def _stages(record: NightRecord) -> list[StageCell]:
    state, stages = record.state, stages_of(record.night.kind)
    here = stages.index(state.stage)
    if state.status is Status.LEGACY:
        return [StageCell(_SIGNS[Status.LEGACY], "quiet")] * len(stages)
    # Done, and NOT safe, calls as a hold does.
    sign = _SIGNS[Status.HELD if is_unsafe(record) else state.status]
    now = StageCell(sign, style_of(record))
    passed = [StageCell(_SIGNS[Status.DONE], "good")] * here
    return [*passed, now, *[StageCell(_TO_COME, "quiet")] * (len(stages) - here - 1)]


def _stages_in_words(record: NightRecord) -> str:
    state, stages = record.state, stages_of(record.night.kind)
    unsafe = ", and NOT safe" if is_unsafe(record) else ""
    at = stages.index(state.stage) + 1
    return f"{state.stage}, {at} of {len(stages)} stages: {state.status}{unsafe}"
