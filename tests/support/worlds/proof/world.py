"""One night of a few tiny cubes, its archive copy, and all that may happen to them, judged at once.

Every step ends with the judgement of `Judge`; a step of vampd's is also judged by what it changed.
One class, however long: each step is a method of the one world that all of them change.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.builders.smallest_night import add_late_cubes
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.worlds.proof.beginning import DATE, NEIGHBOR, TABLES, Beginning, make_template
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import Answer, InProcess
from tests.support.worlds.proof.judge import Judge, Sides, Unseen
from tests.support.worlds.proof.together import Disk, Standing
from tests.support.worlds.proof.witness import (
    RECEIPTS,
    SUMS,
    digest,
    is_proven,
    parse_receipts,
    parse_sums,
    tree_of,
)
from vampd.model.nights import NightId, NightRecord, Status

_STAGES_TO_TRANSFER = ("sync", "headers", "frameids", "fpack", "transfer")
_RESTORED = ("restored", "restore_unfinished")
_LOST = "product_lost"
_RAW_LOST = "raw_removed"
_HAS_ID = re.compile(r"vgen2/VMPA\d+\.fits\.fz")
# What vampd does to all nights; any other act is of one, and leaves the others as they are.
_OF_ALL = ("advance", "archive moved", "lose database")


@dataclass(eq=False)
class ProofWorld:
    """A night of a site in a folder of its own; ``first``: another of that site, made before."""

    base: Path
    beginning: Beginning = field(default_factory=Beginning)
    # How often each step was taken, by night and its state.
    coverage: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    first: ProofWorld | None = None
    # Where the night's folder is while its disk is not mounted.
    away: Path | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.date = DATE if self.first is None else NEIGHBOR
        self.night = NightId(self.date, self.beginning.kind)
        if self.first is None:
            self.site = copy_site(Site(make_template(self.beginning)), self.base)
            self.archive = Disk(self.site.copy(self.night).parent)
            self.nights = [self]
        else:
            self.site, self.archive = self.first.site, self.first.archive
            self.nights = self.first.nights
            self.nights.append(self)
        self.configure()
        self.vampd = InProcess(self.site)
        self.judge = Judge()
        self.folder = self.site.folder(self.night)
        self.has_late = False
        # What a person said that the night goes on without.
        self.let_go: set[str] = set()
        self.ended = self._ended()
        self.judge.witness.learn(self.folder)
        if self.beginning.loose:
            self.judge.witness.learn_loose(self.folder)
        self.seen = set(self.judge.witness.raw)
        self.judge.learn(self._sides(), self.folder)
        self.record = self._record()
        self.judge.safe_at = self.record.safe_at
        self._judge_state()

    def configure(self, **tables: Mapping[str, object]) -> None:
        """Write the site's settings."""
        configure(self.site, **TABLES, **tables)

    @property
    def copy(self) -> Path:
        """The night's folder on the archive's disk, mounted or not."""
        return self.archive.folder / self.date

    @property
    def lost(self) -> tuple[str, ...]:
        """What vampd knows to be lost, and waits for a person's word to go on without."""
        return self.record.refused if self.record.code == _LOST else ()

    @property
    def state(self) -> str:
        """The state that matters to a step."""
        if self.archive.unmounted:
            return "unmounted"
        if self.record.state.status is Status.HELD:
            return "held, lost" if self.record.code == _LOST else "held"
        sides = self._sides()
        here, there = self.judge.faulty_here(sides), self.judge.faulty_there(sides)
        bad = " ".join(word for word, found in (("here", here), ("there", there)) if found)
        known = "safe" if self.record.safe_at is not None else "not safe"
        return f"{known}, bad {bad}" if bad else known

    # What vampd and people do.

    def advance(self, kill_at: int = 0) -> None:
        """Let vampd work until it is idle, or until it is killed."""
        lived = self._act("advance", lambda: self.vampd.advance(kill_at))
        for night in self.nights:
            if lived and night.record.state.status is Status.DONE:
                night.seen = set(night.judge.witness.raw)
                night._judge_state()

    def retry(self, stage: str | None) -> None:
        """Send the night back, or let it try again."""
        words = ["retry", self.date, *(() if stage is None else ("--from", stage))]
        answer = self.tell(*words)
        if answer.status == 0 and stage in _STAGES_TO_TRANSFER:
            self.judge.doubt()

    def release(self) -> Answer:
        """Let the night pass its gate; what is lost takes its product, or sidecar, with it."""
        if self.record.code == _LOST:
            stems = {path.removesuffix(".txt").removesuffix(".fits.fz") for path in self.lost}
            self.let_go |= {f"{stem}{end}" for stem in stems for end in (".fits.fz", ".txt")}
        if self.record.code == _RAW_LOST:
            self.judge.give_up_raw(self.record.refused, self._sides().there)
        return self.tell("release", self.date)

    def verify(self, kill_at: int = 0) -> None:
        """Read the archive copy again: what it says must be so."""
        was_safe, faulty = self.record.safe_at, self.judge.faulty_there(self._sides())
        answer = self._told("verify", kill_at, "verify", self.date)
        if answer is None or "NOT verified" in answer.text or answer.status == 2:
            return
        if was_safe is not None:
            said = {line for line in answer.text.splitlines() if line.startswith(f"{self.date}/")}
            proven = {line for line in said if is_proven(line.removeprefix(f"{self.date}/"))}
            assert proven == {f"{self.date}/{path}" for path in faulty}, answer.text
        self.judge.unseen = {}
        self._judge_state()

    def verify_here(self) -> None:
        """Read the products here again."""
        faulty = self.judge.faulty_here(self._sides())
        answer = self.tell("verify", self.date, "--here")
        if "NOT" in answer.text or answer.status == 2:
            return
        said = {line for line in answer.text.splitlines() if line.startswith(f"{self.date}/")}
        proven = {line for line in said if is_proven(line.removeprefix(f"{self.date}/"))}
        named = {path.removeprefix(f"{self.date}/") for path in proven}
        named -= self.judge.given_up.keys()
        told = set(faulty) - self.judge.unwitnessed - self._untold()
        assert told <= named <= set(faulty), answer.text
        self.judge.rotten_here = set()

    def recover(self, kill_at: int = 0) -> None:
        """Get back what is damaged or gone here."""
        answer = self._told("recover", kill_at, "recover", self.date)
        if answer is not None and answer.status == 0:
            left = set(self.judge.faulty_here(self._sides()))
            left -= self.judge.rotten_here | self.judge.unwitnessed | self._untold()
            assert not left, f"recovered, and still not whole: {left}: {answer.text}"

    def recover_from_products(self, kill_at: int = 0) -> None:
        """Another generation stands for those that are lost."""
        before = self._sides()
        faulty = {path for path in self.judge.faulty_here(before) if path.endswith(".json")}
        self.let_go |= faulty
        words = ("recover", self.date, "--from-products")
        self._told("recover from products", kill_at, *words)
        ended = faulty - self.judge.truth.keys()
        kept = {path for path in ended if before.there.get(path) == self.judge.given_up[path]}
        assert not kept, f"given up, and whole at the archive: {kept}"

    def restore(self, kill_at: int = 0) -> None:
        """Back to raw: only where raw is whole."""
        present = self.judge.witness.present(self.folder)
        held = [
            frame
            for path, sha256 in self.judge.truth.items()
            if path.endswith(".fits.fz")
            for frame in self.judge.witness.frames(self.folder / path, sha256) or ()
        ]
        self._told("restore", kill_at, "restore", self.date, "--yes")
        if self.record.code in _RESTORED:
            assert set(held) <= present, "restored without raw"

    def purge(self, kill_at: int = 0, *, acknowledged: bool) -> None:
        """Give back raw, the manifests acknowledged before or not."""
        if acknowledged:
            self.acknowledge()
        self._told("purge", kill_at, "purge", self.date, "--yes", "--same-disk", self.date)

    def mail(self) -> None:
        """The manifest was mailed."""
        self.tell("mail", self.date, "--mark-sent", "--yes")

    def acknowledge(self) -> None:
        """STARS has it."""
        self.tell("acknowledge", self.date, "--yes")

    def move_archive(self, kill_at: int = 0, *, rot: int | None = None) -> None:
        """To another disk, with times kept; a file of the copy may rot on the way."""
        if self.archive.unmounted:
            return
        self.archive.moves += 1
        new = self.site.base / f"disk {self.archive.moves}"
        shutil.copytree(self.archive.path, new, symlinks=True)
        shutil.rmtree(new / ".vampd", ignore_errors=True)
        if rot is not None and (paths := _files(new / self.date)):
            self._damage(Fault.ROT, new / self.date, paths[rot % len(paths)], None)
        kind = str(self.night.kind)
        self.configure(**{f"transfer_{kind}": {"destination": str(new)}})
        words = ("archive", "moved", kind, "--to", str(new), "--without-nights", "--yes")
        self._told("archive moved", kill_at, *words, before=lambda: self._settle_disk(new))
        if self.archive.path != new:
            # Killed before it was on record: the person says it again.
            self._told("archive moved", 0, *words, before=lambda: self._settle_disk(new))
        assert self.archive.path == new

    def tell(self, *words: str) -> Answer:
        """Any command that is not killed."""
        answer = self._told(words[0], 0, *words)
        assert answer is not None
        return answer

    # What happens to the world.

    def damage_here(self, fault: Fault, number: int, other: int) -> None:
        """To a product, sidecar, generation or listing on this side."""
        every = [*_own_files(self.folder), RECEIPTS, SUMS]
        paths = [path for path in every if (self.folder / path).is_file()]
        if paths:
            path = paths[number % len(paths)]
            self._damage_here(fault, path, paths[other % len(paths)])

    def damage_there(self, fault: Fault, number: int, other: int) -> None:
        """To any file of the archive copy."""
        if not self.archive.unmounted and (paths := _files(self.copy)):
            path = paths[number % len(paths)]
            self._damage_there(fault, path, paths[other % len(paths)])

    def damage_both(self, here: Fault, there: Fault, number: int) -> None:
        """To one file of vampd's own, on both sides."""
        paths = [] if self.archive.unmounted else _own_files(self.copy)
        paths = [path for path in paths if (self.folder / path).is_file()]
        if paths:
            path, other = paths[number % len(paths)], paths[(number + 2) % len(paths)]
            self._damage_here(here, path, other)
            if (self.copy / path).is_file():
                self._damage_there(there, path, other)

    def _damage_here(self, fault: Fault, path: str, other: str) -> None:
        self._count(f"here: {fault.name.lower()}")
        touched = self._damage(fault, self.folder, path, other)
        if fault is Fault.ROT:
            self.judge.rotten_here |= touched
        self._judge_state()

    def _damage_there(self, fault: Fault, path: str, other: str) -> None:
        self._count(f"there: {fault.name.lower()}")
        touched = self._damage(fault, self.copy, path, other)
        unseen = self.judge.unseen
        if fault is Fault.ROT:
            unseen |= {one: unseen.get(one, Unseen.SILENT) for one in touched}
        else:
            unseen |= dict.fromkeys(touched, Unseen.VISIBLE)
        self._judge_state()

    def unmount(self) -> None:
        """The disk is gone, its folder is there."""
        if not self.archive.unmounted:
            self._count("unmount")
            self.archive.unmount()

    def mount(self) -> None:
        """It is back."""
        if self.archive.unmounted:
            self._count("mount")
            self.archive.mount()

    def late_data(self) -> None:
        """The cameras wrote another run."""
        is_away = self._aside("vcam2 away").exists()
        if not self.has_late and (self.folder / "vcam1").is_dir() and not is_away:
            self._count("late data")
            self.has_late = True
            add_late_cubes(self.site.root, self.date, self.night.kind)
            self.judge.witness.learn(self.folder)

    def late_camera_2(self) -> None:
        """Camera 2's folder comes, with its partners of frames that are in products."""
        aside = self._aside("vcam2")
        is_away = self._aside("vcam2 away").exists()
        if aside.is_dir() and not is_away and not (self.folder / "vcam2").exists():
            self._count("late camera 2")
            aside.rename(self.folder / "vcam2")
            self.judge.witness.learn(self.folder)

    def write_raw(self, path: Path, content: bytes) -> None:
        """A person or a logger gives a raw file this content: it is the right one from then on."""
        path.write_bytes(content)
        self.judge.witness.files[path.relative_to(self.folder).as_posix()] = digest(content)

    def raw_goes(self) -> None:
        """Somebody takes the raw folders away."""
        self._count("raw goes")
        for stream in ("vcam1", "vcam2"):
            away = self._aside(f"{stream} away")
            if (self.folder / stream).is_dir() and not away.exists():
                (self.folder / stream).rename(away)

    def raw_returns(self) -> None:
        """They come back as they were."""
        self._count("raw returns")
        for stream in ("vcam1", "vcam2"):
            away = self._aside(f"{stream} away")
            if away.is_dir():
                away.rename(self.folder / stream)

    def listing_is_moved_away(self, name: str) -> None:
        """A person takes a listing for wrong."""
        self._count("listing moved away")
        (self.folder / name).unlink(missing_ok=True)

    # How it is judged.

    def _told(
        self, name: str, kill_at: int, *words: str, before: Callable[[], None] | None = None
    ) -> Answer | None:
        """A command's answer, None if it was killed."""
        answers: list[Answer] = []

        def act() -> bool:
            if kill_at:
                self.vampd.command_killed(kill_at, *words)
            else:
                answers.append(self.vampd.command(*words))
            return True

        self._act(name, act, before)
        return answers[0] if answers else None

    def _act(
        self, name: str, act: Callable[[], bool], settle: Callable[[], None] | None = None
    ) -> bool:
        self._count(name)
        acted_on = self.nights if name in _OF_ALL else [self]
        begun = [(night, night._sides(), dict(night.judge.truth)) for night in acted_on]
        others = [(night, night._stands()) for night in self.nights if night not in acted_on]
        lived = act()
        if settle is not None:
            settle()
        for night, before, truth in begun:
            night._judge_act(name, before, truth, moved=settle is not None)
        for night, stood in others:
            changed = night._stands().changed_since(stood)
            assert not changed, f"{name} of {self.date} changed {night.date}: {changed}"
            night.record = night._record()
        ids = [path for night in self.nights for path in night.judge.truth if _HAS_ID.match(path)]
        assert len(set(ids)) == len(ids), "one frame ID in two nights"
        return lived

    def _judge_act(self, name: str, before: Sides, truth: dict[str, str], *, moved: bool) -> None:
        was_lost = self.record.code == _LOST
        self.record = self._record()
        if self.record.code == _LOST and not was_lost:
            self.judge.judge_lost(self.lost, before)
        is_removing = name == "restore" and self.record.code in _RESTORED
        if is_removing:
            self.judge.doubt()
        if is_removing and self.record.code == "restored":
            self.judge.end_truth()
        after = self._sides()
        if not is_removing:
            ended = ((self._ended() - self.ended) | self._put_away()) & self.judge.truth.keys()
            assert ended <= self.let_go, f"ended without a person's word: {ended - self.let_go}"
            self.judge.give_up(ended, self.folder)
        self.ended = self._ended()
        if self.record.code != "restore_unfinished":
            self.judge.learn(after, self.folder)
        if name == "purge":
            self.judge.judge_purge(before, after, self.copy)
        else:
            assert after.raw == before.raw, "raw was touched"
        if not moved:
            self.judge.judge_move(before, after, truth, set() if is_removing else set(truth))
        if self.record.safe_at not in (None, self.judge.safe_at):
            # It is called safe anew: whatever a listing shows must have been noticed.
            unseen = self.judge.unseen
            silent = [path for path, how in unseen.items() if how is Unseen.SILENT]
            self.judge.unseen = dict.fromkeys(silent, Unseen.SILENT)
        self.judge.safe_at = self.record.safe_at
        self._judge_state()

    def _judge_state(self) -> None:
        sides = self._sides()
        if self.archive.unmounted:
            assert not tree_of(self.archive.path, hidden=True), "written where the archive is not"
        self.judge.judge_listings(sides.here, self.folder)
        self.judge.judge_listings(sides.there, self.copy)
        self.judge.judge_announced(sides, self.folder)
        if self.record.safe_at is not None:
            self.judge.judge_safe(sides, self.folder, self.copy, self.seen)
        if self.record.state.status is Status.DONE:
            self.judge.judge_done(sides, self.folder, self.seen)

    def _damage(self, fault: Fault, folder: Path, path: str, other: str | None) -> set[str]:
        """Inflict it; the paths that have other bytes than before."""
        before = tree_of(folder)
        inflict(fault, folder / path, None if other in (None, path) else folder / str(other))
        after = tree_of(folder)
        touched = {one for one in before if after.get(one) != before[one]}
        self.judge.spoiled |= {
            (path, after[path])
            for path in touched & after.keys()
            if after[path] != self.judge.truth.get(path)
            and (path, after[path]) not in self.judge.past
        }
        return touched

    def _settle_disk(self, new: Path) -> None:
        """Where the archive is now, as the store has it on record."""
        with closing(sqlite3.connect(self.site.database)) as connection:
            newest = "SELECT destination FROM destinations WHERE kind = ? ORDER BY id DESC LIMIT 1"
            row = connection.execute(newest, (str(self.night.kind),)).fetchone()
        if row is not None and row[0] == str(new):
            self.archive.path = new
            for night in self.nights:
                night.judge.doubt()

    def _ended(self) -> set[str]:
        """The files of which the store has packing receipts, and all of them have ended."""
        return self._paths_where("1 GROUP BY path HAVING COUNT(ended_at) = COUNT(*)")

    def _put_away(self) -> set[str]:
        """Generations that another stands for, and that never had a packing receipt to end."""
        gone = {path for path in self.let_go if path.endswith(".json")}
        gone = {path for path in gone if not (self.folder / path).exists()}
        return gone - self._paths_where("1") if gone else gone

    def _paths_where(self, condition: str) -> set[str]:
        """The paths of the store's packing receipts of this night for which it holds."""
        if not self.site.database.exists():
            return set()
        with closing(sqlite3.connect(self.site.database)) as connection:
            rows = connection.execute(
                "SELECT path FROM packing_receipts WHERE night_id ="
                f" (SELECT id FROM nights WHERE date = ?) AND {condition}",
                (self.date,),
            )
            return {path for (path,) in rows}

    def _untold(self) -> set[str]:
        """What neither the store nor both listings tell of, as after the loss of the database."""
        if self._paths_where("1"):
            return set()
        here = tree_of(self.folder)
        whole = {
            name
            for name in (RECEIPTS, SUMS)
            if (name, here.get(name, "")) not in self.judge.spoiled
        }
        told = whole & here.keys() == {RECEIPTS, SUMS}
        listed = parse_receipts((self.folder / RECEIPTS).read_text()) if told else {}
        sums = parse_sums((self.folder / SUMS).read_text()) if told else {}
        return {
            path
            for path, sha256 in self.judge.truth.items()
            if not listed.get(path) == sums.get(path) == sha256
            # A generation tells itself.
            and not (path in here and path.endswith(".json"))
        }

    def _count(self, step: str) -> None:
        which = "first" if self.first is None else "second"
        self.coverage[which, step, self.state] += 1

    def _aside(self, name: str) -> Path:
        """Where folders of the night are kept that are not in it."""
        return self.site.base / f"{self.date} {name}"

    def _sides(self) -> Sides:
        return Sides.of(self.folder, self.copy)

    def _stands(self) -> Standing:
        site = self.site
        return Standing.of(self.night, self.folder, self.copy, site.database, site.ledger)

    def _record(self) -> NightRecord:
        return self.vampd.records()[self.night]


def _files(folder: Path) -> Sequence[str]:
    return sorted(tree_of(folder))


def _own_files(folder: Path) -> Sequence[str]:
    return [path for path in _files(folder) if is_proven(path)]
