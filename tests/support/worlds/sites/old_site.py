"""A root that the old tools leave: their logs, folders and records, with the quirks of real ones.

Each night is as some step of their chain left it: raw -> hlinkbak -> vgen2 -> processed -> manifest
-> transferred -> safe -> vgen2 deleted -> hlinkbak deleted -> a folder with manifest and log.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from vampd.model.nights import TITLES, Kind, NightId

_SECTIONS = (
    "Running sync+deint",
    "Running consolidate",
    "Cleaning up folder",
    "Fixing headers",
    "Assigning frame IDS",
    "Compressing with fpack",
    "Preparing manifest",
    "Syncing to scexao6",
    "FINISHED",
)
_TIMES = ("", "2025-06-26T21:54:55", "2025-11-13T00:00:00", "2025-11-14 20:38:15", "T00:00:00")
_TRUTHS = ("True", "True", "TRUE", "1.0")


class Life(StrEnum):
    """How far the old tools came with a night."""

    ONLY_ROW = "only row"  # their log lists every folder
    SYNCED = "synced"  # died before cleaning up
    CLEANED = "cleaned"  # died after it: no raw under its own name
    PROCESSED = "processed"
    TRANSFERRED = "transferred"  # with a list of files that are bad there
    SAFE = "safe"
    DELETED = "deleted"  # vgen2 is gone
    ENDED = "ended"  # so are the copies of raw
    NO_FOLDER = "no folder"


_ORDER = tuple(Life)
LEGACY = frozenset(Life) - {Life.ONLY_ROW, Life.NO_FOLDER}


@dataclass(frozen=True)
class OldNight:
    """One night: where it lies, and what is true of it."""

    night: NightId
    life: Life
    # The numbers of its frame IDs, as its files are named.
    numbers: tuple[int, ...] = ()
    # Whether a repair tool has exchanged two IDs among its files.
    is_permuted: bool = False

    @property
    def is_marked(self) -> bool:
        """Whether the old deleter has a mark of it, which stays when it was carried out."""
        return self.life in (Life.SAFE, Life.DELETED)

    @property
    def flags(self) -> tuple[bool, bool, bool]:
        """What the row claims: processed, transferred, safe."""
        at = _ORDER.index(self.life)
        return tuple(at >= _ORDER.index(life) for life in _FLAGGED)  # type: ignore[return-value]


_MARKED = "2025-11-15T12:00:00+00:00"
_FLAGGED = (Life.PROCESSED, Life.TRANSFERRED, Life.SAFE)


@dataclass
class OldSite:
    """The nights of a root, and the rows of its logs."""

    root: Path
    seed: int = 0
    nights: list[OldNight] = field(default_factory=list)
    next_number: int = 425_189

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._rows: dict[Kind, list[str]] = {kind: [",".join(TITLES)] for kind in Kind}
        (self.root / "ARCHIVED_DATA").mkdir(parents=True, exist_ok=True)

    def add(self, count: int, lives: tuple[Life, ...] = _ORDER, products: int = 2) -> None:
        """Add nights, each of the next life; the newest are yet to come to their end."""
        day = date(2019, 1, 1) + timedelta(days=len(self.nights))
        for number in range(count):
            kind = Kind.ENGINEERING if number % 5 == 4 else Kind.ARCHIVE
            night = NightId(f"{day + timedelta(days=number):%Y%m%d}", kind)
            self._add(night, lives[number % len(lives)], products)
        for kind, folder, name in (
            (Kind.ARCHIVE, self.root / "ARCHIVED_DATA", "ARCHIVE_LOG.csv"),
            (Kind.ENGINEERING, self.root, "PROCESSING_LOG.csv"),
        ):
            # Their order is that of discovery, which is none.
            title, *rows = self._rows[kind]
            self._random.shuffle(rows)
            # Writers without a lock: a row twice, one cut short.
            torn = [row[: len(row) // 2] for row in rows[:1]]
            (folder / name).write_text("\n".join([title, *rows, *rows[-1:], *torn]) + "\n")
            marks = [f"{self._path(one)}/vgen2,{_MARKED}" for one in self.nights if one.is_marked]
            (folder / "MARKED_FOR_DELETION.csv").write_text(
                "\n".join(["scexao5_path,delete_after", *marks]) + "\n"
            )

    def folder(self, night: NightId) -> Path:
        """A night's folder."""
        return self.root / night.folder

    def _add(self, night: NightId, life: Life, products: int) -> None:
        numbers: tuple[int, ...] = ()
        is_past_ids = life not in (Life.ONLY_ROW, Life.NO_FOLDER, Life.SYNCED, Life.CLEANED)
        if night.kind is Kind.ARCHIVE and is_past_ids:
            numbers = tuple(range(self.next_number, self.next_number + products))
            self.next_number += products + self._random.randrange(3)
        is_permuted = len(numbers) > 1 and self._random.random() < 0.2
        one = OldNight(night, life, numbers, is_permuted)
        self.nights.append(one)
        self._rows[night.kind].append(self._row(one))
        if life is not Life.NO_FOLDER:
            self._fill(one)

    def _path(self, one: OldNight) -> str:
        return f"/mnt/fuuu/{one.night.folder.as_posix()}"

    def _row(self, one: OldNight) -> str:
        cells = [self._path(one), one.night.day.isoformat()]
        for is_set in one.flags:
            cells += [self._random.choice(_TRUTHS), self._random.choice(_TIMES)] * is_set
            cells += ["False", ""] * (not is_set)
        return ",".join(cells)

    def _fill(self, one: OldNight) -> None:
        folder = self.folder(one.night)
        for path, text in _files(one):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        names = [f"VMPA{number:08d}" for number in one.numbers]
        # The repair tool exchanged FRAMEID and file name, and left EXP-ID as it was.
        carried = [names[1], names[0], *names[2:]] if one.is_permuted else names
        for name, was in zip(names, carried, strict=True) if (folder / "vgen2").is_dir() else ():
            cards = (f"FRAMEID = '{name}'", f"EXP-ID  = '{was.replace('VMPA', 'VMPE')}'")
            (folder / "vgen2" / f"{name}.fits.fz").write_bytes(packed_cube(*cards))


