"""Each condition of a purge forbids it alone, by its name, and then nothing is touched."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import configure
from tests.support.daemon.state import product_tree, raw_state, record_of
from tests.support.worlds.archive.purge_site import (
    DATE,
    NIGHT,
    digest,
    purge,
    raw_files,
)
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.records.databases import without_triggers
from vampd.model.headers import CORRECTIONS


def forget(table: str, condition: str = "1") -> Callable[[SafeNight], None]:
    """As if this had never been recorded."""

    def execute(night: SafeNight) -> None:
        with without_triggers(night.site.database) as connection:
            connection.execute(f"DELETE FROM {table} WHERE {condition}")

    return execute


def link_cube(night: SafeNight) -> None:
    cube = raw_files(night)[0]
    stamp = cube.stat().st_mtime_ns
    away = shutil.move(cube, night.site.base / cube.name)
    cube.symlink_to(away)
    os.utime(cube, ns=(stamp, stamp))


def link_stream(night: SafeNight) -> None:
    stream = night.folder / "vcam1"
    stream.symlink_to(shutil.move(stream, night.site.base / "elsewhere"))


def lose_manifest(night: SafeNight) -> None:
    for path in night.folder.glob("manifest_*"):
        path.unlink()


def change_cube(night: SafeNight) -> None:
    os.utime(raw_files(night)[0], (1, 1))


def correct_late(night: SafeNight) -> None:
    row = "2025-11-06T05:00:00..2025-11-06T05:01:00\tOBJECT\tHD 34700\tHD 2\ta typo\n"
    (night.folder / CORRECTIONS).write_text(f"files\tkeyword\told\tnew\treason\n{row}")


def change_receipts(night: SafeNight) -> None:
    path = night.folder / "vgen2" / "receipts.tsv"
    sha256 = digest(products_of(night)[0])
    path.write_text(path.read_text().replace(sha256, "0" * len(sha256)))


CONDITIONS: dict[str, tuple[Callable[[SafeNight], object], str]] = {
    "not safe": (
        lambda night: vampctl(night.site, "retry", DATE, "--from", "transfer"),
        "not_safe",
    ),
    "a manifest is not acknowledged": (forget("acknowledged_manifests"), "not_acknowledged"),
    "products are in no manifest": (lose_manifest, "not_acknowledged"),
    "a product is damaged here": (lambda night: flip_bit(products_of(night)[0]), "damaged_here"),
    "corrections that no product has": (correct_late, "damaged_here"),
    "the folder tells another receipt": (change_receipts, "damaged_here"),
    "a product is gone there": (
        lambda night: min(night.copy.glob("vgen2/*.fz")).unlink(),
        "not_at_archive",
    ),
    "a set-aside file is gone there": (
        lambda night: min(night.copy.glob("vbad/vcam2/*")).unlink(),
        "not_at_archive",
    ),
    "a raw cube is a link": (link_cube, "raw_irregular"),
    "a stream is a link": (link_stream, "raw_irregular"),
    "a raw cube that changed": (change_cube, "late_data"),
    "another disk than the archive": (
        lambda night: (night.site.archive_destination / ".vampd/id").unlink(),
        "lacks its mark",
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_alone_forbids_it(night: SafeNight, condition: str) -> None:
    breaks, code = CONDITIONS[condition]
    breaks(night)
    raw, here = raw_state(night.folder), product_tree(night.folder)
    there = tree_there(night.site, NIGHT)
    done = purge(night)
    assert done.returncode == 1, done.stdout
    assert code in done.stdout + done.stderr
    # Alone: nothing else is said against it.
    assert done.stdout.count("NOT now") <= 1, done.stdout
    assert raw_state(night.folder) == raw
    assert product_tree(night.folder) == here
    assert tree_there(night.site, NIGHT) == there
    if code == "not_at_archive":
        assert record_of(night.site, NIGHT).safe_at is None


def test_the_disk_of_raw_is_no_archive_unless_the_night_is_typed_again(night: SafeNight) -> None:
    raw = raw_state(night.folder)
    for words in ([], ["--same-disk", "20251107"]):
        done = vampctl(night.site, "purge", DATE, "--yes", *words)
        assert (done.returncode, "same_disk" in done.stdout) == (1, True)
    assert raw_state(night.folder) == raw
    assert purge(night).returncode == 0


def test_an_old_proof_is_read_again_and_damage_found_then_forbids_it(night: SafeNight) -> None:
    configure(night.site, purge={"proof_within_days": 1e-6})
    shown = purge(night, "--dry-run")
    assert "first    reads" in shown.stdout
    copy = min(night.copy.glob("vgen2/*.fz"))
    status = copy.stat()
    flip_bit(copy)
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    raw = raw_state(night.folder)
    done = purge(night)
    assert (done.returncode, copy.name in done.stdout) == (1, True)
    assert raw_state(night.folder) == raw
    assert record_of(night.site, NIGHT).safe_at is None


@pytest.mark.parametrize(
    "proofs", ["mark = NULL", "at = at - 31 * 86400"], ids=["without a mark", "a month old"]
)
def test_a_proof_of_the_old_kind_or_too_old_is_read_again_first(
    night: SafeNight, proofs: str
) -> None:
    with closing(sqlite3.connect(night.site.database)) as connection, connection:
        connection.execute(f"UPDATE receipts SET {proofs} WHERE place = 'archive'")
    done = purge(night)
    assert done.returncode == 0, done.stderr
    assert "first    reads" in done.stdout
    assert "read again at" in done.stdout


def test_a_raw_cube_that_differs_from_its_whole_copy_there_stays(night: SafeNight) -> None:
    (aside,) = (night.folder / path.readlink() for path in night.folder.glob("vbad/vcam2/*.fits"))
    aside = night.folder / "vcam2" / aside.name
    status = aside.stat()
    flip = bytearray(aside.read_bytes())
    flip[-1] ^= 1
    aside.write_bytes(flip)
    os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = purge(night)
    assert (done.returncode, aside.name in done.stderr) == (1, True)
    assert aside.exists()


def test_a_night_that_cannot_be_looked_at_keeps_no_other_from_its_purge(night: SafeNight) -> None:
    receipts = night.folder / "vgen2" / "receipts.tsv"
    receipts.unlink()
    receipts.mkdir()
    asked = InProcess(night.site).command("purge", DATE, DATE, "--dry-run")
    assert (asked.status, asked.text.count("not a regular file")) == (1, 2), asked.text
