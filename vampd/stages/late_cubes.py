"""What sync reads of raw: the cubes that are late, or set aside, and those that they may repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vampd.errors import NotPermitted, TransientError
from vampd.model.cubes import (
    PRODUCT_LOST,
    RAW_LOST,
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
    find_cubes,
    timing_name,
    unfinished_cube_name,
)
from vampd.model.proofs import aside_receipts, live_receipts
from vampd.ports import SyncReader
from vampd.stages.changed_raw import ChangedFiles, are_retimed, find_changes
from vampd.stages.clocks import ABSURD, COLLIDE
from vampd.stages.raw_presence import survey_raw

# The codes of what may be readable later.
REFUSALS = frozenset({"io_error", "not_readable"})
# What is set aside for its times, for which a person may have let it go.
_LET_GO_CODES = frozenset({ABSURD, COLLIDE})
LET_GO = "it could not be read, and a person let the night go on without it"
_UNREADABLE = "unreadable"
_PEERS = 9  # used cubes of a camera that show its usual lag
# A synchronized product's times are means of both cameras': its own frames may differ a little.
_PAIR_SLACK_US = 1_000_000


@dataclass(frozen=True)
class LateCubes:
    """The cubes that are late, usable and ``set_aside``, and the used files that ``changed``."""

    usable: tuple[RawCube, ...]
    set_aside: tuple[SetAside, ...]
    changed: ChangedFiles


def read_late_cubes(
    night: NightId,
    reader: SyncReader,
    files: Mapping[str, FileStamp],
    generations: tuple[Generation, ...],
) -> LateCubes:
    """The cubes that no generation accounts for, and those that are set aside: usable, and not.

    One that may only have other times is compared first, and not late. DataError ``raw_changed`` if
    the timing file of one is gone that is still to be packed. What cannot be read now raises a
    TransientError for all such files together, unless a person let them go.
    """
    accounts = accounted_cubes(generations)
    named = find_cubes(files, accounts)
    aside = set_aside_cubes(generations)
    let_go = reader.let_go(night)
    held = {
        part.cube for each in generations for product in each.products for part in product.ranges
    }
    known_changes = ChangedFiles(
        night, known={each.path: each for each in reader.changed_raw(night)}
    )
    removed = survey_raw(night, reader, files.values()).timing_removed
    receipts = aside_receipts(live_receipts(reader.packing_receipts(night)))
    changed: list[tuple[FileStamp, FileStamp]] = []
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
        if path not in named:
            continue
        timing_file = files.get(timing_name(path))
        account, is_unchanged = accounts.get(path), False
        if account is not None:
            is_unchanged = (account.fits, account.timing_file) == (file, timing_file)
            # A cube may have frames in products and be set aside with those that are in none.
            is_used = path not in aside or path in held
            known = aside.get(path)
            if known is not None and known.code == PRODUCT_LOST and not is_used:
                # Made again, its product would have other bytes under the same frame ID.
                now = replace(known, fits=file, timing_file=timing_file)
                bad += [] if is_unchanged else [now]
                continue
            # Let go, what was made of it stays, as of one that a person accepts unread.
            if is_used and (is_unchanged or path in let_go):
                continue
            has_timing_alike = (account.timing_file is None) == (timing_file is None)
            if is_used or (not is_unchanged and has_timing_alike):
                change = (account, file, timing_file)
                files_changed = tuple(find_changes(*change, known_changes.known, removed))
                if is_used or are_retimed(files_changed, receipts, known_changes):
                    changed += files_changed
                    continue
        known = aside.get(path)
        if known is not None and is_unchanged:
            if known.code == _UNREADABLE:
                # A person's word stands for this sync; and its header may always be readable.
                if path in let_go or not reader.reads_whole(night, file):
                    continue
            elif path in let_go and known.code in _LET_GO_CODES:
                continue  # for that it was let go
            elif path in let_go:
                bad.append(replace(known, code=_UNREADABLE, reason=LET_GO))
                continue
        try:
            seen = reader.raw_cube(night, file)
        except TransientError as error:
            if error.code not in REFUSALS:
                raise
            if known is not None and is_unchanged and known.code != RAW_LOST:
                continue  # it was set aside for that, or worse
            if path not in let_go:
                refusals[path] = error
                continue
            seen = reader.unread_cube(night, file, LET_GO)
        if isinstance(seen, RawCube):
            cubes.append(seen)
        elif verdict_of(seen) != verdict_of(known):
            bad.append(seen)
    if refusals:
        raise _refused(refusals)
    return LateCubes(tuple(cubes), tuple(bad), replace(known_changes, files=tuple(changed)))


def verdict_of(cube: SetAside | None) -> tuple[object, ...]:
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


def read_neighbors(
    night: NightId,
    reader: SyncReader,
    files: Mapping[str, FileStamp],
    generations: tuple[Generation, ...],
    late: Sequence[RawCube],
) -> tuple[RawCube, ...]:
    """The used cubes whose products reach into the time of a late cube: few, usually none."""
    spans = [
        (first_us, last_us + _PAIR_SLACK_US)
        for first_us, last_us in (cube.span_us for cube in late)
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
    # What was let go may not be readable at all.
    wanted = sorted((paths & files.keys()) - reader.let_go(night))
    seen = [reader.raw_cube(night, files[path]) for path in wanted]
    return tuple(cube for cube in seen if isinstance(cube, RawCube))


def read_peers(
    night: NightId,
    reader: SyncReader,
    files: Mapping[str, FileStamp],
    generations: tuple[Generation, ...],
    late: Sequence[RawCube],
) -> tuple[RawCube, ...]:
    """Used cubes from all over the night, a few of each camera that has late ones."""
    products = (product for generation in generations for product in generation.products)
    used = {part.cube for product in products for part in product.ranges} & files.keys()
    used -= reader.let_go(night)
    wanted: list[str] = []
    for stream in sorted({cube.stream for cube in late}):
        own = sorted(path for path in used if path.startswith(f"{stream}/"))
        wanted += own[:: 1 + len(own) // _PEERS]
    seen = [reader.raw_cube(night, files[path]) for path in wanted]
    return tuple(cube for cube in seen if isinstance(cube, RawCube))


def _unfinished(file: FileStamp, count: FrameCount) -> SetAside:
    reason = "the logger never finished this cube: it still has its temporary name"
    return SetAside(file, None, count.frames, "unfinished", reason, count.counted_by)
