"""vampctl purge: raw goes when all of it is kept elsewhere, and the night stays what it was."""

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.daemon.state import audit, history_of, raw_state, record_of
from tests.support.worlds.archive.purge_site import (
    DATE,
    NIGHT,
    acknowledge,
    assert_kept,
    digest,
    kept_members,
    purge,
    raw_bytes,
    raw_files,
)
from tests.support.worlds.archive.safe_night import SafeNight
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.records.databases import without_triggers
from vampd.engine.purge import removing
from vampd.model.nights import EventName, Status


def rows_of(site: Site) -> dict[str, tuple[str, str, str | None]]:
    """What is on record of purged files: SHA-256, where its content is kept, and the mark."""
    with closing(sqlite3.connect(site.database)) as connection:
        rows = connection.execute("SELECT path, sha256, kept_in, mark FROM purged_files")
        return {path: tuple(rest) for path, *rest in rows}


def test_purged_raw_is_gone_and_nothing_of_it_is_lost(night: SafeNight) -> None:
    raw, digests = raw_bytes(night), {path.name: digest(path) for path in raw_files(night)}
    done = purge(night)
    assert done.returncode == 0, done.stdout + done.stderr
    assert raw_files(night) == []
    assert_kept(night, raw)
    rows = rows_of(night.site)
    assert {Path(path).name: row[0] for path, row in rows.items()} == digests
    for _, kept_in, mark in rows.values():
        assert all((night.copy / path).is_file() for path in json.loads(kept_in))
        assert mark
        assert mark in (night.site.archive_destination / ".vampd/id").read_text()
    begun = [event for event in history_of(night.site, NIGHT) if event.event is EventName.PURGED]
    assert [(event.code, "4 raw cubes" in (event.message or "")) for event in begun] == [
        ("raw_purged", True)
    ]


def test_a_purged_night_stays_what_it_was_for_everyone(night: SafeNight) -> None:
    assert purge(night).returncode == 0
    before = record_of(night.site, NIGHT)
    settle_here(night.site)
    record = record_of(night.site, NIGHT)
    assert record == before
    assert (record.state.status, record.purged_cubes, record.kept_cubes) == (Status.DONE, 4, 0)
    assert "safe, raw purged, acknowledged" in vampctl(night.site, "status").stdout
    assert "False" not in vampctl(night.site, "table", "archive").stdout.splitlines()[1]
    assert vampctl(night.site, "verify", DATE).returncode == 0
    counted = audit(night.site, NIGHT)
    assert counted["balanced"]
    assert counted["removed_frames"] == counted["raw_frames"] > 0
    for words in (["restore", DATE, "--yes"], ["retry", DATE, "--from", "sync"]):
        assert vampctl(night.site, *words).returncode in (1, 2)
    again = purge(night)
    assert (again.returncode, "raw purged" in again.stdout) == (0, True)


def test_without_agreement_nothing_changes(night: SafeNight) -> None:
    raw = raw_state(night.folder)
    shown = purge(night, "--dry-run")
    assert shown.returncode == 0
    assert "goes     4 raw cubes" in shown.stdout
    asked = vampctl(night.site, "purge", DATE, "--same-disk", DATE)
    assert (asked.returncode, "pass --yes" in asked.stderr) == (1, True)
    assert raw_state(night.folder) == raw
    night.assert_as_it_was()


def test_a_dry_run_places_no_mark_of_a_root_that_has_none(night: SafeNight) -> None:
    shutil.rmtree(night.site.root / ".vampd")
    with without_triggers(night.site.database) as connection:
        connection.execute("DELETE FROM roots")
    assert purge(night, "--dry-run").returncode == 0
    assert not (night.site.root / ".vampd").exists()
    with closing(sqlite3.connect(night.site.database)) as connection:
        assert connection.execute("SELECT count(*) FROM roots").fetchone() == (0,)


def test_late_data_of_a_purged_night_are_processed_and_purged_in_turn(night: SafeNight) -> None:
    raw = raw_bytes(night)
    assert purge(night).returncode == 0
    add_late_cubes(night.site.root)
    settle_here(night.site)
    record = record_of(night.site, NIGHT)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert (record.purged_cubes, record.kept_cubes) == (4, 2)
    assert audit(night.site, NIGHT)["balanced"]
    assert "not_acknowledged" in purge(night).stdout
    acknowledge(night.site, NIGHT)
    raw |= raw_bytes(night)
    done = purge(night)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_kept(night, raw)
    assert len(list(night.copy.glob("vgen2/raw_records_vcam1*"))) == 2
    assert audit(night.site, NIGHT)["balanced"]


def test_raw_records_are_the_same_whenever_and_wherever_they_are_written(
    night: SafeNight, announced: Site, tmp_path: Path
) -> None:
    other = SafeNight.of(copy_site(announced, tmp_path / "other"), NIGHT)
    for each in (night, other):
        assert purge(each).returncode == 0
    for path in night.copy.glob("vgen2/raw_records_*"):
        assert path.read_bytes() == (other.copy / "vgen2" / path.name).read_bytes()
    assert {name.partition("/")[0] for name in kept_members(night)} == {"vcam1", "vcam2"}


