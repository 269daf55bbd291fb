"""What `vampctl summary` tells, to people and to programs."""

import csv
import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.support.builders.frames import (
    RULES,
    START_US,
    Night,
    Train,
    expose,
    set_aside,
    trigger_train,
)
from tests.support.builders.observed import NIGHT, show_night
from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.look import summary
from vampd.cli.look.summary_objects import RUN_KEYS
from vampd.cli.shared import output
from vampd.cli.shared.run_words import varying_cards
from vampd.errors import TransientError, UsageError
from vampd.model.cubes import RawCube, SetAside
from vampd.model.nights import FileStamp, Stream
from vampd.model.trigger import chance_of

SECOND_US = 1_000_000
SWITCHING = trigger_train(60, period_us=10_000, flc_us=20)
PLAIN = trigger_train(40, period_us=20_000)
BAD = set_aside(Stream.VCAM1, "vcam1_10:20:30.000000000.fits", frames=11)


def usual_night() -> Night:
    night = (
        expose(SWITCHING, lost=({30}, ()), changes={"RET-ANG1": 0.0})
        + expose(SWITCHING, start_us=START_US + 10 * SECOND_US, changes={"RET-ANG1": 45.0})
        + expose(
            PLAIN, start_us=START_US + 70 * SECOND_US, changes={"EXTTRIG": False, "OBJECT": None}
        )
    )
    return replace(night, set_aside=(BAD,))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.settings = make_settings(sync={"cut_on": list(RULES.cut_on)})
    return made


