"""The live screen as lines of text, never wider or taller than it is told; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from vampd.cli.live.newest_cubes import NewestCube
from vampd.cli.live.view import Disks, NightNow, View, Work
from vampd.cli.look.night_notes import describe, is_passed_over
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.progress import format_hour, format_work
from vampd.cli.shared.words import count_of, format_duration, format_size, format_time, one_line
from vampd.cli.status.daemon_words import describe_life, style_of_life
from vampd.model.escapes import show
from vampd.model.nights import EventRecord, Status
from vampd.model.progress import rate_now

Line = tuple[str, str]  # the text, and its style

_NIGHT_STYLES = {
    Status.RUNNING: "cyan",
    Status.WAITING: "yellow",
    Status.HELD: "bold red",
}
_TITLE, _DIM = "bold", "dim"
_CUT = "…"
_GAP = "  "
# The columns of the cubes that shrink, in turn, and to what: names end in what differs least.
_CUBES_SHRINK = {0: 22, 4: 8, 3: 8, 6: 8}
# A disk that was not heard of for so long hangs.
_SILENT_S = 10.0
_LOW = 0.05


def frame(view: View, columns: int, rows: int, ending: str = "") -> list[Line]:
    """The lines of the screen: each at most ``columns`` wide, and at most ``rows`` of them.

    Where there is little room the cubes stay, and the last events go first. ``ending`` says how the
    screen is ended.
    """
    moment = format_time(view.now)[:19].replace("T", " ")
    head = [
        (f"vampd watch  {moment} UT   {ending}".rstrip(), _TITLE),
        (describe_life(view.life, view.now), style_of_life(view.life)),
    ]
    of_night = _one_night(view.disks)
    title = f"newest cubes, of {of_night}" if of_night else "newest cubes"
    cubes = [(title, _TITLE), *_cube_lines(view, columns)]
    disks = [("disks", _TITLE), *_disk_lines(view.disks)]
    room = rows - len(head) - len(cubes) - len(disks) - 4
    nights = _nights(view.work, view.now, columns, max(1, room * 2 // 3))
    events = _events(view.work, max(0, room - len(nights) - 1))
    parts = [head, cubes, nights, disks, events]
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [("", ""), *part] if lines else part
    return [(_cut(show(text), columns), style) for text, style in lines[:rows]]


def _cube_lines(view: View, columns: int) -> list[Line]:
    disks = view.disks
    silent_s = None if disks.at is None else view.now - disks.at
    if silent_s is None:
        return [("looking ...", _DIM)]
    lines: list[Line] = []
    if silent_s >= _SILENT_S:
        text = f"the disk has not answered for {format_duration(silent_s)}"
        lines.append((text, "bold red"))
    if disks.why:
        return [*lines, (f"{disks.why}: is it mounted?", "bold red")]
    if not disks.cubes:
        return [*lines, (f"no cubes in the newest nights below {view.root}: is it mounted?", _DIM)]
    table = [
        ("file", "shape", "size", "object", "type", "age", "night"),
        *(_cube_cells(cube, view.now) for cube in disks.cubes),
    ]
    if _one_night(disks):
        table = [row[:-1] for row in table]
    fitted = _fit(table, columns, _CUBES_SHRINK)
    return [*lines, *((text, "" if number else _DIM) for number, text in enumerate(fitted))]


def _one_night(disks: Disks) -> str:
    """The night of all cubes that are shown, '' if there are several."""
    nights = {cube.night for cube in disks.cubes}
    return title_of(nights.pop()) if len(nights) == 1 else ""


def _cube_cells(cube: NewestCube, now: float) -> tuple[str, ...]:
    return (
        cube.name,
        cube.why or cube.shape or "-",
        format_size(cube.size),
        cube.object or "-",
        cube.type or "-",
        format_duration(now - cube.changed_at),
        title_of(cube.night),
    )


def _nights(seen: Work, now: float, columns: int, most: int) -> list[Line]:
    if seen.why:
        return [("nights", _TITLE), (one_line(seen.why), "bold red")]
    shown = [night for night in seen.nights if not is_passed_over(night.record)]
    rate = sum(rate_now(night.record, now) or 0 for night in shown)
    sums = [f"{len(shown):,} not done, {seen.done:,} done"]
    if rate:
        sums.append(f"{format_size(rate)}/s in all")
    lines: list[Line] = [(f"nights: {', '.join(sums)}", _TITLE)]
    fitting = _fitting(shown, now, most)
    if fitting:
        table = [_night_cells(night, now) for night in fitting]
        for night, text in zip(fitting, _fit(table, columns, {4: 8}), strict=True):
            lines.append((text, _NIGHT_STYLES.get(night.record.state.status, "")))
            if work := _work_of(night, now):
                lines.append((f"    {work}", _NIGHT_STYLES[Status.RUNNING]))
    if left := len(shown) - len(fitting):
        lines.append((f"and {count_of(left, 'night')} more", _DIM))
    return lines


def _fitting(nights: Sequence[NightNow], now: float, most: int) -> Sequence[NightNow]:
    """The first that fit in so many lines, with one to say how many do not."""
    ends = list(accumulate(2 if _work_of(night, now) else 1 for night in nights))
    if not ends or ends[-1] <= most:
        return nights
    return nights[: bisect_right(ends, most - 1)]


def _work_of(night: NightNow, now: float) -> str:
    is_running = night.record.state.status is Status.RUNNING
    return format_work(night.record, now) if is_running else ""


def _night_cells(night: NightNow, now: float) -> tuple[str, ...]:
    record = night.record
    end = "" if night.end is None else f"all of it at about {format_hour(night.end.at, now)}"
    return (
        record.night.date,
        str(record.night.kind),
        str(record.state.stage),
        str(record.state.status),
        "; ".join(part for part in (end, describe(record, now)) if part),
    )


def _disk_lines(disks: Disks) -> Iterator[Line]:
    for disk in disks.disks:
        free, whole = disk.space.free_bytes, disk.space.all_bytes
        part = free / whole if whole else 0.0
        text = f"{disk.name:<9} {format_size(free)} free of {format_size(whole)} ({part:.0%})"
        yield text, "bold red" if part < _LOW else ""
    if not disks.disks:
        yield ("not known", _DIM)


def _events(work: Work, most: int) -> list[Line]:
    if not work.events or most < 1:
        return []
    return [("last events", _TITLE), *((_event(event), "") for event in work.events[:most])]


def _event(event: EventRecord) -> str:
    said = ": ".join(one_line(part) for part in (event.code, event.message) if part)
    where = f"{event.night.date} {event.night.kind}"
    cells = (format_time(event.at)[11:19], where, str(event.stage), str(event.event), said)
    return _GAP.join(cells).rstrip()


def _fit(table: Sequence[Sequence[str]], columns: int, shrinking: Mapping[int, int]) -> list[str]:
    """Aligned lines; where they are too wide, these columns shrink, each to its least width.

    Cells are shown as text before they are measured.
    """
    cells = [[show(cell) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - columns
    for number, least in shrinking.items():
        if number >= len(widths):
            continue
        taken = min(max(over, 0), max(0, widths[number] - least))
        widths[number] -= taken
        over -= taken
    return [
        _GAP.join(
            _cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}{_CUT}"
