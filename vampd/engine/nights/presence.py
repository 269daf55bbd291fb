"""Whether a night's folder is there at all, or a disk that should be mounted in its place.

The root has a mark; a night, its vgen2 and its streams may be disks of their own and have none.
What vampd wrote into vgen2 stands for the night and for that folder. Which streams were mounted is
kept beside it, in a hidden file, because nothing may be written to a stream.
"""

from __future__ import annotations

import os
from pathlib import Path

from vampd.disk.durable import names_in, remove_durably, replacing
from vampd.disk.reading import read_whole
from vampd.errors import TransientError
from vampd.model.nights import CAMERA_STREAMS, RESTORE_UNFINISHED, NightRecord, Stream
from vampd.model.proofs import live_receipts, own_receipts
from vampd.ports import NightReader

ABSENT = "night_absent"
_MOUNTED = f"{Stream.VGEN2.value}/.mounted_streams"


def refuse_absent(record: NightRecord, reader: NightReader) -> None:
    """TransientError ``night_absent`` if nothing is there of what vampd made of this night.

    A night that is being restored may have nothing left.
    """
    if record.code == RESTORE_UNFINISHED:
        return
    night = record.night
    made = own_receipts(live_receipts(reader.packing_receipts(night)))
    if not made or any(file.path in made for file in reader.files(night, Stream.VGEN2)):
        return
    raise TransientError(
        ABSENT,
        f"nothing is in {night.folder} of the {len(made):,} files that vampd made there: is its"
        f" disk mounted? If they were removed, `vampctl recover {night.date} --removed` gets them"
        " back",
    )


def refuse_bare(record: NightRecord, folder: Path) -> None:
    """TransientError ``night_absent`` if a night's folder is empty, as a mount point is.

    Where no receipt is on record (the database was lost, or a restore ended them), that alone shows
    that its disk may be away. A folder that has just been made is bare, too: for acts of people.
    """
    if record.code != RESTORE_UNFINISHED and folder.is_dir() and not names_in(folder):
        raise TransientError(
            ABSENT,
            f"nothing at all is in {record.night.folder}: is its disk mounted? If it was emptied on"
            " purpose, there is nothing to be done there",
        )


def note_mounted_streams(folder: Path) -> None:
    """Keep which streams of a night are mount points now, beside what vampd made of it.

    One that was stays noted while it is empty, because its disk may be away.
    """
    products = folder / Stream.VGEN2
    if not products.is_dir():
        return
    before = _noted(folder)
    mounted = {
        stream.value
        for stream in CAMERA_STREAMS
        if os.path.ismount(folder / stream)
        or (stream.value in before and not _has_entries(folder / stream))
    }
    if before and not mounted:
        remove_durably(folder / _MOUNTED)
    elif mounted != before:
        with replacing(folder / _MOUNTED) as file:
            file.write("".join(f"{name}\n" for name in sorted(mounted)).encode())


def refuse_unmounted(folder: Path) -> None:
    """TransientError ``night_absent`` if an empty stream of this night was a disk of its own."""
    for name in sorted(_noted(folder)):
        stream = folder / name
        if not os.path.ismount(stream) and not _has_entries(stream):
            raise TransientError(
                ABSENT,
                f"{stream} was a disk of its own, and nothing is mounted there: mount it; if its"
                f" raw files were removed with it, remove {folder / _MOUNTED}",
            )


def _noted(folder: Path) -> frozenset[str]:
    try:
        text = read_whole(folder / _MOUNTED).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    return frozenset(text.split()) & {stream.value for stream in CAMERA_STREAMS}


def _has_entries(folder: Path) -> bool:
    try:
        return bool(names_in(folder))
    except (FileNotFoundError, NotADirectoryError):
        return False
