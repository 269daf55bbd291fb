"""Which raw cubes may go: those whose every frame, header card and timing row is kept elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from vampd.engine.purge.raw_records import HEADER_SUFFIX
from vampd.engine.purge.survey import PurgeSurvey
from vampd.model.cubes import CubeAccount, FrameRange, accounted_cubes, set_aside_cubes
from vampd.model.nights import FileStamp
from vampd.stages.set_aside import aside_path
from vampd.stages.transfer import safe_files

# Parts of a cube, each with the product that holds it.
_Parts = Mapping[str, list[tuple[FrameRange, str]]]


@dataclass(frozen=True)
class RawFile:
    """A raw file that may go: what it must be, and the files there that keep its content.

    ``sha256`` is that of the whole copy there, None where products or raw records keep it, or where
    that copy is still to be sent.
    """

    file: FileStamp
    kept_in: tuple[str, ...]
    sha256: str | None = None


@dataclass(frozen=True)
class PartialCube:
    """A used cube with frames in no product, and its files, which travel whole."""

    files: tuple[FileStamp, ...]
    loose_frames: int


@dataclass(frozen=True)
class SortedCubes:
    """The cubes that may go, each with its timing file if that is here, and those that stay.

    Of those that may go, no raw records hold ``to_record`` yet, and ``to_send`` have frames in no
    product, so that all of them must lie under vbad/ there first. ``kept`` are paths and reasons.
    """

    going: tuple[tuple[RawFile, ...], ...]
    to_record: tuple[CubeAccount, ...]
    to_send: tuple[PartialCube, ...]
    kept: tuple[tuple[str, str], ...]


def sort_cubes(survey: PurgeSurvey) -> SortedCubes:
    """Sort the cubes that the generations account for, by path."""
    proven = safe_files(survey.transfer)
    aside, parts = set_aside_cubes(survey.generations), _parts(survey)
    going, to_record, to_send, kept = [], [], [], []
    for path, account in sorted(accounted_cubes(survey.generations).items()):
        if path not in survey.files:
            going.append(_left_timing_file(survey, account))
            continue
        loose = account.frames - _held_frames(account, parts)
        if path not in aside and not loose:
            going.append(_in_products(survey, account, parts))
            if not _members(account, survey).issubset(survey.covered):
                _, *timing = _files_here(survey, account)
                to_record.append(replace(account, timing_file=next(iter(timing), None)))
        elif whole := _whole_there(survey, account, proven):
            going.append(whole)
        elif hindrance := _hindrance(survey, account, aside):
            frames = "1 frame" if loose == 1 else f"{loose:,} frames"
            kept.append((path, f"{frames} in no product, and {hindrance}"))
        else:
            files = tuple(_files_here(survey, account))
            going.append(tuple(RawFile(file, (aside_path(file.path),)) for file in files))
            to_send.append(PartialCube(files, loose))
    return SortedCubes(tuple(filter(None, going)), tuple(to_record), tuple(to_send), tuple(kept))


def header_member(path: str) -> str:
    """The member of raw records that holds this cube's header."""
    return path + HEADER_SUFFIX


def _parts(survey: PurgeSurvey) -> _Parts:
    packed = {each.identity: path for path, each in survey.transfer.own.receipts.items()}
    parts: dict[str, list[tuple[FrameRange, str]]] = defaultdict(list)
    for generation in survey.generations:
        for product in generation.products:
            if product.identity in packed:
                for part in product.ranges:
                    parts[part.cube].append((part, packed[product.identity]))
    return parts


def _held_frames(account: CubeAccount, parts: _Parts) -> int:
    """How many of the cube's frames are in products."""
    held = {frame for part, _ in parts.get(account.fits.path, ()) for frame in part.frames()}
    return len(held.intersection(range(account.frames)))


def _members(account: CubeAccount, survey: PurgeSurvey) -> frozenset[str]:
    cube, *timing = _files_here(survey, account)
    return frozenset({header_member(cube.path), *(file.path for file in timing)})


def _in_products(survey: PurgeSurvey, account: CubeAccount, parts: _Parts) -> tuple[RawFile, ...]:
    products = sorted({product for _, product in parts[account.fits.path]})
    header = _records(survey, header_member(account.fits.path))
    cube, *timing = _files_here(survey, account)
    return (
        RawFile(cube, (*products, *header)),
        *(RawFile(file, _records(survey, file.path)) for file in timing),
    )


def _records(survey: PurgeSurvey, member: str) -> tuple[str, ...]:
    return (survey.covered[member][1],) if member in survey.covered else ()


def _whole_there(
    survey: PurgeSurvey, account: CubeAccount, proven: frozenset[str]
) -> tuple[RawFile, ...]:
    """The files of a cube whose bytes travelled as they are; none if one of them did not."""
    files = []
    for stamp in _files_here(survey, account):
        copy = aside_path(stamp.path)
        if copy not in proven:
            return ()
        files.append(RawFile(stamp, (copy,), survey.transfer.receipts_there[copy].sha256))
    return tuple(files)


def _files_here(survey: PurgeSurvey, account: CubeAccount) -> Iterator[FileStamp]:
    """The cube, and its timing file if that is here."""
    yield account.fits
    if account.timing_file is not None and account.timing_file.path in survey.files:
        yield account.timing_file


def _hindrance(survey: PurgeSurvey, account: CubeAccount, aside: Container[str]) -> str:
    """Why a cube that is not whole there cannot be sent whole by a purge; '' if it can."""
    files, here = list(_files_here(survey, account)), survey.transfer.here
    linked = {aside_path(file.path): _aside(file) for file in files}.items() & here.items()
    taken = [aside_path(file.path) for file in files if aside_path(file.path) in here]
    if account.fits.path in aside or len(linked) == len(files):
        return "not whole at the archive"
    if len(taken) > len(linked):
        return f"{taken[0]} here is another file"
    return "" if survey.may_link else "vbad may not be written here"


def _aside(file: FileStamp) -> FileStamp:
    return replace(file, path=aside_path(file.path))


def _left_timing_file(survey: PurgeSurvey, account: CubeAccount) -> tuple[RawFile, ...]:
    """The timing file that a purge, killed between the two, has left of a cube."""
    recorded = {each.file: each for each in survey.purged}
    timing = account.timing_file
    if account.fits not in recorded or timing is None or survey.files.get(timing.path) != timing:
        return ()
    row = recorded.get(timing)
    return () if row is None else (RawFile(timing, row.kept_in, row.sha256),)
