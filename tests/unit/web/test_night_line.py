"""A night's line says what `vampctl status` says of it, in its color, and never by color alone."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import vampd.web
from vampd.cli.look.night_notes import NO_MAIL
from vampd.cli.status.nights_table import COLUMNS, night_row
from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status
from vampd.web.pages.night_line import STYLES, night_line

NOW = 1_762_480_313.0
SHEET = (Path(vampd.web.__file__).parent / "static" / "style.css").read_text()


def record(status: Status, **changes) -> NightRecord:
    state = State(StageName.FPACK, status, not_before=NOW + 200)
    record = NightRecord(NightId("20251106", Kind.ARCHIVE), state, changed_at=NOW - 7300)
    return replace(record, **{"safe_at": NOW - 1, "frames": 1234, "bytes": 10**9, **changes})


RECORDS = [
    *(record(status) for status in Status),
    record(Status.DONE, safe_at=None),
    record(Status.HELD, code="sync_unexpected", error="so\nand so"),
    record(Status.RUNNING, done_actions=3, all_actions=12, done_bytes=5, all_bytes=10),
    record(Status.FILLING, frames=0, bytes=0),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_line_has_the_cells_of_status(record: NightRecord) -> None:
    cells = dict(zip((c.title for c in COLUMNS), night_row(record, NOW), strict=True))
    line = night_line(record, NOW, NO_MAIL)
    assert {title: getattr(line, title) for title in cells} == cells


@pytest.mark.parametrize("record", RECORDS)
def test_a_line_has_the_color_of_status(record: NightRecord) -> None:
    row = night_row(record, NOW)
    (style,) = {column.style(row[3], row) for column in COLUMNS if column.title == "status"}
    line = night_line(record, NOW, NO_MAIL)
    assert line.style == STYLES[style]
    assert f".status.{line.style}" in SHEET


@pytest.mark.parametrize("record", RECORDS)
def test_a_strip_has_a_sign_for_each_stage_and_says_it_in_words(record: NightRecord) -> None:
    line = night_line(record, NOW, NO_MAIL)
    assert len(line.stages) == 6
    assert line.stages_in_words.startswith(f"fpack, 4 of 6 stages: {record.state.status}")
    here = line.stages[3]
    assert here.style == line.style or record.state.status is Status.LEGACY
    signs = {night_line(one, NOW, NO_MAIL).stages[3].sign for one in RECORDS}
    assert len(signs) == len(Status)


def test_what_is_not_safe_calls_by_sign_and_word() -> None:
    line = night_line(record(Status.DONE, safe_at=None), NOW, NO_MAIL)
    assert line.stages[3].sign == "!"
    assert "NOT safe" in line.stages_in_words
    assert "NOT safe" in line.note


def luminance(color: str) -> float:
    digits = color * 2 if len(color) == 3 else color
    digits = "".join(d * 2 for d in color) if len(color) == 3 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("ink", ("ground", "raised", "head", "quiet-ground")),
        ("faint", ("ground", "raised", "head", "quiet-ground")),
        ("link", ("ground", "raised", "head")),
        ("good", ("good-ground", "raised")),
        ("running", ("running-ground", "raised")),
        ("waiting", ("waiting-ground", "raised")),
        ("bad", ("bad-ground", "raised", "ground")),
    ],
)
def test_text_stands_out_from_its_ground(scheme: int, ink: str, grounds) -> None:
    found = [match[1] for match in re.finditer(rf"--{ink}: #(\w+)", SHEET)]
    for name in grounds:
        ground = re.findall(rf"--{name}: #(\w+)", SHEET)[scheme]
        assert contrast(found[scheme], ground) >= 4.5, (ink, name)