def packed_cube(*cards: str) -> bytes:
    """The headers of a packed cube; its image has these cards."""
    primary = (
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "END",
    )
    table = ("XTENSION= 'BINTABLE'", "BITPIX  =                    8", *cards, "END")
    return b"".join(
        "".join(card.ljust(80) for card in header).encode().ljust(2880)
        for header in (primary, table)
    )


def _files(one: OldNight) -> Iterator[tuple[str, str]]:
    """The files of a night but its packed cubes, by path."""
    date_, at = one.night.date, _ORDER.index(one.life)
    raw = [f"vcam{camera}_05:00:00.000000000.{end}" for camera in (1, 2) for end in ("fits", "txt")]
    if at <= _ORDER.index(Life.SYNCED):
        yield from ((f"{name[:5]}/{name}", "") for name in raw)
    if one.life is Life.SYNCED:
        yield "vsync/vsync_05:00:00.000000.cam1.fitsframes", ""
    if at >= _ORDER.index(Life.SYNCED) and one.life is not Life.ENDED:
        yield from ((f"{name[:5]}_hlinkbak/{name}", "") for name in raw)
    if at == _ORDER.index(Life.ONLY_ROW):
        return
    last = min(at * 2, len(_SECTIONS) - 1)
    yield f"{date_}_process.log", "".join(f"{each}\n" for each in _SECTIONS[: last + 1])
    if Life.PROCESSED not in _ORDER[: at + 1]:
        return
    names = [f"VMPA{number:08d}" for number in one.numbers]
    if one.night.kind is Kind.ARCHIVE:
        lines = (
            f"{name}|/mnt/tier1/2_ARCHIVED_DATA/{date_}/vgen2/{name}.fits.fz|11520"
            for name in names
        )
        yield f"manifest_VMP_{date_}.csv", "".join(f"{line}\r\n" for line in lines)
    if one.life is Life.TRANSFERRED:
        # Bare names, and paths in newer ones.
        lead = f"{date_}/vgen2/" if one.night.day.day % 2 else ""
        yield "bad_sc6_files.txt", "".join(f"{lead}{name}.fits.fz\n" for name in names[:1])
    if at < _ORDER.index(Life.DELETED):
        names = names or ["vsync_05:00:00.000000.cam1"]
        for name in names:
            yield f"vgen2/{name}.fits.fz", "packed"
            yield f"vgen2/{name}.txt", "0 0 0\n"
        if one.numbers:
            changes = (f"vsync_05:00:0{n}.cam1.fits\t{name}.fits\n" for n, name in enumerate(names))
            yield "vgen2/name_changes.txt", "".join(changes)


def make_old_site(
    root: Path, count: int, lives: tuple[Life, ...] = _ORDER, seed: int = 0
) -> OldSite:
    """A root with so many nights of the old tools, of each life in turn."""
    site = OldSite(root, seed)
    site.add(count, lives)
    return site
