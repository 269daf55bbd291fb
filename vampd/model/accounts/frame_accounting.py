"""Accounts for each raw frame of a night once, from the generations and the raw cubes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vampd.model.accounts.frame_fates import (
    SYNC_KINDS,
    Configuration,
    CountedFrames,
    CubeTimes,
    FrameKind,
    NightFrames,
    Origin,
)
from vampd.model.cubes import (
    FrameRange,
    Generation,
    Product,
    SetAside,
    accounted_cubes,
    set_aside_cubes,
    time_in_name,
)
from vampd.model.nights import DAY_US, Stream

Int64 = npt.NDArray[np.int64]
_SYNC_OF_STATE = dict(zip(("A", "B", "D", ""), SYNC_KINDS, strict=True))


def gather_frames(
    generations: Sequence[Generation],
    cubes: Mapping[str, CubeTimes],
    late: Iterable[SetAside],
    *,
    midnight_us: int,
) -> NightFrames:
    """Each frame of the night once.

    ``cubes`` are the raw cubes that could be read, by path; those that no generation accounts for
    are late, as are ``late``, which could not be used. A product whose raw cubes are gone counts at
    the time of its cut's first frame. A cube that cannot be used counts at the time in its name, on
    the day that is nearest to the other frames; ``midnight_us`` (0:00 UT of the night's date)
    is used if there are none.
    """
    accounts = accounted_cubes(generations)
    aside = set_aside_cubes(generations)
    used = {
        path: cube
        for path, cube in cubes.items()
        if path in accounts and accounts[path].frames == len(cube.acquired_us)
    }
    used |= _corrected(generations, used)
    pieces = _Pieces()
    for generation in generations:
        for product in generation.products:
            pieces.add_product(product, used)
    for path, cube in sorted(cubes.items()):
        if path not in accounts:
            pieces.add_late(cube)
    times_us = np.sort(pieces.times_us())
    if not len(times_us):
        times_us = np.array([midnight_us + DAY_US // 2])
    for kind, bad_cubes in ((FrameKind.LATE, late), (FrameKind.SET_ASIDE, aside.values())):
        for bad in sorted(bad_cubes, key=lambda cube: cube.path):
            time_us = time_in_name(bad.path, times_us)
            pieces.counted.append(
                CountedFrames(
                    bad.path,
                    _camera_of(bad.path),
                    kind,
                    bad.frames,
                    time_us,
                    bad.code,
                    bad.counted_by,
                )
            )
    return pieces.joined()


def _corrected(
    generations: Iterable[Generation], cubes: Mapping[str, CubeTimes]
) -> dict[str, CubeTimes]:
    """The cubes of corrected products, set as sync took them to be."""
    found: dict[str, CubeTimes] = {}
    for product in (product for each in generations for product in each.products):
        if not product.corrected:
            continue
        for path in {part.cube for part in product.ranges} & cubes.keys():
            configuration = cubes[path].configuration.corrected(product.corrected)
            found[path] = replace(cubes[path], configuration=configuration)
    return found


class _Pieces:
    """Collects the frames of products and late cubes, one after another."""

    def __init__(self) -> None:
        self.counted: list[CountedFrames] = []
        self._origins: list[Origin] = []
        self._configurations: dict[Configuration, int] = {}
        self._origin: list[npt.NDArray[np.int32]] = []
        self._configuration: list[npt.NDArray[np.int32]] = []
        self._times: list[tuple[Int64, Int64, Int64, Int64]] = []

    def add_product(self, product: Product, cubes: Mapping[str, CubeTimes]) -> None:
        state = product.order.flc_state
        camera = product.order.camera
        kind = _SYNC_OF_STATE[state] if product.synchronised else FrameKind.SOLO
        if any(part.cube not in cubes for part in (*product.ranges, *product.partners)):
            self.counted.append(
                CountedFrames(
                    product.name, camera, kind, product.frames, product.first_us, "raw_gone"
                )
            )
            return
        own_us = _take(product.ranges, lambda path: cubes[path].acquired_us)
        other_us = own_us
        if product.synchronised:
            other_us = _take(product.partners, lambda path: cubes[path].acquired_us)
        self._add(
            Origin(
                camera,
                kind,
                state,
                product.offset_us,
                product.tolerance_us,
                _angle_of(product, cubes),
                product.order.clock,
                product.label_margin,
                product.pair_margin,
            ),
            product.ranges,
            cubes,
            time_us=(own_us + other_us) // 2,
            difference_us=other_us - own_us if camera == 1 else own_us - other_us,
        )

    def add_late(self, cube: CubeTimes) -> None:
        self._add(
            Origin(_camera_of(cube.path), FrameKind.LATE, ""),
            [FrameRange(cube.path, 0, len(cube.acquired_us))],
            {cube.path: cube},
            time_us=cube.acquired_us,
            difference_us=np.zeros_like(cube.acquired_us),
        )

    def _add(
        self,
        origin: Origin,
        parts: Sequence[FrameRange],
        cubes: Mapping[str, CubeTimes],
        *,
        time_us: Int64,
        difference_us: Int64,
    ) -> None:
        known = self._configurations
        numbers = [known.setdefault(cubes[p.cube].configuration, len(known)) for p in parts]
        self._configuration.append(
            np.repeat(np.array(numbers, np.int32), [part.count for part in parts])
        )
        self._origin.append(np.full(len(time_us), len(self._origins), np.int32))
        self._origins.append(origin)
        own_us = _take(parts, lambda path: cubes[path].acquired_us)
        cnt0 = _take(parts, lambda path: cubes[path].cnt0)
        self._times.append((time_us, own_us, difference_us, cnt0))

    def times_us(self) -> Int64:
        return np.concatenate([np.empty(0, np.int64), *(times[0] for times in self._times)])

    def joined(self) -> NightFrames:
        none, empty = np.empty(0, np.int32), np.empty(0, np.int64)
        time_us, acquired_us, difference_us, cnt0 = (
            np.concatenate([empty, *(times[column] for times in self._times)])
            for column in range(4)
        )
        return NightFrames(
            origin=np.concatenate([none, *self._origin]),
            configuration=np.concatenate([none, *self._configuration]),
            time_us=time_us,
            acquired_us=acquired_us,
            difference_us=difference_us,
            cnt0=cnt0,
            origins=tuple(self._origins),
            configurations=tuple(self._configurations),
            counted=tuple(self.counted),
        )


def _take(parts: Sequence[FrameRange], column: Callable[[str], Int64]) -> Int64:
    return np.concatenate(
        [column(p.cube)[p.start : p.start + p.count * p.step : p.step] for p in parts]
    )


def _angle_of(product: Product, cubes: Mapping[str, CubeTimes]) -> str:
    """RET-ANG1 of a product, '' if there is none: what it goes by, else its first raw cube's."""
    settled = dict(product.cards).get("RET-ANG1")
    if settled is not None:
        return settled
    return dict(cubes[product.ranges[0].cube].configuration.others).get("RET-ANG1", "")


def _camera_of(path: str) -> int:
    """The camera in a raw cube's path."""
    return Stream(path.partition("/")[0]).camera
