"""A night and what happens around it: lost databases and folders, moves, links, and touched raw."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.daemon.site import configure
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.damage import Fault, inflict, rot_every_frame
from tests.support.worlds.proof.judge import Unseen
from tests.support.worlds.proof.witness import RECEIPTS, SUMS, digest, tree_of
from tests.support.worlds.proof.world import ProofWorld
from vampd.model.nights import Status

_LATER_NS = 10**9


class WideWorld(ProofWorld):
    """A `ProofWorld` whose archive host may move the night by itself, to where vampd looks.

    Its own disk may go, raw may be touched or damaged, and the archive's folders may be links.
    """

    is_moved = False

    def __post_init__(self) -> None:
        # What the host leaves behind of a night that it moves.
        self.left: dict[str, str] = {}
        # The content and times of raw files that are damaged now.
        self.good_raw: dict[Path, tuple[bytes, int]] = {}
        super().__post_init__()

    @property
    def moved_to(self) -> Path:
        """Where the archive host moves nights."""
        return self.site.base / "moved"

    @property
    def copy(self) -> Path:
        """The night's copy, wherever the host has it."""
        return self.moved_to / self.date if self.is_moved else super().copy

    @property
    def state(self) -> str:
        """The state that matters to a step."""
        return "night away" if self.away else super().state

    def configure(self, **tables: Mapping[str, object]) -> None:
        """As `ProofWorld`, with the place that the host moves nights to."""
        key = f"transfer_{self.night.kind}"
        mine = {**tables.pop(key, {}), "moved_to": [f"{self.moved_to}/{{date}}"]}
        configure(self.site, **TABLES, **tables, **{key: mine})

    def lose_database(self) -> None:
        """The database is gone; vampd begins with the folders, and a person accepts the archive."""
        if self.archive.unmounted or any(night.away for night in self.nights):
            return
        for path in self.site.database.parent.glob("vampd.db*"):
            path.unlink()
        for night in self.nights:
            here, judge = tree_of(night.folder), night.judge
            if night.record.code == "restore_unfinished":
                judge.end_removed(here)
            listings = [(name, here.get(name)) for name in (RECEIPTS, SUMS)]
            if any(sha256 is None or (name, sha256) in judge.spoiled for name, sha256 in listings):
                judge.unwitnessed |= set(judge.faulty_here(night._sides()))
            # Nothing that was read is on record, so that all of it is read.
            judge.doubt()
        self._act("lose database", self._begin_again)

    def _begin_again(self) -> bool:
        self.vampd.advance()
        self.vampd.command("archive", "accept", str(self.night.kind), "--yes")
        lived = self.vampd.advance()
        for night in self.nights:
            if isinstance(night, WideWorld):
                night._leave_former_copy()
        return lived

    def _leave_former_copy(self) -> None:
        """What a restore ended is no copy of the night: with the database went the record of it.

        Only the name of a product says that what the host has moved is this night's. Where it left
        them all, nothing says that it moved them, and what is then whole at home is the copy.
        """
        if not self.is_moved:
            return
        here = tree_of(self.folder)
        own = {path for path in here if path.endswith(".fz")}
        home, former = super().copy, tree_of(self.copy)
        there = tree_of(home)
        is_whole = SUMS in there and all(there.get(path) == here.get(path) for path in {*own, SUMS})
        if own & there.keys() and (is_whole or not own & former.keys()):
            # The host brings both together.
            for path in former.keys() - tree_of(home).keys():
                (home / path).parent.mkdir(parents=True, exist_ok=True)
                (self.copy / path).rename(home / path)
            shutil.rmtree(self.copy)
            self.left, self.is_moved = {}, False

    def host_moves(self, left: str = "") -> None:
        """The archive host moves the night, or moves it back; it may leave a folder or file."""
        home = self.archive.path / self.date
        if self.archive.unmounted or not (home.exists() or self.is_moved):
            return
        self._count("host moves back" if self.is_moved else "host moves")
        self.moved_to.mkdir(exist_ok=True)
        if self.is_moved:
            shutil.rmtree(home, ignore_errors=True)
            self.copy.rename(home)
            self.left = {}
        else:
            home.rename(self.moved_to / self.date)
            there = self.moved_to / self.date / left
            if left and there.is_file():
                home.mkdir()
                shutil.copy2(there, home)
            elif left and there.is_dir() and not there.is_symlink():
                shutil.copytree(there, home / left)
            self.left = tree_of(home)
        self.is_moved = not self.is_moved

    def move_archive(self, kill_at: int = 0, *, rot: int | None = None) -> None:
        """As `ProofWorld`; what the host has left behind of a night does not rot on the way."""
        super().move_archive(kill_at, rot=None if self.is_moved else rot)

    def folder_goes(self, *, leaves_mount_point: bool) -> None:
        """The disk of the night is not mounted."""
        if self.away is None and self.record.code != "restore_unfinished":
            self._count("folder goes")
            self.away = self._aside("away")
            bare = self.folder
            bare.rename(self.away)
            if leaves_mount_point:
                bare.mkdir()
            self.folder, self.good_raw = self.away, {}

    def folder_returns(self) -> None:
        """It is mounted again; nothing was written to the place under it."""
        if self.away is not None:
            self._count("folder returns")
            home = self.site.folder(self.night)
            if home.exists():
                home.rmdir()
            self.away.rename(home)
            self.folder, self.away = home, None

    def late_data(self) -> None:
        """As `ProofWorld`, where the night is."""
        if not self.away:
            super().late_data()

    def raw_is_touched(self, number: int | None) -> None:
        """A raw file, or all of them, have other times; that alone stops no finished night."""
        files = self._raw()
        if not files or self.good_raw:
            return
        self._count("raw touched")
        for path in files if number is None else [files[number % len(files)]]:
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + _LATER_NS))
        was_whole = self.state == "safe" and self.record.state.status is Status.DONE
        if was_whole and not self.judge.unseen and not self.judge.rotten_here:
            self.advance()
            assert self.record.code != "raw_changed", self.record

    def raw_is_damaged(self, fault: Fault, number: int) -> None:
        """A raw cube of a finished night is damaged here; `raw_is_mended` puts all back.

        One that vampd has read: of a late one that rots before that, nobody knows what it held.
        """
        every = {path.relative_to(self.folder).as_posix(): path for path in self._raw()}
        cubes = [path for name, path in every.items() if name in self.seen]
        if cubes and self.record.state.status is Status.DONE:
            self._count(f"raw: {fault.name.lower()}")
            self._rot_raw(cubes[number % len(cubes)], lambda path: inflict(fault, path))

    def lose_product(self, number: int, *, here: Fault, suffix: str) -> None:
        """A product or sidecar of a finished night rots there, is damaged here, and so is its raw.

        What raw gives again is made of other frames then, so that nothing has the same bytes.
        """
        every = [path for path in self.judge.truth if path.endswith(suffix)]
        paths = sorted(path for path in every if (self.folder / path).is_file())
        if self.away or not paths or self.record.state.status is not Status.DONE:
            return
        path = paths[number % len(paths)]
        product = path.removesuffix(suffix) + ".fits.fz"
        packed = self.judge.truth.get(product, "")
        frames = self.judge.witness.frames(self.folder / product, packed) or ()
        self._count("lose product")
        for name in sorted(self.judge.witness.holding(frames) & self.seen):
            if (self.folder / name).is_file():
                self._rot_raw(self.folder / name, rot_every_frame)
        self._damage_here(here, path, path)
        if not self.archive.unmounted and (self.copy / path).is_file():
            self._damage_there(Fault.ROT, path, path)

    def lose_generation(self, number: int, *, here: Fault) -> None:
        """A generation of a finished night rots there, is damaged here, and raw is touched."""
        paths = sorted(path for path in self.judge.truth if path.endswith(".json"))
        paths = [path for path in paths if (self.folder / path).is_file()]
        if self.away or not paths or self.record.state.status is not Status.DONE:
            return
        path = paths[number % len(paths)]
        self._count("lose generation")
        for raw in [] if self.good_raw else self._raw():
            status = raw.stat()
            os.utime(raw, ns=(status.st_atime_ns, status.st_mtime_ns + _LATER_NS))
        self._damage_here(here, path, path)
        if not self.archive.unmounted and (self.copy / path).is_file():
            self._damage_there(Fault.ROT, path, path)

    def raw_is_mended(self) -> None:
        """Raw that was damaged is put back as it was."""
        if self.good_raw and not self.away:
            self._count("raw mended")
        for path, (content, mtime_ns) in self.good_raw.items():
            if path.parent.is_dir():
                path.write_bytes(content)
                os.utime(path, ns=(mtime_ns, mtime_ns))
        self.good_raw = {}

    def accept(self) -> None:
        """A person lets the night pass its gate, and takes damaged set-aside raw as it is."""
        if self.record.code == "set_aside_changed":
            for path in self.good_raw:
                name = path.relative_to(self.folder).as_posix()
                self.judge.witness.files[name] = digest(path.read_bytes())
        self.release()

    def archive_links_back(self, name: str) -> None:
        """A folder of the archive copy is a link to the night here."""
        folder = self.copy / name
        if not self.archive.unmounted and folder.is_dir() and not folder.is_symlink():
            self._count("archive links back")
            before = tree_of(self.copy)
            folder.rename(self.copy / f".{name} aside")
            folder.symlink_to(self.site.folder(self.night) / name)
            gone = before.keys() - tree_of(self.copy).keys()
            self.judge.unseen |= dict.fromkeys(gone, Unseen.VISIBLE)

    def archive_link_ends(self) -> None:
        """The folder itself is back."""
        for aside in [] if self.archive.unmounted else self.copy.glob(".* aside"):
            name = aside.name.removeprefix(".").removesuffix(" aside")
            if (self.copy / name).is_symlink():
                self._count("archive link ends")
                (self.copy / name).unlink()
                aside.rename(self.copy / name)

    def _rot_raw(self, path: Path, damage: Callable[[Path], object]) -> None:
        self.good_raw.setdefault(path, (path.read_bytes(), path.stat().st_mtime_ns))
        damage(path)
        name = path.relative_to(self.folder).as_posix()
        self.judge.rotten_raw.add((name, digest(path.read_bytes())))

    def _raw(self) -> list[Path]:
        files = (path for stream in ("vcam1", "vcam2") for path in self.folder.glob(f"{stream}/*"))
        return [] if self.away else sorted(files)

    def _judge_state(self) -> None:
        super()._judge_state()
        if self.is_moved:
            home = tree_of(self.archive.folder / self.date)
            assert home.items() <= self.left.items(), "sent again, though the host has moved it"
        if self.away:
            written = tree_of(self.site.folder(self.night), hidden=True)
            assert not written, f"written where the night's disk is not: {sorted(written)}"
