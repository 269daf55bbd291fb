"""sync: pair the two cameras' frames in time, split them by FLC state, cut them into cubes.

Decisions are committed as a generation file before the first framelist is written; missing
framelists are made from it. Cubes that no generation accounts for are late and form the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vampd import __version__
from vampd.config import Settings
from vampd.errors import DataError, NotPermitted, TransientError
from vampd.model.cubes import (
    FrameCount,
    Generation,
    RawCube,
    SetAside,
    accounted_cubes,
    set_aside_cubes,
)
from vampd.model.nights import (
    FileStamp,
    NightId,
    StageName,
    is_cube_name,
    timing_name,
    unfinished_cube_name,
)
from vampd.model.plan import (
    CommitGeneration,
    Plan,
    Remark,
    WriteFramelist,
)
from vampd.model.sync import (
    SyncRules,
    count_gone_partners,
    count_late_partners,
    find_gone_spans,
    set_aside_duplicates,
    synchronize,
)
from vampd.ports import NightReader
from vampd.stages.set_aside import SetAsideSurvey, plan_set_aside, survey_set_aside

NAME = StageName.SYNC
# The codes of what may be readable later.
REFUSALS = frozenset({"io_error", "not_readable"})
_LET_GO = "it could not be read, and a person let the night go on without it"
# Set aside for what other cubes hold, and not for what they are.
_BESIDE_OTHERS = frozenset({"duplicate_cube", "overlaps_cube"})
# A synchronized product's times are means of both cameras': its own frames may differ a little.
_PAIR_SLACK_US = 1_000_000


@dataclass(frozen=True)
class SyncSurvey:
    """What sync reads.

    ``late`` and ``late_set_aside`` are the cubes that no generation accounts for; ``present``
    holds the identities of the products that exist as framelist or packed; ``raw_paths`` are all
    files in the camera streams; ``neighbors`` are the used cubes that late ones may overlap in
    time.
    """

    generations: tuple[Generation, ...]
    late: tuple[RawCube, ...]
    late_set_aside: tuple[SetAside, ...]
    present: frozenset[str]
    raw_paths: frozenset[str]
    set_aside: SetAsideSurvey
    neighbors: tuple[RawCube, ...] = ()


def survey(night: NightId, reader: NightReader) -> SyncSurvey:
    """Read the generations, and header and timing of every cube that is late or set aside.

    Raises DataError ``raw_changed`` if a cube whose frames are in products has changed.
    """
    generations = reader.generations(night)
    files = {file.path: file for file in reader.raw_files(night)}
    late, late_set_aside = _read_late_cubes(night, reader, files, generations)
    heads = reader.framelist_heads(night)
    packed = reader.packed_products(night)
    return SyncSurvey(
        generations=generations,
        late=late,
        late_set_aside=late_set_aside,
        present=frozenset(head.identity for head in heads)
        | frozenset(product.identity for product in packed if product.identity),
        raw_paths=frozenset(files),
        set_aside=survey_set_aside(night, reader, generations),
        neighbors=_read_neighbors(night, reader, files, generations, late),
    )


def _read_late_cubes(
    night: NightId,
    reader: NightReader,
    files: Mapping[str, FileStamp],
    generations: tuple[Generation, ...],
) -> tuple[tuple[RawCube, ...], tuple[SetAside, ...]]:
    accounts = accounted_cubes(generations)
    aside = set_aside_cubes(generations)
    let_go = reader.let_go(night)
    cubes: list[RawCube] = []
    bad: list[SetAside] = []
    refusals: dict[str, TransientError] = {}
    for path, file in files.items():
        name = path.rpartition("/")[2]
        if unfinished_cube_name(name):
            account = accounts.get(path)
            if account is None or account.fits != file:
                bad.append(_unfinished(file, reader.count_frames(night, file)))
            continue
        if not is_cube_name(name):
            continue
        timing_file = files.get(timing_name(path))
        account, is_unchanged = accounts.get(path), False
        if account is not None:
            is_unchanged = (account.fits, account.timing_file) == (file, timing_file)
            if is_unchanged and (path not in aside or aside[path].code in _BESIDE_OTHERS):
                continue
            if path not in aside:
                raise DataError(
                    "raw_changed",
                    f"{path} or its timing file changed after sync had used it;"
                    " find out why before doing anything else with this night",
                    path=path,
                )
        try:
            seen = reader.raw_cube(night, file)
        except TransientError as error:
            if error.code not in REFUSALS:
                raise
            if path in aside and is_unchanged:
                continue  # it was set aside for that, or worse
            if path not in let_go:
                refusals[path] = error
                continue
            seen = reader.unread_cube(night, file, _LET_GO)
        if isinstance(seen, RawCube):
            cubes.append(seen)
        elif _verdict(seen) != _verdict(aside.get(path)):
            bad.append(seen)
    if refusals:
        raise _refused(refusals)
    return tuple(cubes), tuple(bad)


def _verdict(cube: SetAside | None) -> tuple[object, ...]:
    """What makes a new account of a cube that is set aside; words alone do not."""
    if cube is None:
        return ()
    return cube.fits, cube.timing_file, cube.code, cube.count


def _refused(refusals: Mapping[str, TransientError]) -> TransientError:
    """One error for all raw files that cannot be read now; permissions first, as a person's."""
    first = min(refusals.values(), key=lambda error: not isinstance(error, NotPermitted))
    more = f"; and {len(refusals) - 1:,} more cubes" if len(refusals) > 1 else ""
    return type(first)(
        first.code, f"{first.message}{more}", refused=tuple(sorted(refusals)), **first.context
    )


