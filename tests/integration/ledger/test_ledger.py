"""The frame-ID ledger on a real disk: killed anywhere, robbed of its database, tampered with."""

import fcntl
import os
import shutil
import stat
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.ledger_lines import bindings, check_laws, fields_of, granted_ids
from tests.support.fakes.authorities import Answering
from tests.support.worlds.scripts import hits_of, run_script, was_killed
from vampd.adapters.authority import LocalAuthority, NoAuthority
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.file import open_ledger_file
from vampd.ledger.ledger import FrameIdLedger
from vampd.ledger.records import (
    Applied,
    Bound,
    Granted,
    Refused,
    Requested,
    format_line,
    parse_line,
)
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.model.nights import Kind, NightId
from vampd.store.engine import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
LATER = NightId("20251107", Kind.ARCHIVE)
LOCAL = LocalAuthority(FrameId(90_000_001))
NAMES = ["c", "a", "b"]


class Desk:
    """A folder with a ledger in it, opened again as after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ARCHIVED_DATA" / "frameids.ledger"
        self.database = folder / "vampd.db"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.ledger = self.open()

    def open(self) -> FrameIdLedger:
        self.store = open_store(f"sqlite:///{self.database}", Access.MIGRATE)
        self.ledger = FrameIdLedger(self.store, self.file)
        return self.ledger

    def restart(self) -> FrameIdLedger:
        self.store.close()
        return self.open()

    def lose_database(self) -> FrameIdLedger:
        self.store.close()
        self.database.unlink()
        return self.open()

    def ids(self, night: NightId = NIGHT) -> dict[str, int]:
        bound = self.ledger.bound(night).values()
        return {each.identity: each.frame_id.number - 90_000_000 for each in bound}


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


WORK = f"""
import sys
from pathlib import Path
from vampd.adapters.authority import LocalAuthority
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.store.engine import Access, open_store
from vampd.ledger.ledger import FrameIdLedger
from vampd.ledger.file import open_ledger_file

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{{folder}}/vampd.db", Access.USE)
ledger = FrameIdLedger(store, folder / "ARCHIVED_DATA" / "frameids.ledger")
night, later = (NightId(date, Kind.ARCHIVE) for date in ("20251106", "20251107"))
authority = LocalAuthority(FrameId(90_000_001))
ledger.reserve(night, {NAMES!r}, authority)
ledger.mark_applied(night, [bound.frame_id for bound in ledger.bound(night).values()])
ledger.reserve(later, ["d"], authority)
"""


def do_the_work(ledger: FrameIdLedger) -> None:
    ledger.reserve(NIGHT, NAMES, LOCAL)
    ledger.mark_applied(NIGHT, [bound.frame_id for bound in ledger.bound(NIGHT).values()])
    ledger.reserve(LATER, ["d"], LOCAL)


def test_killed_at_any_step_it_ends_as_if_it_had_never_been(tmp_path: Path):
    untouched = Desk(tmp_path / "untouched")
    do_the_work(untouched.ledger)
    template = Desk(tmp_path / "new")
    template.store.close()
    shutil.copytree(template.folder, tmp_path / "logged")
    hits = hits_of(WORK, tmp_path / "logged", log=tmp_path / "hits")
    steps = ("requested", "granted", "bound", "applied")
    wanted = {f"ledger.{step}.{what}" for step in steps for what in ("appended", "committed")}
    wanted |= {"ledger.granted.received", "ledger.file.created", "ledger.file.written"}
    assert {hit.partition("#")[0] for hit in hits} >= wanted
    for number, hit in enumerate(hits):
        shutil.copytree(template.folder, tmp_path / str(number))
        assert was_killed(run_script(WORK, tmp_path / str(number), failpoint=hit)), hit
        desk = Desk(tmp_path / str(number))
        do_the_work(desk.ledger)
        assert desk.ledger.unused() == (), hit
        assert desk.file.read_bytes() == untouched.file.read_bytes(), hit
        for night in (NIGHT, LATER):
            assert desk.ledger.bound(night) == untouched.ledger.bound(night), hit
        desk.store.close()
    untouched.store.close()


def test_every_id_is_on_the_disk_before_it_is_bound_and_bound_before_it_is_told(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    assert [fields[0] for fields in fields_of(desk.file)] == [
        "requested",
        *["granted"] * 3,
        *["bound"] * 3,
    ]
    assert granted_ids(desk.file) == ["VMPA90000001", "VMPA90000002", "VMPA90000003"]
    assert bindings(desk.file)[str(NIGHT), "a"] == "VMPA90000002"
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o664


def test_a_lost_database_is_filled_from_the_file(desk: Desk):
    do_the_work(desk.ledger)
    before = (
        desk.ledger.bound(NIGHT),
        desk.ledger.bound(LATER),
        desk.file.read_bytes(),
    )
    ledger = desk.lose_database()
    assert ledger.bound(NIGHT) == {}
    ledger.reconcile()
    assert (ledger.bound(NIGHT), ledger.bound(LATER), desk.file.read_bytes()) == before
    assert ledger.highest(NumberRange.ENGINEERING) == FrameId(90_000_004)
    assert ledger.highest(NumberRange.RAW) is None


def test_a_lost_database_never_leads_to_a_used_id(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    ledger = desk.lose_database()
    ledger.reserve(LATER, ["a"], LOCAL)
    assert desk.ids(LATER) == {"a": 4}
    assert desk.ids(NIGHT) == {"c": 1, "a": 2, "b": 3}


def test_an_older_database_is_brought_up_to_date(desk: Desk, tmp_path: Path):
    desk.ledger.reserve(NIGHT, ["a"], LOCAL)
    desk.store.close()
    shutil.copy(desk.database, tmp_path / "backup.db")
    desk.open().reserve(NIGHT, ["a", "b"], LOCAL)
    desk.store.close()
    shutil.copy(tmp_path / "backup.db", desk.database)
    desk.open().reserve(LATER, ["c"], LOCAL)
    assert desk.ids() == {"a": 1, "b": 2}
    assert desk.ids(LATER) == {"c": 3}


def test_a_restored_night_gets_the_same_ids_again(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    desk.ledger.reserve(LATER, ["x"], LOCAL)
    desk.restart().reserve(NIGHT, ["late", *reversed(NAMES)], LOCAL)
    assert desk.ids() == {"c": 1, "a": 2, "b": 3, "late": 5}


def grant_and_die(desk: Desk, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """The process ends when the grant is on record and nothing is bound."""

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "ledger.granted.committed":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("vampd.ledger.requests.failpoint", die)
        with pytest.raises(Killed):
            desk.ledger.reserve(NIGHT, names, LOCAL)
    desk.restart()


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


def lines_of(desk: Desk) -> list[bytes]:
    return desk.file.read_bytes().splitlines(keepends=True)


def refused(desk: Desk) -> FrameIdConflict:
    before = desk.file.read_bytes()
    rows = desk.ledger.bound(NIGHT), desk.ledger.unused()
    ledger = desk.restart()
    with pytest.raises(FrameIdConflict) as error:
        ledger.reserve(LATER, ["new"], LOCAL)
    with pytest.raises(FrameIdConflict):
        ledger.mark_applied(NIGHT, [FrameId(90_000_001)])
    assert desk.file.read_bytes() == before
    assert (ledger.bound(NIGHT), ledger.unused()) == rows
    return error.value


def test_a_last_line_that_was_torn_is_cut_off(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    whole = desk.file.read_bytes()
    next_line = format_line(Granted(FrameId(90_000_004), 1, NIGHT))
    for length in range(1, len(next_line) - 1):
        desk.file.write_bytes(whole + next_line[:length])
        desk.restart().reconcile()
        assert desk.file.read_bytes() == whole
    desk.ledger.reserve(LATER, ["d"], LOCAL)
    assert desk.ids(LATER) == {"d": 4}


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\xff" * 70_000, b"granted\tVMPA9"])
def test_whatever_a_power_cut_left_behind_the_last_line_is_cut_off(desk: Desk, tail):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    whole = desk.file.read_bytes()
    desk.file.write_bytes(whole + tail)
    desk.restart().reconcile()
    assert desk.file.read_bytes() == whole


def test_a_last_record_that_only_lost_its_end_of_line_counts(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    whole = desk.file.read_bytes()
    desk.file.write_bytes(whole[:-1])
    desk.restart().reconcile()
    assert desk.file.read_bytes() == whole


@pytest.mark.parametrize("number", range(7))
def test_one_flipped_bit_in_any_line_stops_all_granting(desk: Desk, number):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    lines = lines_of(desk)
    flipped = bytearray(lines[number])
    flipped[len(flipped) // 2] ^= 1
    desk.file.write_bytes(b"".join([*lines[:number], flipped, *lines[number + 1 :]]))
    error = refused(desk)
    assert error.code == "ledger_damaged"
    assert f"line {number + 1}" in error.message


def test_lines_that_only_the_database_knows_stop_all_granting(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    lines = lines_of(desk)
    for kept in range(len(lines)):
        desk.file.write_bytes(b"".join(lines[:kept]))
        error = refused(desk)
        assert error.code == "ledger_conflict"
        assert "the database has" in error.message
        assert str(desk.file) in error.message
    desk.file.unlink()
    with pytest.raises(FrameIdConflict):
        desk.restart().reserve(LATER, ["d"], LOCAL)


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (
            Bound(FrameId(90_000_001), "other", NIGHT),
            ["VMPA90000001", "product other", "to product c"],
        ),
        (Bound(FrameId(90_000_004), "c", NIGHT), ["VMPA90000001", "VMPA90000004", "product c"]),
        (Bound(FrameId(90_000_009), "new", NIGHT), ["VMPA90000009", "not granted"]),
        (Bound(FrameId(90_000_004), "new", LATER), ["VMPA90000004", "not granted"]),
        (
            Granted(FrameId(90_000_001), 2, NIGHT),
            ["granted VMPA90000001 2 2025", "granted VMPA90000001 1 2025"],
        ),
        (Granted(FrameId(90_000_001), 9, NIGHT), ["no request 9"]),
        (Granted(FrameId(90_000_009), 1, LATER), ["another night"]),
        (Applied(FrameId(90_000_004), NIGHT), ["not bound"]),
        (
            Requested(1, NIGHT, 7, "0" * 64, "why"),
            ["requested 1 20251106/archive 7 ", "requested 1 20251106/archive 3 "],
        ),
        (Refused(9, "why"), ["no request 9"]),
        (Granted(FrameId(90_000_002), 1, NIGHT), ["same record 2 times"]),
    ],
)
def test_two_records_that_contradict_each_other_are_both_named(
    desk: Desk, monkeypatch, record, named
):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    grant_and_die(desk, monkeypatch, ["x"])
    with desk.file.open("ab") as file:
        file.write(format_line(record))
    error = refused(desk)
    assert error.code == "ledger_conflict"
    for word in named:
        assert word in error.message


def test_a_ledger_that_cannot_be_written_is_told_and_nothing_is_asked_for(desk: Desk):
    shutil.rmtree(desk.file.parent)
    with pytest.raises(FrameIdsUnavailable) as error:
        desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    assert error.value.code == "ledger_unwritable"
    assert desk.ids() == {}


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


def test_thousands_of_products_are_one_night_s_work(desk: Desk):
    names = [f"{number:064x}" for number in range(10_000)]
    desk.ledger.reserve(NIGHT, names, LOCAL)
    assert list(desk.ids().values()) == list(range(1, 10_001))
    desk.ledger.mark_applied(NIGHT, [each.frame_id for each in desk.ledger.bound(NIGHT).values()])
    desk.lose_database().reconcile()
    assert all(each.applied for each in desk.ledger.bound(NIGHT).values())
    check_laws(desk.file)


@pytest.mark.parametrize("identity", ["a\tb", "a\nb", "", "a\rb", "\udcff"])
def test_an_identity_that_would_break_a_line_is_refused(desk: Desk, identity):
    with pytest.raises(ValueError, match="printable"):
        desk.ledger.reserve(NIGHT, [identity], LOCAL)
    assert desk.ledger.bound(NIGHT) == {}
    assert desk.ledger.unused() == ()


texts = st.text(min_size=1).filter(str.isprintable)
frame_ids = st.builds(FrameId, st.integers(0, 10**8 - 1))
nights = st.sampled_from([NIGHT, LATER, NightId("19991231", Kind.ENGINEERING)])
records = st.one_of(
    st.builds(Requested, st.integers(0), nights, st.integers(0), texts, texts),
    st.builds(Granted, frame_ids, st.integers(0), nights),
    st.builds(Refused, st.integers(0), texts),
    st.builds(Bound, frame_ids, texts, nights),
    st.builds(Applied, frame_ids, nights),
)


@given(records)
def test_a_record_is_read_as_it_was_written(record):
    line = format_line(record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert parse_line(line[:-1]) == record


@given(records, st.data())
def test_a_line_with_one_wrong_byte_is_no_record(record, choice):
    line = bytearray(format_line(record)[:-1])
    position = choice.draw(st.integers(0, len(line) - 1))
    line[position] ^= choice.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="checksum"):
        parse_line(bytes(line))


def test_a_checksum_alone_does_not_make_a_record():
    for text in (
        b"granted\tVMPA1\t1\t20251106/archive",
        b"granted\tVMPA00000001\t01\t20251106/archive",
    ):
        with pytest.raises(ValueError, match=r"frame ID|differently"):
            parse_line(b"%s\t%08x" % (text, zlib.crc32(text)))


def test_who_waits_for_a_file_that_is_replaced_meanwhile_appends_to_the_new_one(desk: Desk):
    desk.ledger.reserve(NIGHT, ["a"], LOCAL)
    with ThreadPoolExecutor(1) as threads:
        with open_ledger_file(desk.file):
            waiting = threads.submit(desk.ledger.reserve, NIGHT, ["b"], LOCAL)
            while not waits_for_lock(desk.file):
                time.sleep(0.01)
            shutil.copy(desk.file, desk.folder / "backup")
            os.replace(desk.folder / "backup", desk.file)
        waiting.result()
    assert desk.ids() == {"a": 1, "b": 2}
    assert granted_ids(desk.file) == ["VMPA90000001", "VMPA90000002"]


ANEW = """
import sys
from pathlib import Path
from vampd.store.engine import Access, open_store
from vampd.ledger.ledger import FrameIdLedger

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder}/vampd.db", Access.USE)
FrameIdLedger(store, folder / "ARCHIVED_DATA" / "frameids.ledger").rebuild([])
"""


@pytest.mark.parametrize(
    "deadly",
    [
        *("atomic.temporary.made", "atomic.replacing.written", "atomic.replacing.renamed"),
        *("atomic.replacing.folder_synced", "ledger.rebuilt.written"),
    ],
)
def test_a_ledger_is_written_anew_wholly_or_not_at_all(desk: Desk, deadly: str):
    do_the_work(desk.ledger)
    desk.ledger.reserve(NIGHT, ["e"], LOCAL)
    whole = fields_of(desk.file)
    ids = desk.ids()
    torn = desk.file.read_bytes().replace(b"bound", b"bouND", 1)
    desk.file.write_bytes(torn)
    assert was_killed(run_script(ANEW, desk.folder, failpoint=deadly))
    assert desk.file.read_bytes() == torn or sorted(fields_of(desk.file)) == sorted(whole)
    desk.restart().rebuild([])
    assert sorted(fields_of(desk.file)) == sorted(whole)
    desk.ledger.reserve(NIGHT, [*NAMES, "e"], NoAuthority())
    assert desk.ids() == ids


def test_a_ledger_that_root_makes_belongs_to_whom_the_archive_belongs(desk: Desk):
    owner = (4711, 4712) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(desk.file.parent, *owner)
    before = os.umask(0o077)
    try:
        for write in (
            lambda: desk.ledger.reserve(NIGHT, ["a"], LOCAL),
            lambda: desk.ledger.rebuild([]),
        ):
            desk.file.unlink(missing_ok=True)
            write()
            status = desk.file.stat()
            mode = stat.S_IMODE(status.st_mode)
            assert (status.st_uid, status.st_gid, mode) == (*owner, 0o664)
    finally:
        os.umask(before)


def waits_for_lock(path: Path) -> bool:
    """Whether somebody waits for the lock of this file, as the kernel tells."""
    inode = f":{path.stat().st_ino} "
    locks = Path("/proc/locks").read_text().splitlines()
    return any(" -> " in line and inode in line for line in locks)
