"""The picture of a night: its size, that it shows something, and that all its texts can be read."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.typing import ColorType

from tests.support.builders.frames import (
    RULES,
    SLOW_US,
    START_US,
    Changes,
    Night,
    expose,
    set_aside,
    set_clock_back,
    trigger_train,
)
from tests.support.builders.observed import observe, show_night
from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.plotting.canvas import HEIGHT, WIDTH
from vampd.cli.plotting.figure import draw_night
from vampd.cli.plotting.style import THEMES, Ground, Meaning
from vampd.model.accounts import LABEL_THRESHOLD
from vampd.model.nights import Stream

SECOND_US = 1_000_000
FLC = trigger_train(200, period_us=10_000, flc_us=20)
FREE: Changes = {"EXTTRIG": False, "U_FLCEN": False}


def many(runs: int, pause_s: float = 40) -> Night:
    night = Night()
    for number in range(runs):
        train = trigger_train(30, period_us=10_000, flc_us=20)
        lost = ({number % 25 + 2} if number % 3 else set(), {5, 6} if number % 4 == 1 else set())
        night += expose(
            train,
            start_us=START_US + round(number * pause_s * SECOND_US),
            offset_us=(140, 85, 230, 47)[number % 4],
            lost=lost,
            logger_lost=({12, 13} if number % 5 == 0 else set(), {20}),
            changes={"RET-ANG1": 22.5 * (number % 4)},
            seed=number,
        )
    return night


def slow() -> Night:
    """Nothing is certain: the scatter is far larger than the FLC's modulation."""
    train = trigger_train(200, period_us=10_000, flc_us=20)
    return expose(train, jitter_us=SLOW_US, changes={"U_DETMOD": "Slow"})


def junk_only() -> Night:
    return Night(set_aside=(set_aside(Stream.VCAM1, "junk.fits", frames=123_456_789),))


def pausing() -> Night:
    """The trigger stood still for a second."""
    times_us = FLC.times_us + np.where(np.arange(len(FLC)) < 100, 0, SECOND_US)
    return expose(replace(FLC, times_us=times_us))


def wordy() -> Night:
    """Objects of long names, each in a run of its own, also in other signs."""
    night = Night()
    for number in range(20):
        changes: Changes = {"OBJECT": f"$x^2$ {number} of a long name", "RET-ANG1": number / 7}
        start_us = START_US + (300 + 40 * number) * SECOND_US
        night += expose(trigger_train(30), start_us=start_us, changes=changes)
    return night


NIGHTS = {
    "single": lambda: many(1),
    "few": lambda: many(6),
    "twenty": lambda: many(20),
    "hundreds": lambda: many(300, 97),
    "plain": lambda: expose(trigger_train(50, period_us=20_000)),
    "one pair": lambda: expose(trigger_train(1)),
    "free": lambda: expose(trigger_train(40, period_us=20_000), changes=FREE),
    "one camera": lambda: expose(trigger_train(40, period_us=20_000, flc_us=20), cameras=(2,)),
    "slow": slow,
    "days": lambda: many(3, 30 * 3600),
    "set aside": lambda: replace(
        many(6, 1_000),
        set_aside=tuple(
            set_aside(Stream.VCAM2, f"vcam2_1{n}:00:00.0.fits", frames=10**n, code=f"code_{n}")
            for n in range(9)
        ),
    ),
    "clock": lambda: set_clock_back(expose(FLC), SECOND_US, 100),
    "pause": pausing,
    "long words": wordy,
    "junk": junk_only,
    "nothing": Night,
}


@cache
def picture(name: str) -> Figure:
    """The picture of a kind of night; laws look at the same one."""
    return draw_night("20251106 archive", observe(NIGHTS[name]()).night)


# Each is drawn for 1 s of CPU: most texts, one camera, nothing.
IN_SHORT = {"one camera", "long words", "nothing"}


@pytest.fixture(
    params=[pytest.param(n, marks=() if n in IN_SHORT else pytest.mark.soak) for n in NIGHTS],
    ids=str,
    scope="module",
)
def figure(request: pytest.FixtureRequest) -> Figure:
    """The picture of each kind of night, laid out."""
    made = picture(request.param)
    FigureCanvasAgg(made).draw()
    return made


def axes_of(figure: Figure) -> list[Axes]:
    """The axes of all panels, the second scales of an axis included."""
    return figure.findobj(Axes)


def drawn_labels(axis: Axis) -> list[Text]:
    """The labels of the ticks that are drawn; matplotlib keeps others beyond the limits."""
    ticks = axis._update_ticks()  # type: ignore[attr-defined]
    labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [label for label in labels if label.get_visible() and label.get_text()]


