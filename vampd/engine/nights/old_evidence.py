"""Reading what the old tools left of a night: names, lists, logs and headers; never pixels."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from vampd.disk.durable import names_in
from vampd.disk.reading import read_foreign_text
from vampd.errors import DataError, TransientError
from vampd.fits.headers import read_product_cards
from vampd.model.accounts import MANIFESTS, SECTIONS, OldEvidence, ProductIds
from vampd.model.frame_ids import HEADERS, NAME_CHANGES, NAMES, FrameId
from vampd.model.nights import (
    ARCHIVE_FOLDER,
    Kind,
    NightId,
    StatusRow,
    Stream,
    parse_night_date,
)

# Numbers are unique whatever the frame type's letter; a repair tool changed only some records.
_ANY_ID = re.compile(r"VMP[A-Z]([0-9]{8})(?![0-9])")
_NAMED_BY_ID = re.compile(r"VMP[A-Z]([0-9]{8})\.(?:fits|fits\.fz|txt)")
# As people combine them for a mail, beside the nights.
_LOOSE_MANIFEST = re.compile(r"manifest.*\.csv")
_OF_NIGHT = re.compile(r"/([0-9]{8})/vgen2/")
_MANIFEST = re.compile(r"manifest_VMP_.*\.csv")
# One that a person renamed, kept or edited elsewhere.
_COPY = re.compile(r"(?!manifest_VMP_.*\.csv$).*manifest.*\.(?:csv|txt)(?:[.~].*)?", re.IGNORECASE)
_BAD = "bad_sc6_files.txt"
_RAW_FOLDERS = ("vcam1", "vcam2", "vcam1_hlinkbak", "vcam2_hlinkbak")
_ELSEWHERE = "other files"


def read_loose_manifests(root: Path) -> dict[NightId, frozenset[FrameId]]:
    """The IDs that manifests beside the nights list, by night: several combined in one, as a rule.

    A line names its night by the path of the product.
    """
    found: dict[NightId, set[FrameId]] = defaultdict(set)
    for folder in (root, root / ARCHIVE_FOLDER):
        for name in filter(_LOOSE_MANIFEST.fullmatch, _names(folder)):
            for line in (read_foreign_text(folder / name) or "").splitlines():
                match = _OF_NIGHT.search(line)
                if match and parse_night_date(match[1]):
                    found[NightId(match[1], Kind.ARCHIVE)] |= _listed_ids(line)
    return {night: frozenset(ids) for night, ids in found.items() if ids}


def read_evidence(
    root: Path, night: NightId, row: StatusRow | None, listed: Iterable[FrameId] = ()
) -> OldEvidence:
    """What there is of a night, with its ``row`` of the logs and the IDs ``listed`` elsewhere."""
    folder = root / night.folder
    if not folder.is_dir():
        ids_there = frozenset(listed)
        shown = {MANIFESTS: ids_there} if ids_there else {}
        return OldEvidence(night, row, has_folder=False, ids=shown)
    unread: list[str] = []
    entries, products = _names(folder), _names(folder / Stream.VGEN2)
    headers = tuple(_read_headers(folder / Stream.VGEN2, products))
    bad = tuple(filter(str.strip, _text(folder, _BAD, unread).splitlines()))
    ids: dict[str, set[FrameId]] = defaultdict(set)
    ids[MANIFESTS] |= set(listed)
    if night.kind is Kind.ARCHIVE:
        ids[NAMES] |= {FrameId(int(m[1])) for m in map(_NAMED_BY_ID.fullmatch, products) if m}
        ids[NAME_CHANGES] |= _ids_at_ends(_text(folder, f"{Stream.VGEN2}/{NAME_CHANGES}", unread))
        for name in filter(_MANIFEST.fullmatch, entries):
            text = _text(folder, name, unread)
            ids[MANIFESTS] |= (found := _listed_ids(text))
            if not found and any(not line.startswith("#") for line in text.split("\n") if line):
                unread.append(name)
        ids[HEADERS] |= _ids_in(text for each in headers for text in (each.frame_id,))
        ids[HEADERS] |= _ids_in(_raw_ids(folder))
        known = set().union(*ids.values())
        ids[_ELSEWHERE] |= _ids_elsewhere(folder, entries, products, bad) - known
    section = _last_section(_text(folder, f"{night.date}_process.log", unread))
    return OldEvidence(
        night,
        row,
        entries=entries,
        products=products,
        ids={who: frozenset(found) for who, found in ids.items() if found},
        headers=headers,
        section=section,
        unread=tuple(unread),
        bad=bad,
    )


def _read_headers(vgen2: Path, products: Iterable[str]) -> Iterator[ProductIds]:
    for name in products:
        if not name.endswith((".fits", ".fits.fz")) or name.startswith("."):
            continue
        try:
            cards = read_product_cards(vgen2 / name)
        except (DataError, TransientError) as error:
            yield ProductIds(name, "", "", str(error))
            continue
        frame_id, exposure_id = (
            (cards.string(keyword) or "").strip() for keyword in ("FRAMEID", "EXP-ID")
        )
        yield ProductIds(name, frame_id, exposure_id)


def _raw_ids(folder: Path) -> Iterator[str]:
    """The FRAMEIDs of raw cubes: the old tools edited headers that raw shares with its copies."""
    for stream in _RAW_FOLDERS:
        for name in _names(folder / stream):
            if name.endswith(".fits"):
                with suppress(DataError, TransientError):
                    cards = read_product_cards(folder / stream / name)
                    yield (cards.string("FRAMEID") or "").strip()


def _ids_elsewhere(
    folder: Path, entries: Iterable[str], products: Iterable[str], bad: Iterable[str]
) -> set[FrameId]:
    """The IDs in names that are none of products, also in other folders, and in other lists."""
    names = [*products, *bad]
    copies = []
    for entry in entries:
        if _COPY.fullmatch(entry):
            copies.append(read_foreign_text(folder / entry) or "")
        elif entry not in (*_RAW_FOLDERS, Stream.VGEN2):
            names += _names(folder / entry)
    names += (f"{name}/{each}" for name in products for each in _names_within(folder, name))
    return {*_listed_ids("\n".join(names)), *_listed_ids("\n".join(copies))}


def _names_within(folder: Path, product: str) -> tuple[str, ...]:
    # A listing for each of thousands of cubes would be in vain.
    return (
        ()
        if ".fits" in product or product.endswith(".txt")
        else _names(folder / Stream.VGEN2 / product)
    )


def _listed_ids(text: str) -> set[FrameId]:
    """The first ID of each line, whatever stands around it: people and programs edit lists."""
    found = map(_ANY_ID.search, text.split("\n"))
    return {FrameId(int(match[1])) for match in found if match}


def _ids_in(texts: Iterable[str]) -> set[FrameId]:
    return {FrameId(int(match[1])) for text in texts if (match := _ANY_ID.fullmatch(text.strip()))}


def _ids_at_ends(text: str) -> set[FrameId]:
    found = (_ANY_ID.findall(line) for line in text.split("\n"))
    return {FrameId(int(numbers[-1])) for numbers in found if numbers}


def _last_section(text: str) -> str | None:
    """The last section that a process log names, '' for a log without any."""
    if not text:
        return None
    at = {section: text.rfind(section) for section in SECTIONS}
    last = max(at, key=lambda section: at[section])
    return last if at[last] >= 0 else ""


def _text(folder: Path, path: str, unread: list[str]) -> str:
    """The text of a file, '' without one; one that cannot be read is added to ``unread``."""
    text = read_foreign_text(folder / path)
    if text is None and os.path.lexists(folder / path):
        unread.append(path)
    return text or ""


def _names(folder: Path) -> tuple[str, ...]:
    with suppress(OSError, DataError):
        return tuple(sorted(names_in(folder)))
    return ()
