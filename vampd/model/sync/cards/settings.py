"""Settings: the wave-plate angle and the exposure time of each frame, by both cameras' cards.

A card describes its cube's close, so a frame goes by the first close at or after it, of either
camera. Where two closes in a row differ, the setting changed between them: at the trigger's pause;
the exposure time also where the intervals change. Where nothing shows it, the value is uncertain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube
from vampd.model.sync.cards.interval_change import find_change
from vampd.model.sync.cards.setting_cards import setting_key, value_field
from vampd.model.sync.runs import number_alike
from vampd.model.sync.sequence import CameraSequence, Setting

Int64 = npt.NDArray[np.int64]

SETTLED = ("RET-ANG1", "EXPTIME")
_WITH_IT = {"RET-ANG1": ("RET-POS1",)}  # the same wheel, read at the same time
_SAME_TRIGGER_US = 2_000
_LONGER_US = 100_000  # than one and a half intervals: the trigger stood still


@dataclass(frozen=True, eq=False)
class _Close:
    """When a cube was closed, after its last frame, and what its card says then."""

    time_us: int
    key: Hashable
    cube: RawCube


def settle_cards(
    one: CameraSequence, two: CameraSequence, keywords: Sequence[str]
) -> tuple[CameraSequence, CameraSequence]:
    """Both cameras' triggered frames, each with its setting; times rise strictly.

    ``keywords`` are the cards whose change ends a product.
    """
    sides = one, two
    times_us = np.sort(np.concatenate([side.acquired_us for side in sides]))
    wanted = [keyword for keyword in SETTLED if keyword in keywords]
    if not len(times_us) or not wanted:
        return sides
    decided = [(keyword, *_settle(keyword, sides, times_us)) for keyword in wanted]
    known: dict[Setting, int] = {}
    settled = []
    for side in sides:
        rows = np.searchsorted(times_us, side.acquired_us)
        columns = [
            (keyword, closes, value[rows], sure[rows]) for keyword, closes, value, sure in decided
        ]
        settled.append(_with_settings(side, columns, known))
    settings = tuple(known)
    return replace(settled[0], settings=settings), replace(settled[1], settings=settings)


def _with_settings(
    side: CameraSequence,
    columns: Sequence[tuple[str, Sequence[_Close], Int64, npt.NDArray[np.bool_]]],
    known: dict[Setting, int],
) -> CameraSequence:
    if not len(side):
        return side
    table = np.stack([part for _, _, value, sure in columns for part in (value, sure)])
    rows, of_frame = number_alike(table.astype(np.int64))
    numbers = []
    exposures_us = []
    for row in rows.T.tolist():
        fields: list[tuple[str, str]] = []
        uncertain = []
        exposure_us = -1
        for (keyword, closes, _, _), close, sure in zip(columns, row[::2], row[1::2], strict=True):
            cube = closes[close].cube
            for card in (keyword, *_WITH_IT.get(keyword, ())):
                fields += [(card, value_field(cube.cards, card))] if card in cube.cards else []
            uncertain += [] if sure else [keyword]
            if keyword == "EXPTIME":
                exposure_us = round(1e6 * (cube.cards.number("EXPTIME") or 0.0))
        setting = Setting(tuple(fields), tuple(uncertain))
        numbers.append(known.setdefault(setting, len(known)))
        exposures_us.append(exposure_us)
    exposure = np.array(exposures_us, dtype=np.int64)[of_frame]
    return replace(
        side,
        setting=np.array(numbers, dtype=np.int64)[of_frame],
        exposure_us=np.where(exposure < 0, side.exposure_us, exposure),
    )


def _settle(
    keyword: str, sides: Sequence[CameraSequence], times_us: Int64
) -> tuple[list[_Close], Int64, npt.NDArray[np.bool_]]:
    """For each of these times, the close whose card it goes by, and whether that is certain."""
    closes = _closes(keyword, sides)
    ends_us = np.array([close.time_us for close in closes], dtype=np.int64)
    # Equal values are one: the first close that says it speaks for all that follow.
    names: dict[Hashable, int] = {}
    speaker = np.array([names.setdefault(close.key, i) for i, close in enumerate(closes)], np.int64)
    value = speaker[np.searchsorted(ends_us, times_us).clip(max=len(closes) - 1)]
    sure = np.ones(len(times_us), dtype=np.bool_)
    for i in np.flatnonzero(np.diff(speaker) != 0).tolist():
        values = int(speaker[i]), int(speaker[i + 1])
        usual_us = _usual_step_us(sides, int(ends_us[i - 1]) if i else -1, int(ends_us[i + 1]))
        change = _find_interval_change(i, ends_us, speaker, sides) if keyword == "EXPTIME" else None
        if change is not None:
            window = _within(times_us, change[1], change[2])
            at = int(np.searchsorted(times_us, change[0]))
            value[window.start : at], value[at : window.stop] = values
            sure[window] = True
        else:
            window = _within(times_us, _window_begin(i, ends_us, usual_us), int(ends_us[i + 1]))
            _cut_at_pause(times_us, window, usual_us, values, value, sure)
    return closes, value, sure


def _within(times_us: Int64, after_us: int, until_us: int) -> slice:
    """The positions of the times after one and up to another."""
    first, last = np.searchsorted(times_us, [after_us, until_us], side="right").tolist()
    return slice(first, last)


def _closes(keyword: str, sides: Sequence[CameraSequence]) -> list[_Close]:
    """Both cameras' closes in time order, without those whose card was late."""
    closes = [_own_closes(keyword, side) for side in sides]
    late = _find_late(closes[0], closes[1]) | _find_late(closes[1], closes[0])
    return sorted(
        (close for own in closes for close in own if close not in late),
        key=lambda close: (close.time_us, close.cube.path),
    )


