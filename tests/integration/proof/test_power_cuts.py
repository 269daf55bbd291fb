"""After a power cut, here, there or both, nothing is missing that was called durable before it.

What the database had committed at that moment is there afterwards, and what it speaks of lies on
the disk of which it says so: products by their packing receipts, archive copies by their proofs,
marks, manifests with their digests, the ledger. Then everything goes on to the tree of a site that
never lost power.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import configure, make_site
from tests.support.daemon.state import product_tree, raw_state
from tests.support.examples import seeds_of_round
from tests.support.tools.memory import in_memory
from tests.support.worlds.proof.beginning import DATE, TABLES
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.proof.power import Disk, PoweredSite, two_disks
from tests.support.worlds.proof.witness import SUMS, digest, parse_sums
from vampd.model.nights import Kind, NightId, Status

NIGHT = NightId(DATE, Kind.ARCHIVE)
CUTS = 6
_MOST_TRIES = 10 * CUTS
_LONGEST_ACT = 260  # failpoints from raw to done
# Every row that says something is durable; of nights what proves, of progress nothing.
_TABLES = (
    "packing_receipts",
    "receipts",
    "destinations",
    "events",
    "frame_ids",
    "mailings",
    "nights",
)
_OF_NIGHTS = ("stage", "status", "code", "safe_at", "transferred_at", "processed_at", "manifests")
Rows = dict[str, list[dict[str, Any]]]


def read_rows(database: Path) -> Rows:
    """What is committed, read past vampd's own code."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        tables = {
            name: connection.execute(f"SELECT * FROM {name}") for name in _TABLES if name in names
        }
        rows = {name: [dict(row) for row in table] for name, table in tables.items()}
    if "nights" in rows:
        rows["nights"] = [{key: row[key] for key in _OF_NIGHTS} for row in rows["nights"]]
    return rows


@dataclass(frozen=True)
class Powered:
    """A night on two disks, and the note of what was committed when the power went."""

    site: PoweredSite
    disks: tuple[Disk, Disk]
    noted: Path

    @property
    def folder(self) -> Path:
        return self.site.folder(NIGHT)

    @property
    def copy(self) -> Path:
        return self.site.copy(NIGHT)

    def vampd(self, cut: tuple[Disk, ...] = ()) -> InProcess:
        def last() -> None:
            self.noted.write_text(json.dumps(read_rows(self.site.database)))
            for disk in cut:
                disk.cut()

        return InProcess(self.site, last)

    def come_back(self) -> None:
        """Power again."""
        for disk in self.disks:
            disk.unmount()
        for disk in self.disks:
            disk.mount()

    def assert_durable(self, damaged: set[str]) -> None:
        """Against the note, and the disks against what it says; the test damaged these here."""
        noted: Rows = json.loads(self.noted.read_text())
        now = read_rows(self.site.database)
        for table, rows in noted.items():
            kept = now[table]
            if table == "destinations":
                # What is sent ahead goes on for a moment: a mark that was to be placed may be now.
                kept = kept + [row | {"is_placed": 0} for row in kept]
            missing = [row for row in rows if row not in kept]
            assert not missing, f"{table} lost {missing[:2]}"
        codes = {row["code"] for row in now.get("nights", [])}
        if not codes & {"restore_unfinished"}:
            self.assert_products(now, damaged)
        self.assert_copies(now)
        self.assert_announced()
        if self.site.database.exists() and now.get("frame_ids"):
            ledger = self.site.ledger.read_text()
            for row in now["frame_ids"]:
                assert f"{row['number']:08}" in ledger

    def assert_products(self, now: Rows, damaged: set[str]) -> None:
        for row in now.get("packing_receipts", []):
            if row["ended_at"] is None and row["path"] not in damaged:
                # A restore removes links to raw, and ends no receipt of what they lead to.
                path = row["path"].removeprefix("vbad/")
                assert digest((self.folder / path).read_bytes()) == row["sha256"], row

    def assert_copies(self, now: Rows) -> None:
        for row in now.get("receipts", []):
            if row["place"] == "archive" and not row["has_ended"]:
                assert digest((self.copy / row["path"]).read_bytes()) == row["sha256"], row
        for row in now.get("destinations", []):
            if row["is_placed"]:
                mark = Path(row["destination"], ".vampd/id").read_text()
                assert mark.split()[-1] == row["mark"]

    def assert_announced(self) -> None:
        for manifest in self.folder.glob("manifest_*.csv"):
            lines = manifest.read_text().splitlines()
            listed = parse_sums(manifest.with_suffix(".sha256").read_text())
            assert lines
            assert {f"vgen2/{line.split('|')[0]}.fits.fz" for line in lines} == listed.keys()


def trees_of(powered: Powered) -> tuple[dict[str, str], dict[str, str]]:
    here = product_tree(powered.folder)
    for path in powered.folder.glob("manifest*"):
        here[path.name] = path.read_text().replace(str(powered.site.disk), "")
    # A note of a mailing holds its moment, a table of headers the path of its site, and what verify
    # found is of that moment.
    of_moment = ("mailed_", "header_table_", "bad_sc6_files")
    trees = (here, product_tree(powered.copy))
    for tree, folder in zip(trees, (powered.folder, powered.copy), strict=True):
        for name in [name for name in tree if name.startswith(of_moment)]:
            del tree[name]
        lines = (folder / SUMS).read_text().splitlines()
        tree[SUMS] = "\n".join(line for line in lines if "header_table_" not in line)
    return trees


