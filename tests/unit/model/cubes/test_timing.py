"""Timing files: read without loss or refused, each fault with its own code."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.builders.raw_cubes import raw_timing, timing_text
from vampd.errors import MalformedCube
from vampd.model.cubes import Timing, check_timing, format_rows, parse_timing

ROW = (
    b"         0     7196847      0.000000000   1762424400.509419918"
    b"  1762424400.509073      7196847            0\n"
)
NEXT = (
    b"         1     7196848      0.000376463   1762424400.509796381"
    b"  1762424400.509474      7196848            0\n"
)


def code_of(text: bytes, frames: int | None = None) -> str:
    def read() -> None:
        timing = parse_timing(text)
        check_timing(timing, len(timing) if frames is None else frames)

    with pytest.raises(MalformedCube) as caught:
        read()
    assert caught.value.message
    return caught.value.code


def test_a_real_row_keeps_every_digit() -> None:
    timing = parse_timing(b"# a comment\n" + ROW)
    assert {name: column.tolist() for name, column in vars(timing).items()} == {
        "frame": [0],
        "main_index": [7196847],
        "elapsed_ns": [0],
        "logged_ns": [1762424400_509419918],
        "acquired_us": [1762424400_509073],
        "cnt0": [7196847],
        "cnt1": [0],
    }
    assert all(column.dtype == np.int64 for column in vars(timing).values())


def test_the_real_files_come_back_byte_for_byte(real_telemetry: Path) -> None:
    paths = sorted(path for path in real_telemetry.rglob("*.txt"))
    assert len(paths) == 2
    for path in paths:
        text = path.read_bytes()
        rows = b"".join(line for line in text.splitlines(True) if not line.startswith(b"#"))
        timing = parse_timing(text)
        check_timing(timing, 5000)
        assert format_rows(timing).encode() == rows


def test_a_clock_that_was_set_back_within_a_cube_leaves_rows_that_are_read() -> None:
    timing = raw_timing(100)
    for back_s, row in ((0.5, 50), (3, 80)):
        for column, unit in ((timing.elapsed_ns, 10**9), (timing.logged_ns, 10**9)):
            column[row:] -= round(back_s * unit)
    rows = format_rows(timing)
    assert "-0." in rows
    assert "-3." in rows
    read = parse_timing(rows.encode())
    assert (read.elapsed_ns == timing.elapsed_ns).all()
    assert (read.logged_ns == timing.logged_ns).all()
    assert format_rows(read) == rows


@pytest.mark.parametrize("column", [0, 1, 3, 4, 5, 6])
def test_no_other_column_is_below_zero(column: int) -> None:
    cells = NEXT.split()
    cells[column] = b"-" + cells[column]
    assert code_of(ROW + b" ".join(cells) + b"\n") == "timing_malformed"


def test_blank_lines_comments_and_carriage_returns_are_no_rows() -> None:
    text = b"#\n\n  # indented\r\n" + ROW.replace(b"\n", b"\r\n") + b"\r\n" + NEXT + b" \t\n"
    assert parse_timing(text).acquired_us.tolist() == [1762424400_509073, 1762424400_509474]


@pytest.mark.parametrize("text", [b"", b"\n", b"# only\n# comments\n", b"   \r\n", b"#"])
def test_a_file_without_rows_is_empty(text: bytes) -> None:
    assert code_of(text) == "timing_empty"


@pytest.mark.parametrize("length", range(len(NEXT)))
def test_a_last_row_that_is_cut_anywhere_is_refused(length: int) -> None:
    text = ROW + NEXT[:length]
    if NEXT[:length].strip():
        assert code_of(text) == "timing_cut"
    else:
        # Nothing of the row is left: the number of rows tells.
        assert code_of(ROW, frames=2) == "timing_rows"


@pytest.mark.parametrize(
    "wrong",
    [
        b"-1762424400.509474",
        b"1762424400.50947",
        b"1762424400.5094741",
        b"1762424400",
        b"1.7624244005e9",
        b"17624244000.509474",
        b"1762424400,509474",
        b"abc",
        b"0x10",
        "１７６２４２４４００.509474".encode(),
    ],
)
def test_an_acquisition_time_that_is_no_time_is_refused(wrong: bytes) -> None:
    assert code_of(ROW + NEXT.replace(b"1762424400.509474", wrong)) == "timing_malformed"


@pytest.mark.parametrize("wrong", [b"", b"1762424400.509474 8"])
def test_a_row_with_a_column_too_few_or_too_many_has_its_own_code(wrong: bytes) -> None:
    assert code_of(ROW + NEXT.replace(b"1762424400.509474", wrong)) == "timing_columns"


@pytest.mark.parametrize("wrong", [b"nan", b"NaN", b"-nan", b"inf", b"-Infinity"])
def test_a_time_that_could_not_be_measured_has_its_own_code(wrong: bytes) -> None:
    assert code_of(ROW + NEXT.replace(b"1762424400.509474", wrong)) == "timing_nan"


@pytest.mark.parametrize("column", range(7))
def test_a_word_in_any_column_is_refused(column: int) -> None:
    cells = NEXT.split()
    cells[column] = b"x"
    assert code_of(ROW + b" ".join(cells) + b"\n") == "timing_malformed"


def test_the_reason_counts_the_bad_rows_and_shows_the_first() -> None:
    with pytest.raises(MalformedCube, match=r"2 of 3 timing rows.*'0 nonsense'"):
        parse_timing(b"0 nonsense\n" + ROW + b"1 more of it\n")


def test_binary_junk_is_refused_and_does_not_break_the_message() -> None:
    assert code_of(bytes(range(128, 256)) + b"\n") == "timing_malformed"


def test_the_old_loggers_six_columns_have_their_own_code() -> None:
    old = [b" ".join(cells[:4] + cells[5:]) for cells in (ROW.split(), NEXT.split())]
    assert code_of(b"\n".join(old) + b"\n") == "timing_six_columns"


def test_one_row_of_six_columns_among_sound_ones_is_no_file_of_the_old_logger() -> None:
    cells = NEXT.split()
    assert code_of(ROW + b" ".join(cells[:4] + cells[5:]) + b"\n") == "timing_columns"


@pytest.mark.parametrize("frames", [0, 1, 3, 1000])
def test_rows_that_differ_from_the_frames_are_refused(frames: int) -> None:
    with pytest.raises(MalformedCube, match=f"{frames} frames, its timing file 2 rows") as caught:
        check_timing(parse_timing(ROW + NEXT), frames)
    assert caught.value.code == "timing_rows"


def test_a_repeated_row_is_duplicated_and_a_swapped_one_is_out_of_order() -> None:
    assert code_of(ROW + ROW) == "timing_duplicated"
    assert code_of(NEXT + ROW) == "timing_order"


def test_rows_whose_times_rise_but_that_are_not_the_frames_in_order_are_refused() -> None:
    timing = raw_timing(4)
    timing.frame[2:] += 1  # the row of frame 2 is missing, and one too many stands behind
    assert code_of(timing_text(timing).encode()) == "timing_order"
    timing.frame[:] = [0, 1, 1, 2]
    assert code_of(timing_text(timing).encode()) == "timing_duplicated"


def test_taking_rows_keeps_their_columns_together() -> None:
    timing = raw_timing(10)
    taken = timing.take(np.array([7, 2], np.int64))
    assert isinstance(taken, Timing)
    assert len(taken) == 2
    assert taken.frame.tolist() == [7, 2]
    assert taken.acquired_us.tolist() == timing.acquired_us[[7, 2]].tolist()
    assert taken.cnt0.tolist() == timing.cnt0[[7, 2]].tolist()


def outcome(text: bytes) -> list[list[int]] | str:
    try:
        return [column.tolist() for column in vars(parse_timing(text)).values()]
    except MalformedCube as error:
        return error.code


@pytest.mark.parametrize("byte", b"0a9- .\t\r\n#\x00/:\xff")
def test_rows_in_the_loggers_columns_are_judged_like_any_others(byte: int) -> None:
    # A blank behind each row changes nothing but the way that is taken through the parser.
    for position in range(len(ROW), len(ROW) + len(NEXT)):
        text = bytearray(ROW + NEXT)
        text[position] = byte
        widened = bytes(text).replace(b"\n", b" \n")
        assert outcome(bytes(text)) == outcome(widened), (position, chr(byte))


def test_times_too_late_for_nanoseconds_are_refused_in_either_form() -> None:
    late = ROW.replace(b" 1762424400.509419918", b" 9999999999.999999999")
    assert late != ROW
    assert outcome(late) == outcome(late.replace(b"\n", b" \n")) == "timing_malformed"
