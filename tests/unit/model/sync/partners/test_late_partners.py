"""Late frames that belong to frames in products: counted, and held until their IDs are taken."""

from dataclasses import replace

from tests.support.builders.frames import HOUR_US, RULES, START_US, Night, expose, trigger_train
from vampd.fits.trigger import compiled_kernels
from vampd.model.cubes import Generation, RawCube, SyncCounts
from vampd.model.nights import Stream
from vampd.model.sync import (
    GoneSpan,
    count_gone_partners,
    count_late_partners,
    pending_late_partners,
)
from vampd.model.trigger import Kernels

FIRST = expose(trigger_train(100), cube_frames=(50, 50))
SECOND = expose(trigger_train(100), cube_frames=(50, 50), start_us=START_US + HOUR_US)


def count(late: list[RawCube], used: list[RawCube]) -> int:
    return count_late_partners(late, used, limits=RULES.limits, kernels=compiled_kernels())


def of(night: Night, camera: int) -> list[RawCube]:
    return list(night.of(Stream(f"vcam{camera}")))


def test_a_camera_that_came_late_has_a_partner_for_each_frame_of_the_other() -> None:
    for late, used in ((1, 2), (2, 1)):
        assert count(of(FIRST, late), of(FIRST, used)) == 100
    assert count(of(FIRST, 2)[1:], of(FIRST, 1)) == 50


def test_frames_that_have_their_partner_keep_it() -> None:
    one, two = of(FIRST, 2)
    assert count([two], [*of(FIRST, 1), one]) == 50
    assert count(of(SECOND, 1) + of(SECOND, 2), of(FIRST, 1) + of(FIRST, 2)) == 0


def test_frames_of_another_time_or_without_the_trigger_have_no_partners() -> None:
    assert count(of(SECOND, 2), of(FIRST, 1)) == 0
    free = expose(trigger_train(100), changes={"EXTTRIG": False})
    assert count(of(free, 2), of(free, 1)) == 0


def test_nothing_is_inferred_where_no_cube_was_used_before() -> None:
    def infer(*_: object) -> None:
        raise AssertionError

    unused = Kernels(infer, infer, infer)
    assert count_late_partners(of(FIRST, 2), [], limits=RULES.limits, kernels=unused) == 0


def test_late_frames_from_the_time_of_removed_solo_products_may_be_their_partners() -> None:
    first, last = (int(of(FIRST, 1)[n].timing.acquired_us[n]) for n in (0, -1))
    solo = GoneSpan(Stream.VCAM1, first, last, "vcam1/x.fits", is_solo=True)
    late = of(FIRST, 2)
    inside = sum(
        first <= time <= last for cube in late for time in cube.timing.acquired_us.tolist()
    )
    assert count_gone_partners(late, [solo, solo]) == inside > 90
    # They have their partners, are of the same camera, of another time, or not triggered.
    assert count_gone_partners(late, [replace(solo, is_solo=False)]) == 0
    assert count_gone_partners(of(FIRST, 1), [solo]) == 0
    assert count_gone_partners(of(SECOND, 2), [solo]) == 0
    free = expose(trigger_train(100), changes={"EXTTRIG": False})
    assert count_gone_partners(of(free, 2), [solo]) == 0


def test_a_generation_asks_until_all_its_products_have_ids() -> None:
    plain = FIRST.synchronize()
    late = replace(plain, number=2, counts=replace(plain.counts, late_partners=7))
    identities = {product.identity for product in late.products}
    missing = set(list(identities)[1:])

    def pending(*generations: Generation, bound: set[str]) -> list[int]:
        return [one.number for one in pending_late_partners(generations, bound)]

    assert pending(plain, bound=set()) == []
    assert pending(plain, late, bound=set()) == [2]
    assert pending(plain, late, bound=missing) == [2]
    assert pending(plain, late, bound=identities) == []
    assert plain.counts == replace(late.counts, late_partners=SyncCounts().late_partners)
