"""Traces of the old tools: each one alone is enough, and what is vampd's own is none."""

from __future__ import annotations

import pytest

from vampd.model.nights import Kind, NightId, find_traces

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)
HEADER = "scexao5_path,utc_date,processed\n"


@pytest.mark.parametrize(
    "name",
    ["vcam1_hlinkbak", "vcam2_hlinkbak", "vsync", "vsolo", "vsolo1", "vsolo2", "vbad"],
)
def test_every_folder_of_theirs_is_a_trace(name: str) -> None:
    (trace,) = find_traces(["vcam1", "vcam2", name], [], [], ARCHIVE)
    assert name in trace


@pytest.mark.parametrize("name", ["VMPA00012345.fits", "VMPA00012345.fits.fz", "name_changes.txt"])
def test_every_product_of_theirs_is_a_trace(name: str) -> None:
    (trace,) = find_traces(["vcam1", "vgen2"], [name], [], ARCHIVE)
    assert name in trace


def test_a_pristine_night_has_none() -> None:
    names = ["vcam1", "vcam2", "vcam1_notes", "vsynchronous", "notes.txt", "SHA256SUMS"]
    assert find_traces(names, [], [HEADER], ARCHIVE) == []


def test_what_vampd_made_is_none() -> None:
    vgen2 = ["generation_0001.json", "VMPA90000001.fits.fz", "VMPA90000001.txt"]
    vgen2.append("name_changes.txt")
    assert find_traces(["vcam1", "vgen2", "vbad"], vgen2, [], ARCHIVE) == []


@pytest.mark.parametrize("trace", ["vcam1_hlinkbak", "vsync", "vsolo1"])
def test_they_may_come_after_vampd(trace: str) -> None:
    assert find_traces(["vbad", trace], ["generation_0001.json"], [], ARCHIVE)


def test_a_plain_product_is_never_vampds() -> None:
    vgen2 = ["generation_0001.json", "VMPA00012345.fits"]
    assert find_traces(["vgen2"], vgen2, [], ARCHIVE)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/fuuu/ARCHIVED_DATA/20251106", Kind.ARCHIVE),
        ("/mnt/fuuu/ARCHIVED_DATA/20251106/", Kind.ARCHIVE),
        ("/data/ARCHIVED_DATA/20251106", Kind.ARCHIVE),
        ("/mnt/fuuu/20251106", Kind.ENGINEERING),
    ],
)
def test_a_row_is_a_trace_of_its_own_night_only(path: str, kind: Kind) -> None:
    log = f"{HEADER}{path},2025-11-06,True\n"
    for night in (ARCHIVE, ENGINEERING):
        assert bool(find_traces(["vcam1"], [], [log], night)) is (night.kind is kind)
    other = NightId("20251107", kind)
    assert find_traces(["vcam1"], [], [log], other) == []


@pytest.mark.parametrize("log", ["", "\n\n", HEADER, "garbage\x00,,,\n", '"unclosed\n'])
def test_a_log_that_says_nothing_is_no_trace(log: str) -> None:
    assert find_traces(["vcam1"], [], [log.replace("\x00", "")], ARCHIVE) == []
