"""vampctl pack, unpack: files that a person names, by the writer and reader of the products."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.cli.shared.words import count_of, format_size, path_of
from vampd.errors import EXIT_NIGHT, DataError, UsageError, VampdError

if TYPE_CHECKING:
    from vampd.fits.plain_file import Rewritten

_PACKED_SUFFIX = ".fz"

PlainFilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Plain FITS cubes.", show_default=False),
]
PackedFilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Packed FITS cubes.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="DIR",
        help="Where to write; without it, beside each file.",
        show_default=False,
    ),
]


def pack(
    context: typer.Context,
    files: PlainFilesArgument,
    out: FolderOption = None,
    config: ConfigOption = None,
) -> None:
    """Pack plain FITS cubes, as NAME.fz, without loss.

    Taken are cubes and images of 16-bit integers, signed or unsigned, alone in their file. Each
    becomes what a product of vampd is: read back from the disk, decoded and compared before it gets
    its name. Nothing is overwritten, and FILE stays. `funpack` and `vampctl unpack` restore it byte
    for byte; if it has no CHECKSUM and DATASUM, with these two added. A DATASUM that is wrong tells
    of damage: such a file is refused.

    Nothing is written into a camera stream or among vampd's own products; then no file is packed
    (exit status 2). Needs neither daemon nor database. Exit status: 0 all packed, 1 a file could
    not be packed; the others were.
    """
    from vampd.disk.camera_streams import find_stream_around
    from vampd.fits.plain_file import pack_file

    root = settings_of(context, config).watch.root
    targets = [_beside(path, out, path.name + _PACKED_SUFFIX) for path in files]
    for folder in _folders(targets):
        stream = find_stream_around(folder, root)
        if stream is not None:
            raise _refusal("raw_is_sacred", f"{stream} is a camera stream")
        if any(folder.glob("generation_*.json")):
            raise _refusal("own_products", f"vampd itself works on what is in {folder}")
    _rewrite_all(files, targets, out, pack_file)


def unpack(
    context: typer.Context,
    files: PackedFilesArgument,
    out: FolderOption = None,
    config: ConfigOption = None,
) -> None:
    """Make packed FITS cubes plain again, NAME.fz as NAME.

    Taken are vampd's products and what `fpack -r` makes of cubes of 16-bit integers; they stay. The
    new file is the one that `funpack` gives, but checksums that are missing or outdated are left
    so. DATASUM is compared on both sides, and the file is read back from the disk before it gets
    its name; nothing is overwritten.

    Nothing is written into a camera stream or an archive night, where the old tools would take a
    plain cube for theirs; then no file is unpacked (exit status 2): say -o DIR. Needs neither
    daemon nor database. Exit status: 0 all unpacked, 1 a file could not be unpacked; the others
    were.
    """
    from vampd.fits.unpacking import unpack_file

    root = settings_of(context, config).watch.root
    targets = [_beside(path, out, path.name.removesuffix(_PACKED_SUFFIX)) for path in files]
    for folder in _folders(targets):
        refuse_plain_cubes(folder, root)
    _rewrite_all(files, targets, out, unpack_file)


def refuse_plain_cubes(folder: Path, root: Path) -> None:
    """UsageError if no plain cube may be written there: raw is sacred, and so are frame IDs."""
    from vampd.disk.camera_streams import find_archive_night, find_stream_around

    stream = find_stream_around(folder, root)
    if stream is not None:
        raise _refusal("raw_is_sacred", f"{stream} is a camera stream")
    night = find_archive_night(folder, root)
    if night is not None:
        raise _refusal(
            "archive_night", f"{night} is an archive night: the old tools give any plain cube an ID"
        )


def tell_failure(path: Path, target: Path, error: VampdError | OSError) -> None:
    """One line on standard error about a file whose ``target`` could not be written."""
    if isinstance(error, VampdError):
        told = error.message
    else:
        told = f"cannot write {path_of(target)}: {error.strerror or error}"
    sys.stderr.write(f"vampctl: {path_of(path)}: {told}\n")


def _beside(path: Path, out: Path | None, name: str) -> Path:
    return (path.parent if out is None else out) / name


def _folders(targets: Iterable[Path]) -> Sequence[Path]:
    return list(dict.fromkeys(target.parent for target in targets))


def _refusal(code: str, why: str) -> UsageError:
    return UsageError(code, f"{why}; nothing was written. Say -o DIR with a folder elsewhere")


def _rewrite_all(
    files: Sequence[Path],
    targets: Sequence[Path],
    out: Path | None,
    rewrite: Callable[..., Rewritten],
) -> None:
    from vampd.disk.atomic import make_folder, remove_leftovers
    from vampd.disk.pace import SteadyPace

    if out is not None:
        make_folder(out)
    for folder in _folders(targets):
        remove_leftovers(folder)
    done: list[Rewritten] = []
    for path, target in zip(files, targets, strict=True):
        try:
            if target.name == path.name:
                raise DataError("no_packed_name", f"expected a name that ends in {_PACKED_SUFFIX}")
            done.append(rewrite(path, target, SteadyPace()))
        except (VampdError, OSError) as error:
            tell_failure(path, target, error)
        else:
            write(f"{path_of(target)}: {rewritten_text(done[-1:])}")
            sys.stdout.flush()
    if len(files) > 1:
        failed = len(files) - len(done)
        told = f"{rewritten_text(done)}; " if done else ""
        write(f"total: {count_of(len(files), 'file')}, {told}{failed} failed")
    if len(done) < len(files):
        raise typer.Exit(EXIT_NIGHT)


def rewritten_text(done: Sequence[Rewritten]) -> str:
    """Frames and sizes: ``500 frames, 287 MB to 125 MB (43.6 %)``."""
    frames = sum(one.frames for one in done)
    before = sum(one.bytes_before for one in done)
    after = sum(one.bytes_after for one in done)
    sizes = f"{format_size(before)} to {format_size(after)}"
    return f"{count_of(frames, 'frame')}, {sizes} ({100 * after / before:.1f} %)"