def reported(world: FakeWorld, *words: str) -> dict[str, Any]:
    result = world.run("summary", "20251106", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def rows_of(world: FakeWorld, *words: str) -> list[dict[str, str]]:
    result = world.run("summary", "20251106", "--csv", *words)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def as_text(value: object) -> str:
    """A value of the JSON as the CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(map(str, value))
    if isinstance(value, dict):
        return ";".join(f"{key}={'|'.join(values)}" for key, values in value.items())
    return str(value)


@pytest.mark.parametrize(("words", "key"), [((), "minutes"), (("--runs",), "runs")])
def test_csv_and_json_show_the_same(world: FakeWorld, words: tuple[str, ...], key: str) -> None:
    show_night(world, usual_night())
    objects = reported(world)[key]
    rows = rows_of(world, *words)
    assert len(rows) == len(objects) > 1
    assert rows == [{name: as_text(value) for name, value in each.items()} for each in objects]


def test_the_sums_of_all_forms_are_those_of_sync(world: FakeWorld) -> None:
    counts = show_night(world, usual_night()).generation.counts
    result = reported(world)
    assert result["frames"] == {
        "raw": counts.raw,
        "synchronised": counts.synchronised,
        "solo": counts.solo,
        "set_aside": counts.set_aside,
        "late": 0,
    }
    columns = [key for key in result["minutes"][0] if key.startswith("cam")]
    assert sum(minute[key] for minute in result["minutes"] for key in columns) == counts.raw
    assert sum(int(row[key]) for row in rows_of(world) for key in columns) == counts.raw
    shown = world.run("summary", "20251106").stdout.splitlines()
    titles = next(line.split() for line in shown if line.startswith("UT"))
    sums = next(line.split()[1:] for line in shown if line.startswith("all"))
    counted = dict(zip(titles[2:], map(int, sums), strict=False))
    assert counted.keys() == {"A", "B", "D", "plain", "solo1", "solo2", "aside", "late"}
    pairs = sum(counted.pop(title) for title in ("A", "B", "D", "plain"))
    assert 2 * pairs + sum(counted.values()) == counts.raw


def test_minutes_are_reported_in_ut_and_hst(world: FakeWorld) -> None:
    show_night(world, usual_night())
    minutes = reported(world)["minutes"]
    assert [(m["ut"], m["hst"]) for m in minutes] == [
        ("2025-11-06T10:20Z", "2025-11-06T00:20-10:00"),
        ("2025-11-06T10:21Z", "2025-11-06T00:21-10:00"),
    ]
    lines = world.run("summary", "20251106").stdout.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("10:2")] == [
        ["10:20", "00:20"],
        ["10:21", "00:21"],
    ]


def test_a_night_of_two_dates_shows_them(world: FakeWorld) -> None:
    show_night(world, expose(PLAIN, start_us=START_US + 49_199_500_000))
    lines = world.run("summary", "20251106").stdout.splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("11-0")] == [
        ["11-06", "23:59", "11-06", "13:59"],
        ["11-07", "00:00", "11-06", "14:00"],
    ]


def test_every_run_is_one_line_with_its_figures(world: FakeWorld) -> None:
    show_night(world, usual_night())
    lines = world.run("summary", "20251106", "--runs").stdout.splitlines()
    runs = [line for line in lines if line.strip()[:1].isdigit() and ":" in line]
    assert [line.split()[0] for line in runs[-4:]] == ["1", "2", "3", "4"]
    first, second, third, _ = runs[-4:]
    assert first.split()[1:6] == ["10:20:00", "119", "150", first.split()[4], "99.2%"]
    assert "RET-ANG1 0" in first
    assert "RET-ANG1 45" in second
    assert "free-running, camera 1 only" in third
    assert "(no OBJECT)" in third
    assert not any(line.startswith("UT") for line in lines)


def test_an_unexpected_night_exits_with_1_in_every_form(world: FakeWorld) -> None:
    seen = show_night(world, expose(SWITCHING, lost=(range(0, 60, 2), ())))
    assert seen.summary.unexpected
    for form in ((), ("--runs",), ("--json",), ("--csv",)):
        result = world.run("summary", "20251106", *form)
        assert result.exit_code == 1
        assert result.exception is None or isinstance(result.exception, SystemExit)
    assert (
        f"verdict:  UNEXPECTED: {seen.summary.unexpected}"
        in world.run("summary", "20251106").stdout
    )
    shown = json.loads(world.run("summary", "20251106", "--json").stdout)
    assert (shown["expected"], shown["unexpected"]) == (False, seen.summary.unexpected)
    assert shown["findings"] == list(seen.summary.findings)


def test_limits_are_those_of_the_configuration(world: FakeWorld) -> None:
    show_night(world, expose(SWITCHING, lost=(range(0, 60, 2), ())))
    world.settings = make_settings(
        sync={"cut_on": list(RULES.cut_on), "max_unpaired": 1.0, "max_dubious": 1.0}
    )
    assert world.run("summary", "20251106").exit_code == 0


def test_without_a_generation_it_says_that_sync_has_not_run(world: FakeWorld) -> None:
    world.store.discover(NIGHT, 0.0)
    for command in ("summary", "plot"):
        error = world.fail(command, "20251106")
        assert isinstance(error, UsageError)
        assert error.exit_status == 2
        assert "sync has not run on 20251106 archive yet (stage sync, filling)" in error.message


def test_json_and_csv_exclude_each_other(world: FakeWorld) -> None:
    assert world.fail("summary", "20251106", "--json", "--csv").code == "two_forms"


def test_a_cube_that_a_camera_writes_just_now_does_not_stop_the_summary(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_night(world, usual_night())
    written = FileStamp("vcam1/vcam1_11:00:00.000000000.fits", 100, 1)
    world.reader.add_cube(SetAside(written, None, 0, "unused", "unused"))
    read = world.reader.raw_cube

    def raw_cube(night: object, fits: FileStamp) -> RawCube | SetAside:
        if fits == written:
            raise TransientError("raw_changed", "it grows")
        return read(NIGHT, fits)

    monkeypatch.setattr(world.reader, "raw_cube", raw_cube)
    assert any("being_written" in finding for finding in reported(world)["findings"])


def test_late_cubes_are_told_to_everybody(world: FakeWorld) -> None:
    show_night(world, usual_night(), late=expose(PLAIN, start_us=START_US + 90 * SECOND_US))
    assert reported(world)["frames"]["late"] == 80
    assert "late: 80 frames are still to be synchronized" in world.run("summary", "20251106").stdout


def test_piped_output_is_plain(world: FakeWorld) -> None:
    show_night(world, usual_night())
    shown = world.run("summary", "20251106").stdout
    assert "\x1b" not in shown
    assert "…" not in shown
    # Nothing for readers of a terminal stands between the tables.
    assert [line.split()[0] for line in shown.splitlines()[:3]] == ["20251106", "UT", "10:20"]
    (titles,) = (line.split() for line in shown.splitlines() if line.startswith("run"))
    assert titles == [
        *("run", "UT", "frames", "offset_us", "jitter_us", "paired", "dubious"),
        *("lost1", "lost2", "log1", "log2", "pauses", "what"),
    ]


def test_a_night_of_set_aside_cubes_has_no_table_of_runs(world: FakeWorld) -> None:
    show_night(world, Night((), (BAD,)))
    shown = world.run("summary", "20251106", "--runs").stdout.splitlines()
    assert [line.split(":")[0].split()[0] for line in shown if line][:3] == [
        "20251106",
        "verdict",
        "check",
    ]


def test_only_cards_that_vary_are_reported(world: FakeWorld) -> None:
    runs = show_night(world, usual_night()).summary.runs
    assert varying_cards(runs) == {"RET-ANG1"}
    assert varying_cards(runs[:1]) == set()


def test_t_and_j_stand_beside_their_card_and_where_they_changed(world: FakeWorld) -> None:
    one, two = (trigger_train(200, period_us=us, flc_us=us - 2_500) for us in (3_000, 3_200))
    times_us = np.concatenate([one.times_us, one.times_us[-1] + 3_500 + two.times_us])
    train = Train(times_us, one.states + two.states, flc_us=500)
    show_night(world, expose(train, changes={"EXPTIME": 0.0024}))
    (run,) = reported(world)["runs"]
    assert run["trigjt_us"] == [500]
    assert run["periods_us"] == pytest.approx([3_000, 3_200], abs=2)
    assert run["half_widths_us"] == pytest.approx([500, 700], abs=3)
    assert [moment[:21] for moment in run["changed"]] == ["2025-11-06T10:20:00.6"]
    shown = world.run("summary", "20251106", "--runs").stdout
    assert re.search(r"T 3ms > 3\.2ms, J 50\dus > 70\dus \(card 500\)", shown)
    assert re.search(r"run 1: from 10:20:00\.6 UT on T 3000 > 3200 us, J 50\d > 70\d us", shown)


def test_a_steady_trigger_changes_nothing(world: FakeWorld) -> None:
    show_night(world, usual_night())
    assert all(run["changed"] == [] for run in reported(world)["runs"])
    assert "> " not in world.run("summary", "20251106", "--runs").stdout


def test_a_run_says_how_likely_its_least_certain_pair_and_label_are_wrong(world: FakeWorld) -> None:
    seen = show_night(world, usual_night())
    switching, _, free, _ = reported(world)["runs"]
    for what in ("pair", "label"):
        least = min(m for p in seen.generation.products if (m := getattr(p, f"{what}_margin")))
        stated = max(run[f"{what}_chance_wrong"] or 0.0 for run in reported(world)["runs"])
        assert stated == pytest.approx(chance_of(least), rel=0.05)
        assert 0 < switching[f"{what}_chance_wrong"] < 1e-12
        assert free[f"{what}_chance_wrong"] is None
    shown = world.run("summary", "20251106", "--runs").stdout.splitlines()
    runs = [line for line in shown if "1.8ms" in line]
    assert ["chance wrong <1e-12" in line for line in runs] == [True, True, False, False]


def test_a_generation_that_does_not_say_how_sure_it_is_leaves_that_blank(world: FakeWorld) -> None:
    seen = show_night(world, usual_night())
    older = tuple(replace(p, label_margin=0, pair_margin=0) for p in seen.generation.products)
    world.reader.committed[:] = [replace(seen.generation, products=older)]
    for run in reported(world)["runs"]:
        assert run["pair_chance_wrong"] is run["label_chance_wrong"] is None
    assert "chance" not in world.run("summary", "20251106", "--runs").stdout


def test_a_run_for_programs_has_every_key_once(world: FakeWorld) -> None:
    show_night(world, usual_night())
    for run in reported(world)["runs"]:
        assert tuple(run) == RUN_KEYS
        assert run["cam1_frames"] + run["cam2_frames"] >= 2 * run["pairs"]


@pytest.fixture
def terminal(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """A world whose readers sit at a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    for module in (summary, output):
        monkeypatch.setattr(module, "is_terminal", lambda: True)
    return world


def test_80_columns_hold_a_night_in_which_everything_was_lost_that_can_be(
    terminal: FakeWorld,
) -> None:
    times_us = SWITCHING.times_us + np.where(np.arange(60) < 40, 0, SECOND_US)
    seen = show_night(
        terminal,
        expose(
            replace(SWITCHING, times_us=times_us),
            lost=({5}, {9, 11}),
            logger_lost=({20}, {25}),
            changes={"OBJECT": "a name that is as long as a card allows, and is wrapped here"},
        ),
    )
    (run,) = seen.summary.runs
    assert run.lost_by_camera == (1, 2)
    assert run.lost_by_logger == (1, 1)
    assert run.pauses == 1
    lines = terminal.run("summary", "20251106").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    (titles,) = (line.split() for line in lines if line.startswith("run"))
    (figures,) = (line.split() for line in lines if line.startswith("  1  10:20:00"))
    shown = dict(zip(titles, figures, strict=True))
    assert (shown["lost1/2"], shown["log1/2"], shown["pauses"]) == ("1/2", "1/1", "1")
    for title in ("lost1/2", "log1/2", "pauses", "offset", "jitter"):
        assert any(line.startswith(f"{title}: ") for line in lines), title


def test_a_night_without_frames_is_one_sentence_and_its_verdict(terminal: FakeWorld) -> None:
    show_night(terminal, Night())
    lines = terminal.run("summary", "20251106").stdout.splitlines()
    assert [line for line in lines[1:] if line] == [
        "There is no frame in this night.",
        "verdict:  none: sync has taken no cube",
    ]


def test_a_legend_explains_the_columns_that_are_shown(terminal: FakeWorld) -> None:
    show_night(terminal, expose(PLAIN, cameras=(1,), changes={"EXTTRIG": False}))
    lines = terminal.run("summary", "20251106").stdout.splitlines()
    assert [line for line in lines if ": " in line and line[0].islower()] == [
        "solo1, solo2: frames of a camera without a partner",
        "verdict:  as expected, within the limits of [sync]",
    ]
    assert not any(one == two == "" for one, two in pairwise(lines))


def frame_named(night: Night, index: int) -> str:
    cube = night.of(Stream.VCAM1)[0]
    return f"1:{cube.path.rpartition('/')[2]}:{index}"


def test_a_frame_is_explained_by_the_hypotheses_that_were_compared(world: FakeWorld) -> None:
    night = expose(SWITCHING)
    show_night(world, night)
    told = reported(world, "--frame", frame_named(night, 17))
    likeliest, runner_up = told["hypotheses"][:2]
    assert told["frame"]["index"] == likeliest["partner"]["index"] == 17
    assert likeliest["partner"]["cube"] == night.of(Stream.VCAM2)[0].path
    assert likeliest["state"] == night.state[night.of(Stream.VCAM1)[0].path, 17]
    assert likeliest["behind_nats"] == 0 < told["needed_nats"] < runner_up["behind_nats"]
    for each in told["hypotheses"]:
        assert sum(each["terms"].values()) == pytest.approx(-each["behind_nats"], abs=0.01)
    assert told["pair_margin_nats"] > told["needed_nats"] == pytest.approx(13.9, abs=0.1)
    assert (told["pair_reason"], told["state_reason"]) == ("given", "given")
    assert (told["partner"], told["state"]) == (likeliest["partner"], likeliest["state"])
    shown = world.run("summary", "20251106", "--frame", frame_named(night, 17)).stdout
    assert f"partner: frame 17 of {likeliest['partner']['cube']}\n" in shown
    assert f"state: {likeliest['state']}\n" in shown
    assert "nats behind: " in shown


def test_what_no_interval_shows_is_said_to_be_not_shown(world: FakeWorld) -> None:
    night = expose(PLAIN)
    show_night(world, night)
    shown = world.run("summary", "20251106", "--frame", frame_named(night, 17)).stdout
    assert ", J not shown, scatter" in shown
    assert "state: none, because nothing alternates\n" in shown


@pytest.mark.parametrize("asked", ["17", "3:x:1", "1:none.fits:0", "vcam1/x.fits:1"])
def test_a_frame_that_sync_did_not_place_cannot_be_explained(world: FakeWorld, asked: str) -> None:
    show_night(world, expose(SWITCHING))
    assert world.fail("summary", "20251106", "--frame", asked).code == "no_such_frame"


def test_a_frame_of_no_trigger_is_not_explained(world: FakeWorld) -> None:
    night = expose(PLAIN, changes={"EXTTRIG": False})
    show_night(world, night)
    assert world.fail("summary", "20251106", "--frame", frame_named(night, 3)).code == (
        "no_such_frame"
    )
