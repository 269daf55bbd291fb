"""A grant that is cut off, refused or in vain: no ID is lost, used twice or given out of order."""

import fcntl
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.builders.ledger_lines import bindings, check_laws, fields_of, granted_ids
from tests.support.fakes.authorities import Answering
from tests.support.worlds.records.ledgers import LATER, LOCAL, NAMES, NIGHT, Desk, grant_and_die
from vampd.adapters.authorities import NoAuthority
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.ledger import FrameIdLedger
from vampd.ledger.records import (
    Applied,
    format_line,
)
from vampd.model.frame_ids import FrameId


def test_every_id_is_on_the_disk_before_it_is_bound_and_bound_before_it_is_given(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    assert [fields[0] for fields in fields_of(desk.file)] == [
        "requested",
        *["granted"] * 3,
        *["bound"] * 3,
    ]
    assert granted_ids(desk.file) == ["VMPA90000001", "VMPA90000002", "VMPA90000003"]
    assert bindings(desk.file)[str(NIGHT), "a"] == "VMPA90000002"
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o644


def test_a_restored_night_gets_the_same_ids_again(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    desk.ledger.reserve(LATER, ["x"], LOCAL)
    desk.restart().reserve(NIGHT, ["late", *reversed(NAMES)], LOCAL)
    assert desk.ids() == {"c": 1, "a": 2, "b": 3, "late": 5}


def test_lines_of_a_writer_that_died_reach_the_disk_before_rows_are_made_of_them(
    desk: Desk, monkeypatch
):
    desk.ledger.reserve(NIGHT, ["a"], LOCAL)
    with desk.file.open("ab") as file:
        file.write(format_line(Applied(FrameId(90_000_001), NIGHT)))
    fsynced, fsync = [], os.fsync

    def note(file_fd: int) -> None:
        fsync(file_fd)
        fsynced.append(os.fstat(file_fd).st_ino)

    def look(name: str) -> None:
        if name == "ledger.agree.file_durable":
            assert not desk.ledger.bound(NIGHT)["a"].applied
            assert fsynced == [
                desk.file.stat().st_ino,
                desk.file.parent.stat().st_ino,
            ]

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr("vampd.ledger.ledger.failpoint", look)
    desk.restart().reconcile()
    assert fsynced
    assert desk.ledger.bound(NIGHT)["a"].applied


@pytest.mark.parametrize("database", ["kept", "lost"])
def test_an_interrupted_grant_is_used_for_the_products_it_was_meant_for(
    desk: Desk, monkeypatch, database
):
    grant_and_die(desk, monkeypatch, NAMES)
    assert len(desk.ledger.unused()) == 3
    if database == "lost":
        desk.lose_database()
    desk.ledger.reserve(NIGHT, NAMES, NoAuthority())
    assert desk.ids() == {"c": 1, "a": 2, "b": 3}
    assert desk.ledger.unused() == ()


@pytest.mark.parametrize("wanted", [["a", "b", "c"], ["c", "a"], ["c", "a", "b", "d"]])
def test_ids_of_an_interrupted_grant_are_not_given_to_other_products(
    desk: Desk, monkeypatch, wanted
):
    grant_and_die(desk, monkeypatch, NAMES)
    desk.ledger.reserve(NIGHT, wanted, LOCAL)
    assert desk.ids() == {name: number for number, name in enumerate(wanted, start=4)}
    unused = desk.ledger.unused()
    assert [(str(each.frame_id), each.night) for each in unused] == [
        ("VMPA90000001", NIGHT),
        ("VMPA90000002", NIGHT),
        ("VMPA90000003", NIGHT),
    ]


def test_ids_never_go_back_in_time_within_a_night(desk: Desk, monkeypatch):
    grant_and_die(desk, monkeypatch, NAMES)
    desk.ledger.reserve(NIGHT, ["x"], LOCAL)
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    assert desk.ids() == {"x": 4, "c": 5, "a": 6, "b": 7}
    assert len(desk.ledger.unused()) == 3


def test_what_a_refused_grant_gave_is_on_record_and_stays_unused(desk: Desk):
    desk.ledger.reserve(NIGHT, ["a"], Answering(5))
    for gift in (Answering(8, 8), Answering(7, 5), Answering(9)):
        with pytest.raises(FrameIdConflict):
            desk.ledger.reserve(NIGHT, ["b", "c"], gift)
        desk.restart()
    assert [each.frame_id.number for each in desk.ledger.unused()] == [7, 8, 9]
    # Should the end be torn off, IDs without their refusal would look like a grant to be used.
    kinds = [fields[0] for fields in fields_of(desk.file)]
    assert kinds[3:] == ["requested", "refused", "granted"] * 3
    desk.ledger.reserve(NIGHT, ["b", "c"], LOCAL)
    assert len(desk.ledger.unused()) == 3
    desk.lose_database().reconcile()
    assert [each.frame_id.number for each in desk.ledger.unused()] == [7, 8, 9]
    assert desk.ids()["b"] == 1


def test_asking_in_vain_leaves_one_line_however_often_it_is_repeated(desk: Desk):
    for _ in range(5):
        with pytest.raises(FrameIdsUnavailable):
            desk.restart().reserve(NIGHT, NAMES, NoAuthority())
    assert [fields[0] for fields in fields_of(desk.file)] == ["requested"]


def test_many_threads_and_ledgers_ask_one_after_the_other(desk: Desk):
    ledgers = [desk.ledger, FrameIdLedger(desk.store, desk.file)]

    def ask(number: int) -> None:
        night = (NIGHT, LATER)[number % 2]
        ledgers[number % 3 % 2].reserve(night, [f"{number}a", f"{number}b"], LOCAL)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(24)))
    check_laws(desk.file)
    numbers = sorted([*desk.ids(NIGHT).values(), *desk.ids(LATER).values()])
    assert numbers == list(range(1, 49))
    for number in range(24):
        ids = desk.ids((NIGHT, LATER)[number % 2])
        assert ids[f"{number}b"] == ids[f"{number}a"] + 1


def test_nobody_else_writes_while_an_authority_is_asked(desk: Desk):
    class Looking(Answering):
        def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
            file_fd = os.open(desk.file, os.O_RDWR)
            try:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(file_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(file_fd)
            return super().grant(count, highest_used)

    desk.ledger.reserve(NIGHT, ["a"], Looking(7))
    assert desk.ledger.bound(NIGHT)["a"].frame_id == FrameId(7)


@pytest.mark.soak
def test_thousands_of_products_are_one_night_s_work(desk: Desk):
    names = [f"{number:064x}" for number in range(10_000)]
    desk.ledger.reserve(NIGHT, names, LOCAL)
    assert list(desk.ids().values()) == list(range(1, 10_001))
    desk.ledger.mark_applied(NIGHT, [each.frame_id for each in desk.ledger.bound(NIGHT).values()])
    desk.lose_database().reconcile()
    assert all(each.applied for each in desk.ledger.bound(NIGHT).values())
    check_laws(desk.file)
