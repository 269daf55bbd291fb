"""Lattice: exact inference over the hidden states, frame by frame of both cameras in time order.

A state is a class, a shift and a phase. The shift says which count of camera 2 belongs to one of
camera 1, relative to the reference of that frame; the class, which of the offsets that the clocks
allow is the cameras', for a whole stretch; the phase, whether even counts of camera 1 are relaxed
(0) or driven (1), or that nothing alternates (2). Forward-backward in integers, linear in frames.
Plain loops over arrays, so that a compiler can take these functions as they are.

Arrays of states are in the order (phase, shift, class), so that what one interval says of all
shifts stands in a row. No state is less likely than the likeliest one by more than a count that
means something new: four bytes hold each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

PHASES = 3


def sweep(
    camera: Int64,
    previous: Int64,
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
    other_class: Int64,
    forward: Int32,
    backward: Int32,
    log_add: Int64,
    log_add_bits: int,
    never: int,
) -> None:
    """Fill in the log-probabilities of each state, up to a constant per frame: (frames, states).

    ``forward`` by what came until a frame, its pair included, and ``backward`` by what came after
    it; the first row of the one and the last of the other are given. ``forward`` may have fewer
    rows: the frames behind them only look ahead. ``camera`` (0, 1), ``previous`` (that camera's
    count before), ``count``, ``reference`` and ``begins`` (1 where a stretch does) have the shape
    (frames,); ``missed`` (frames, options) are the triggers that each option says the camera missed
    before the frame, ``alternating`` (frames, 2, options) what its interval says if the frame
    before was driven (0) or relaxed (1), ``steady`` (frames, options) if nothing alternates,
    ``pairs`` (frames, classes, shifts) what its partner says; ``flip`` and ``recount`` are costs
    per frame, ``switch`` (frames, 2) those of a switch at one that is relaxed (0) or driven (1) if
    it alternates, ``other_class`` (frames, classes) that of taking to this one.
    """
    frames, classes, shifts = pairs.shape
    options = missed.shape[1]
    half = shifts // 2
    size = shifts * classes
    states = 3 * size
    end = len(log_add) << log_add_bits

    def add(one: int, two: int) -> int:
        gap = one - two
        if gap < 0:
            one, gap = two, -gap
        return one + log_add[gap >> log_add_bits] if gap < end else one

    known = np.full(states, never, dtype=np.int64)
    mixed = np.full(states, never, dtype=np.int64)
    highest = np.full(classes, never, dtype=np.int64)
    order = np.zeros(options, dtype=np.int64)
    for direction in range(2):
        for step in range(1, len(forward) if direction == 0 else frames):
            # Forward goes into ``frame``; backward comes from it.
            frame = step if direction == 0 else frames - step
            flipped = flip[frame]
            moved = reference[frame - 1] - reference[frame]
            # Which parity of counts the phase speaks of, for this camera: of camera 2, by the
            # shift. There, at odd shifts, the first two phases are exchanged as long as the frame
            # is weighed, so that one weight is that of all shifts.
            first = camera[frame] == 0
            turned, turns = previous[frame], count[frame]
            exchanged = 0
            if not first:
                turned += half - reference[frame - 1]
                turns += half - reference[frame]
                exchanged = size
            at_even, at_odd = switch[frame, turns & 1], switch[frame, 1 - (turns & 1)]
            for shift in range(shifts):
                turn = exchanged * (shift & 1)
                for number in range(classes):
                    state = shift * classes + number
                    pair = 0
                    if direction == 0:
                        even = forward[frame - 1, state]
                        odd = forward[frame - 1, state + size]
                        none = forward[frame - 1, state + 2 * size]
                    else:
                        pair = pairs[frame, number, shift]
                        even = backward[frame, state]
                        odd = backward[frame, state + size]
                        none = backward[frame, state + 2 * size]
                    known[state + turn] = even + pair
                    known[state + size - turn] = odd + pair
                    known[state + 2 * size] = none + pair
            if begins[frame] == 1:
                # Another stretch may have another offset: the classes meet.
                for state in range(0, states, classes):
                    total = known[state]
                    for other in range(state + 1, state + classes):
                        total = add(total, known[other])
                    for other in range(state, state + classes):
                        known[other] = total
            for number in range(classes):
                highest[number] = never
            for state in range(0, states, classes):
                for number in range(classes):
                    highest[number] = max(highest[number], known[state + number])
            best = never
            for number in range(classes):
                best = max(best, highest[number])
            for state in range(size):
                if direction == 0:
                    mixed[state] = mixed[state + size] = mixed[state + 2 * size] = never
                else:
                    even, odd, none = known[state], known[state + size], known[state + 2 * size]
                    mixed[state] = add(add(even, odd - flipped), none - at_even)
                    mixed[state + size] = add(add(odd, even - flipped), none - at_odd)
                    mixed[state + 2 * size] = add(none, add(even - at_even, odd - at_odd))
                    known[state] = known[state + size] = known[state + 2 * size] = never
            # Sums of rounded terms are those of one order: that of the states they come from.
            for option in range(options):
                place = option
                if direction == 0:
                    while place > 0:
                        more = missed[frame, option] - missed[frame, order[place - 1]]
                        if (more if first else -more) <= 0:
                            break
                        order[place] = order[place - 1]
                        place -= 1
                order[place] = option
            for rank in range(options):
                option = order[rank]
                gone = missed[frame, option]
                apart = moved + (gone if first else -gone)
                low, high = classes * max(0, -apart), classes * min(shifts, shifts - apart)
                for phase in range(3):
                    kept = phase
                    if phase == 2:
                        weight = steady[frame, option]
                    else:
                        weight = alternating[frame, 1 - ((turned + phase) & 1), option]
                        kept = (phase + (gone if first else apart)) & 1
                    if weight <= never:
                        continue
                    source, sink = phase * size, kept * size + apart * classes
                    if direction == 0:
                        for state in range(low, high):
                            mixed[sink + state] = add(
                                mixed[sink + state], known[source + state] + weight
                            )
                    else:
                        for state in range(low, high):
                            known[source + state] = add(
                                known[source + state], mixed[sink + state] + weight
                            )
            if direction == 0:
                for state in range(size):
                    even, odd, none = mixed[state], mixed[state + size], mixed[state + 2 * size]
                    known[state] = add(add(even, odd - flipped), none - at_even)
                    known[state + size] = add(add(odd, even - flipped), none - at_odd)
                    known[state + 2 * size] = add(none, add(even - at_even, odd - at_odd))
            # Another class, if a clock was set; any state, if the count means something new.
            taken = never
            for number in range(classes):
                taken = max(taken, highest[number] - other_class[frame, number])
            for state in range(0, states, classes):
                top = never
                for number in range(classes):
                    value = known[state + number]
                    if direction == 1:
                        value -= other_class[frame, number]
                    top = max(top, value)
                for number in range(classes):
                    here = state + number
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
            for shift in range(shifts):
                turn = exchanged * (shift & 1)
                for number in range(classes):
                    state = shift * classes + number
                    even = known[state + turn] - best
                    odd = known[state + size - turn] - best
                    none = known[state + 2 * size] - best
                    if direction == 0:
                        pair = pairs[frame, number, shift]
                        forward[frame, state] = even + pair
                        forward[frame, state + size] = odd + pair
                        forward[frame, state + 2 * size] = none + pair
                    else:
                        backward[frame - 1, state] = even
                        backward[frame - 1, state + size] = odd
                        backward[frame - 1, state + 2 * size] = none


def read_off(
    camera: Int64,
    count: Int64,
    reference: Int64,
    forward: Int32,
    backward: Int32,
    shifts: int,
    log_add: Int64,
    log_add_bits: int,
    never: int,
) -> Int64:
    """Per frame: shift and its margin over all others, state and its margin; shape (frames, 4).

    States are 0 (nothing alternates), 1 (relaxed) and 2 (driven); margins are log-probabilities.
    """
    frames, states = forward.shape
    size = states // 3
    classes = size // shifts
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
                begin = phase * size + shift * classes
                for state in range(begin, begin + classes):
                    total = add(total, int(forward[frame, state]) + int(backward[frame, state]))
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
