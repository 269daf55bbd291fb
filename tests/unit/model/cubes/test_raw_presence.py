"""A raw cube may be gone if its frames are in products, or if it is set aside; else it is lost."""

from dataclasses import replace

import pytest

from vampd.model.cubes import (
    PRODUCT_LOST,
    RAW_LOST,
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    RawPresence,
    SetAside,
    SyncCounts,
    judge_raw_presence,
)
from vampd.model.nights import FileStamp

ONE, TWO, BAD = "vcam1/1.fits", "vcam2/1.fits", "vcam1/2.fits"
UNFINISHED = "vcam1/3.fits.12.34.tmp"


def stamp(path: str, mtime_ns: int = 0) -> FileStamp:
    return FileStamp(path, 2880, mtime_ns)


def timing(path: str) -> FileStamp:
    return stamp(path.removesuffix(".fits") + ".txt")


def product(name: str, cube: str, partner: str | None = None) -> Product:
    partners = (FrameRange(partner, 0, 5),) if partner else ()
    return Product(
        name, ProductOrder(0, 1, ""), False, (FrameRange(cube, 0, 5),), partners, 0, 0, 0, 0, 0
    )


FIRST, SECOND = product("first", ONE, TWO), product("second", TWO, ONE)
GENERATION = Generation(
    number=1,
    version="0",
    cubes=(
        *(CubeAccount(stamp(path), timing(path), 5) for path in (ONE, TWO, BAD)),
        CubeAccount(stamp(UNFINISHED), None, 0),
    ),
    products=(FIRST, SECOND),
    set_aside=(
        SetAside(stamp(BAD), timing(BAD), 5, "timing_nan", "a row has NaN"),
        SetAside(stamp(UNFINISHED), None, 0, "unfinished", "never finished"),
    ),
    counts=SyncCounts(),
)
HERE = {
    file.path: file
    for file in (
        *(each for path in (ONE, TWO, BAD) for each in (stamp(path), timing(path))),
        stamp(UNFINISHED),
    )
}
BOTH = {FIRST.identity, SECOND.identity}


def judge(here: dict[str, FileStamp], packed: set[str] = BOTH) -> RawPresence:
    return judge_raw_presence([GENERATION], here.values(), packed)


def without(*paths: str) -> dict[str, FileStamp]:
    return {path: file for path, file in HERE.items() if path not in paths}


def paths(accounts: tuple[CubeAccount, ...]) -> list[str]:
    return [account.fits.path for account in accounts]


def test_of_a_whole_night_nothing_is_removed() -> None:
    presence = judge(HERE)
    assert presence == RawPresence(kept=3)
    assert not presence.is_less_only


def test_a_cube_in_products_and_a_set_aside_one_may_be_removed() -> None:
    presence = judge(without(ONE, BAD, timing(BAD).path))
    assert paths(presence.removed) == [ONE, BAD]
    assert (presence.lost, presence.kept) == ((), 1)
    assert presence.gone_aside == (BAD, timing(BAD).path)
    assert presence.is_less_only


@pytest.mark.parametrize("packed", [set(), {FIRST.identity}, {SECOND.identity}])
def test_a_cube_that_some_product_still_needs_is_lost(packed: set[str]) -> None:
    presence = judge(without(ONE), packed)
    assert paths(presence.lost) == [ONE]
    assert not presence.is_less_only


@pytest.mark.parametrize(
    "new",
    [
        stamp("vcam1/9.fits"),
        stamp("vcam1/9.fits.1.2.tmp"),
        stamp(TWO, mtime_ns=1),
        FileStamp(timing(TWO).path, 1, 0),
    ],
)
def test_what_no_generation_knows_so_is_new(new: FileStamp) -> None:
    presence = judge(without(ONE) | {new.path: new})
    assert presence.has_new
    assert not presence.is_less_only


def test_a_file_that_is_no_cube_or_a_timing_file_that_went_is_not_new() -> None:
    here = without(ONE, timing(TWO).path) | {"vcam1/notes.md": stamp("vcam1/notes.md")}
    assert judge(here).is_less_only


def test_an_unfinished_cube_that_got_its_name_is_not_gone() -> None:
    finished = stamp("vcam1/3.fits")
    presence = judge(without(UNFINISHED) | {finished.path: finished})
    assert presence.removed == ()
    assert presence.has_new
    assert paths(judge(without(UNFINISHED)).removed) == [UNFINISHED]


def test_a_folder_without_generations_has_lost_nothing() -> None:
    assert judge_raw_presence([], [], BOTH) == RawPresence()


@pytest.mark.parametrize(
    ("changed", "is_changed_only"),
    [
        (stamp(TWO, mtime_ns=1), True),
        (FileStamp(TWO, 1, 1), True),
        (FileStamp(timing(TWO).path, 1, 1), True),
        (stamp(BAD, mtime_ns=1), True),
        (FileStamp(BAD, 1, 1), False),
        (stamp("vcam1/9.fits"), False),
    ],
)
def test_used_raw_that_changed_is_no_late_data_nor_is_set_aside_raw_of_another_time(
    changed: FileStamp, is_changed_only: bool
) -> None:
    assert judge(HERE | {changed.path: changed}).is_changed_only is is_changed_only
    late = stamp("vcam1/8.fits")
    assert not judge(HERE | {changed.path: changed, late.path: late}).is_changed_only


def test_a_timing_file_may_go_once_all_of_its_cubes_frames_are_packed() -> None:
    here = {path: file for path, file in HERE.items() if path != timing(ONE).path}
    presence = judge_raw_presence([GENERATION], here.values(), BOTH)
    assert (presence.timing_removed, presence.is_less_only) == ((timing(ONE).path,), True)
    # It is the partner of what is still to be packed.
    presence = judge_raw_presence([GENERATION], here.values(), {FIRST.identity})
    assert (presence.timing_removed, presence.is_less_only) == ((), False)


def test_a_timing_file_may_go_too_beside_a_cube_whose_other_frames_were_set_aside() -> None:
    rest = SetAside(stamp(ONE), timing(ONE), 2, PRODUCT_LOST, "its product was lost")
    partly = replace(GENERATION, set_aside=(*GENERATION.set_aside, rest))
    here = without(timing(ONE).path, timing(BAD).path)
    assert judge_raw_presence([partly], here.values(), BOTH).timing_removed == (timing(ONE).path,)


def test_what_was_given_up_as_lost_is_late_data_once_it_is_back() -> None:
    aside, unfinished = GENERATION.set_aside
    lost = replace(GENERATION, set_aside=(replace(aside, code=RAW_LOST), unfinished))
    gone = [file for path, file in HERE.items() if path != BAD]
    assert not judge_raw_presence([lost], gone, BOTH).has_new
    assert judge_raw_presence([lost], gone, BOTH).gone_aside == ()
    back = judge_raw_presence([lost], HERE.values(), BOTH)
    assert (back.has_new, back.is_changed_only) == (True, False)
    # Of a cube that is in products too, nothing more is made.
    used = replace(lost, products=(*lost.products, product("used", BAD)))
    packed = {each.identity for each in used.products}
    assert not judge_raw_presence([used], HERE.values(), packed).has_new
