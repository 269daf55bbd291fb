"""Bringing a folder back to raw survives a power cut: a raw file has a durable name throughout."""

import os
from pathlib import Path

import pytest

from tests.support.tools.fsyncs import record_fsyncs
from vampd.engine.repair.restoring import Restoration, plan_own, restore_folder


def test_a_rescued_raw_file_has_its_new_name_for_good_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vbad").mkdir()
    (tmp_path / "vbad" / "raw.fits").touch()
    synced = record_fsyncs(monkeypatch)
    plan = Restoration(rescued=(("vbad/raw.fits", "vcam1/raw.fits"),), emptied=("vbad",))
    restore_folder(tmp_path, plan)
    assert synced == [
        (tmp_path, ["vbad", "vcam1"]),
        (tmp_path / "vcam1", ["raw.fits"]),
        (tmp_path / "vbad", []),
        (tmp_path, ["vcam1"]),
    ]


def test_the_generations_of_our_own_night_go_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without them nothing tells that the rest is ours; without the first, the second is no start.
    (tmp_path / "vgen2").mkdir()
    for name in ("generation_0001.json", "generation_0002.json", "vcam1_x.txt", "z.fits.fz"):
        (tmp_path / "vgen2" / name).touch()
    left: list[list[str]] = []

    def look(name: str) -> None:
        if name == "restoring.file.removed":
            left.append(sorted(os.listdir(tmp_path / "vgen2")))

    monkeypatch.setattr("vampd.engine.repair.restoring.failpoint", look)
    restore_folder(tmp_path, plan_own(tmp_path))
    assert left[1:] == [
        ["generation_0001.json", "generation_0002.json"],
        ["generation_0001.json"],
        [],
    ]
