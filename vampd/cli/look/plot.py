"""vampctl plot: a plot of a night, to see at a glance what sync made of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_shown, show_each, title_of
from vampd.cli.shared.observed_night import observe_night
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, KindOption, ReadNightArgument, reading
from vampd.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vampd.model.nights import NightRecord

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE.png",
        help="The PNG file. Default: sync_<date>_<kind>.png in the current folder.",
        show_default=False,
    ),
]

DarkOption = Annotated[bool, typer.Option("--dark", help="Light on dark, for the control room.")]


def plot(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    output: OutputOption = None,
    dark: DarkOption = False,
    config: ConfigOption = None,
) -> None:
    """Draw what became of a night's frames, run by run.

    Shows only what the night has. The bar at the top is the verdict: filled if it is unexpected
    or to be checked. Each color has one meaning, which a lane, a shape or a hatch says as well.

    Writes a PNG of 1600 x 1000 pixels, over an older one of that name. Needs matplotlib, which the
    extra `plot` installs: pip install 'vampd[plot]'. A date that is an archive night and an
    engineering night gives two; -o wants --kind then.
    """
    try:
        from vampd.cli.plotting.figure import draw_night
        from vampd.cli.plotting.style import Ground
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise UsageError(
            "matplotlib_missing",
            "vampctl plot needs matplotlib, which is not installed here:"
            " pip install 'vampd[plot]' in vampd's environment",
        ) from error
    _check_output(output)
    ground = Ground.DARK if dark else Ground.LIGHT
    with reading(context, config) as connections:
        known = connections.store.nights()
        chosen = choose_shown(known, night, kind, time.time(), one=output is not None)

        def draw(record: NightRecord) -> int:
            observed = observe_night(connections, record)
            path = output or Path(f"sync_{record.night.date}_{record.night.kind}.png")
            write_picture(draw_night(title_of(record.night), observed, ground), path)
            write(str(path))
            return EXIT_OK

        if status := show_each(chosen, draw):
            raise typer.Exit(status)


def _check_output(output: Path | None) -> None:
    folder = Path() if output is None else output.parent
    if not folder.is_dir():
        raise UsageError("no_folder", f"there is no folder {folder} to write the plot into")
    if output is not None and output.suffix.lower() != ".png":
        raise UsageError("not_png", f"the plot is a PNG: expected -o FILE.png, found {output}")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; UsageError ``not_writable``. The same figure gives the same bytes."""
    from vampd.disk.durable import replacing
    from vampd.disk.reading import named_by_person

    try:
        with replacing(named_by_person(path)) as file:
            # Without metadata: they would name the version of matplotlib.
            figure.savefig(file, format="png", metadata={"Software": None})
    except OSError as error:
        raise UsageError("not_writable", f"cannot write {path}: {error.strerror}") from error
