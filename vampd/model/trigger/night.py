"""Night: what is known of both cameras' frames before any is weighed, also of two as a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted, count_frames
from vampd.model.trigger.intervals import doubt_settings
from vampd.model.trigger.measures import is_unshown
from vampd.model.trigger.neighbors import (
    Neighbors,
    are_of_rows,
    find_neighbors,
    of_second,
    weigh_commands,
)
from vampd.model.trigger.partners import is_later_than_told, is_off_by_triggers
from vampd.model.trigger.stretches import (
    begins_of,
    leave_turns,
    pieces_of,
)
from vampd.model.trigger.tempo import Tempo, at_frames, share_tempo, tempo_of
from vampd.model.trigger.unlate import (
    is_queued,
    is_untold,
    miss_whole_triggers,
    missed_alone,
    number_by_time,
    saved_on_misses,
)
from vampd.model.trigger.weights import APART_US, CLASSES, UNCONFIRMED_LIMIT

Int64 = npt.NDArray[np.int64]

_EVER_US = 10**12  # before the first frame of a night
_LONG_STRETCH = 50  # frames of both cameras
_FARTHEST_US = 2_000  # of an offset


@dataclass(frozen=True)
class Camera:
    """One camera's frames with all that is known of each; arrays of shape (frames, ...).

    ``expected`` is the other camera's count in the middle shift, ``piece`` what of camera 1 has one
    exposure, ``since_us`` the time since any frame of either camera; ``missed``,
    ``alone``, ``saved``, ``leaving``, ``command`` (what a switch of the FLC costs
    by one) and ``unshown`` have one value per interval, as ``tempo`` has.
    """

    arrivals: Arrivals
    counted: Counted
    tempo: Tempo
    missed: Int64
    alone: Int64
    saved: Int64
    leaving: npt.NDArray[np.bool_]
    command: Int64
    unshown: npt.NDArray[np.bool_]
    late_us: Int64
    may_be_us: Int64
    came_us: Int64
    queued: Int64
    untold: npt.NDArray[np.bool_]
    reference: Int64
    expected: Int64
    offsets_us: Int64
    width_us: Int64
    stretch: Int64
    piece: Int64
    since_us: Int64

    def __len__(self) -> int:
        return len(self.arrivals)


@dataclass(frozen=True)
class Night:
    """Both cameras' frames in the order of inference; arrays of shape (frames,).

    ``camera`` is 0 or 1, ``row`` the position among that camera's frames, ``begins`` whether a
    stretch begins, ``previous`` that camera's count before; ``frames_of_stretch`` by number.
    """

    cameras: tuple[Camera, Camera]
    camera: Int64
    row: Int64
    count: Int64
    reference: Int64
    previous: Int64
    begins: Int64
    frames_of_stretch: Int64

    def __len__(self) -> int:
        return len(self.camera)


def survey(first: Arrivals, second: Arrivals) -> Night:
    """What is known of the frames before any is weighed: counts, tempo, neighbors."""
    one, two = _number(first), _number(second)
    own, other = tempo_of(first, one), tempo_of(second, two)
    ends_us = one.times_us[1:], two.times_us[1:]
    (own, own_slower), (other, other_slower) = (
        share_tempo(own, ends_us[0], other, ends_us[1]),
        share_tempo(other, ends_us[1], own, ends_us[0]),
    )
    own_missed = miss_whole_triggers(one, own, own_slower)
    other_missed = miss_whole_triggers(two, other, other_slower)
    one, two = number_by_time(one, own, own_missed), number_by_time(two, other, other_missed)
    neighbors = find_neighbors((one, two), (first, second), (own, other))
    return _order_night((first, second), (one, two), (own, other), neighbors)


def _number(arrivals: Arrivals) -> Counted:
    counted = count_frames(arrivals)
    if counted.honest:
        return counted
    every = np.ones(max(len(arrivals) - 1, 0), dtype=np.bool_)
    return number_by_time(counted, tempo_of(arrivals, counted), every)


def _order_night(
    arrivals: tuple[Arrivals, Arrivals],
    counted: tuple[Counted, Counted],
    tempos: tuple[Tempo, Tempo],
    neighbors: Neighbors,
) -> Night:
    """Put both cameras' frames in the order in which they came, not in that of late stamps."""
    sizes = [len(side) for side in arrivals]
    camera = np.repeat(np.array([0, 1], dtype=np.int64), sizes)
    times_us = np.concatenate(neighbors.came_us)
    order = np.lexsort((camera, times_us))
    exposure_us = np.concatenate([side.exposure_us for side in arrivals])[order]
    begins = begins_of(times_us[order], exposure_us)
    stretch = np.empty(len(order), dtype=np.int64)
    stretch[order] = np.cumsum(begins)
    since_us = np.empty(len(order), dtype=np.int64)
    since_us[order] = np.diff(times_us[order], prepend=times_us[order][:1] - _EVER_US)
    count = np.concatenate([side.count for side in counted])
    previous = np.concatenate(
        [np.concatenate([np.zeros(1, np.int64), side.count])[: len(side.count)] for side in counted]
    )
    offsets_us = neighbors.offsets_us, of_second(*neighbors.came_us, neighbors.offsets_us)
    width_us = neighbors.width_us, of_second(*neighbors.came_us, neighbors.width_us)
    piece = pieces_of(counted[0].times_us, arrivals[0].exposure_us)
    pieces = piece, of_second(*neighbors.came_us, piece)
    parts = slice(0, sizes[0]), slice(sizes[0], None)
    commands = weigh_commands(
        counted,
        tempos,
        (stretch[parts[0]], stretch[parts[1]]),
        (since_us[parts[0]], since_us[parts[1]]),
    )
    rows = tuple(
        are_of_rows(counted[a], counted[b], tempos[a], tempos[b], arrivals[a].scatter_us[1:])
        for a, b in ((0, 1), (1, 0))
    )
    cameras = tuple(
        Camera(
            arrivals[number],
            counted[number],
            doubt_settings(
                counted[number], tempos[number], neighbors.late_us[number], rows[number]
            ),
            neighbors.missed[number],
            missed_alone(count[own], stretch[own], count[other], stretch[other]),
            saved_on_misses(counted[number], tempos[number]),
            leave_turns(
                counted[number].times_us,
                counted[number].count,
                stretch[own],
                tempos[number].period_us,
                tempos[number].half_width_us,
            ),
            commands[number],
            rows[number]
            | is_unshown(
                counted[number].times_us,
                counted[number].count,
                stretch[own],
                tempos[number].period_us,
                tempos[number].half_width_us,
                tempos[number].scatter_us,
                _card_of_other(counted, arrivals, number),
                tempos[number].limit == UNCONFIRMED_LIMIT,
            ),
            neighbors.late_us[number],
            neighbors.may_be_us[number],
            neighbors.came_us[number],
            is_queued(counted[number], tempos[number]),
            is_untold(
                counted[number],
                neighbors.came_us[number],
                tempos[number],
                arrivals[number].scatter_us,
            ),
            neighbors.references[number],
            counted[number].count + (1 - 2 * number) * neighbors.references[number],
            offsets_us[number],
            width_us[number],
            stretch[own],
            pieces[number],
            since_us[own],
        )
        for number, own, other in ((0, *parts), (1, *reversed(parts)))
    )
    return Night(
        (cameras[0], cameras[1]),
        camera[order],
        np.concatenate([np.arange(size) for size in sizes])[order],
        count[order],
        np.concatenate(neighbors.references)[order],
        previous[order],
        begins.astype(np.int64),
        np.bincount(stretch),
    )


