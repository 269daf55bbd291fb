"""Raw cubes in memory, from trigger times, with the truth: no disk, no pixels.

    train = trigger_train(500, period_us=2_000, flc_us=20)
    night = expose(train, lost=({7, 8}, {100})) + expose(trigger_train(50), start_us=LATER_US)
    generation = night.synchronize()
    night.check(generation)

Two frames are partners if and only if the same trigger of the same exposure made them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from tests.support.builders.raw_cubes import raw_cards
from vampd.fits.trigger import compiled_kernels
from vampd.model.cubes import FrameRange, Generation, Int64, Product, RawCube, SetAside, Timing
from vampd.model.nights import CAMERA_STREAMS, FileStamp, Stream, format_clock, timing_name
from vampd.model.sync import Limits, SyncRules, synchronize

# 2025-11-06T10:20:00 UT
START_US = 1_762_424_400_000_000
HOUR_US = 3_600_000_000
FAST_US, SLOW_US = 7.2, 172.8
RULES = SyncRules(
    gap_us=3_000_000,
    span_us=10_000_000,
    cut_on=("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02", "OBJECT", "DATA-TYP"),
    limits=Limits(largest_error=1e-6, largest_offset_us=2_000),
)
Changes = Mapping[str, str | bool | int | float | None]
Frame = tuple[str, int]

_exposures = count()


@dataclass(frozen=True)
class Train:
    """Triggers: times in us since the first one, and the FLC state at each ('' if it stands)."""

    times_us: np.ndarray
    states: tuple[str, ...]
    flc_us: float | None

    def __len__(self) -> int:
        return len(self.states)


def trigger_train(
    triggers: int, *, period_us: float = 2_000, flc_us: float | None = None, first: str = "A"
) -> Train:
    """Evenly spaced triggers; with ``flc_us``, T + J follows B and T - J follows A."""
    if flc_us is None:
        return Train(np.arange(triggers) * float(period_us), ("",) * triggers, None)
    is_b = (np.arange(triggers) + (first == "B")) % 2 == 1
    intervals = np.where(is_b, period_us + flc_us, period_us - flc_us)
    times_us = np.concatenate([[0.0], np.cumsum(intervals)[:-1]])
    return Train(times_us, tuple(np.where(is_b, "B", "A").tolist()), flc_us)


def join_trains(*trains: Train, still_us: float = 2_000) -> Train:
    """One after the other in the same cubes, the trigger standing still in between."""
    times_us = [trains[0].times_us]
    for train in trains[1:]:
        shortest_us = float(np.diff(train.times_us).min())
        times_us.append(train.times_us + times_us[-1][-1] + shortest_us + still_us)
    flc_us = next((train.flc_us for train in trains if train.flc_us is not None), None)
    return Train(np.concatenate(times_us), sum((train.states for train in trains), ()), flc_us)


@dataclass(frozen=True)
class Night:
    """Raw cubes and the truth about each frame: which trigger made it, in which FLC state."""

    cubes: tuple[RawCube, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    trigger: dict[Frame, tuple[int, int]] = field(default_factory=dict)
    state: dict[Frame, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        cubes = "; ".join(
            f"{cube.stream} {cube.timing.acquired_us[:3].tolist()}... {cube.frames} frames"
            f" U_TRIGJT {cube.cards.number('U_TRIGJT')} {cube.cards.string('U_DETMOD')}"
            for cube in self.cubes[:8]
        )
        return f"<{len(self.cubes)} cubes: {cubes}>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        # Hypothesis would print every field.
        printer.text(repr(self))

    def __add__(self, other: Night) -> Night:
        return Night(
            self.cubes + other.cubes,
            self.set_aside + other.set_aside,
            self.trigger | other.trigger,
            self.state | other.state,
        )

    def of(self, stream: Stream) -> list[RawCube]:
        """One camera's cubes."""
        return [cube for cube in self.cubes if cube.stream is stream]

    def shifted(self, by_us: int) -> Night:
        """The same night at another time, under the same names."""
        return replace(self, cubes=tuple(shift_cube(cube, by_us) for cube in self.cubes))

    def swapped(self) -> Night:
        """The same night with the cameras exchanged."""
        frames = {frame: swap_path(frame[0]) for frame in self.trigger}
        return Night(
            tuple(swap_cube(cube) for cube in self.cubes),
            tuple(
                replace(bad, fits=replace(bad.fits, path=swap_path(bad.path)))
                for bad in self.set_aside
            ),
            {(path, frame[1]): self.trigger[frame] for frame, path in frames.items()},
            {(path, frame[1]): self.state[frame] for frame, path in frames.items()},
        )

    def synchronize(self, rules: SyncRules = RULES, taken: Iterable[str] = ()) -> Generation:
        """What sync makes of the night."""
        return synchronize(
            self.cubes,
            self.set_aside,
            rules,
            number=1,
            version="1.2.3",
            taken_names=taken,
            kernels=compiled_kernels(),
        )

    def true_pairs(self) -> set[tuple[Frame, Frame]]:
        """The partners, camera 1 first."""
        second = {
            trigger: frame
            for frame, trigger in self.trigger.items()
            if frame[0].startswith("vcam2")
        }
        return {
            (frame, second[trigger])
            for frame, trigger in self.trigger.items()
            if frame[0].startswith("vcam1") and trigger in second
        }

    def check(
        self, generation: Generation, *, missed: float = 0.001, dubious: float | None = 0.02
    ) -> None:
        """Every frame once, no wrong pair, no wrong label; at most these fractions lost."""
        assert_every_frame_lands_once(generation, self.cubes)
        made, true = pairs_made(generation), self.true_pairs()
        assert made <= true, f"{len(made - true)} wrong pairs of {len(made)}"
        assert len(true - made) <= missed * len(true), f"{len(true - made)} of {len(true)} missed"
        labels = labels_made(generation)
        wrong = [f for f, label in labels.items() if label in "AB" and label != self.state[f]]
        assert not wrong, f"{len(wrong)} wrong labels of {len(labels)}"
        assert set(labels) == {frame for frame, state in self.state.items() if state}
        if dubious is not None:
            doubtful = sum(label == "D" for label in labels.values())
            assert doubtful <= dubious * len(labels), f"{doubtful} of {len(labels)} dubious"