def visible_texts(figure: Figure) -> list[Text]:
    """What can be read on the picture."""
    axes = axes_of(figure)
    all_ticks = [t for a in axes for axis in (a.xaxis, a.yaxis) for t in axis.get_major_ticks()]
    all_ticks += [t for a in axes for axis in (a.xaxis, a.yaxis) for t in axis.get_minor_ticks()]
    of_ticks = {label for tick in all_ticks for label in (tick.label1, tick.label2)}
    drawn = {label for a in axes for axis in (a.xaxis, a.yaxis) for label in drawn_labels(axis)}
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and (text not in of_ticks - drawn)
    ]


def test_no_text_overlaps_another_or_leaves_the_picture(figure: Figure) -> None:
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in visible_texts(figure)]
    assert len(boxes) > 3
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= WIDTH, text
        assert box.y1 <= HEIGHT, text
    for (one, first), (two, second) in combinations(boxes, 2):
        # Boxes hold room for descenders; a pixel of it is no overlap.
        apart = first.padded(-1)
        assert not apart.overlaps(second.padded(-1)), (one, two)


def test_texts_are_large_enough_to_read(figure: Figure) -> None:
    assert all(float(text.get_fontsize()) >= 9 for text in visible_texts(figure))


def test_every_axis_of_numbers_says_what_they_are(figure: Figure) -> None:
    numbers = re.compile(r"[−\d.,:-]+")
    named = 0
    for axes in axes_of(figure):
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in drawn_labels(axis)]
            if labels and all(map(numbers.fullmatch, labels)):
                assert axis.get_label_text(), labels
                named += 1
    assert named or not any(axes.has_data() for axes in axes_of(figure))


@pytest.mark.parametrize("shown", [20, None, -20, 1e6])
def test_labels_that_were_given_show_why_whatever_the_card_says(shown: float | None) -> None:
    train = trigger_train(100, period_us=10_000, flc_us=20)
    seen = observe(expose(train, lost=({40}, ()), changes={"U_TRIGJT": shown}))
    made = draw_night("20251106 archive", seen.night)
    (axes,) = (a for a in axes_of(made) if a.get_ylabel().startswith("alternation"))
    points = {
        str(drawn.get_label())[0]: np.asarray(drawn.get_offsets(), float)[:, 1]
        for drawn in axes.collections
    }
    assert len(points["A"]) + len(points["B"]) == 199
    assert (points["B"] > LABEL_THRESHOLD).all()
    assert (points["A"] < -LABEL_THRESHOLD).all()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    """A night of one run; the current folder is one of the test's own."""
    monkeypatch.chdir(tmp_path)
    made = fake_world(monkeypatch)
    made.settings = make_settings(sync={"cut_on": list(RULES.cut_on)})
    show_night(made, expose(FLC, lost=({40}, ())))
    return made


def size_of(png: Path) -> tuple[int, int]:
    content = png.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def test_the_picture_has_its_name_and_size_and_replaces_an_older_one_by_the_same_bytes(
    world: FakeWorld, tmp_path: Path
) -> None:
    result = world.run("plot", "20251106")
    assert (result.exit_code, result.stdout) == (0, "sync_20251106_archive.png\n")
    png, other = Path("sync_20251106_archive.png"), tmp_path / "night.PNG"
    assert size_of(png) == (1600, 1000)
    pixels = imread(png)[..., :3]
    for quarter in (
        half for row in np.array_split(pixels, 2) for half in np.array_split(row, 2, 1)
    ):
        assert (quarter != 1).any(axis=2).mean() > 0.002
    assert (pixels == 1).all(axis=2).mean() > 0.5
    other.write_bytes(b"old")
    assert world.run("plot", "20251106", "-o", str(other)).exit_code == 0
    assert other.read_bytes() == png.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, png.name]


def test_the_dark_plot_is_the_same_in_its_own_colors() -> None:
    light = picture("clock")
    dark = draw_night("20251106 archive", observe(NIGHTS["clock"]()).night, Ground.DARK)
    assert [t.get_text() for t in visible_texts(light)] == [
        t.get_text() for t in visible_texts(dark)
    ]
    FigureCanvasAgg(dark).draw()
    assert to_hex(dark.get_facecolor()).upper() == THEMES[Ground.DARK].ground
    assert all(luminance(text.get_color()) > 0.5 for text in visible_texts(dark))


