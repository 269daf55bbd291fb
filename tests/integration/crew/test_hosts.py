"""Which host gets an order, and what becomes of it when that host, or the engine, is lost."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.crew.yard import HERE, MARK, THERE, VERSION, FakeEngine, FakeErrand, Yard
from tests.support.daemon.running import PATIENCE_S, wait_until
from vampd.adapters.crew import Board, Carried, HostLost, Terms
from vampd.disk.durable import place_mark_file
from vampd.disk.leased import read_lease
from vampd.errors import ClaimLost, DataError, TransientError, WorkerLost
from vampd.model.crew import Packed
from vampd.model.lease import LEASE_PATH
from vampd.model.life_sign import HostAccount
from vampd.model.proofs import Marked


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    place_mark_file(tmp_path, MARK, Marked.ROOT)
    return Yard(tmp_path, FakeEngine())


@pytest.fixture
def packing(yard: Yard) -> Iterator[Callable[[], Future[Packed]]]:
    """Begin to pack beside the test."""
    with ThreadPoolExecutor(8) as threads:
        try:
            yield lambda: threads.submit(yard.pack)
        finally:
            yard.stop.raise_()


def sent(yard: Yard, count: int) -> list[FakeErrand]:
    wait_until(lambda: len(yard.engine.sent) >= count, f"{count} orders")
    return [errand for _, errand in yard.engine.sent]


def test_a_host_gets_the_order_with_the_root_left_out(yard: Yard) -> None:
    yard.show("w1")
    yard.engine.ends.append(Carried(THERE, 3, 40))
    assert yard.pack() == THERE
    ((host, errand),) = yard.engine.sent
    assert host == "w1"
    assert errand.order.order.folder == Path("20251106")
    assert errand.order.order.framelist_sha256 is not None
    assert errand.order.mark == MARK
    assert yard.meter.counts == (3, 40)


def test_progress_is_that_of_the_signs_and_begins_anew_with_a_lost_packer(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    begun = packing()
    (errand,) = sent(yard, 1)
    name = errand.order.term.order
    for done in ((5, 50), (1, 10)):
        yard.show("w1", done={name: done})
        yard.wait_for_counts(*done)
    errand.end.set_result(Carried(THERE, 6, 60))
    assert begun.result(PATIENCE_S) == THERE
    assert yard.meter.counts == (6, 60)


def test_no_host_has_more_orders_than_places(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1", places=2)
    yard.show("w2", places=1)
    assert yard.crew.places == 3
    begun = [packing() for _ in range(5)]
    errands = sent(yard, 3)
    assert sorted(host for host, _ in yard.engine.sent) == ["w1", "w1", "w2"]
    for errand in errands:
        errand.end.set_result(Carried(THERE, 0, 0))
    for errand in sent(yard, 5)[3:]:
        errand.end.set_result(Carried(THERE, 0, 0))
    assert [each.result(PATIENCE_S) for each in begun] == 5 * [THERE]


def test_an_order_that_a_host_shows_no_sign_of_is_tried_elsewhere(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    begun = packing()
    (lost,) = sent(yard, 1)
    yard.now += 59
    yard.show("w1")
    yard.show("w2")
    assert not lost.is_dropped
    yard.now += 1
    _, again = sent(yard, 2)
    assert lost.is_dropped
    # Whoever still has the first ends by the lease.
    assert again.order.term.order != lost.order.term.order
    yard.board.look()
    lease = read_lease(yard.root / LEASE_PATH)
    assert lease is not None
    assert lease.orders == {again.order.term.order}
    again.end.set_result(Carried(THERE, 0, 0))
    assert begun.result(PATIENCE_S) == THERE


def test_an_order_that_a_host_names_may_take_long(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    begun = packing()
    (errand,) = sent(yard, 1)
    for number in range(5):
        yard.now += 50
        yard.show("w1", done={errand.order.term.order: (number, number)})
        yard.wait_for_counts(number, number)
    assert not errand.is_dropped
    errand.end.set_result(Carried(THERE, 0, 0))
    assert begun.result(PATIENCE_S) == THERE


def test_an_order_that_a_host_named_before_it_fell_silent_is_tried_elsewhere(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    begun = packing()
    (errand,) = sent(yard, 1)
    yard.show("w1", done={errand.order.term.order: (5, 50)})
    yard.wait_for_counts(5, 50)
    yard.now += 59
    yard.show("w2")
    yard.now += 1
    _, again = sent(yard, 2)
    again.end.set_result(Carried(THERE, 6, 60))
    assert begun.result(PATIENCE_S) == THERE
    assert yard.meter.counts == (6, 60)


def test_hosts_are_known_by_what_they_pack_and_lose(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    yard.engine.ends.append(HostLost("gone"))
    begun = packing()
    sent(yard, 1)
    yard.show("w2")
    _, again = sent(yard, 2)
    assert yard.crew.packers(yard.order.folder) == ("w2",)
    yard.now += 99
    again.end.set_result(Carried(THERE, 6, 10_000))
    begun.result(PATIENCE_S)
    assert yard.crew.packers(yard.order.folder) == ()
    assert yard.crew.accounts() == {"w1": HostAccount(0, 1), "w2": HostAccount(101, 0)}


def test_three_lost_hosts_are_an_error(yard: Yard) -> None:
    for host in ("w1", "w2", "w3"):
        yard.show(host)
    yard.engine.ends.extend(HostLost("gone") for _ in range(3))
    with pytest.raises(WorkerLost, match="on w3: gone"):
        yard.pack()


def test_a_host_that_was_lost_gets_no_order_before_two_more_signs(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    yard.engine.ends.append(HostLost("gone"))
    begun = packing()
    sent(yard, 1)
    wait_until(lambda: yard.crew.places == 0, "the loss")
    # The first was written before it died, perhaps.
    yard.show("w1")
    assert yard.crew.places == 0
    yard.show("w1")
    _, again = sent(yard, 2)
    again.end.set_result(Carried(THERE, 0, 0))
    assert begun.result(PATIENCE_S) == THERE


@pytest.mark.parametrize(
    "error", [DataError("x", "y"), TransientError("x", "y"), WorkerLost("x", "y"), OSError(5, "y")]
)
def test_what_packing_raises_elsewhere_is_raised_here(yard: Yard, error: Exception) -> None:
    yard.show("w1")
    yard.engine.ends.append(error)
    with pytest.raises(type(error)):
        yard.pack()
    assert len(yard.engine.sent) == 1


def test_a_host_that_ends_by_itself_costs_a_try(yard: Yard) -> None:
    yard.show("w1")
    yard.show("w2")
    yard.engine.ends.extend([ClaimLost("stopped", "it ends"), Carried(THERE, 0, 0)])
    assert yard.pack() == THERE


@pytest.mark.parametrize(
    "error",
    [
        HostLost("gone"),
        WorkerLost("worker_died", "exit code -4"),
        WorkerLost("worker_not_started", "no space"),
        OSError(errno.EROFS, "read-only"),
        PermissionError(errno.EACCES, "not its user's"),
        OSError(errno.ESTALE, "stale"),
    ],
)
def test_an_order_is_not_given_again_to_the_host_that_lost_it(
    yard: Yard, packing: Callable[[], Future[Packed]], error: Exception
) -> None:
    # One host on which nothing is packed draws orders, as it is always free: the other one is busy.
    yard.show("w2")
    begun = [packing()]
    (busy,) = sent(yard, 1)
    yard.show("w1", places=4)
    yard.engine.ends.append(error)
    begun.append(packing())
    sent(yard, 2)
    wait_until(lambda: sum(each.losses for each in yard.crew.accounts().values()) == 1, "the loss")
    # Who has answered lives; who has not is believed by its next signs.
    assert yard.crew.places == (1 if isinstance(error, HostLost) else 5)
    for _ in range(2):
        yard.show("w1", places=4)
    assert yard.crew.places == 5
    busy.end.set_result(Carried(THERE, 0, 0))
    again = sent(yard, 3)[2]
    assert [host for host, _ in yard.engine.sent] == ["w2", "w1", "w2"]
    again.end.set_result(Carried(THERE, 0, 0))
    assert [each.result(PATIENCE_S) for each in begun] == 2 * [THERE]


def test_what_ends_for_another_daemon_is_told_as_that(yard: Yard) -> None:
    yard.show("w1")
    yard.show("w2")
    other = Board(yard.root, lambda: MARK, lambda: False, VERSION, 60.0)
    other.look()
    yard.board.look()
    yard.engine.ends.extend([ClaimLost("stopped", "it ends"), Carried(THERE, 0, 0)])
    with pytest.raises(TransientError, match="another vampd has") as caught:
        yard.pack()
    assert caught.value.code == "crew_contested"
    # And only while the other one writes.
    yard.board.look()
    assert not yard.board.is_contested


def test_the_lease_of_an_earlier_daemon_contests_nothing(yard: Yard) -> None:
    later = Board(yard.root, lambda: MARK, lambda: False, VERSION, 60.0)
    for _ in range(2):
        later.look()
        assert not later.is_contested


def test_a_stopped_attempt_takes_its_orders_off_the_lease(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    begun = packing()
    (errand,) = sent(yard, 1)
    yard.stop.raise_()
    with pytest.raises(ClaimLost):
        begun.result(PATIENCE_S)
    assert errand.is_dropped
    yard.board.look()
    lease = read_lease(yard.root / LEASE_PATH)
    assert lease is not None
    assert not lease.orders


def test_a_crew_that_was_closed_gives_no_order(yard: Yard) -> None:
    yard.show("w1")
    yard.crew.close()
    with pytest.raises(ClaimLost):
        yard.pack()
    assert yard.engine.sent == []


def test_a_host_that_the_engine_does_not_reach_gets_nothing(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.show("w1")
    yard.show("w2", places=3)
    yard.engine.reached.remove("w2")
    assert yard.crew.places == 1
    begun = packing()
    (errand,) = sent(yard, 1)
    assert yard.engine.sent[0][0] == "w1"
    errand.end.set_result(Carried(THERE, 0, 0))
    assert begun.result(PATIENCE_S) == THERE


def test_an_engine_away_makes_the_night_wait_and_then_all_is_packed_here(yard: Yard) -> None:
    yard.now += 60
    with pytest.raises(TransientError, match="for 1 min; packs on this machine once") as caught:
        yard.pack()
    assert caught.value.code == "crew_unreachable"
    yard.now += 540
    assert yard.pack() == HERE
    assert yard.crew.places == 3
    # And no longer than it is away.
    yard.show("w1")
    yard.engine.ends.append(Carried(THERE, 0, 0))
    assert yard.pack() == THERE


def test_an_engine_away_for_ever_is_waited_for_where_nothing_is_to_be_packed_here(
    yard: Yard,
) -> None:
    yard.terms = Terms(0, 60.0, 0.0)
    yard.crew = yard.make()
    yard.now += 1e6
    with pytest.raises(TransientError, match="fall_back_after_s is 0") as caught:
        yard.pack()
    assert caught.value.code == "crew_unreachable"


def test_local_places_pack_when_hosts_are_busy_or_away(
    yard: Yard, packing: Callable[[], Future[Packed]]
) -> None:
    yard.terms = Terms(1, 60.0, 0.0)
    yard.crew = yard.make()
    assert yard.pack() == HERE
    yard.show("w1")
    assert yard.crew.places == 2
    begun = packing()
    (errand,) = sent(yard, 1)
    assert yard.pack() == HERE
    errand.end.set_result(Carried(THERE, 0, 0))
    assert begun.result(PATIENCE_S) == THERE


def test_the_crew_is_described(yard: Yard, packing: Callable[[], Future[Packed]]) -> None:
    assert yard.crew.describe() == "fake, no host for 0 s"
    yard.now += 600
    assert yard.crew.describe() == "fake, no host for 10 min, packs here"
    yard.show("w1", places=2)
    assert yard.crew.describe() == "fake, 1 host, 0 of 2 places busy"
    packing()
    sent(yard, 1)
    assert yard.crew.describe() == "fake, 1 host, 1 of 2 places busy"


def test_a_framelist_that_is_gone_is_not_ordered(yard: Yard) -> None:
    yard.show("w1")
    (yard.order.folder / yard.order.framelist).unlink()
    with pytest.raises(FileNotFoundError):
        yard.pack()
    assert yard.engine.sent == []
