"""What may never be of one night, judged after every step from the files and one row of the store.

*Safe* may be stale in two ways only, and only until vampd has looked. A file at the archive that a
listing shows as changed (``VISIBLE``: other size or mtime, or gone) may go unnoticed until vampd
says *safe* anew or has verified the night. One that was changed with size and mtime kept
(``SILENT``) may go unnoticed longer, as long as its proof stands: until the night is verified, or
is said to be safe anew after a person sent it back to transfer or further, restored it, or moved
the archive. Here, SILENT damage may go unnoticed until somebody reads the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.support.worlds.proof.witness import (
    REASONS,
    RECEIPTS,
    SUMS,
    Witness,
    is_proven,
    parse_receipts,
    parse_sums,
    raw_stamps,
    tree_of,
)


class Unseen(StrEnum):
    """How damage at the archive escapes vampd's notice."""

    VISIBLE = "visible"
    SILENT = "silent"


@dataclass(frozen=True)
class Sides:
    """Both sides of a night at one moment: SHA-256 by path, and the raw files."""

    here: dict[str, str]
    there: dict[str, str]
    raw: dict[str, tuple[str, int, int]]

    @classmethod
    def of(cls, folder: Path, copy: Path) -> Sides:
        """As they are now."""
        return cls(tree_of(folder), tree_of(copy), raw_stamps(folder))