def test_a_mark_shows_the_date_and_a_hold_takes_it_away(night: SafeNight) -> None:
    raw = raw_state(night.folder)
    assert vampctl(night.site, "purge", DATE, "--after", "30").returncode == 0
    assert "marked for deletion from" in vampctl(night.site, "status").stdout
    reported = json.loads(vampctl(night.site, "status", "--json").stdout)[0]
    assert reported["purge_after"] > reported["safe_at"]
    refused = purge(night)
    assert (refused.returncode, "not_due" in refused.stdout) == (1, True)
    # What is due is removed by no one but a person.
    assert vampctl(night.site, "purge", DATE, "--after", "0").returncode == 0
    settle_here(night.site)
    assert "marked for deletion and due" in vampctl(night.site, "status").stdout
    assert vampctl(night.site, "hold", DATE).returncode == 0
    assert record_of(night.site, NIGHT).purge_after is None
    assert "marked" not in vampctl(night.site, "status").stdout
    assert raw_state(night.folder) == raw
    night.assert_as_it_was()
    assert purge(night).returncode == 0


@pytest.mark.soak
def test_a_night_that_the_archive_host_has_moved_is_purged_where_it_lies(
    night: SafeNight, tmp_path: Path
) -> None:
    moved = {"moved_to": [f"{tmp_path}/moved/{{date}}"]}
    configure(night.site, transfer_archive={"destination": str(night.copy.parent), **moved})
    raw, away = raw_bytes(night), tmp_path / "moved" / DATE
    away.parent.mkdir()
    shutil.move(night.copy, away)
    # Its raw records are late data, which vampd sends to no such place by itself.
    foretold = vampctl(night.site, "purge", DATE, "--dry-run", "--same-disk", DATE)
    assert f"by hand you send these to {away}" in " ".join(foretold.stdout.split())
    held = purge(night)
    assert (held.returncode, "night_moved" in held.stderr) == (1, True), held.stdout
    assert raw_bytes(night) == raw
    printed = vampctl(night.site, "transfer", DATE, "--print").stdout
    assert subprocess.run(["bash", "-ec", printed], check=True).returncode == 0
    assert vampctl(night.site, "retry", DATE).returncode == 0
    settle_here(night.site)
    done = purge(night)
    assert done.returncode == 0, done.stdout + done.stderr
    assert raw_files(night) == []
    assert list(away.glob("vgen2/raw_records_*"))
    assert {row[2] for row in rows_of(night.site).values()} == {None}
    settle_here(night.site)
    assert record_of(night.site, NIGHT).safe_at is not None


@pytest.mark.soak
def test_raw_records_without_a_good_copy_are_given_up_as_what_they_are(night: SafeNight) -> None:
    own = InProcess(night.site)
    assert own.command("purge", DATE, "--yes", "--same-disk", DATE).status == 0
    name = "vgen2/raw_records_vcam1.tar.gz"
    for side in (night.folder, night.copy):
        (side / name).unlink()
    said = " ".join(own.command("recover", DATE).text.split())
    assert "nothing holds headers and timing files of the raw cubes that were purged" in said
    assert "frame ID" not in said
    assert own.command("release", DATE).status == 0
    own.advance()
    assert record_of(night.site, NIGHT).safe_at is not None
    assert not (night.copy / name).exists()


@pytest.mark.soak
def test_a_night_without_raw_gets_no_mark_and_loses_the_one_that_it_has(night: SafeNight) -> None:
    own = InProcess(night.site)
    assert own.command("purge", DATE, "--after", "0").status == 0
    for path in raw_files(night):
        path.unlink()
    own.advance()
    assert record_of(night.site, NIGHT).purge_after is not None
    answer = own.command("purge", DATE, "--yes", "--same-disk", DATE)
    assert (answer.status, record_of(night.site, NIGHT).purge_after) == (0, None), answer.text
    assert "nothing was changed" in own.command("purge", DATE, "--after", "7").text
    assert record_of(night.site, NIGHT).purge_after is None


def test_raw_that_changes_meanwhile_ends_it_and_says_what_went_and_what_stays(
    night: SafeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def remove(path: Path) -> None:
        path.unlink()
        removed.append(path)
        if len(removed) == 2:  # a cube and its timing file
            for other in raw_files(night):
                os.utime(other)

    monkeypatch.setattr(removing, "unlink", remove)
    answer = InProcess(night.site).command("purge", DATE, "--yes", "--same-disk", DATE)
    said = " ".join(answer.text.split())
    left = len(list(night.folder.glob("vcam?/*.fits")))
    assert (answer.status, len(removed), left > 0) == (1, 2, True), said
    assert f"1 of the raw cubes removed, {left} stay" in said
    assert "is not the file that sync has used" in said
