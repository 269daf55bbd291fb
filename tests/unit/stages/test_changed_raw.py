"""Raw files that changed after sync: which comparison counts, and for which file."""

import pytest

from vampd.errors import DataError
from vampd.model.cubes import ChangedRaw, CubeAccount, RawFinding
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import PackingReceipt
from vampd.stages.changed_raw import (
    ChangedFiles,
    are_retimed,
    find_changes,
    plan_changed,
    refuse_changed,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
PATH = "vcam1/a.fits"
SYNCED, TOUCHED, LATER = (FileStamp(PATH, 2880, mtime_ns) for mtime_ns in (1, 2, 3))


def changed(*found: ChangedRaw) -> ChangedFiles:
    files = tuple((one.synced, one.now) for one in found)
    return ChangedFiles(NIGHT, files, {one.path: one for one in found})


def other(path: str, finding: RawFinding = RawFinding.OTHER) -> ChangedRaw:
    return ChangedRaw(FileStamp(path, 2880, 1), FileStamp(path, 2880, 2), finding, "row 3 differs")


def test_a_comparison_counts_for_the_two_files_that_it_compared_alone() -> None:
    found = ChangedRaw(SYNCED, TOUCHED, RawFinding.SAME)
    files = ChangedFiles(NIGHT, known={PATH: found})
    assert files.finding(SYNCED, TOUCHED) is found
    assert files.finding(LATER, TOUCHED) is None
    assert files.finding(SYNCED, LATER) is None


def test_what_was_taken_up_is_compared_with_what_sync_saw_and_nothing_else_is() -> None:
    account = CubeAccount(TOUCHED, None, 10)
    for taken, first in ((TOUCHED, SYNCED), (LATER, TOUCHED)):
        known = {PATH: ChangedRaw(SYNCED, taken, RawFinding.SAME)}
        assert list(find_changes(account, LATER, None, known)) == [(first, LATER)]


@pytest.mark.parametrize(
    ("now", "finding", "may_be"),
    [
        (TOUCHED, None, True),
        (TOUCHED, RawFinding.SAME, True),
        (TOUCHED, RawFinding.ACCEPTED, True),
        (TOUCHED, RawFinding.OTHER, False),
        (FileStamp(PATH, 5760, 2), None, False),
    ],
)
def test_a_set_aside_file_of_another_size_or_finding_is_not_what_was_sent(
    now: FileStamp, finding: RawFinding | None, may_be: bool
) -> None:
    known = {} if finding is None else {PATH: ChangedRaw(SYNCED, now, finding)}
    receipts = {f"vbad/{PATH}": PackingReceipt(f"vbad/{PATH}", 2880, "0" * 64, None)}
    files = [(SYNCED, now)]
    assert are_retimed(files, receipts, ChangedFiles(NIGHT, known=known)) == may_be
    assert not are_retimed(files, {}, ChangedFiles(NIGHT, known=known))


def test_what_nothing_was_made_of_yet_is_refused_by_its_plan_and_by_no_gate() -> None:
    both = changed(other("vcam1/a.fits"), other("vcam1/b.fits", RawFinding.UNPACKED))
    refuse_changed(both, released=())
    with pytest.raises(DataError, match="restore 20251106"):
        plan_changed(both)


def test_a_refusal_names_one_file_and_how_many_more_there_are() -> None:
    for names, more in (("a", None), ("ab", "; and 1 more"), ("abc", "; and 2 more")):
        with pytest.raises(DataError) as caught:
            refuse_changed(changed(*(other(f"vcam1/{name}.fits") for name in names)), released=())
        assert caught.value.message.startswith("vcam1/a.fits is not the file")
        assert ("more:" in caught.value.message) == (more is not None)
        assert (more or "") in caught.value.message
