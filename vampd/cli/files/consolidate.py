"""vampctl consolidate: a night's virtual cubes as plain FITS files, for immediate use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.files.own_place import naming_another_place
from vampd.cli.files.packing import refuse_plain_cubes, report_failure
from vampd.cli.shared.nights import choose_record, title_of
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, KindOption, NightArgument, reading
from vampd.cli.shared.words import count_of, format_size, path_of
from vampd.errors import EXIT_NIGHT, DataError, VampdError

if TYPE_CHECKING:
    from vampd.engine.nights.framelist_source import FramelistSource
    from vampd.model.cubes import Product

OutOption = Annotated[
    Path, typer.Option("-o", "--out", metavar="DIR", help="Where to write.", show_default=False)
]


def consolidate(
    context: typer.Context,
    night: NightArgument,
    out: OutOption,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a night's cubes as plain FITS files elsewhere.

    Each has its timing file beside it. Works from sync on, whatever happened to the night since:
    frames come from the raw cubes, headers and names are as the night's stage has left them. A cube
    whose product is already packed comes out as `funpack` restores that product. The night itself
    is only read.

    Nothing is overwritten: a cube that already exists counts as failed. Nothing is written into a
    camera stream or an archive night, where the old tools would take it for theirs (exit status 2).
    Exit status: 0 all written, 1 a cube could not be written; the others were.
    """
    from vampd.disk.durable import make_folder, remove_leftovers
    from vampd.engine.nights.framelist_source import FramelistSource

    with reading(context, config) as connections:
        chosen = choose_record(connections.store.nights(), night, kind).night
        root = connections.settings.watch.root
        refuse_plain_cubes(out, root)
        cubes = FramelistSource(chosen, root / chosen.folder, connections.reader)
        if not cubes.products:
            raise DataError("nothing_synchronised", f"{title_of(chosen)} has not been through sync")
        out = Path(os.path.realpath(out))
        with naming_another_place(out):
            make_folder(out)
            remove_leftovers(out)
        sizes = [
            _consolidate(cubes, product, root / chosen.folder, out) for product in cubes.products
        ]
    written = [size for size in sizes if size is not None]
    failed = len(sizes) - len(written)
    write(
        f"total: {count_of(len(sizes), 'cube')}, {format_size(sum(written))} written;"
        f" {failed} failed"
    )
    if failed:
        raise typer.Exit(EXIT_NIGHT)


def _consolidate(cubes: FramelistSource, product: Product, folder: Path, out: Path) -> int | None:
    """Write one cube; return its size in bytes, None if that failed."""
    from vampd.disk.durable import refuse_existing
    from vampd.disk.pace import SteadyPace
    from vampd.fits.products import create_sidecar, write_virtual_cube

    plain = out / f"{product.name}.fits"
    try:
        framelist = cubes.read(product)
        plain = out / f"{framelist.name}.fits"
        refuse_existing(plain)
        pace = SteadyPace()
        create_sidecar(framelist, out / f"{framelist.name}.txt", pace)
        size = write_virtual_cube(framelist, folder, plain, pace)
    except (VampdError, OSError) as error:
        report_failure(plain, plain, error)
        return None
    write(f"{path_of(plain)}: {count_of(framelist.frames, 'frame')}, {format_size(size)}")
    sys.stdout.flush()
    return size
