"""Corrections that are proposed for a night: by a person's condition, or by the plate's log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vampd.errors import UsageError
from vampd.model.cubes import RawCube, Undefined
from vampd.model.headers import (
    Correction,
    Described,
    PlateLog,
    is_same_angle,
    parse_condition,
)
from vampd.model.nights import NightId, find_cubes
from vampd.model.sync import find_together
from vampd.ports import NightReader

# The angle that the log tells, and the stage's, which is on its scale only where both cards agree.
_ANGLE, _STAGE = "RET-ANG1", "RET-POS1"


@dataclass
class Proposal:
    """Corrections, each of one cube; and the cubes of which it is not certain, with the reason."""

    rows: list[Correction] = field(default_factory=list)
    undecided: list[tuple[str, str]] = field(default_factory=list)


def read_cubes(night: NightId, reader: NightReader) -> tuple[RawCube, ...]:
    """The raw cubes of a night that can be used, in the order of their times."""
    files = {file.path: file for file in reader.raw_files(night)}
    seen = (reader.raw_cube(night, files[path]) for path in sorted(find_cubes(files)))
    cubes = [cube for cube in seen if isinstance(cube, RawCube)]
    return tuple(sorted(cubes, key=lambda cube: (cube.span_us, cube.path)))


def propose_values(
    cubes: Sequence[RawCube], values: Mapping[str, str], where: Sequence[str], why: str
) -> Proposal:
    """These values for every cube that meets all conditions, and for those taken with it.

    A condition is as `parse_condition` reads it, a name a path. UsageError ``no_cubes``.
    """
    conditions = [parse_condition(text) for text in where]
    chosen = [cube for cube in cubes if all(one.holds(_described(cube)) for one in conditions)]
    if not chosen:
        raise UsageError("no_cubes", f"no cube of the night meets {' and '.join(where)}")
    meant = {each.path for cube in chosen for each in find_together(cube, cubes)}
    rows = [
        Correction(cube.path, keyword, old, new, why)
        for cube in cubes
        if cube.path in meant
        for keyword, new in values.items()
        if (old := shown_value(cube, keyword)) != new
    ]
    return Proposal(rows)


def propose_angles(cubes: Sequence[RawCube], log: PlateLog) -> Proposal:
    """The angle of the half-wave plate where its log leaves no doubt and the card differs.

    Cubes of both cameras that were taken together have one angle, or none.
    """
    proposal = Proposal()
    together = {cube.path: tuple(find_together(cube, cubes)) for cube in cubes}
    found = {path: _angle_over(those, log) for path, those in together.items()}
    for cube in cubes:
        angles = [found[cube.path], *(found[each.path] for each in together[cube.path])]
        doubt = next((angle for angle in angles if isinstance(angle, str)), None)
        if doubt is not None:
            proposal.undecided.append((cube.path, doubt))
        elif isinstance(angle := found[cube.path], float):
            proposal.rows += _angles(cube, angle)
    return proposal


def _angle_over(together: Sequence[RawCube], log: PlateLog) -> float | str:
    begins_us = [_begin_us(each) for each in together]
    known_us = [begin_us for begin_us in begins_us if begin_us is not None]
    if len(known_us) < len(begins_us):
        return "no card tells how long it was exposed"
    return log.angle_over(min(known_us), max(each.span_us[1] for each in together))


def shown_value(cube: RawCube, keyword: str) -> str:
    """What a card says, as corrections.tsv has it; '' for one that is missing or undefined."""
    match cube.cards.value(keyword) if keyword in cube.cards else None:
        case None | Undefined():
            return ""
        case bool() as value:
            return "T" if value else "F"
        case str(text):
            return text.strip()
        case other:
            return other.text


def _angles(cube: RawCube, angle: float) -> Iterator[Correction]:
    said, stage = (cube.cards.number(k) if k in cube.cards else None for k in (_ANGLE, _STAGE))
    if said is not None and is_same_angle(said, angle):
        return
    is_one_scale = said is not None and stage is not None and is_same_angle(said, stage)
    for keyword in (_ANGLE, _STAGE) if is_one_scale else (_ANGLE,):
        old = shown_value(cube, keyword)
        yield Correction(cube.path, keyword, old, f"{angle:.2f}", "log of the wave-plate unit")


def _begin_us(cube: RawCube) -> int | None:
    """When its first exposure began, as far as the header tells how long that was."""
    exposure_s = cube.cards.number("EXPTIME") if "EXPTIME" in cube.cards else None
    if exposure_s is None or exposure_s < 0:
        return None
    return cube.span_us[0] - round(1e6 * exposure_s)


def _described(cube: RawCube) -> Described:
    return Described(
        (cube.path,),
        lambda keyword: cube.cards.value(keyword) if keyword in cube.cards else None,
        cube.span_us,
    )
