"""Lattice: exact inference over the hidden states, frame by frame of both cameras in time order.

A state is (class, shift, phase). The shift says which count of camera 2 belongs to one of camera 1,
relative to the reference of that frame; the class, which of the offsets that the clocks allow is
the cameras', for a whole stretch; the phase, whether even counts of camera 1 are relaxed (0) or
driven (1), or that nothing alternates (2). Forward-backward in integers, linear in frames. Plain
loops over arrays, without calls, so that a compiler can take ``sweep`` as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

PHASES = 3
NOTHING = 2


def sweep(
    camera: Int64,
    count: Int64,
    reference: Int64,
    begins: Int64,
    missed: Int64,
    alternating: Int64,
    steady: Int64,
    pairs: Int64,
    flip: Int64,
    switch: Int64,
    recount: Int64,
    start: Int64,
    log_add: Int64,
    log_add_step: int,
    never: int,
) -> Int64:
    """The log-probability of each state, up to a constant per frame: (frames, states).

    ``camera`` (0, 1), ``count``, ``reference`` and ``begins`` (1 where a stretch does) have the
    shape (frames,); ``missed`` (frames, options) are the triggers that each option says the camera
    missed before the frame, ``alternating`` (frames, 2, options) what its interval says if the
    frame before was driven (0) or relaxed (1), ``steady`` (frames, options) if nothing alternates,
    ``pairs`` (frames, classes, shifts) what its partner says; ``flip``, ``switch`` and ``recount``
    are costs per frame, ``start`` (phases,).
    """
    frames, classes, shifts = pairs.shape
    options = missed.shape[1]
    half = shifts // 2
    size = shifts * 3
    states = classes * size
    last_step = len(log_add) - 1
    forward = np.full((frames, states), never, dtype=np.int64)
    if frames == 0:
        return forward
    backward = np.zeros((frames, states), dtype=np.int64)
    before = np.zeros(2, dtype=np.int64)
    previous = np.zeros(frames, dtype=np.int64)
    for frame in range(frames):
        previous[frame] = before[camera[frame]]
        before[camera[frame]] = count[frame]
    for state in range(states):
        forward[0, state] = start[state % 3] + pairs[0, state // size, state % size // 3]
    scratch = np.full(states, never, dtype=np.int64)
    known = np.full(states, never, dtype=np.int64)
    for direction in range(2):
        for step in range(1, frames):
            # Forward goes into ``frame``; backward comes from it.
            frame = step if direction == 0 else frames - step
            best = never
            for state in range(states):
                if direction == 0:
                    value = forward[frame - 1, state]
                else:
                    value = backward[frame, state] + pairs[frame, state // size, state % size // 3]
                known[state] = value
                best = max(best, value)
            if begins[frame] == 1:
                # Another stretch may have another offset: the classes meet.
                for state in range(size):
                    total = known[state]
                    for other in range(state + size, states, size):
                        value = known[other]
                        gap = abs(value - total) // log_add_step
                        total = max(total, value) + (log_add[gap] if gap < last_step else 0)
                    for other in range(state, states, size):
                        known[other] = total
            for state in range(states):
                # Any state, if the count means something new.
                scratch[state] = best - recount[frame]
            moved = reference[frame - 1] - reference[frame]
            first = camera[frame] == 0
            for shift in range(shifts):
                # Which parity of counts the phase speaks of, for this camera.
                turned = previous[frame]
                if not first:
                    turned -= reference[frame - 1] + shift - half
                for option in range(options):
                    gone = missed[frame, option]
                    target = shift + moved + (gone if first else -gone)
                    if target < 0 or target >= shifts:
                        continue
                    for phase in range(3):
                        if phase == 2:
                            weight = steady[frame, option]
                        else:
                            relaxed = 1 - ((turned + phase) & 1)
                            weight = alternating[frame, relaxed, option]
                        if weight <= never:
                            continue
                        kept = phase
                        if phase != 2 and first:
                            kept = (phase + gone) & 1
                        for into in range(3):
                            cost = 0
                            if (phase == 2) != (into == 2):
                                cost = switch[frame]
                            elif into != kept:
                                cost = flip[frame]
                            source, sink = shift * 3 + phase, target * 3 + into
                            here, there = (source, sink) if direction == 0 else (sink, source)
                            for offset in range(0, states, size):
                                value = known[offset + here] + weight - cost
                                one = scratch[offset + there]
                                gap = abs(value - one) // log_add_step
                                more = log_add[gap] if gap < last_step else 0
                                scratch[offset + there] = max(value, one) + more
            best = scratch[0]
            for state in range(1, states):
                best = max(best, scratch[state])
            for state in range(states):
                value = max(scratch[state] - best, never)
                if direction == 0:
                    value += pairs[frame, state // size, state % size // 3]
                    forward[frame, state] = value
                else:
                    backward[frame - 1, state] = value
    for frame in range(frames):
        for state in range(states):
            forward[frame, state] += backward[frame, state]
    return forward
