"""Times of another clock: what sync sets aside for them, and when a person must decide first."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from vampd.errors import DataError
from vampd.model.cubes import Generation, Product, RawCube, SetAside
from vampd.model.sync import find_collision, judge_clocks

ABSURD, COLLIDE = "acquisition_time_absurd", "times_collide"


def set_aside_absurd(
    cubes: Sequence[RawCube],
    midnight_us: int,
    *,
    aside: Mapping[str, SetAside],
    used: Container[str],
    let_go: Container[str],
    peers: Sequence[RawCube] = (),
) -> tuple[list[RawCube], list[SetAside]]:
    """The cubes whose acquisition times are times of the night, and the others.

    ``aside`` are the cubes that are set aside, ``used`` the streams of which cubes are in products,
    ``peers`` some of these cubes.
    DataError ``cameras_clocks_differ`` if most cubes of a camera are of another clock, until a
    person lets the night go on without them.
    """
    sound: list[RawCube] = []
    kept: list[SetAside] = []
    for cube in cubes:
        known = aside.get(cube.path)
        if known is not None and known.code == COLLIDE and known.fits == cube.fits:
            kept.append(known)
        else:
            sound.append(cube)
    clocks = judge_clocks(sound, midnight_us, peers)
    for stream, why in clocks.cameras.items():
        off = [
            cube.path
            for cube in sound
            if cube.stream is stream
            and cube.path in clocks.absurd
            and cube.path not in let_go
            and not (cube.path in aside and aside[cube.path].code == ABSURD)
        ]
        if off and stream not in used:
            raise DataError(
                "cameras_clocks_differ",
                f"{len(off)} of the cubes of {stream} have times of another clock; {off[0]}: {why};"
                " without these, frames of different triggers could be paired."
                " Release the night to go on without them",
                refused=tuple(off),
            )
    return (
        [cube for cube in sound if cube.path not in clocks.absurd],
        kept
        + [
            SetAside(cube.fits, cube.timing_file, cube.frames, ABSURD, clocks.absurd[cube.path])
            for cube in sound
            if cube.path in clocks.absurd
        ],
    )


def find_colliding_cubes(
    generation: Generation, earlier: Sequence[Product], let_go: Container[str]
) -> frozenset[str]:
    """The raw cubes of a product that readers would take for another one, empty without any.

    DataError ``times_collide``, until a person lets the night go on without these cubes.
    """
    collision = find_collision(generation.products, earlier)
    if collision is None:
        return frozenset()
    other, product = collision
    paths = tuple(dict.fromkeys(part.cube for part in product.ranges))
    if any(path not in let_go for path in paths):
        raise DataError(
            COLLIDE,
            f"{product.name} and {other.name} hold different frames and would have one time, in"
            f" their names or in MJD: {paths[0]} and {other.ranges[0].cube}. Find out which cube"
            f" has a wrong time; release the night to go on without {', '.join(paths)}",
            refused=paths,
        )
    return frozenset(paths)


def collided(cube: RawCube) -> SetAside:
    """A cube that a person let go since its times are also another's."""
    reason = "its products would have had the time of others, and a person let it go"
    return SetAside(cube.fits, cube.timing_file, cube.frames, COLLIDE, reason)