def expose(
    train: Train,
    *,
    start_us: int = START_US,
    offset_us: float = 150,
    jitter_us: float = FAST_US,
    lost: tuple[Collection[int], Collection[int]] = ((), ()),
    logger_lost: tuple[Collection[int], Collection[int]] = ((), ()),
    cube_frames: tuple[int, int] = (200, 200),
    cameras: Sequence[int] = (1, 2),
    changes: Changes | None = None,
    cube_changes: Mapping[tuple[int, int], Changes] | None = None,
    rows: int = 536,
    seed: int = 0,
) -> Night:
    """What the loggers leave of a train of triggers.

    Camera 2 is ``offset_us`` later; each frame is late by a lag within ``jitter_us``. ``lost``
    triggers give no frame (cnt0 does not count them), ``logger_lost`` ones are dropped behind the
    framegrabber (cnt0 does), for each camera. ``changes`` are header cards of all cubes,
    ``cube_changes`` those of the ``[camera, number]``-th alone.
    """
    rng = np.random.default_rng(seed)
    exposure = next(_exposures)
    night = Night()
    for camera in (1, 2):
        lag_us = rng.uniform(0, jitter_us, len(train))
        late_us = start_us + (offset_us if camera == 2 else 0.0)
        acquired_us = np.rint(train.times_us + lag_us + late_us).astype(np.int64)
        delivered = np.setdiff1d(np.arange(len(train)), list(lost[camera - 1]))
        kept = np.flatnonzero(~np.isin(delivered, list(logger_lost[camera - 1])))
        if camera not in cameras:
            continue
        for number, counts in enumerate(_pieces(kept, cube_frames[camera - 1])):
            triggers = delivered[counts]
            own: dict[str, str | bool | int | float | None] = (
                {"U_FLCEN": False} if train.flc_us is None else {"U_TRIGJT": train.flc_us}
            )
            own |= dict(changes or {}) | dict((cube_changes or {}).get((camera, number), {}))
            cube = make_cube(
                CAMERA_STREAMS[camera - 1], acquired_us[triggers], own, rows=rows, cnt0=counts
            )
            frames = [(cube.path, frame) for frame in range(cube.frames)]
            night += Night(
                (cube,),
                (),
                {f: (exposure, t) for f, t in zip(frames, triggers.tolist(), strict=True)},
                {f: train.states[t] for f, t in zip(frames, triggers.tolist(), strict=True)},
            )
    return night


def _pieces(frames: Int64, size: int) -> list[Int64]:
    return [frames[start : start + size] for start in range(0, len(frames), size)]


