"""What is packed travels while the rest is packed, and only where nothing else must come first."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.fakes.paces import SteeredPace
from tests.support.fakes.progress import HeardProgress
from tests.support.worlds.archive.packing_night import (
    NIGHT,
    RAW_BYTES,
    Packing,
    Sending,
    no_readings,
    until,
)
from vampd.engine import execute
from vampd.engine.archive import sending_ahead
from vampd.engine.archive.delivery import Lanes
from vampd.errors import ArchiveUnknown, ClaimLost
from vampd.model.nights import FileStamp
from vampd.model.plan import Compare, Send
from vampd.model.proofs import Place, Receipt
from vampd.model.resources import Space
from vampd.stages.records.parts import BATCH_FILES


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    return Packing(tmp_path)


def test_a_product_is_there_and_was_read_before_the_others_are_packed(packing: Packing) -> None:
    with Sending(packing, RAW_BYTES):
        for name in ("a", "b"):
            put = packing.pack(name)
            put()
            assert until(partial(packing.was_read, f"vgen2/{name}.txt"))
    for path, reading in packing.read_there.items():
        content = (packing.folder / path).read_bytes()
        assert reading.sha256 == hashlib.sha256(content).hexdigest()


def test_less_than_is_worth_a_program_is_left_to_the_transfer(packing: Packing) -> None:
    packing.least_bytes = 800
    packing.send(packing.pack("a", b"x" * 99))
    assert not packing.there
    packing.outbox.begin()
    packing.send(packing.pack("b", b"x"))  # with what had waited, it is enough
    assert {"vgen2/a.fits.fz", "vgen2/b.fits.fz"} <= packing.there


def test_a_long_night_is_sent_in_a_few_hundred_parts(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = packing.watch(monkeypatch)
    with Sending(packing, 10_000):
        for number in range(1000):
            packing.pack(f"{number}", b"x" * 10)()
    # Half as large where nothing else travels, and the smaller ones, first and last.
    assert 0 < len(sent) <= 2 * 100 + 10


def test_parts_are_smaller_the_fewer_travel_and_the_first_one_is_smallest(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.least_bytes = 800
    go_on = threading.Event()
    sent = packing.watch(monkeypatch, lambda: len(sent) == 1 or go_on.wait(10))

    def is_sent(parts: int) -> bool:
        return len(sent) == parts

    with Sending(packing, RAW_BYTES):
        packing.pack("a", b"x" * 100)()
        assert until(partial(packing.was_read, "vgen2/a.txt"))
        # Nothing travels, then one part does.
        for number, (count, goes) in enumerate(((399, 0), (1, 1), (799, 1), (1, 2))):
            packing.pack(f"{number}", b"x" * count)()
            assert until(partial(is_sent, 1 + goes))
        go_on.set()
    assert [size for _, size in sent] == [100, 400, 800]


def test_two_send_at_once_by_connections_of_their_own(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    with Sending(packing, RAW_BYTES):
        packing.pack("a")()
        assert until(lambda: len(sent) == 1)
        packing.pack("b")()
        assert until(partial(packing.was_read, "vgen2/b.txt"))
    assert {connection for connection, _ in sent} == {0, 1}
    assert "vgen2/a.fits.fz" in packing.read_there


def test_where_one_connection_is_wanted_one_sends(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.connections = 1
    sent = packing.watch(monkeypatch)
    with Sending(packing, RAW_BYTES):
        for number in range(5):
            packing.pack(f"{number}")()
            assert until(partial(packing.was_read, f"vgen2/{number}.txt"))
    assert {connection for connection, _ in sent} == {0}


def test_the_next_part_travels_while_one_is_read_there(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.connections = 1
    sent, digests = packing.watch(monkeypatch), packing.archive.digests

    def read_once_another_has_gone(*arguments: Any) -> Any:
        assert until(lambda: len(sent) == 2)
        return digests(*arguments)

    monkeypatch.setattr(packing.archive, "digests", read_once_another_has_gone)
    with Sending(packing, RAW_BYTES):
        for name in ("a", "b"):
            packing.pack(name)()
        assert until(partial(packing.was_read, "vgen2/b.txt"))
    assert packing.was_read("vgen2/a.txt")


def test_what_sending_asks_first_is_asked_before_anything_is_packed(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    for name in ("files", "get_ready", "space"):
        answer = getattr(packing.archive, name)

        def ask(*arguments: Any, name: str = name, answer: Any = answer) -> Any:
            asked.append(name)
            return answer(*arguments)

        monkeypatch.setattr(packing.archive, name, ask)
    with Sending(packing, RAW_BYTES):
        assert until(lambda: len(asked) == 3)
        packing.pack("a")()
        assert until(partial(packing.was_read, "vgen2/a.txt"))
    assert (asked[0], sorted(asked)) == ("files", ["files", "get_ready", "space"])


def test_what_little_waits_when_packing_ends_is_sent_in_smaller_parts_by_both(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.least_bytes = 80
    both = threading.Barrier(2, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    for name, count in (("a", 40), ("b", 20), ("c", 10), ("d", 10)):
        packing.pack(name, b"x" * count)()
    packing.outbox.close()
    packing.sender.run(RAW_BYTES)
    assert sorted(size for _, size in sent) == [10, 10, 20, 40]
    assert len(packing.read_there) == 8


@pytest.mark.parametrize(("rest_s", "goes"), [(30.0, True), (0.0, False)])
def test_what_is_left_goes_too_if_it_can_begin_soon(
    packing: Packing, monkeypatch: pytest.MonkeyPatch, rest_s: float, goes: bool
) -> None:
    packing.rest_s = rest_s
    has_ended = threading.Event()
    sent = packing.watch(monkeypatch, lambda: len(sent) == 1 or has_ended.wait(10))
    with Sending(packing, RAW_BYTES):
        packing.pack("first")()
        assert until(partial(packing.was_read, "vgen2/first.txt"))
        for number in range(20):
            packing.pack(f"{number}")()
        assert until(lambda: len(sent) == 3)
        packing.outbox.close()
        has_ended.set()
    assert len(packing.read_there) == 2 * (21 if goes else 3)


def test_space_is_looked_at_for_all_that_was_sent_since_it_was_asked(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.archive.capacity_bytes = 100
    space = packing.archive.space()
    monkeypatch.setattr(packing.archive, "space", lambda: space)
    with capture_logs() as logs, Sending(packing, RAW_BYTES) as ended:
        for name, fits in (("a", True), ("b", False)):
            packing.pack(name, b"x" * 60)()
            if fits:
                assert until(partial(packing.was_read, f"vgen2/{name}.txt"))
        assert ended.wait(10)
    assert [log["code"] for log in logs if log["event"] == "send_ahead.ended"] == ["disk_low"]
    assert not packing.was_read("vgen2/b.txt")


def test_space_is_asked_again_later_and_holds_what_is_under_way(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_ahead, "_SPACE_COUNTS_S", -1.0)
    packing.archive.capacity_bytes = 100
    space, asked, go_on = packing.archive.space(), list[int](), threading.Event()
    monkeypatch.setattr(packing.archive, "space", partial(ask, asked, space))
    packing.watch(monkeypatch, lambda: go_on.wait(10))
    with capture_logs() as logs, Sending(packing, RAW_BYTES) as ended:
        for _ in range(2):
            before = len(asked)
            packing.pack(f"{before}", b"x" * 60)()
            assert until(partial(more_than, asked, before))
        go_on.set()
        assert ended.wait(10)
    assert [log["code"] for log in logs if log["event"] == "send_ahead.ended"] == ["disk_low"]


def ask(asked: list[int], space: Space) -> Space:
    asked.append(1)
    return space


def more_than(asked: list[int], count: int) -> bool:
    return len(asked) > max(count, 1)


def test_the_next_part_travels_while_leftovers_of_one_are_looked_for(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.connections = 1
    sent = list[object]()
    send: Any = packing.archive.send

    def look_for_leftovers(*arguments: Any, after: Callable[[], object], **others: Any) -> None:
        sent.append(others)
        send(*arguments, after=after, **others)
        assert len(sent) == 2 or until(lambda: len(sent) == 2)

    monkeypatch.setattr(packing.archive, "send", look_for_leftovers)
    with Sending(packing, RAW_BYTES):
        for name in ("a", "b"):
            packing.pack(name)()
        assert until(partial(packing.was_read, "vgen2/b.txt"))


def test_once_a_part_has_failed_no_other_one_begins(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.connections = 1
    sent, failure = packing.watch(monkeypatch), ArchiveUnknown("archive_unknown", "gone")

    def refuse(*_: object) -> None:
        raise failure

    monkeypatch.setattr(packing.archive, "digests", refuse)
    delivery = packing.sender.delivery
    for name in ("a", "b"):
        packing.pack(name)
        with pytest.raises(ArchiveUnknown, match="gone"):
            delivery.deliver([f"vgen2/{name}.txt"], Compare.SIZE_AND_TIME)
    assert len(sent) == 1


def test_what_lies_there_is_not_sent_over(packing: Packing) -> None:
    lying = FakeFile(b"PACKED")
    put = packing.pack("a")
    packing.archive.trees[NIGHT.date] = {"vgen2/a.fits.fz": lying}
    packing.send(put, packing.pack("b"))
    assert packing.archive.trees[NIGHT.date]["vgen2/a.fits.fz"] == lying
    assert {"vgen2/b.fits.fz", "vgen2/b.txt"} <= packing.there
    assert "vgen2/a.txt" not in packing.there


def test_what_came_there_since_it_was_listed_is_not_sent_over(packing: Packing) -> None:
    with Sending(packing, RAW_BYTES):
        packing.pack("a")()
        assert until(partial(packing.was_read, "vgen2/a.txt"))
        theirs = FakeFile(b"theirs")
        packing.archive.trees[NIGHT.date]["vgen2/b.fits.fz"] = theirs
        packing.pack("b")()
        assert until(partial(packing.was_read, "vgen2/b.txt"))
    assert packing.archive.trees[NIGHT.date]["vgen2/b.fits.fz"] == theirs


@pytest.mark.parametrize(
    ("name", "change"),
    # Of a sidecar only the size is known; what arrives is compared by its digest.
    [("a.fits.fz", "size"), ("a.fits.fz", "time"), ("a.txt", "size"), ("a.txt", "gone")],
)
def test_what_is_no_longer_what_was_proven_is_not_sent(
    packing: Packing, name: str, change: str
) -> None:
    put, path = packing.pack("a"), packing.folder / "vgen2" / name
    match change:
        case "size":
            path.write_bytes(b"something else, of another size")
        case "time":
            os.utime(path, ns=(1, 1))
        case _:
            path.unlink()
    packing.send(put)
    assert not packing.there


def test_where_the_transfer_has_to_look_first_nothing_is_sent(packing: Packing) -> None:
    # Another product lies there, which nothing here tells of.
    packing.archive.trees[NIGHT.date] = {"vgen2/other.fits.fz": FakeFile(b"other")}
    packing.send(packing.pack("a"))
    assert packing.there == {"vgen2/other.fits.fz"}
    # What was read there is gone.
    packing.archive.trees.clear()
    gone = Receipt(Place.ARCHIVE, FileStamp("vgen2/z.fits.fz", 1, 1), "0" * 64, 1.0)
    packing.readings.keep(NIGHT, [gone])
    packing.outbox.begin()
    packing.send(packing.pack("b"))
    assert not packing.there
    # The archive host has moved the night.
    packing.readings = no_readings()
    packing.reader.moved_to = "/elsewhere"
    packing.reader.moved = {"vgen2/a.fits.fz": FakeFile(b"packed")}
    packing.outbox.begin()
    packing.send(packing.pack("c"))
    assert not packing.there


@pytest.mark.parametrize("trouble", ["unreachable", "unknown", "full", "reserve", "unreadable"])
def test_trouble_at_the_archive_is_no_trouble_of_packing(
    packing: Packing, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ArchiveUnknown("archive_unknown", "another disk is mounted there")

    match trouble:
        case "unreachable":
            packing.archive.reachable = False
        case "unknown":
            monkeypatch.setattr(packing.archive, "files", refuse)
        case "full":
            packing.archive.capacity_bytes = 5
        case "reserve":
            packing.archive.capacity_bytes, packing.reserve_bytes = 1_000, 995
        case _:
            monkeypatch.setattr(packing.archive, "digests", refuse)
    with capture_logs() as logs:
        packing.send(packing.pack("a"))
    (ended,) = [log for log in logs if log["event"] == "send_ahead.ended"]
    assert (ended["log_level"], bool(ended["code"])) == ("info", True)
    assert bool(packing.there) is (trouble == "unreadable")
    assert not packing.read_there


def test_it_ends_when_the_night_is_taken_from_it(packing: Packing) -> None:
    packing.pace.stop()
    with pytest.raises(ClaimLost):
        packing.send(packing.pack("a"))
    assert not packing.there


def test_what_waits_when_packing_ends_is_left_to_the_transfer(packing: Packing) -> None:
    packing.rest_s = 0.0
    put = packing.pack("a")
    packing.outbox.close()
    put()
    packing.sender.run(RAW_BYTES)
    assert not packing.there


def test_a_slow_link_keeps_no_night_at_packing(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, packing.outbox.close, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    # Taken in parts of a batch at most, with the sidecars.
    packing.least_bytes = BATCH_FILES * 100
    for number in range(2 * BATCH_FILES):
        packing.pack(f"{number}", b"x" * 100)()
    packing.rest_s = 0.0
    packing.sender.run(RAW_BYTES)
    assert len(sent) == 2
    assert len(packing.read_there) < 2 * BATCH_FILES


def test_as_many_parts_are_read_there_as_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    tools: Any = SimpleNamespace(night=NIGHT, lanes=Lanes(3), pace=SteeredPace())
    together = threading.Barrier(6, timeout=10)
    monkeypatch.setattr(execute, "execute", lambda *_: together.wait())
    wave = tuple(Send((f"vgen2/{number}.txt",), Compare.SIZE_AND_TIME) for number in range(6))
    execute.execute_wave(tools, wave, HeardProgress())
