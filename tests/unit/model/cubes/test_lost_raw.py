"""Raw is whole when every file that products were made from is as it was at sync."""

from dataclasses import replace

import pytest

from vampd.model.cubes import (
    CubeAccount,
    Generation,
    SetAside,
    SyncCounts,
    find_given_up,
    find_lost_raw,
)
from vampd.model.nights import FileStamp

USED = FileStamp("vcam1/a.fits", 100, 5)
TIMING = FileStamp("vcam1/a.txt", 10, 6)
BAD = FileStamp("vcam2/b.fits", 7, 8)
UNFINISHED = FileStamp("vcam2/c.fits.12.34.tmp", 9, 9)
GENERATION = Generation(
    number=1,
    version="1",
    cubes=(
        CubeAccount(USED, TIMING, 4),
        CubeAccount(BAD, None, 2),
        CubeAccount(UNFINISHED, None, 0),
    ),
    products=(),
    set_aside=(
        SetAside(BAD, None, 2, "timing_missing", "why"),
        SetAside(UNFINISHED, None, 0, "unfinished", "why"),
    ),
    counts=SyncCounts(),
)
WHOLE = {stamp.path: stamp for stamp in (USED, TIMING, BAD, UNFINISHED)}


def lost(**changes: FileStamp | None) -> list[str]:
    files = {**WHOLE, **{path: stamp for path, stamp in changes.items() if stamp is not None}}
    for path in [path for path, stamp in changes.items() if stamp is None]:
        del files[path]
    return [one.path for one in find_lost_raw([GENERATION], files)]


def test_a_night_as_it_was_at_sync_has_lost_nothing_and_may_have_more() -> None:
    assert lost() == []
    assert lost(**{"vcam1/late.fits": FileStamp("vcam1/late.fits", 1, 1)}) == []


@pytest.mark.parametrize("stamp", [USED, TIMING])
@pytest.mark.parametrize(("size", "mtime_ns"), [(99, None), (0, 0)])
def test_a_used_file_that_is_gone_or_differs_is_lost(
    stamp: FileStamp, size: int | None, mtime_ns: int | None
) -> None:
    assert lost(**{stamp.path: None}) == [stamp.path]
    changed = FileStamp(
        stamp.path,
        stamp.size if size is None else size,
        stamp.mtime_ns if mtime_ns is None else mtime_ns,
    )
    assert lost(**{stamp.path: changed}) == [stamp.path]


@pytest.mark.parametrize("stamp", [USED, TIMING])
def test_another_time_alone_is_no_loss_as_reading_decides(stamp: FileStamp) -> None:
    assert lost(**{stamp.path: replace(stamp, mtime_ns=99)}) == []


def test_what_is_set_aside_may_have_changed_but_not_gone() -> None:
    assert lost(**{BAD.path: replace(BAD, size=99)}) == []
    assert lost(**{BAD.path: replace(BAD, size=0, mtime_ns=0)}) == [BAD.path]
    assert lost(**{BAD.path: None}) == [BAD.path]


def test_a_cube_that_its_logger_has_finished_since_is_there_under_its_name() -> None:
    finished = FileStamp("vcam2/c.fits", 20, 10)
    assert lost(**{UNFINISHED.path: None, finished.path: finished}) == []
    assert lost(**{UNFINISHED.path: None}) == [UNFINISHED.path]


def test_the_newest_account_of_a_cube_counts() -> None:
    later = replace(
        GENERATION,
        number=2,
        cubes=(CubeAccount(replace(BAD, size=99), None, 2),),
        set_aside=(),
    )
    assert [one.path for one in find_lost_raw([later, GENERATION], WHOLE)] == [BAD.path]


def test_only_what_a_person_gave_up_with_its_product_is_given_up() -> None:
    assert find_given_up([GENERATION]) == ()
    gone = SetAside(BAD, None, 2, "product_lost", "VMPA00000001 was lost")
    (found,) = find_given_up([replace(GENERATION, set_aside=(gone,))])
    assert (found.path, found.why.endswith(gone.reason)) == (BAD.path, True)
