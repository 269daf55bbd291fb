"""Lattice: exact inference over the hidden states, frame by frame of both cameras in time order.

A state is (class, shift, phase). The shift says which count of camera 2 belongs to one of camera 1,
relative to the reference of that frame; the class, which of the offsets that the clocks allow is
the cameras', for a whole stretch; the phase, whether even counts of camera 1 are relaxed (0) or
driven (1), or that nothing alternates (2). Forward-backward in integers, linear in frames. Plain
loops over arrays, so that a compiler can take these functions as they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

PHASES = 3


def sweep(
    camera: Int64,
    previous: Int64,
    reference: Int64,
    begins: Int64,
    missed: Int64,
    alternating: Int64,
    steady: Int64,
    pairs: Int64,
    flip: Int64,
    switch: Int64,
    recount: Int64,
    other_class: Int64,
    forward: Int64,
    backward: Int64,
    log_add: Int64,
    log_add_bits: int,
    never: int,
) -> None:
    """Fill in the log-probabilities of each state, up to a constant per frame: (frames, states).

    ``forward`` by what came until a frame, its pair included, and ``backward`` by what came after
    it; the first row of the one and the last of the other are given. ``camera`` (0, 1),
    ``previous`` (that camera's count before), ``reference`` and ``begins`` (1 where a stretch does)
    have the shape (frames,); ``missed`` (frames, options) are the triggers that each option says
    the camera missed before the frame, ``alternating`` (frames, 2, options) what its interval says
    if the frame before was driven (0) or relaxed (1), ``steady`` (frames, options) if nothing
    alternates, ``pairs`` (frames, classes, shifts) what its partner says; ``flip``, ``switch`` and
    ``recount`` are costs per frame, ``other_class`` (frames, classes) that of taking to this one.
    """
    frames, classes, shifts = pairs.shape
    options = missed.shape[1]
    half = shifts // 2
    size = shifts * 3
    states = classes * size
    end = len(log_add) << log_add_bits

    def add(one: int, two: int) -> int:
        gap = one - two
        if gap < 0:
            one, gap = two, -gap
        return one + log_add[gap >> log_add_bits] if gap < end else one

    known = np.full(states, never, dtype=np.int64)
    mixed = np.full(states, never, dtype=np.int64)
    highest = np.full(classes, never, dtype=np.int64)
    for direction in range(2):
        for step in range(1, frames):
            # Forward goes into ``frame``; backward comes from it.
            frame = step if direction == 0 else frames - step
            flipped, switched = flip[frame], switch[frame]
            for state in range(states):
                if direction == 0:
                    known[state] = forward[frame - 1, state]
                    mixed[state] = never
                else:
                    known[state] = (
                        backward[frame, state] + pairs[frame, state // size, state % size // 3]
                    )
            if begins[frame] == 1:
                # Another stretch may have another offset: the classes meet.
                for state in range(size):
                    total = known[state]
                    for other in range(state + size, states, size):
                        total = add(total, known[other])
                    for other in range(state, states, size):
                        known[other] = total
            best = never
            for number in range(classes):
                highest[number] = known[number * size]
                for state in range(number * size + 1, (number + 1) * size):
                    highest[number] = max(highest[number], known[state])
                best = max(best, highest[number])
            if direction == 1:
                for state in range(0, states, 3):
                    even, odd, none = known[state], known[state + 1], known[state + 2]
                    mixed[state] = add(add(even, odd - flipped), none - switched)
                    mixed[state + 1] = add(add(odd, even - flipped), none - switched)
                    mixed[state + 2] = add(none, add(even, odd) - switched)
                    known[state] = known[state + 1] = known[state + 2] = never
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
                        kept = phase
                        if phase == 2:
                            weight = steady[frame, option]
                        else:
                            weight = alternating[frame, 1 - ((turned + phase) & 1), option]
                            if first:
                                kept = (phase + gone) & 1
                        if weight <= never:
                            continue
                        source, sink = shift * 3 + phase, target * 3 + kept
                        if direction == 0:
                            for offset in range(0, states, size):
                                mixed[offset + sink] = add(
                                    mixed[offset + sink], known[offset + source] + weight
                                )
                        else:
                            for offset in range(0, states, size):
                                known[offset + source] = add(
                                    known[offset + source], mixed[offset + sink] + weight
                                )
            if direction == 0:
                for state in range(0, states, 3):
                    even, odd, none = mixed[state], mixed[state + 1], mixed[state + 2]
                    known[state] = add(add(even, odd - flipped), none - switched)
                    known[state + 1] = add(add(odd, even - flipped), none - switched)
                    known[state + 2] = add(none, add(even, odd) - switched)
            # Another class, if a clock was set; any state, if the count means something new.
            taken = never
            for number in range(classes):
                taken = max(taken, highest[number] - other_class[frame, number])
            for state in range(size):
                top = never
                for number in range(classes):
                    value = known[state + number * size]
                    if direction == 1:
                        value -= other_class[frame, number]
                    top = max(top, value)
                for number in range(classes):
                    here = state + number * size
                    if direction == 0:
                        change = top - other_class[frame, number]
                        anew = max(highest[number], best - other_class[frame, number])
                    else:
                        change = top
                        anew = max(highest[number], taken)
                    known[here] = add(max(known[here], change), anew - recount[frame])
            best = known[0]
            for state in range(1, states):
                best = max(best, known[state])
            for state in range(states):
                value = max(known[state] - best, never)
                if direction == 0:
                    value += pairs[frame, state // size, state % size // 3]
                    forward[frame, state] = value
                else:
                    backward[frame - 1, state] = value


def read_off(
    camera: Int64,
    count: Int64,
    reference: Int64,
    forward: Int64,
    backward: Int64,
    shifts: int,
    log_add: Int64,
    log_add_bits: int,
    never: int,
) -> Int64:
    """Per frame: shift and its margin over all others, state and its margin; shape (frames, 4).

    States are 0 (nothing alternates), 1 (relaxed) and 2 (driven); margins are log-probabilities.
    """
    frames, states = forward.shape
    size = shifts * 3
    half = shifts // 2
    end = len(log_add) << log_add_bits

    def add(one: int, two: int) -> int:
        gap = one - two
        if gap < 0:
            one, gap = two, -gap
        return one + log_add[gap >> log_add_bits] if gap < end else one

    result = np.zeros((frames, 4), dtype=np.int64)
    by_shift = np.zeros(shifts, dtype=np.int64)
    by_state = np.zeros(3, dtype=np.int64)
    for frame in range(frames):
        by_shift[:] = 2 * never
        by_state[:] = 2 * never
        for shift in range(shifts):
            turned = count[frame]
            if camera[frame] == 1:
                turned -= reference[frame] + shift - half
            for phase in range(3):
                total = 2 * never
                for state in range(shift * 3 + phase, states, size):
                    total = add(total, forward[frame, state] + backward[frame, state])
                by_shift[shift] = add(by_shift[shift], total)
                code = 0 if phase == 2 else 1 + ((turned + phase) & 1)
                by_state[code] = add(by_state[code], total)
        for column in range(0, 4, 2):
            values = by_shift if column == 0 else by_state
            best = 0
            for position in range(1, len(values)):
                if values[position] > values[best]:
                    best = position
            others = 2 * never
            for position in range(len(values)):
                if position != best:
                    others = add(others, values[position])
            result[frame, column] = best
            result[frame, column + 1] = values[best] - others
    return result