def _own_closes(keyword: str, side: CameraSequence) -> list[_Close]:
    closes = []
    for position in np.flatnonzero(np.diff(side.cube, append=-1)).tolist():
        cube = side.cubes[int(side.cube[position])]
        step_us = int(side.acquired_us[position] - side.acquired_us[max(position - 1, 0)])
        # The other camera's frame of the same trigger is not after it.
        slack_us = min(_SAME_TRIGGER_US, step_us // 2 or _SAME_TRIGGER_US)
        time_us = int(side.acquired_us[position]) + slack_us
        closes.append(_Close(time_us, setting_key(cube, keyword), cube))
    return closes


def _find_late(own: Sequence[_Close], other: Sequence[_Close]) -> set[_Close]:
    """The own closes that still say what the other camera's cards had said, and soon follow them.

    Once a card is known to be late, so may be those before it, from the other's last old one on.
    """
    late: set[_Close] = set()
    own_stretch, other_stretch = _stretches_of_equal(own), _stretches_of_equal(other)
    others_us = [close.time_us for close in other]
    for i, close in enumerate(own):
        known = bisect_left(others_us, close.time_us + 1) - 1
        if known < 0 or other[known].key == close.key:
            continue
        first, stop = other_stretch[known]
        begin, follows = own_stretch[i]
        if first == 0 or other[first - 1].key != close.key:
            continue
        if follows == len(own) or own[follows].key != other[known].key:
            continue
        if stop < len(other) and others_us[stop] <= own[follows].time_us:
            continue
        last_old_us = others_us[first - 1]
        late.update(each for each in own[begin:follows] if each.time_us > last_old_us)
    return late


def _stretches_of_equal(closes: Sequence[_Close]) -> list[tuple[int, int]]:
    """For each close, where the closes in a row that say the same begin and end."""
    stretches: list[tuple[int, int]] = []
    for _, group in groupby(closes, key=lambda close: close.key):
        begin, length = len(stretches), sum(1 for _ in group)
        stretches += [(begin, begin + length)] * length
    return stretches


def _window_begin(i: int, ends_us: Int64, usual_us: float) -> int:
    """Where the frames begin that may be before or after the change between closes i and i + 1.

    Cubes that both cameras closed together are one close; then the one that differs is late.
    """
    if ends_us[i + 1] - ends_us[i] > usual_us / 2:
        return int(ends_us[i])
    before = np.flatnonzero(ends_us[:i] < ends_us[i] - usual_us / 2)
    return int(ends_us[before[-1]]) if len(before) else -1


def _cut_at_pause(
    times_us: Int64,
    window: slice,
    usual_us: float,
    values: tuple[int, int],
    value: Int64,
    sure: npt.NDArray[np.bool_],
) -> None:
    """Divide the frames of a window at the trigger's longest pause; without one none is certain."""
    begin, end = window.start, window.stop
    from_first = max(begin - 1, 0)
    steps_us = np.diff(times_us[from_first:end])
    longest_us = int(steps_us.max()) if len(steps_us) else 0
    least_us = max(1.5 * usual_us + _LONGER_US, longest_us / 2)
    if longest_us >= least_us:
        pauses = np.flatnonzero(steps_us >= least_us) + from_first + 1
        begin, end = int(pauses[0]), int(pauses[-1])
    value[window.start : begin], value[begin : window.stop] = values
    sure[window] = True
    sure[begin:end] = False


def _find_interval_change(
    i: int, ends_us: Int64, speaker: Int64, sides: Sequence[CameraSequence]
) -> tuple[int, int, int] | None:
    """When the intervals change around closes i and i + 1, and the window that was searched.

    A card may be a cube late, or early: the window is a cube longer on either side.
    """
    before = np.flatnonzero(ends_us[:i] < ends_us[i] - _SAME_TRIGGER_US)
    begin_us = int(ends_us[before[-1]]) if len(before) else -1
    after = np.flatnonzero(ends_us > ends_us[i + 1] + _SAME_TRIGGER_US)
    follows = len(after) and speaker[after[0]] == speaker[i + 1]
    end_us = int(ends_us[after[0] if follows else i + 1])
    sections = sorted(
        (side.acquired_us[_within(side.acquired_us, begin_us, end_us)] for side in sides),
        key=len,
        reverse=True,
    )
    change = find_change((sections[0], sections[1]), begin_us, end_us)
    if change is None:
        return None
    old_us, new_us = change
    # The other camera's frame of the first new trigger may be a little before this one.
    return new_us - min(_SAME_TRIGGER_US, (new_us - old_us) // 2), begin_us, end_us


def _usual_step_us(sides: Sequence[CameraSequence], begin_us: int, end_us: int) -> float:
    """The middle interval of either camera between these times, 0 without any."""
    steps = np.concatenate(
        [np.diff(side.acquired_us[_within(side.acquired_us, begin_us, end_us)]) for side in sides]
    )
    return float(np.median(steps)) if len(steps) else 0.0
