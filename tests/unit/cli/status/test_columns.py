"""What `vampctl status` shows of a night in a line, and that no line is wider than the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tools.terminal import (
    FakeWorld,
    fake_world,
    shown_on_terminal,
    without_colors,
)
from vampd.cli.status.nights_table import COLUMNS, NAMES, show_nights
from vampd.model.nights import (
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
    SyncSums,
    write_sync_sums,
)

NOW = 1_762_480_313.0
NIGHT = NightId("20251106", Kind.ENGINEERING)
NOTE = "the archive host is away and is asked again " * 4
WIDE = NightRecord(
    NIGHT,
    State(StageName.TRANSFER, Status.WAITING),
    note=NOTE.strip(),
    frames=1_234_567,
    bytes=55_200_000_000,
    done_actions=1113,
    all_actions=1140,
    changed_at=NOW - 720,
    processed_at=NOW - 800,
    sync_sums=write_sync_sums(
        SyncSums(raw=100, aside=7, paired=90, unpaired=3, labeled=80, dubious=1)
    ),
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.store.discover(NIGHT, NOW)
    made.store.update(NIGHT, NightUpdate(frames=1234, note=NOTE))
    return made


def shown(
    monkeypatch: pytest.MonkeyPatch, columns: int, chosen: tuple[str, ...] | None = None
) -> list[str]:
    """The lines on a terminal of this width, colors and all."""
    nights = [WIDE, replace(WIDE, sync_sums=None)]
    return shown_on_terminal(monkeypatch, columns, lambda: show_nights(nights, NOW, {}, chosen))


@pytest.mark.parametrize("columns", [60, 80, 100, 160, 300])
@pytest.mark.parametrize("chosen", [None, NAMES, ("note", "date", "safe")])
def test_no_line_is_wider_than_the_terminal_and_none_is_broken_where_columns_are_chosen(
    monkeypatch: pytest.MonkeyPatch, columns: int, chosen: tuple[str, ...] | None
) -> None:
    lines = without_colors(shown(monkeypatch, columns, chosen))
    assert max(map(len, lines)) <= columns
    assert len(lines) == 3 or chosen in (None, NAMES)


@pytest.mark.parametrize("columns", [50, 60, 80, 100, 160, 300])
def test_a_wide_table_keeps_all_that_is_known_of_a_night_on_every_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    words = " ".join(" ".join(without_colors(shown(monkeypatch, columns, NAMES))).split())
    for known in (
        "20251106", "engineering", "transfer", "waiting", "1113/1140", "1,234,567", "55.2 GB",
        "12 min", "7.0% aside, 3.2% unpaired, 1.2% dubious", "2025-11-07 01:38", NOTE.strip(),
    ):  # fmt: skip
        assert known in words, known


def test_a_narrow_terminal_leaves_out_what_is_of_least_worth_and_never_the_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    titles = {n: without_colors(shown(monkeypatch, n))[0].split() for n in (50, 80, 160)}
    # The note stands below, and needs no title.
    assert titles[160] == [column.title for column in COLUMNS[:-1]]
    assert titles[80] == [title for title in titles[160] if title != "quality"]
    assert titles[50] == ["date", "kind", "stage", "status", "age"]
    for columns in titles:
        words = " ".join(" ".join(without_colors(shown(monkeypatch, columns))).split())
        assert NOTE.strip() in words
        # Where it has no column, the note says it.
        assert words.count("7.0% aside, 3.2% unpaired, 1.2% dubious") == 1


def test_a_night_keeps_its_color_whichever_columns_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yellow = "\x1b[33m"
    for chosen in (None, NAMES, ("status",), ("date", "status")):
        assert f"{yellow}waiting" in "".join(shown(monkeypatch, 80, chosen))
    assert "\x1b[33m7.0% aside" in "".join(shown(monkeypatch, 160, ("quality",)))


def test_columns_are_those_asked_for_in_that_order_and_a_pipe_gets_all_of_them(
    world: FakeWorld,
) -> None:
    first, *_ = world.run("status", "--columns", "note,date, safe").stdout.splitlines()
    assert first.split() == ["note", "date", "safe"]
    titles, row, *_ = world.run("status", "--wide").stdout.splitlines()
    assert titles.split() == list(NAMES)
    assert row.endswith(NOTE.strip())
    assert world.run("status", "--wide").stdout.splitlines()[-1].startswith("vampd 1.2.3")


def test_an_unknown_column_is_a_usage_error_that_names_the_known_ones(world: FakeWorld) -> None:
    result = world.run("status", "--columns", "date,weather")
    assert result.exit_code == 2
    assert "weather" in result.output
    assert "quality" in result.output