def _card_of_other(
    counted: tuple[Counted, Counted], arrivals: tuple[Arrivals, Arrivals], number: int
) -> Int64:
    """J by the card of the other camera's frame at each interval's end, 0 where there is none."""
    ends_us, there_us = counted[number].times_us[1:], counted[1 - number].times_us
    if not len(there_us):
        return np.zeros_like(ends_us)
    there = np.searchsorted(there_us, ends_us).clip(0, len(there_us) - 1)
    return np.asarray(arrivals[1 - number].half_width_us[there])


def later_camera(night: Night, first: Int64, second: Int64) -> Int64:
    """Whose frame (0, 1) is the later one of each pair, by whose margin it is given; of two, 1."""
    one, two = (side.came_us for side in night.cameras)
    return np.where(one[first] > two[second], 0, 1)


def is_untold_pair(night: Night, first: Int64, second: Int64) -> npt.NDArray[np.bool_]:
    """Whether a pair's frames may as well be of two triggers: late and missed look alike.

    Where many are missed untold, that is what pairs are that are off by whole triggers.
    """
    one, two = night.cameras
    missing = at_frames(one.saved)[first] + at_frames(two.saved)[second] > 0
    off = is_off_by_triggers(
        two.counted.times_us[second] - one.counted.times_us[first],
        one.offsets_us[first, CLASSES // 2],
        at_frames(one.tempo.period_us)[first],
        at_frames(one.tempo.half_width_us)[first],
        one.width_us[first],
    )
    return np.asarray(one.untold[first] | two.untold[second] | (missing & off))


def is_far(night: Night, first: Int64, second: Int64) -> npt.NDArray[np.bool_]:
    """Whether a pair is farther apart than any stamp is late, or than its frames prove.

    In a short stretch, that is nearer to another trigger, or by more than an offset is.
    """
    one, two = night.cameras
    usual_us = one.offsets_us[first]
    offset_us = two.counted.times_us[second] - one.counted.times_us[first]
    period_us = at_frames(one.tempo.period_us)[first]
    nearer_us = np.where(period_us > 0, period_us // 2, _FARTHEST_US)
    far = np.abs(offset_us - usual_us[:, CLASSES // 2]) > nearer_us
    far |= np.abs(offset_us) > _FARTHEST_US
    far &= night.frames_of_stretch[one.stretch[first]] < _LONG_STRETCH
    late_us = one.late_us[first], two.late_us[second]
    far |= is_later_than_told(offset_us, usual_us, nearer_us, late_us)
    return np.asarray(far | (np.abs(offset_us) > APART_US))