def luminance(color: ColorType) -> float:
    red, green, blue, _ = to_rgba(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


PANELS = {
    "few": {"offset", "spread", "alternation", "lost"},
    "plain": {"offset", "spread"},
    "one camera": {"interval", "alternation"},
    "nothing": set(),
    "junk": set(),
}
NAMES = {
    "offset (us)": "offset",
    "pairs about it (us)": "spread",
    "alternation (units of J)": "alternation",
    "lost (% of the camera's)": "lost",
    "interval (ms)": "interval",
}


@pytest.mark.parametrize("name", PANELS)
def test_a_night_has_the_panels_for_which_it_has_data_and_they_fill_the_picture(name: str) -> None:
    made = picture(name)
    panels = [axes for axes in axes_of(made) if axes.get_ylabel() in NAMES]
    assert {NAMES[axes.get_ylabel()] for axes in panels} == PANELS[name]
    assert all(axes.has_data() for axes in panels)
    boxes = [axes.get_position() for axes in panels]
    if boxes:
        assert min(box.x0 for box in boxes) < 0.4
        assert max(box.x1 for box in boxes) > 0.95


@pytest.mark.parametrize(
    ("night", "meaning"),
    [
        (lambda: expose(FLC, lost=(range(0, 200, 2), ())), Meaning.UNEXPECTED),
        (lambda: expose(FLC, offset_us=1_500), Meaning.TO_CHECK),
        (lambda: expose(FLC), None),
    ],
)
def test_the_verdict_fills_its_bar_unless_it_is_as_expected(
    night: Callable[[], Night], meaning: Meaning | None
) -> None:
    seen = observe(night())
    made = draw_night("20251106 archive", seen.night)
    (bar,) = (artist for artist in made.findobj(Rectangle) if artist in made.artists)
    theme = THEMES[Ground.LIGHT]
    fill = theme.color(meaning) if meaning else theme.ground
    assert to_hex(bar.get_facecolor()).upper() == fill.upper()
    words = " ".join(text.get_text() for text in made.texts)
    assert seen.summary.verdict.split(":")[0] in words


@pytest.mark.parametrize("times", [1, 3, 9])
def test_a_verdict_of_any_length_stays_in_its_bar(times: int) -> None:
    night = observe(Night()).night
    words = "; ".join(["123456 of 1234567 frames have no certain FLC state (limit 10%)"] * times)
    made = draw_night("x", replace(night, summary=replace(night.summary, unexpected=words)))
    renderer = FigureCanvasAgg(made).get_renderer()
    (bar,) = (artist for artist in made.findobj(Rectangle) if artist in made.artists)
    edges = bar.get_window_extent(renderer)
    lines = [text for text in made.texts if text.get_fontweight() == "bold"][1:]
    assert len(lines) == min(times, 2)
    for line in lines:
        box = line.get_window_extent(renderer)
        assert edges.x0 < box.x0 < box.x1 < edges.x1
        assert edges.y0 < box.y0 < box.y1 < edges.y1


def test_the_picture_says_what_runs_are_and_when_trigger_and_clock_were_interrupted() -> None:
    words = {
        name: [text.get_text() for text in visible_texts(picture(name))]
        for name in ("few", "pause", "clock", "set aside")
    }
    for shown in ("object", "filter", "exposure", "HD 1 o'clock", "675-60", "1.8 ms"):
        assert shown in words["few"]
    assert "run (▾ trigger paused)" in words["pause"]
    assert "run" in words["few"]
    assert "clock set back" in words["clock"]
    assert any(word.startswith("at least") for word in words["clock"])
    assert {"code_0", "100,000"} <= set(words["set aside"])


@pytest.mark.parametrize(
    ("output", "code"), [("no/such/folder.png", "no_folder"), ("night.pdf", "not_png")]
)
def test_a_name_that_cannot_be_written_is_refused_before_anything_is_read(
    world: FakeWorld, output: str, code: str
) -> None:
    world.reader.committed.clear()
    error = world.fail("plot", "20251106", "-o", output)
    assert (error.code, error.exit_status) == (code, 2)


def test_a_folder_in_the_place_of_the_picture_is_reported(world: FakeWorld, tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    assert world.fail("plot", "20251106", "-o", "x.png").code == "not_writable"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_without_matplotlib_the_message_shows_how_to_get_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith("vampd.cli.plotting."):
            monkeypatch.delitem(sys.modules, name)
    for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    error = world.fail("plot", "20251106")
    assert (error.code, error.exit_status) == ("matplotlib_missing", 2)
    assert "pip install 'vampd[plot]'" in error.message


def test_no_other_command_waits_for_matplotlib() -> None:
    code = "import sys, vampd.cli.program; print({m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'typer'" in done.stdout
    assert "'matplotlib'" not in done.stdout
    assert "'numpy'" not in done.stdout