def make_powered(base: Path, disk: Path, disks: tuple[Disk, ...], noted: Path) -> Powered:
    site = PoweredSite(base / "site", disk)
    made = make_site(base / "site", **TABLES)
    shutil.rmtree(made.destination)
    site.archive_destination.mkdir(parents=True)
    destinations = {
        "transfer_archive": {"destination": str(site.archive_destination)},
        "transfer_engineering": {"destination": str(site.destination)},
    }
    configure(site, **TABLES, **destinations)
    return Powered(site, disks, noted)  # type: ignore[arg-type]


def acts(
    powered: Powered, chance: random.Random
) -> tuple[Callable[[InProcess, int], bool], set[str]]:
    """What vampd does when the power goes, and what the test has damaged for it."""
    command = InProcess.command_killed
    if powered.vampd().records().get(NIGHT) is None:
        return InProcess.advance, set()
    record = powered.vampd().records()[NIGHT]
    if record.code == "restore_unfinished":
        return lambda vampd, at: command(vampd, at, "restore", DATE, "--yes"), set()
    if record.state.status is Status.HELD:
        powered.vampd().command("retry", DATE)
    if record.state.status is not Status.DONE:
        return InProcess.advance, set()
    match chance.choice(["recover", "restore", "doubt", "mail", "verify"]):
        case "recover":
            products = sorted((powered.folder / "vgen2").glob("VMP*"))
            for path, fault in zip(
                products, (Fault.FLIP, Fault.DELETE, Fault.TRUNCATE), strict=False
            ):
                inflict(fault, path)
            os.sync()
            damaged = {f"vgen2/{path.name}" for path in products[:3]}
            return lambda vampd, at: command(vampd, at, "recover", DATE), damaged
        case "restore":
            return lambda vampd, at: command(vampd, at, "restore", DATE, "--yes"), set()
        case "doubt":
            # Not all: a night without any product there is gone, which is a person's to judge.
            for path in sorted((powered.copy / "vgen2").glob("VMP*.fits.fz"))[::2]:
                path.unlink()
            powered.vampd().command("retry", DATE, "--from", "transfer")
            os.sync()
            return InProcess.advance, set()
        case "mail":
            words = ("mail", DATE, "--mark-sent", "--yes")
            return lambda vampd, at: command(vampd, at, *words), set()
        case _:
            return lambda vampd, at: command(vampd, at, "verify", DATE), set()


def cut_power(base: Path, seed: int) -> int:
    """Cuts of one night's life; how many."""
    chance = random.Random(seed)
    undisturbed = make_powered(base / "reference", base / "reference/disk", (), base / "noted")
    make_smallest(undisturbed.site.root, DATE, NIGHT.kind)
    undisturbed.vampd().advance()
    cuts = 0
    with two_disks(base) as disks:
        here, there = disks
        powered = make_powered(here.folder, there.folder, (here, there), base / "noted")
        for stream in ("vcam1", "vcam2"):
            shutil.copytree(undisturbed.folder / stream, powered.folder / stream)
        # What the cameras wrote is on the disk.
        os.sync()
        raw = raw_state(powered.folder)
        for _ in range(_MOST_TRIES):
            act, damaged = acts(powered, chance)
            which = chance.choice([(here,), (there,), (here, there)])
            # Most commands are short; a night from raw is not.
            longest = _LONGEST_ACT if act is InProcess.advance else 30
            powered.noted.unlink(missing_ok=True)
            if not act(powered.vampd(which), chance.randint(1, longest)):
                cuts += 1
                powered.come_back()
                powered.assert_durable(damaged)
            if damaged:
                assert powered.vampd().command("recover", DATE).status == 0
            if cuts >= CUTS:
                break
        finish(powered)
        assert trees_of(powered) == trees_of(undisturbed)
        assert raw_state(powered.folder) == raw
    assert cuts >= CUTS, f"only {cuts} cuts in {_MOST_TRIES} tries"
    return cuts


def finish(powered: Powered) -> None:
    vampd = powered.vampd()
    vampd.advance()
    record = vampd.records()[NIGHT]
    if record.code == "restore_unfinished":
        assert vampd.command("restore", DATE, "--yes").status == 0
        record = vampd.records()[NIGHT]
    if record.state.status is Status.HELD:
        assert vampd.command("retry", DATE).status == 0
        vampd.advance()
    # Temporary files go with the next attempt, damaged ones as soon as the night is proven again.
    assert vampd.command("retry", DATE, "--from", "transfer").status == 0
    vampd.advance()
    record = vampd.records()[NIGHT]
    assert record.state.status is Status.DONE, (record.code, record.error)
    assert record.safe_at is not None


@pytest.mark.soak
@pytest.mark.parametrize("seed", seeds_of_round(10))
def test_nothing_that_was_called_durable_is_missing_after_a_power_cut(
    tmp_path: Path, seed: int
) -> None:
    assert os.geteuid() == 0, "only root may mount a disk and cut its power"
    with in_memory(tmp_path) as base:
        assert cut_power(base, seed) >= CUTS
