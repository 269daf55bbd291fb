"""Interval change: where, between two closes, the trigger's intervals become other ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_ENDS = 16  # intervals that show the period before and after a change
_CLEAR_SCATTERS, _CLEAR_US = 4.0, 20.0


def find_change(cameras: tuple[Int64, Int64], begin_us: int, end_us: int) -> tuple[int, int] | None:
    """The last frame of either camera before the change, and the first one after it.

    ``cameras`` are both cameras' times in the window from ``begin_us`` to ``end_us``, those of the
    one with more frames first; they show whether there is a change.
    """
    shown = _ends_shown(cameras[0])
    if shown is None:
        return None
    old_us, new_us = _change_within(cameras[0], *shown, begin_us, end_us)
    # One logger may begin later or end sooner: the other camera shows what was between.
    beside = _change_within(cameras[1], *shown, begin_us, end_us)
    if max(old_us, beside[0]) < min(new_us, beside[1]):
        return max(old_us, beside[0]), min(new_us, beside[1])
    return old_us, new_us


def _ends_shown(own: Int64) -> tuple[float, float, float] | None:
    """The double intervals at both ends of one camera's times, and how far off a clear one is.

    None if they do not differ.
    """
    if len(own) < 2 * _ENDS + 2:
        return None
    # Over two intervals: with the FLC, single ones alternate.
    doubles = own[2:] - own[:-2]
    left_us, right_us = float(np.median(doubles[:_ENDS])), float(np.median(doubles[-_ENDS:]))
    ends = np.concatenate([doubles[:_ENDS] - left_us, doubles[-_ENDS:] - right_us])
    clear_us = max(_CLEAR_SCATTERS * float(np.median(np.abs(ends))), _CLEAR_US)
    apart_us = abs(left_us - right_us)
    if apart_us < clear_us:
        return None
    clear_us = min(clear_us, apart_us / 4)
    # Inwards from the end whose intervals are longer.
    longer = doubles[:_ENDS] if left_us > right_us else doubles[: -_ENDS - 1 : -1]
    if not _are_usual(longer, max(left_us, right_us), min(left_us, right_us), clear_us):
        return None
    return left_us, right_us, clear_us


def _are_usual(doubles: Int64, usual_us: float, shorter_us: float, clear_us: float) -> bool:
    """Whether a train has these double intervals, and none that lost frames have lengthened.

    Then shorter ones are among them; beyond the last usual one, a shorter period may have begun.
    """
    usual = np.flatnonzero(np.abs(doubles - usual_us) <= clear_us)
    shorter = np.flatnonzero(np.abs(doubles - shorter_us) <= clear_us)
    return bool(len(usual)) and not (len(shorter) and shorter[0] < usual[-1])


def _change_within(
    own: Int64, left_us: float, right_us: float, clear_us: float, begin_us: int, end_us: int
) -> tuple[int, int]:
    """The last of one camera's times before double intervals change, and the first one after.

    Beginning or end of the window where the camera has none of them.
    """
    doubles = own[2:] - own[:-2]
    apart_us = abs(left_us - right_us)
    # Those across the change, or a pause, are on neither side.
    is_left = np.abs(doubles - left_us) < apart_us / 4
    is_right = np.abs(doubles - right_us) < apart_us / 4
    fits = np.concatenate([[0], np.cumsum(is_left.astype(np.int64) - is_right)])
    old = np.flatnonzero(is_left[: int(np.argmax(fits))])
    # With a pause in it, one may be about as long as two old intervals, where new ones follow.
    is_sharp = np.abs(doubles - left_us) <= clear_us
    follows = np.abs(doubles - right_us) <= clear_us
    while len(old) and not is_sharp[old[-1]] and follows[old[-1] + 1 : old[-1] + 3].any():
        old = old[:-1]
    # Both intervals before the end of the last old one are old: the next frame is the first new.
    first = int(old[-1]) + 3 if len(old) else 0
    new = np.flatnonzero(is_right[first:]) + first
    if not len(old):
        return begin_us, int(own[new[0]]) if len(new) else end_us
    if len(new):
        # Frames beside a lost one have no double interval of their own: a pause parts them.
        steps_us = np.diff(own[first - 1 : new[0] + 1])
        if len(steps_us) and steps_us.max() > 2 * max(left_us, right_us):
            first += int(np.argmax(steps_us))
    return int(own[first - 1]), int(own[first]) if first < len(own) else end_us
