"""vampctl pack, unpack: any named files, by the writer and reader of the products."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.files.own_place import naming_another_place
from vampd.cli.shared.output import write, write_error
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.cli.shared.words import count_of, format_size, path_of
from vampd.errors import EXIT_NIGHT, DataError, MalformedCube, UsageError, VampdError

if TYPE_CHECKING:
    from vampd.fits.products import Rewritten
    from vampd.ports import Pace

_PACKED_SUFFIX = ".fz"

PlainFilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="Plain FITS cubes.", show_default=False),
]
PackedFilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="Packed FITS cubes.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="DIR",
        help="Where to write. Default: beside each file.",
        show_default=False,
    ),
]


def pack(
    context: typer.Context,
    files: PlainFilesArgument,
    out: FolderOption = None,
    config: ConfigOption = None,
) -> None:
    """Pack plain FITS cubes losslessly, as NAME.fz.

    Accepts files that hold one cube or image of 16-bit integers, signed or unsigned, and nothing
    else. Each becomes what a product of vampd is: read back from the disk, decoded and compared
    before it gets its name. Nothing is overwritten, and FILE stays. `funpack` and `vampctl unpack`
    restore it byte for byte, plus CHECKSUM and DATASUM if it had none. A wrong DATASUM is a sign of
    damage: such a file is refused.

    Nothing is written into a camera stream or among vampd's own products; then no file is packed
    (exit status 2). Needs neither daemon nor database. Exit status: 0 all packed, 1 a file could
    not be packed; the others were.
    """
    from vampd.disk.rights import find_stream_around
    from vampd.fits.products import pack_file

    root = settings_of(context, config).watch.root
    targets = [_beside(path, out, path.name + _PACKED_SUFFIX) for path in files]
    for folder in _folders(targets):
        stream = find_stream_around(folder, root)
        if stream is not None:
            raise _refusal("raw_is_sacred", f"{stream} is a camera stream")
        if any(folder.glob("generation_*.json")):
            raise _refusal("own_products", f"{folder} belongs to vampd")
    _rewrite_all(files, targets, out, pack_file)


def unpack(
    context: typer.Context,
    files: PackedFilesArgument,
    out: FolderOption = None,
    config: ConfigOption = None,
) -> None:
    """Unpack packed FITS cubes, NAME.fz to NAME.

    Accepts vampd's products, what `fpack -r` makes of cubes of 16-bit integers, and, with -o DIR,
    what the loggers write as NAME.fits when they compress; all stay. The
    new file is the one that `funpack` gives, except that missing or outdated checksums are left as
    they are. DATASUM is compared on both sides, and the file is read back from the disk before it
    gets its name; nothing is overwritten.

    Nothing is written into a camera stream or an archive night, where the old tools would take a
    plain cube for theirs; then no file is unpacked (exit status 2): pass -o DIR. Needs neither
    daemon nor database. Exit status: 0 all unpacked, 1 a file could not be unpacked; the others
    were.
    """
    root = settings_of(context, config).watch.root
    targets = [_beside(path, out, path.name.removesuffix(_PACKED_SUFFIX)) for path in files]
    for folder in _folders(targets):
        refuse_plain_cubes(folder, root)
    _rewrite_all(files, targets, out, _unpack)


def _unpack(path: Path, target: Path, pace: Pace) -> Rewritten:
    from vampd.fits.products import unpack_file

    if path.name.endswith(_PACKED_SUFFIX):
        return unpack_file(path, target, pace)
    # What a logger compressed has the name of a plain cube.
    expected = f"expected a name that ends in {_PACKED_SUFFIX}"
    if os.path.realpath(path) == os.path.realpath(target):
        raise DataError("no_packed_name", f"{expected}, or -o DIR with another folder")
    try:
        return unpack_file(path, target, pace)
    except MalformedCube as error:
        why = f"{expected}, or a cube that a logger compressed: {error.message}"
        raise DataError("no_packed_name", why) from error


def refuse_plain_cubes(folder: Path, root: Path) -> None:
    """UsageError if no plain cube may be written there: raw is sacred, and so are frame IDs."""
    from vampd.disk.rights import find_archive_night, find_stream_around

    stream = find_stream_around(folder, root)
    if stream is not None:
        raise _refusal("raw_is_sacred", f"{stream} is a camera stream")
    night = find_archive_night(folder, root)
    if night is not None:
        raise _refusal(
            "archive_night",
            f"{night} is an archive night: the old tools give every plain cube an ID",
        )


def report_failure(path: Path, target: Path, error: VampdError | OSError) -> None:
    """One line on standard error about a file whose ``target`` could not be written."""
    if isinstance(error, VampdError):
        text = error.message
    else:
        text = f"cannot write {path_of(target)}: {error.strerror or error}"
    write_error(f"vampctl: {path_of(path)}: {text}")


def _beside(path: Path, out: Path | None, name: str) -> Path:
    return (path.parent if out is None else out) / name


def _folders(targets: Iterable[Path]) -> Sequence[Path]:
    return list(dict.fromkeys(target.parent for target in targets))


def _refusal(code: str, why: str) -> UsageError:
    return UsageError(code, f"{why}; nothing was written. Pass -o DIR with another folder")


def _rewrite_all(
    files: Sequence[Path],
    targets: Sequence[Path],
    out: Path | None,
    rewrite: Callable[..., Rewritten],
) -> None:
    from vampd.disk.durable import make_folder, remove_leftovers
    from vampd.disk.pace import SteadyPace
    from vampd.disk.reading import named_by_person

    with naming_another_place(out or files[0].parent):
        if out is not None:
            make_folder(Path(os.path.realpath(out)))
        for folder in _folders(targets):
            remove_leftovers(Path(os.path.realpath(folder)))
    done: list[Rewritten] = []
    for path, target in zip(files, targets, strict=True):
        try:
            done.append(rewrite(path, named_by_person(target), SteadyPace()))
        except (VampdError, OSError) as error:
            report_failure(path, target, error)
        else:
            write(f"{path_of(target)}: {rewritten_text(done[-1:])}")
            sys.stdout.flush()
    if len(files) > 1:
        failed = len(files) - len(done)
        summary = f"{rewritten_text(done)}; " if done else ""
        write(f"total: {count_of(len(files), 'file')}, {summary}{failed} failed")
    if len(done) < len(files):
        raise typer.Exit(EXIT_NIGHT)


def rewritten_text(done: Sequence[Rewritten]) -> str:
    """Frames and sizes: ``500 frames, 287 MB to 125 MB (43.6 %)``."""
    frames = sum(one.frames for one in done)
    before = sum(one.bytes_before for one in done)
    after = sum(one.bytes_after for one in done)
    sizes = f"{format_size(before)} to {format_size(after)}"
    return f"{count_of(frames, 'frame')}, {sizes} ({100 * after / before:.1f} %)"