@dataclass
class Judge:
    """What is known of a night that vampd is not asked for.

    ``truth`` is what each file was when it first had its name, ``past`` what files were before a
    restore; ``spoiled`` are paths with the digests that the test gave them, ``unseen`` is what it
    damaged there, and ``rotten_here`` what here, with size and mtime kept. ``unwitnessed`` is what
    was not whole here when the last record of it was lost: nobody can tell. ``given_up`` are files
    that a person went on without, as they were, ``lost_frames`` those of products among them, and
    ``rotten_raw`` what raw files became here; ``raw_given_up`` are set-aside files like that.
    """

    witness: Witness = field(default_factory=Witness)
    truth: dict[str, str] = field(default_factory=dict)
    past: set[tuple[str, str]] = field(default_factory=set)
    spoiled: set[tuple[str, str]] = field(default_factory=set)
    unseen: dict[str, Unseen] = field(default_factory=dict)
    rotten_here: set[str] = field(default_factory=set)
    unwitnessed: set[str] = field(default_factory=set)
    given_up: dict[str, str] = field(default_factory=dict)
    lost_frames: set[str] = field(default_factory=set)
    rotten_raw: set[tuple[str, str]] = field(default_factory=set)
    raw_given_up: set[str] = field(default_factory=set)
    safe_at: float | None = None

    def doubt(self) -> None:
        """A person doubts the copy: from the next time that it is called safe, all of it counts."""
        self.unseen = dict.fromkeys(self.unseen, Unseen.VISIBLE)

    def end_truth(self) -> None:
        """A person has given up the products here, to have them made again."""
        assert not self.lost_frames, "restored, from raw that does not give what was made of it"
        self.past |= set(self.truth.items())
        self.truth = {}
        self.given_up = {}
        self.rotten_here = set()
        self.unwitnessed = set()

    def end_removed(self, here: Mapping[str, str]) -> None:
        """The word for a restore is lost before it had ended: what it had removed is given up."""
        removed = self.truth.keys() - here.keys()
        self.past |= {(path, self.truth.pop(path)) for path in removed}
        self.rotten_here -= removed
        self.unwitnessed -= removed

    def judge_lost(self, paths: Iterable[str], sides: Sides) -> None:
        """These are said to have no good copy here or there, nor to be in raw."""
        for path in paths:
            if path not in self.truth:
                continue
            good = [side[path] for side in (sides.here, sides.there) if path in side]
            assert self.truth[path] not in good, f"{path} is called lost, and is not"
            as_written = {name: stamp[0] for name, stamp in sides.raw.items()}
            assert as_written != self.witness.files, f"{path} is called lost, and raw is whole"

    def give_up_raw(self, paths: Iterable[str], there: Mapping[str, str]) -> None:
        """A person goes on without these set-aside files, which are said to be nowhere whole."""
        for path in paths:
            whole = self.witness.files[path.removeprefix("vbad/")]
            assert there.get(path) != whole, f"{path} is called lost, and is not"
            self.raw_given_up.add(path)

    def give_up(self, paths: Iterable[str], folder: Path) -> None:
        """A person went on without these files."""
        for path in paths:
            sha256 = self.truth.pop(path)
            self.past.add((path, sha256))
            self.given_up[path] = sha256
            self.rotten_here.discard(path)
            if path.endswith(".fits.fz"):
                self.lost_frames.update(self.witness.frames(folder / path, sha256) or ())

    def learn(self, sides: Sides, folder: Path) -> None:
        """Files that have their names now for the first time; a product must be lossless."""
        for path, sha256 in sides.here.items():
            if not is_proven(path) or path in self.truth or (path, sha256) in self.spoiled:
                continue
            assert path not in self.given_up, f"{path} was given up, and is there again"
            if path.endswith(".fits.fz"):
                frames = self.witness.frames(folder / path, sha256)
                assert frames is not None, f"{path} was named, and holds no raw frames"
            self.truth[path] = sha256

    def judge_move(
        self, before: Sides, after: Sides, truth: dict[str, str], kept: Collection[str]
    ) -> None:
        """What vampd did; ``truth`` was that before, and ``kept`` here nothing may take away."""
        assert after.raw.items() <= before.raw.items(), "raw was touched"
        for path, sha256 in before.here.items():
            if truth.get(path) == sha256 and path in kept and path in self.truth:
                assert after.here.get(path) == sha256, f"the good {path} here was lost"
        gone = before.there.keys() - after.there.keys()
        assert not gone, f"removed at the archive: {gone}"
        for path, sha256 in before.there.items():
            now = after.there[path]
            if self.witness.files.get(path.removeprefix("vbad/")) == sha256:
                assert now == sha256, f"the good {path} there was overwritten"
            if now == sha256 or not is_proven(path):
                continue
            was_good = sha256 == truth.get(path) or (path, sha256) in self.past
            if was_good:
                assert now == self.truth.get(path), f"the good {path} there was overwritten"
            # What rots unseen here may be sent, over no good copy, and is found there.
            sent_damaged = (path, now) in self.spoiled and path not in self.rotten_here
            assert not sent_damaged, f"a damaged {path} was sent"

    def judge_purge(self, before: Sides, after: Sides, copy: Path) -> None:
        """What raw went is kept there, but for what rots unseen since it was read."""
        for name in before.raw.keys() - after.raw.keys():
            if not self.unseen:
                sha256 = before.raw[name][0]
                rotten = sha256 if (name, sha256) in self.rotten_raw else None
                is_lost = self.witness.lost(name, after.there, copy, rotten)
                assert not is_lost, f"{name} was the last copy"

    def judge_listings(self, tree: dict[str, str], folder: Path) -> None:
        """Receipts and sums say of every file what it was when it was proven."""
        for name, parse in ((RECEIPTS, parse_receipts), (SUMS, parse_sums)):
            if name not in tree or (name, tree[name]) in self.spoiled:
                continue
            for path, sha256 in parse((folder / name).read_text()).items():
                if is_proven(path):
                    good = sha256 == self.truth.get(path) or (path, sha256) in self.past
                    assert good, f"{name} calls other bytes the truth of {path}"

    def judge_announced(self, sides: Sides, folder: Path) -> None:
        """Under an ID that a manifest announced, the archive has no other bytes."""
        for listing in folder.glob("manifest_*.sha256"):
            for path, sha256 in parse_sums(listing.read_text()).items():
                found = sides.there.get(path)
                is_ours = found in (None, sha256) or (path, found) in self.spoiled
                assert is_ours, f"{path} was announced, and is another there"

    def judge_safe(self, sides: Sides, folder: Path, copy: Path, frames: Iterable[str]) -> None:
        """The night is called safe: its products there are all, whole, and hold these raw cubes."""
        wrong = [
            path
            for path, sha256 in self.truth.items()
            if sides.there.get(path) != sha256 and path not in self.unseen
        ]
        assert not wrong, f"safe, and wrong at the archive: {wrong}"
        for path in sides.there:
            raw = path.removeprefix("vbad/")
            if raw in self.witness.files and path not in {*self.unseen, *self.raw_given_up}:
                is_all_there_is = (raw, sides.there[path]) in self.rotten_raw and (
                    raw in self.witness.holding(self.lost_frames | self.witness.loose)
                )
                good = is_all_there_is or sides.there[path] == self.witness.files[raw]
                assert good, f"safe, and {path} is wrong"
        products = {p: s for p, s in self.truth.items() if p.endswith(".fits.fz")}
        assert len(set(products.values())) == len(products), "two IDs with one content"
        aside = dict.fromkeys((*sides.there, *self.unseen, *self.raw_given_up), "")
        unaccounted = [
            line
            for line in self.witness.unaccounted({**aside, **products}, copy, self.lost_frames)
            if line.partition(":")[0] in frames
        ]
        assert not unaccounted, f"safe, and not all frames are there: {unaccounted}"
        if SUMS in sides.there and not {SUMS} & self.unseen.keys():
            listed = parse_sums((copy / SUMS).read_text())
            assert {p: s for p, s in listed.items() if is_proven(p)} == self.truth

    def judge_done(self, sides: Sides, folder: Path, frames: Iterable[str]) -> None:
        """The night is done: every frame of these raw cubes is in a product or set aside here."""
        if any(sides.here.get(path) != sha256 for path, sha256 in self.truth.items()):
            return
        # Where raw is gone, its links here lead nowhere, and the files are there.
        every = (*sides.there, *self.raw_given_up)
        aside = dict.fromkeys((path for path in every if path.startswith("vbad/")), "")
        unaccounted = [
            line
            for line in self.witness.unaccounted({**aside, **sides.here}, folder, self.lost_frames)
            if line.partition(":")[0] in frames
        ]
        assert not unaccounted, f"done, and not all frames are accounted for: {unaccounted}"
        self._judge_reasons(sides.here, folder)

    def _judge_reasons(self, tree: dict[str, str], folder: Path) -> None:
        """The listing names every cube of which a person gave frames up."""
        if (sha256 := tree.get(REASONS)) is not None and (REASONS, sha256) not in self.spoiled:
            rows = [line.split("\t") for line in (folder / REASONS).read_text().splitlines()[1:]]
            lost = {one.removeprefix("vbad/") for one in self.raw_given_up}
            cubes = {f"{one.removesuffix('.txt').removesuffix('.fits')}.fits" for one in lost}
            unnamed = (self.witness.holding(self.lost_frames) | cubes) - {row[0] for row in rows}
            assert not unnamed, f"no reason is given for frames of {unnamed}"

    def faulty_here(self, sides: Sides) -> list[str]:
        """What is not here as it was proven."""
        return [path for path, sha256 in self.truth.items() if sides.here.get(path) != sha256]

    def faulty_there(self, sides: Sides) -> list[str]:
        """What is not there as it was proven."""
        return [path for path, sha256 in self.truth.items() if sides.there.get(path) != sha256]
