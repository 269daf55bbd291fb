"""A product that was lost counts nowhere, and each of its frames is set aside."""

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
    SetAside,
    SyncCounts,
    set_aside_cubes,
)
from vampd.model.nights import FileStamp
from vampd.model.sync import Withdrawal, give_up_aside, join, withdraw, without_withdrawn

FIRST, SECOND = "vcam1/a.fits", "vcam1/b.fits"
FRAMES = 10


def product(name: str, *ranges: FrameRange) -> Product:
    return Product(name, ProductOrder(0, 1, ""), False, ranges, (), 0, 0, 0, 0, 0)


# Two products of one cube, and one that begins in it and ends in the next.
EVEN = product("even", FrameRange(FIRST, 0, 3, 2))
ODD = product("odd", FrameRange(FIRST, 1, 3, 2))
LAST = product("last", FrameRange(FIRST, 6, 3, 1), FrameRange(SECOND, 0, 10, 1))
ACCOUNTS = tuple(
    CubeAccount(FileStamp(path, 1, 1), FileStamp(path.replace(".fits", ".txt"), 1, 1), FRAMES)
    for path in (FIRST, SECOND)
)
# The last frame of the first cube was set aside at sync.
ALONE = SetAside(ACCOUNTS[0].fits, ACCOUNTS[0].timing_file, 1, "late_row", "a row lacks")
DECIDED = Generation(1, "1", ACCOUNTS, (EVEN, ODD, LAST), (ALONE,), SyncCounts(raw=20, solo=19))


def lose(*products: Product, let_go: frozenset[str] = frozenset()) -> Withdrawal:
    lost = {one.identity: f"vgen2/{one.name}.fits.fz" for one in products}
    made = {one.identity for one in DECIDED.products} - lost.keys()
    return withdraw([DECIDED], let_go, made=made, listed=(), reason="let go", lost=lost)


@pytest.mark.parametrize(
    ("lost", "aside"),
    [
        ((EVEN,), {FIRST: 4}),
        ((EVEN, ODD), {FIRST: 7}),
        ((LAST,), {FIRST: 4, SECOND: 10}),
        ((EVEN, ODD, LAST), {FIRST: 10, SECOND: 10}),
    ],
)
def test_the_frames_of_a_lost_product_are_set_aside_and_no_others(
    lost: tuple[Product, ...], aside: dict[str, int]
) -> None:
    found = lose(*lost)
    assert {cube.path: (cube.frames, cube.code) for cube in found.set_aside} == {
        path: (frames, PRODUCT_LOST) for path, frames in aside.items()
    }
    assert found.products == ()
    assert all(each.name in found.set_aside[0].reason for each in lost)
    assert "late_row" in found.set_aside[0].reason


def test_a_lost_product_counts_nowhere_and_every_frame_once() -> None:
    found = join(Generation(2, "1", (), (), (), SyncCounts()), lose(LAST))
    counting = without_withdrawn([DECIDED, found])
    products = [one for each in counting for one in each.products]
    assert products == [EVEN, ODD]
    aside = sum(cube.frames for cube in set_aside_cubes(counting).values())
    assert sum(one.frames for one in products) + aside == 2 * FRAMES
    # Once withdrawn, it is no news.
    again = withdraw(
        counting, frozenset(), made=(), listed=(), reason="", lost={LAST.identity: "x"}
    )
    assert not again


def test_a_cube_that_cannot_be_read_gives_its_other_products_all_the_same() -> None:
    unmade = replace(DECIDED, set_aside=(), products=(EVEN, LAST))
    found = withdraw(
        [unmade],
        frozenset({SECOND}),
        made={EVEN.identity},
        listed=(),
        reason="let go",
        lost={EVEN.identity: "vgen2/even.fits.fz"},
    )
    assert {cube.path: (cube.frames, cube.code) for cube in found.set_aside} == {
        FIRST: (7, PRODUCT_LOST),
        SECOND: (10, "unreadable"),
    }
    # The frames of the last that the first cube gives.
    assert [one.frames for one in found.products] == [3]


TIMING = FIRST.replace(".fits", ".txt")


def give_up(*lost: str, generations: tuple[Generation, ...] = (DECIDED,)) -> Withdrawal:
    return give_up_aside(generations, lost, {SECOND})


def test_what_is_lost_of_a_set_aside_cube_is_said_once_and_leaves_products_as_they_are() -> None:
    found = give_up(TIMING)
    (aside,) = found.set_aside
    assert (aside.path, aside.frames, aside.code) == (FIRST, 1, RAW_LOST)
    assert aside.reason.startswith(f"vbad/{TIMING} was lost: ")
    assert aside.reason.endswith("; before that late_row: a row lacks")
    assert (found.withdrawn, found.products) == ((), ())
    second = join(Generation(2, "1", (), (), (), SyncCounts()), found)
    assert not give_up(TIMING, generations=(DECIDED, second))
    # Each file is named that is lost, however late.
    (both,) = give_up(FIRST, generations=(DECIDED, second)).set_aside
    assert both.reason.startswith(f"vbad/{FIRST} was lost: ")
    assert f"vbad/{TIMING} was lost: " in both.reason


def test_of_a_cube_that_traveled_for_a_few_frames_these_are_set_aside() -> None:
    dropped = replace(DECIDED, set_aside=())
    (aside,) = give_up(FIRST, generations=(dropped,)).set_aside
    assert (aside.frames, aside.code, "9 of its frames" in aside.reason) == (1, RAW_LOST, True)


def test_a_cube_that_is_here_is_looked_at_and_not_called_lost() -> None:
    assert not give_up(SECOND, SECOND.replace(".fits", ".txt"))


def test_a_cube_of_a_lost_product_stays_one_that_no_sync_uses_again() -> None:
    known = replace(ALONE, code=PRODUCT_LOST)
    (aside,) = give_up(FIRST, generations=(replace(DECIDED, set_aside=(known,)),)).set_aside
    assert aside.code == PRODUCT_LOST
