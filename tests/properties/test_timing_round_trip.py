"""Timing files lose nothing: the logger's own rows come back byte for byte."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import REAL_TELEMETRY
from tests.support.builders.raw_cubes import raw_timing, timing_text
from vampd.errors import MalformedCube
from vampd.model.cubes import Timing, check_timing, format_rows, parse_timing

_COLUMNS = st.tuples(
    st.integers(0, 10**10 - 1),
    st.integers(0, 10**10 - 1),
    st.integers(0, 10**14 - 1),
    st.integers(0, 9 * 10**18 - 1),
    st.integers(0, 10**16 - 1),
    st.integers(0, 10**10 - 1),
    st.integers(0, 10**10 - 1),
)


@given(st.lists(_COLUMNS, min_size=1, max_size=20))
def test_any_timing_comes_back_from_its_text(rows: list[tuple[int, ...]]) -> None:
    timing = Timing(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))
    read = parse_timing(timing_text(timing).encode())
    assert [column.tolist() for column in vars(read).values()] == [
        column.tolist() for column in vars(timing).values()
    ]


@pytest.mark.parametrize("seconds", ["9999999999", "9000000000"])
def test_a_time_too_late_for_nanoseconds_is_refused_and_does_not_wrap(seconds: str) -> None:
    text = timing_text(raw_timing(1)).replace(" 1762424400.509419918", f" {seconds}.000000000")
    assert seconds in text
    with pytest.raises(MalformedCube) as caught:
        parse_timing(text.encode())
    assert caught.value.code == "timing_malformed"


def test_the_loggers_rows_come_back_byte_for_byte() -> None:
    texts = _loggers_texts(REAL_TELEMETRY)
    assert texts
    for text in texts:
        timing = parse_timing(text)
        check_timing(timing, 5000)
        rows = b"".join(line for line in text.splitlines(keepends=True) if line[:1] != b"#")
        assert format_rows(timing).encode() == rows


def _loggers_texts(folder: Path) -> list[bytes]:
    """The real timing files where they are; elsewhere one in their form, of their length."""
    if folder.is_dir():
        return [path.read_bytes() for path in sorted(folder.rglob("*.txt"))]
    return [timing_text(raw_timing(5000, step_us=401)).encode()]


_EDITS = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from([*b" 0123456789.\n\r\t#-+enaNx\0", 0xFF]), st.booleans()
    ),
    max_size=4,
)


@given(st.integers(0, 6), _EDITS, st.booleans())
def test_aligned_rows_are_read_as_any_others_are(
    frames: int, edits: list[tuple[float, int, bool]], comments: bool
) -> None:
    """The fast way may give up, but it never sees other numbers, nor any where there are none."""
    timing = raw_timing(frames)
    text = bytearray((timing_text(timing) if comments else format_rows(timing)).encode())
    for where, byte, insert in edits:
        at = round(where * len(text))
        text[at : at + (not insert)] = bytes([byte])
    assert _outcome(bytes(text)) == _outcome(b"# not aligned \n \n" + bytes(text))


def _outcome(text: bytes) -> list[list[int]] | str:
    try:
        return [column.tolist() for column in vars(parse_timing(text)).values()]
    except MalformedCube as error:
        return error.code
