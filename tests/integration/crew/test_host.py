"""A host packs what is meant for it, and refuses the rest before a byte is written."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.tools.packing import FRAMELIST, prepare
from vampd.adapters.crew import Carried, Host, HostOrder, take_orders
from vampd.adapters.crew.carrying import HostLost, carry_out, pack_up, unpack
from vampd.disk.durable import place_mark_file
from vampd.disk.leased import write_lease
from vampd.errors import ClaimLost, DataError, TransientError, WorkerLost
from vampd.fits.worker import pack_framelist
from vampd.model.crew import Packed, PackOrder
from vampd.model.cubes import Framelist
from vampd.model.lease import LEASE_PATH, Lease, Term
from vampd.model.life_sign import HostAccount
from vampd.model.proofs import Marked
from vampd.ports import Meter, Pace

MARK, OTHER, VERSION = "0" * 32, "1" * 32, "1.2.3"
TERM = Term("a" * 16, "b" * 16, 1)


class CrewHere:
    """Packs in this process."""

    places = most_places = 2

    def describe(self) -> None:
        pass

    def packers(self, folder: Path) -> tuple[str, ...]:
        return ()

    def accounts(self) -> dict[str, HostAccount]:
        return {}

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        return pack_framelist(order, pace, meter)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """What packs is compiled before there is a lease, which nobody renews here."""
    import_module("vampd.fits.preload")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place_mark_file(tmp_path, MARK, Marked.ROOT)
    write_lease(tmp_path / LEASE_PATH, Lease(TERM.token, 1, orders=frozenset({TERM.order})))
    return tmp_path


@pytest.fixture
def framelist(root: Path) -> Framelist:
    _, framelist = prepare(root)
    (root / FRAMELIST).rename(root / "20251106" / framelist.path)
    return framelist


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    (root / "scratch").mkdir()
    host = Host("w1", VERSION, root, CrewHere(), root / "scratch")
    take_orders(VERSION, host.carry_out)
    yield host
    take_orders("", _refuse)


def _refuse(order: HostOrder) -> Carried:
    raise AssertionError(order)


@pytest.fixture
def order(root: Path, framelist: Framelist) -> HostOrder:
    content = (root / "20251106" / framelist.path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    told = PackOrder(Path("20251106"), framelist.path, "full", framelist_sha256=digest)
    return HostOrder(told, MARK, TERM)


def test_an_order_is_packed_below_the_root_of_the_host(
    root: Path, host: Host, order: HostOrder, framelist: Framelist
) -> None:
    carried = unpack(carry_out(VERSION, pack_up(order)))
    assert carried.packed.reading.path == framelist.packed_path
    assert carried.frames == framelist.frames
    assert (root / "20251106" / framelist.packed_path).exists()
    assert host.in_hand == 0
    assert list((root / "scratch").iterdir()) == []


def other_root(root: Path, order: HostOrder) -> HostOrder:
    return replace(order, mark=OTHER)


def another_framelist(root: Path, order: HostOrder) -> HostOrder:
    path = root / "20251106" / order.order.framelist
    path.write_bytes(path.read_bytes() + b"\n")
    return order


@pytest.mark.parametrize(
    ("make", "code"), [(other_root, "worker_root"), (another_framelist, "worker_framelist")]
)
def test_what_is_not_meant_for_it_is_refused_and_may_be_tried_again(
    root: Path,
    host: Host,
    order: HostOrder,
    framelist: Framelist,
    make: Callable[[Path, HostOrder], HostOrder],
    code: str,
) -> None:
    with pytest.raises(TransientError) as caught:
        unpack(carry_out(VERSION, pack_up(make(root, order))))
    assert caught.value.code == code
    assert not (root / "20251106" / framelist.packed_path).exists()


def test_a_scratch_folder_that_is_gone_is_no_fault_of_the_nights_disk(
    root: Path, host: Host, order: HostOrder
) -> None:
    (root / "scratch").rmdir()
    with pytest.raises(WorkerLost, match="scratch on w1") as caught:
        unpack(carry_out(VERSION, pack_up(order)))
    assert caught.value.code == "worker_not_started"


def test_an_order_of_another_version_is_refused_before_it_is_understood(host: Host) -> None:
    with pytest.raises(TransientError) as caught:
        unpack(carry_out("9.9.9", b"of a later form"))
    assert caught.value.code == "worker_version"


def test_an_order_that_the_lease_does_not_name_is_not_packed(
    root: Path, host: Host, order: HostOrder, framelist: Framelist
) -> None:
    write_lease(root / LEASE_PATH, Lease(TERM.token, 2))
    with pytest.raises(ClaimLost):
        unpack(carry_out(VERSION, pack_up(order)))
    assert not (root / "20251106" / framelist.packed_path).exists()


class Unpicklable(DataError):
    """An error that cannot travel."""

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("never")


class Unreadable(OSError):
    """An error that travels and cannot be made again where it arrives."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("why",)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (DataError("x", "y", path="z"), DataError),
        (FileNotFoundError(2, "gone", "a"), FileNotFoundError),
        (WorkerLost("worker_died", "y"), WorkerLost),
        (ZeroDivisionError("why"), WorkerLost),
        (Unpicklable("x", "why"), WorkerLost),
        (Unreadable("why"), WorkerLost),
    ],
)
def test_an_error_arrives_whatever_it_is(raised: Exception, expected: type[Exception]) -> None:
    def refuse(order: HostOrder) -> Carried:
        raise raised

    take_orders(VERSION, refuse)
    with pytest.raises(expected) as caught:
        unpack(carry_out(VERSION, pickle.dumps(None)))
    assert str(raised) in str(caught.value)
    if expected is DataError:
        assert caught.value.context == {"path": "z"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("answer", [b"", b"no pickle", pickle.dumps(3)])
def test_an_answer_that_is_none_is_the_loss_of_its_host(answer: bytes) -> None:
    with pytest.raises(HostLost):
        unpack(answer)


def test_a_host_tells_what_it_is(root: Path, host: Host) -> None:
    member = host.tell(7)
    assert (member.host, member.version, member.mark, member.beat) == ("w1", VERSION, MARK, 7)
    assert member.slots == 2
    assert 1 <= member.places <= 2
    assert member.available_bytes > 0


def test_a_host_without_the_root_shows_no_sign(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Host("w1", VERSION, tmp_path, CrewHere(), tmp_path).tell(1)
