"""Traces of the old tools: each one alone is enough, and what is vampd's own is none."""

from __future__ import annotations

import pytest

from vampd.model.nights import (
    TITLES,
    Kind,
    NightId,
    StatusRow,
    find_traces,
    is_lasting,
    parse_old_log,
    rows_by_night,
)

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)
HEADER = "scexao5_path,utc_date,processed\n"


def row_of(log: str, night: NightId) -> StatusRow | None:
    return rows_by_night(parse_old_log(log)).get(night)


@pytest.mark.parametrize(
    "name",
    ["vcam1_hlinkbak", "vcam2_hlinkbak", "vsync", "vsolo", "vsolo1", "vsolo2", "vbad"],
)
def test_every_folder_of_theirs_is_a_trace(name: str) -> None:
    (trace,) = find_traces(["vcam1", "vcam2", name], [], None)
    assert name in trace


@pytest.mark.parametrize("name", ["VMPA00012345.fits", "VMPA00012345.fits.fz", "name_changes.txt"])
def test_every_product_of_theirs_is_a_trace(name: str) -> None:
    (trace,) = find_traces(["vcam1", "vgen2"], [name], None)
    assert name in trace


def test_a_pristine_night_has_none() -> None:
    names = ["vcam1", "vcam2", "vcam1_notes", "vsynchronous", "notes.txt", "SHA256SUMS"]
    assert find_traces(names, [], row_of(HEADER, ARCHIVE)) == []


def test_what_vampd_made_is_none() -> None:
    vgen2 = ["generation_0001.json", "VMPA90000001.fits.fz", "VMPA90000001.txt"]
    vgen2.append("name_changes.txt")
    assert find_traces(["vcam1", "vgen2", "vbad"], vgen2, None) == []


@pytest.mark.parametrize("trace", ["vcam1_hlinkbak", "vsync", "vsolo1"])
def test_they_may_come_after_vampd(trace: str) -> None:
    assert find_traces(["vbad", trace], ["generation_0001.json"], None)


def test_a_plain_product_is_never_vampds() -> None:
    vgen2 = ["generation_0001.json", "VMPA00012345.fits"]
    assert find_traces(["vgen2"], vgen2, None)


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
        assert bool(find_traces(["vcam1"], [], row_of(log, night))) is (night.kind is kind)
    other = NightId("20251107", kind)
    assert find_traces(["vcam1"], [], row_of(log, other)) == []


@pytest.mark.parametrize("log", ["", "\n\n", HEADER, "garbage\x00,,,\n", '"unclosed\n'])
def test_a_log_that_says_nothing_is_no_trace(log: str) -> None:
    assert find_traces(["vcam1"], [], row_of(log, ARCHIVE)) == []


@pytest.mark.parametrize(
    ("flags", "is_trace"),
    [
        ("False,,False,,False,", False),
        ("False,2025-11-07T02:51:24,,,0.0,", False),
        ("True,,False,,False,", True),
        ("False,,TRUE,,False,", True),
        ("0,,0,,1.0,2025-11-14 20:38:15", True),
    ],
)
def test_a_row_that_says_only_false_is_no_trace(flags: str, is_trace: bool) -> None:
    log = f"{','.join(TITLES)}\n/mnt/fuuu/ARCHIVED_DATA/20251106,2025-11-06,{flags}\n"
    traces = find_traces(["vcam1"], [], row_of(log, ARCHIVE))
    assert (len(traces), all(map(is_lasting, traces))) == (is_trace, True)


def test_a_row_says_nothing_of_a_night_that_vampd_has_synchronized() -> None:
    row = row_of(f"{HEADER}/mnt/fuuu/ARCHIVED_DATA/20251106,2025-11-06,True\n", ARCHIVE)
    assert find_traces(["vcam1", "vgen2", "vbad"], ["generation_0001.json"], row) == []
    # What they leave where they worked does.
    assert find_traces(["vcam1_hlinkbak"], ["generation_0001.json"], row)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("said", ["True", "TRUE", "1.0", "yes"])
def test_a_log_that_a_spreadsheet_wrote_says_the_same(separator: str, said: str) -> None:
    row = ["/mnt/fuuu/ARCHIVED_DATA/20251106", "2025-11-06", said, "2025-11-07 01:51:53"]
    log = "\r\n".join(separator.join(cells) for cells in (TITLES, row, ["", "", ""]))
    found = row_of(log, ARCHIVE)
    assert found is not None
    assert (found.processed.is_set, found.processed.since) == (True, "2025-11-07T01:51:53")
    assert not found.safe.is_set


@pytest.mark.parametrize("name", ["20251106_process.log", "manifest_VMP_20251106.csv"])
def test_what_is_left_of_a_deleted_night_is_a_trace_that_lasts(name: str) -> None:
    (trace,) = find_traces(["vcam1", name], [], None)
    assert is_lasting(trace)
    # vampd's own manifest has its digests beside it.
    own = ["vcam1", "manifest_VMP_20251106.csv", "manifest_VMP_20251106.sha256"]
    assert find_traces(own, [], None) == []
    assert find_traces([name], ["generation_0001.json"], None) == []


@pytest.mark.parametrize("flags", [("True", "False"), ("False", "True")])
def test_of_a_night_that_is_listed_twice_whatever_is_set_once_counts(
    flags: tuple[str, str],
) -> None:
    row = "/mnt/fuuu/ARCHIVED_DATA/20251106,2025-11-06,"
    log = "".join(f"{row}{flag},2025-11-07T01:51:53,False,,False,\n" for flag in flags)
    (trace,) = find_traces(["vcam1"], [], row_of(log, ARCHIVE))
    assert is_lasting(trace)
    joined = row_of(log, ARCHIVE)
    assert joined is not None
    assert joined.processed.since == "2025-11-07T01:51:53"
