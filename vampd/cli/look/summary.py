"""vampctl summary: what sync made of a night, minute by minute and run by run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.look.frame_summary import explain_frame_of, frame_lines, frame_object
from vampd.cli.look.summary_objects import (
    HST,
    RUN_KEYS,
    csv_rows,
    minute_keys,
    minute_objects,
    moment_of,
    run_object,
    summary_object,
)
from vampd.cli.shared.nights import choose_record, choose_shown, show_each, title_of
from vampd.cli.shared.observed_night import observe_night
from vampd.cli.shared.output import (
    Column,
    is_terminal,
    write,
    write_csv,
    write_json,
    write_lines,
    write_table,
)
from vampd.cli.shared.run_words import (
    describe_exposure,
    describe_run,
    list_settings,
    varying_cards,
)
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.errors import EXIT_NIGHT, EXIT_OK, UsageError

if TYPE_CHECKING:
    from vampd.model.accounts import Minute, RunSummary, Summary
    from vampd.model.nights import NightRecord

_UNKNOWN = "-"
# The targets of a minute, mostly one name: hundreds of minutes stay in a line each.
_NARROWEST_TARGETS = 8
# What the columns of the minutes hold.
_LEGEND = (
    ("A, B, D, plain: pairs (a frame of each camera) by FLC state", {"A", "B", "D", "plain"}),
    ("solo1, solo2: frames of a camera without a partner", {"solo1", "solo2"}),
    ("aside: frames set aside", {"aside"}),
    ("late: frames that sync has yet to see", {"late"}),
)

_RUN_LEGEND = {
    "offset": "offset: camera 2 minus camera 1 (us)",
    "jitter": "jitter: of the pairs about the offset (us)",
    "lost1/2": "lost1/2: frames that camera 1/2 lost, as the other one has them",
    "log1/2": "log1/2: frames that its logger lost, as cnt0 counted them",
    "pauses": "pauses: of the trigger, which lose nothing",
    "what": "T, J: the mean interval and how far it alternates, as measured (card: U_TRIGJT)",
    "chance": "chance wrong: the largest of its pairs and labels, as the model states it",
}

CsvOption = Annotated[
    bool, typer.Option("--csv", help="The minutes as CSV; with --runs, the runs.")
]
FrameOption = Annotated[
    str | None,
    typer.Option(
        "--frame",
        metavar="CAMERA:CUBE:INDEX",
        help="Only this frame: what was compared to find its partner and its state.",
    ),
]
RunsOption = Annotated[bool, typer.Option("--runs", help="Only the runs, without the minutes.")]


def summary(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    only_runs: RunsOption = False,
    frame: FrameOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
) -> None:
    """Summarize what sync made of a night, and judge it.

    Per minute and per run, and whether the result is as expected.

    Works on the night's folder, whether or not the daemon is running, once sync has run. Exits
    with 1 if the verdict is unexpected, by the limits in [sync] of the configuration. A date that
    is an archive night and an engineering night shows both; --json, --csv and --frame want --kind
    then.
    """
    if as_json and as_csv:
        raise UsageError("two_forms", "--json and --csv exclude each other: choose one")
    with reading(context, config) as connections:
        known, now = connections.store.nights(), time.time()
        if frame is not None:
            record = choose_record(known, night, kind, now)
            explained = explain_frame_of(connections, record, frame)
            if as_json:
                write_json(frame_object(record, explained))
            else:
                write_lines(frame_lines(explained))
            return
        chosen = choose_shown(known, night, kind, now, one=as_json or as_csv)

        def show(record: NightRecord) -> int:
            result = observe_night(connections, record).summary
            if as_json:
                write_json(summary_object(record, result))
            elif as_csv:
                _write_csv(result, only_runs=only_runs)
            else:
                _show(record, result, only_runs=only_runs)
            return EXIT_NIGHT if result.unexpected else EXIT_OK

        if status := show_each(chosen, show):
            raise typer.Exit(status)


def _write_csv(result: Summary, *, only_runs: bool) -> None:
    objects = [run_object(r) for r in result.runs] if only_runs else minute_objects(result)
    write_csv(csv_rows(RUN_KEYS if only_runs else minute_keys(), objects))


def _show(record: NightRecord, result: Summary, *, only_runs: bool) -> None:
    write(f"{title_of(record.night)}, stage {record.state.stage}, {record.state.status}")
    if not only_runs:
        _show_minutes(result)
    _show_runs(result.runs)
    _show_plate(result)
    _show_verdict(result)


def _show_minutes(result: Summary) -> None:
    from vampd.model.accounts import FrameKind

    pairs = {
        "A": FrameKind.SYNC_A,
        "B": FrameKind.SYNC_B,
        "D": FrameKind.SYNC_D,
        "plain": FrameKind.SYNC_PLAIN,
    }

    def counts(of: Minute | Summary) -> dict[str, int]:
        return {
            **{title: of.frames(kind, camera=1) for title, kind in pairs.items()},
            "solo1": of.frames(FrameKind.SOLO, camera=1),
            "solo2": of.frames(FrameKind.SOLO, camera=2),
            "aside": of.frames(FrameKind.SET_ASIDE),
            "late": of.frames(FrameKind.LATE),
        }

    total = counts(result)
    # In a pipe the columns are always the same; on a terminal empty ones only cost width.
    titles = [title for title in total if total[title] or not is_terminal()]
    days = {m.start_us // 86_400_000_000 for m in result.minutes if m.start_us is not None}
    form = "%H:%M" if len(days) < 2 else "%m-%d %H:%M"
    rows = [
        (
            *_clocks(minute, form),
            *(str(counts(minute)[title]) for title in titles),
            ",".join(describe_exposure(exposure) for exposure in minute.exposures_us) or _UNKNOWN,
            ", ".join(target or "(no OBJECT)" for target in minute.targets) or _UNKNOWN,
        )
        for minute in result.minutes
    ]
    columns = [
        Column("UT"),
        Column("HST"),
        *(Column(title, align_right=True) for title in titles),
        Column("exptime", align_right=True),
        Column("target"),
    ]
    if is_terminal():
        write("")
        if not result.minutes:
            write("There is no frame in this night.")
            return
        write_lines(text for text, own in _LEGEND if own & {*titles})
    last = ("all", "", *(str(total[title]) for title in titles), "", "")
    write_table(columns, [*rows, last], narrowest=_NARROWEST_TARGETS)


def _clocks(minute: Minute, form: str) -> tuple[str, str]:
    if minute.start_us is None:
        return "?", "?"
    moment = moment_of(minute.start_us)
    return moment.strftime(form), (moment + HST).strftime(form)


def _show_runs(runs: Sequence[RunSummary]) -> None:
    from vampd.model.accounts import percent, tell_chances

    def cells(run: RunSummary) -> dict[str, str]:
        return {
            "run": str(run.number),
            "UT": moment_of(run.first_us).strftime("%H:%M:%S"),
            "frames": str(run.all_frames),
            f"offset{unit}": run.offset_text,
            f"jitter{unit}": _UNKNOWN if run.jitter_us is None else f"{run.jitter_us:.1f}",
            "paired": _UNKNOWN if run.paired is None else percent(run.paired),
            "dubious": _UNKNOWN if run.dubious_part is None else percent(run.dubious_part),
            **_by_camera("lost", run.lost_by_camera),
            **_by_camera("log", run.lost_by_logger),
            "pauses": str(run.pauses),
        }

    if not runs:
        return
    # A terminal of 80 columns has room for all of them; in a pipe each has its unit and camera.
    unit = "" if is_terminal() else "_us"
    varying = varying_cards(runs)
    rows = [cells(run) for run in runs]
    titles = [
        title
        for title in rows[0]
        if not is_terminal() or any(row[title] not in (_UNKNOWN, "0") for row in rows)
    ]
    explained = (*titles, "what", "chance" if tell_chances(runs) else "")
    write("")
    if is_terminal():
        write_lines(t for title, t in _RUN_LEGEND.items() if title in explained)
    write_table(
        [*(Column(title, align_right=title != "UT") for title in titles), Column("what")],
        [
            (*(row[title] for title in titles), describe_run(run, varying))
            for row, run in zip(rows, runs, strict=True)
        ],
    )
    for run in runs:
        write_lines(list_settings(run))


def _by_camera(title: str, frames: tuple[int, int]) -> dict[str, str]:
    """What each camera lost: in one column on a terminal."""
    one, two = frames
    if not is_terminal():
        return {f"{title}1": str(one), f"{title}2": str(two)}
    return {f"{title}1/2": f"{one}/{two}" if one or two else "0"}


def _show_plate(result: Summary) -> None:
    """The half-wave plate's positions, and how many frames are A and B."""
    plate = result.plate
    if not plate.positions:
        return
    write("")
    if is_terminal():
        write("A, B, D: frames of both cameras by FLC state, also those without a partner")
    write_table(
        [
            Column(title, align_right=True)
            for title in ("angle", "A", "B", "D", "visits", "skipped")
        ],
        [
            (
                f"{position.angle_deg:g}",
                *(str(frames) for frames in position.frames),
                str(position.visits),
                str(position.skipped),
            )
            for position in plate.positions
        ],
    )
    a, b = (sum(position.frames[n] for position in plate.positions) for n in (0, 1))
    balance = f"{a / b:.3f}" if b else _UNKNOWN
    write(f"complete cycles of the half-wave plate: {plate.cycles}; A:B {a}:{b} ({balance})")


def _show_verdict(result: Summary) -> None:
    write("")
    columns = (Column(), Column())
    write_table(columns, [("verdict:", result.verdict)])
    if result.findings:
        write("check:")
        write_table(columns, [("", finding) for finding in result.findings])