def _read_neighbors(
    night: NightId,
    reader: NightReader,
    files: Mapping[str, FileStamp],
    generations: tuple[Generation, ...],
    late: Sequence[RawCube],
) -> tuple[RawCube, ...]:
    """The used cubes whose products reach into the time of a late cube: few, usually none."""
    spans = [
        (int(cube.timing.acquired_us[0]), int(cube.timing.acquired_us[-1]) + _PAIR_SLACK_US)
        for cube in late
    ]
    paths = {
        part.cube
        for generation in generations
        for product in generation.products
        if any(
            first <= product.last_us + _PAIR_SLACK_US and product.first_us <= last
            for first, last in spans
        )
        for part in product.ranges
    }
    seen = [reader.raw_cube(night, files[path]) for path in sorted(paths & files.keys())]
    return tuple(cube for cube in seen if isinstance(cube, RawCube))


def _unfinished(file: FileStamp, count: FrameCount) -> SetAside:
    reason = "the logger never finished this cube: it still has its temporary name"
    return SetAside(file, None, count.frames, "unfinished", reason, count.counted_by)


def plan(survey: SyncSurvey, settings: Settings) -> Plan:
    """A generation for late cubes; else whatever the generations still lack."""
    if survey.late or survey.late_set_aside:
        generation = _next_generation(survey, settings)
        return Plan.of([CommitGeneration(generation)], remarks=_remarks(generation))
    framelists = [
        WriteFramelist(product, generation.version, generation.form)
        for generation in survey.generations
        for product in generation.products
        if product.identity not in survey.present
    ]
    return Plan.of(framelists, *plan_set_aside(survey.set_aside).waves)


def _remarks(generation: Generation) -> Iterator[Remark]:
    subject = f"generation {generation.number}"
    for text in generation.remarks:
        yield Remark("sync_remark", subject, text)
    for bad in generation.set_aside:
        yield Remark(bad.code, bad.path, f"set aside with {bad.count}: {bad.reason}")
    for reason, frames in generation.dubious.items():
        yield Remark(f"dubious_{reason}", subject, f"{frames} frames have no certain FLC state")


def _next_generation(survey: SyncSurvey, settings: Settings) -> Generation:
    rules = SyncRules(
        gap_us=round(settings.sync.cut_at_gap_s * 1e6),
        span_us=round(settings.sync.cut_after_s * 1e6),
        cut_on=settings.sync.cut_on,
    )
    gone = find_gone_spans(survey.generations, survey.raw_paths)
    fresh, repeated = set_aside_duplicates(survey.late, survey.neighbors, gone)
    generation = synchronize(
        fresh,
        [*survey.late_set_aside, *repeated],
        rules,
        number=len(survey.generations) + 1,
        version=__version__,
        taken_names=[p.name for g in survey.generations for p in g.products],
    )
    partners = count_late_partners(
        fresh, survey.neighbors, gap_us=rules.gap_us, cut_on=rules.cut_on
    ) + count_gone_partners(fresh, gone)
    if not partners:
        return generation
    remark = f"{partners} frames that are in products already would have partners among these"
    return replace(
        generation,
        counts=replace(generation.counts, late_partners=partners),
        remarks=(*generation.remarks, remark),
    )
