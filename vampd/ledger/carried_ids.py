"""The frame IDs that products carry in their own headers: framelists, packed and plain cubes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vampd.disk.reading import list_files, read_whole
from vampd.errors import DataError
from vampd.fits.headers import read_product_cards
from vampd.fits.products import read_sidecar_identity
from vampd.model.cubes import SUFFIX, Cards, parse_framelist
from vampd.model.frame_ids import HEADERS, CarriedId, FrameId, ObservedIds
from vampd.model.nights import NightId, Stream

_PACKED = ".fits.fz"
_PLAIN = ".fits"
# Numbers are unique whatever the frame type's letter.
_ANY_ID = re.compile(r"VMP[A-Z]([0-9]{8})")


def read_carried_ids(root: Path, night: NightId) -> Iterator[CarriedId]:
    """What every product of a night carries, by path; headers only.

    A file that vanishes meanwhile (retired, or renamed to its ID) is skipped.
    """
    folder = root / night.folder
    files = {file.path for file in list_files(folder, Stream.VGEN2)}
    for path in sorted(files):
        for suffix in (_PACKED, _PLAIN, SUFFIX):
            if path.endswith(suffix):
                stem = path.removesuffix(suffix)
                sidecar = folder / f"{stem}.txt" if f"{stem}.txt" in files else None
                try:
                    yield _look(folder / path, night, path, sidecar)
                except FileNotFoundError:
                    pass
                except DataError as error:
                    if (folder / path).exists():
                        yield CarriedId(night, path, "", None, error.message)
                break


def read_headers_too(archive_folder: Path, seen: ObservedIds) -> ObservedIds:
    """What a night shows, with the IDs that only headers show: of cubes with other names.

    A cube that cannot be read, or is gone by now, shows nothing.
    """
    ids: set[FrameId] = set()
    for name in seen.nameless:
        with suppress(DataError):
            cards = read_product_cards(archive_folder / seen.night.date / Stream.VGEN2 / name)
            if match := _ANY_ID.fullmatch(_frame_id(cards)):
                ids.add(FrameId(int(match[1])))
    return replace(seen, seen={**seen.seen, HEADERS: frozenset(ids)}) if ids else seen


def _look(file: Path, night: NightId, path: str, sidecar: Path | None) -> CarriedId:
    if path.endswith(SUFFIX):
        text = read_whole(file).decode("utf-8", "surrogateescape")
        framelist = parse_framelist(text)
        return CarriedId(night, path, _frame_id(framelist.cards), framelist.identity)
    identity = None
    if sidecar is not None and path.endswith(_PACKED):
        identity = read_sidecar_identity(sidecar)
    return CarriedId(night, path, _frame_id(read_product_cards(file)), identity)


def _frame_id(cards: Cards) -> str:
    return (cards.string("FRAMEID") or "").strip()
