"""A disk that is not mounted is weather, whichever folder of a night is missing with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit
from tests.support.worlds.proof.beginning import DATE
from tests.support.worlds.proof.in_process import InProcess
from vampd.engine import attempt
from vampd.model.nights import NightRecord, StageName, Status


def record(night: SafeNight) -> NightRecord:
    return InProcess(night.site).records()[night.night]


def unmount(folder: Path, aside: Path) -> None:
    folder.rename(aside)
    folder.mkdir()


def mount(folder: Path, aside: Path) -> None:
    folder.rmdir()
    aside.rename(folder)


def assert_noted(night: SafeNight) -> None:
    seen = record(night)
    assert (seen.state.stage, seen.state.status) == (StageName.MANIFEST, Status.DONE)
    assert (seen.safe_at is None, seen.note_code, seen.removed_cubes) == (
        False,
        "night_unreadable",
        0,
    )


@pytest.mark.parametrize("part", ["", "vgen2"])
def test_a_night_of_which_nothing_is_there_waits_and_is_never_restored_or_recovered_by_itself(
    safe: SafeNight, part: str
) -> None:
    own, folder = InProcess(safe.site), safe.folder / part
    aside = safe.site.base / "unmounted"
    unmount(folder, aside)
    for _ in range(2):
        own.advance()
        assert_noted(safe)
    assert DATE in own.command("status", "--problems").text
    for words in (("restore", DATE, "--yes"), ("recover", DATE)):
        answer = own.command(*words)
        assert (answer.status, "night_absent" in answer.text) == (1, True)
    answer = own.command("verify", DATE, "--here")
    assert (answer.status, "NOT verified: night_absent" in answer.text) == (1, True)
    assert "missing" not in answer.text
    own.command("retry", DATE)
    own.advance()
    waits = record(safe)
    assert (waits.state.status, waits.code) == (Status.WAITING, "night_absent")
    assert not list(folder.iterdir())
    mount(folder, aside)
    own.command("retry", DATE)
    own.advance()
    safe.assert_as_it_was()


def restore(night: SafeNight, own: InProcess) -> None:
    """Its receipts have ended; those of set-aside raw, which verify reads there, have not."""
    assert own.command("restore", DATE, "--yes").status == 0


def lose_database(night: SafeNight, own: InProcess) -> None:
    """No receipt is on record again before the generation is back."""
    flip_bit(night.folder / "vgen2" / "generation_0001.json")
    for path in night.site.database.parent.glob("vampd.db*"):
        path.unlink()
    own.advance()
    assert own.command("archive", "accept", "archive", "--yes").status == 0
    assert record(night).code == "generation_damaged"


@pytest.mark.parametrize(
    "lose", others_in_soak([restore, lose_database]), ids=lambda lose: str(lose.__name__)
)
def test_without_any_receipt_too_an_empty_folder_is_no_night(
    safe: SafeNight, lose: Callable[[SafeNight, InProcess], None]
) -> None:
    own, aside = InProcess(safe.site), safe.site.base / "unmounted"
    lose(safe, own)
    before = record(safe)
    unmount(safe.folder, aside)
    answer = own.command("restore", DATE, "--yes")
    assert (answer.status, "night_absent" in answer.text) == (1, True), answer.text
    # What it finds bad at the archive is listed in the night's folder, wherever that is.
    for path in safe.copy.glob("vbad/vcam?/*"):
        path.unlink()
    assert own.command("verify", DATE).status in (1, 2)
    assert not list(safe.folder.iterdir())
    mount(safe.folder, aside)
    after = record(safe)
    assert (after.state, after.code) == (before.state, before.code)


def test_a_night_whose_folder_is_gone_says_so(safe: SafeNight) -> None:
    own, aside = InProcess(safe.site), safe.site.base / "gone"
    safe.folder.rename(aside)
    own.advance()
    assert_noted(safe)
    aside.rename(safe.folder)
    own.advance()
    assert not record(safe).note_code
    safe.assert_as_it_was()


def test_what_was_really_removed_is_got_back_at_a_persons_word(safe: SafeNight) -> None:
    own = InProcess(safe.site)
    unmount(safe.folder / "vgen2", safe.site.base / "away")
    assert own.command("recover", DATE, "--removed").status == 0
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    seen = record(safe)
    assert (seen.state.status, seen.code) == (Status.DONE, None)


def test_a_stream_that_was_a_disk_of_its_own_has_lost_nothing(
    safe: SafeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, stream, aside = InProcess(safe.site), safe.folder / "vcam1", safe.site.base / "disk"
    mounted: set[Path] = {stream}
    real: Callable[[Path], bool] = os.path.ismount
    monkeypatch.setattr(os.path, "ismount", lambda path: path in mounted or real(path))
    own.command("retry", DATE)
    own.advance()
    unmount(stream, aside)
    mounted.clear()
    own.advance()
    assert_noted(safe)
    own.command("retry", DATE)
    own.advance()
    assert record(safe).code == "night_absent"
    mount(stream, aside)
    # Now it is a folder like any other: what is removed from it was removed.
    own.command("retry", DATE)
    own.advance()
    safe.assert_as_it_was()
    unmount(stream, aside)
    own.advance()
    assert record(safe).removed_cubes


def test_a_disk_that_goes_during_an_attempt_holds_no_night(
    safe: SafeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, aside = InProcess(safe.site), safe.site.base / "unmounted"

    def go(folder: Path) -> None:
        if not aside.exists():
            unmount(folder, aside)

    # The attempt has just seen that the night is there.
    monkeypatch.setattr(attempt, "note_mounted_streams", go)
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    assert (record(safe).state.status, record(safe).code) == (Status.WAITING, "night_absent")
    mount(safe.folder, aside)
    monkeypatch.undo()
    own.command("retry", DATE)
    own.advance()
    safe.assert_as_it_was()