def make_cube(
    stream: Stream,
    acquired_us: Sequence[int] | Int64,
    changes: Changes | None = None,
    *,
    rows: int = 536,
    columns: int = 536,
    cnt0: Int64 | None = None,
    name: str | None = None,
) -> RawCube:
    """One raw cube with these acquisition times, named by the first of them and its date."""
    times_us = np.asarray(acquired_us, dtype=np.int64)
    frame = np.arange(len(times_us), dtype=np.int64)
    counts = frame if cnt0 is None else cnt0.astype(np.int64)
    logged_ns = times_us * 1_000 + 346_918
    first_us = int(times_us[0])
    # The date in the name: several nights' cubes may lie in one folder of a test.
    path = f"{stream}/{name or f'{stream}_{format_clock(first_us, 6)}_{first_us}.fits'}"
    shape = (len(times_us), rows, columns)
    return RawCube(
        stream=stream,
        fits=FileStamp(path, 1_000 * len(times_us), first_us * 1_000),
        timing_file=FileStamp(timing_name(path), 108 * len(times_us), first_us * 1_000),
        shape=shape,
        cards=raw_cards(shape, stream, changes),
        timing=Timing(
            frame=frame,
            main_index=counts + 7_000,
            elapsed_ns=logged_ns - logged_ns[0],
            logged_ns=logged_ns,
            acquired_us=times_us,
            cnt0=counts + 7_000,
            cnt1=frame * 0,
        ),
    )


def set_aside(
    stream: Stream, name: str, frames: int = 10, code: str = "timing_missing"
) -> SetAside:
    """A raw cube that cannot be used."""
    return SetAside(FileStamp(f"{stream}/{name}", frames * 100, 1), None, frames, code, "a reason")


def shift_cube(cube: RawCube, by_us: int) -> RawCube:
    """The same cube, taken later."""
    timing = replace(
        cube.timing,
        logged_ns=cube.timing.logged_ns + by_us * 1_000,
        acquired_us=cube.timing.acquired_us + by_us,
    )
    return replace(cube, timing=timing)


def set_clock_back(night: Night, back_us: int, after: int) -> Night:
    """The night, with the host's clock set back before the frames of this trigger."""
    cubes = []
    for each in night.cubes:
        late = np.array([night.trigger[each.path, f][1] >= after for f in range(each.frames)])
        timing = replace(
            each.timing,
            acquired_us=each.timing.acquired_us - back_us * late,
            logged_ns=each.timing.logged_ns - back_us * late * 1_000,
        )
        cubes.append(replace(each, timing=timing))
    return replace(night, cubes=tuple(cubes))


def swap_path(path: str) -> str:
    """The path (or stream) that the other camera's cube would have."""
    own, other = ("vcam1", "vcam2") if path.startswith("vcam1") else ("vcam2", "vcam1")
    return path.replace(own, other)


def swap_cube(cube: RawCube) -> RawCube:
    """The same cube as the other camera's."""
    stream = Stream(swap_path(cube.stream))
    return replace(
        cube,
        stream=stream,
        fits=replace(cube.fits, path=swap_path(cube.fits.path)),
        timing_file=replace(cube.timing_file, path=swap_path(cube.timing_file.path)),
    )


def frames_of(ranges: Iterable[FrameRange]) -> list[Frame]:
    """The frames that ranges refer to, in order."""
    return [(part.cube, frame) for part in ranges for frame in part.frames()]


def pairs_made(generation: Generation) -> set[tuple[Frame, Frame]]:
    """The pairs of a generation, camera 1 first; both sides must tell the same ones."""
    pairs = {
        camera: [
            pair
            for product in generation.products
            if product.synchronised and product.order.camera == camera
            for pair in zip(frames_of(product.ranges), frames_of(product.partners), strict=True)
        ]
        for camera in (1, 2)
    }
    first, mirrored = set(pairs[1]), {(one, two) for two, one in pairs[2]}
    assert first == mirrored
    assert (
        len(first) == len(pairs[1]) == len({one for one, _ in first}) == len({t for _, t in first})
    )
    return first


def labels_made(generation: Generation) -> dict[Frame, str]:
    """The FLC state of each frame that was given one."""
    return {
        frame: product.order.flc_state
        for product in generation.products
        if product.order.flc_state
        for frame in frames_of(product.ranges)
    }


def assert_every_frame_lands_once(generation: Generation, cubes: Iterable[RawCube]) -> None:
    """Promise 2: each raw frame is in one product, or in one set-aside cube."""
    landed = [f for product in generation.products for f in frames_of(product.ranges)]
    aside = {cube.path for cube in generation.set_aside}
    given = {(cube.path, frame) for cube in cubes for frame in range(cube.frames)}
    assert len(landed) == len(set(landed)), "a frame is in two products"
    assert set(landed) == {frame for frame in given if frame[0] not in aside}


def synchronised(generation: Generation) -> list[Product]:
    """The products that have a sibling of the other camera."""
    return [product for product in generation.products if product.synchronised]


def solo(generation: Generation) -> list[Product]:
    """The products of frames without a partner."""
    return [product for product in generation.products if not product.synchronised]
