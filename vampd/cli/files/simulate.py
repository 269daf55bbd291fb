"""vampctl simulate: a night as the camera loggers leave it, for trials."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vampd.cli.shared.nights import parse_night, title_of
from vampd.cli.shared.output import write, write_lines
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.cli.shared.words import count_of
from vampd.errors import UsageError
from vampd.model.nights import Kind, NightId


class Logger(StrEnum):
    """The loggers whose writing can be imitated."""

    RECENT = "recent"  # under a temporary name, then renamed
    OLD = "old"  # in place


def simulate(
    context: typer.Context,
    root: Annotated[
        Path | None,
        typer.Argument(
            metavar="ROOT",
            help="The folder that vampd watches. Default: watch.root of the configuration.",
            show_default=False,
        ),
    ] = None,
    date: Annotated[str, typer.Option("--date", metavar="NIGHT", help="Its UT date.")] = "20251106",
    kind: Annotated[Kind, typer.Option("--kind", help="Which kind of night.")] = Kind.ARCHIVE,
    preset: Annotated[
        str,
        typer.Option("--preset", metavar="NAME", help="What is observed; 'list' names all."),
    ] = "demo",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")
    ] = 1,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FILE",
            help="Write the truth about each frame to this table.",
            show_default=False,
        ),
    ] = None,
    real_time: Annotated[
        Logger | None,
        typer.Option(
            "--real-time",
            help="Write at the night's own pace, as this logger does.",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.001, help="With --real-time: how many times as fast."),
    ] = 1.0,
    config: ConfigOption = None,
) -> None:
    """Write a simulated night below a folder.

    Never adds to a night that exists. Needs no database.
    """
    from vampd.simulate import PRESETS, Writer, plan_night, write_night, write_truth

    if preset == "list":
        write_lines(PRESETS)
        return
    if preset not in PRESETS:
        raise UsageError(
            "no_such_preset", f"there is no preset {preset!r}; there are {', '.join(PRESETS)}"
        )
    night = NightId(parse_night(date), kind)
    root = settings_of(context, config).watch.root if root is None else root
    folder = root / night.folder
    if folder.exists():
        raise UsageError(
            "night_exists",
            f"{folder} already exists: choose another --date or ROOT, or remove it if it is"
            " simulated",
        )
    if truth is not None and truth.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "truth_inside", f"the truth table may not be inside the night: {truth} is in {folder}"
        )
    writer = Writer.AT_ONCE
    if real_time is not None:
        writer = Writer.RECENT_LOGGER if real_time is Logger.RECENT else Writer.OLD_LOGGER
    simulated = plan_night(PRESETS[preset], night, seed)
    try:
        if truth is not None:
            write_truth(simulated.truth, truth)
        write_night(simulated, root, writer=writer, speed=speed)
    except OSError as error:
        raise UsageError(
            "cannot_write",
            f"cannot write {error.filename or folder}: {error.strerror}; choose a folder that you"
            " may write to",
        ) from error
    cubes = simulated.truth.cubes
    frames = count_of(sum(cube.frames for cube in cubes), "frame")
    write(
        f"{title_of(night)}: {frames} in {count_of(len(cubes), 'cube')}"
        f" ({len(simulated.truth.bad_cubes)} of them bad) in {folder}"
    )
