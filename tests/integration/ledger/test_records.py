"""Lines of the ledger: torn ends are cut off, anything else that is wrong stops all granting."""

import shutil
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.worlds.records.ledgers import (
    LATER,
    LOCAL,
    NAMES,
    NIGHT,
    Desk,
    grant_and_die,
    refused,
)
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.records import (
    Applied,
    Bound,
    Granted,
    Refused,
    Requested,
    format_line,
    parse_line,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId


def lines_of(desk: Desk) -> list[bytes]:
    return desk.file.read_bytes().splitlines(keepends=True)


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


def test_a_ledger_that_cannot_be_written_is_reported_and_nothing_is_asked_for(desk: Desk):
    shutil.rmtree(desk.file.parent)
    with pytest.raises(FrameIdsUnavailable) as error:
        desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    assert error.value.code == "ledger_unwritable"
    assert desk.ids() == {}


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
