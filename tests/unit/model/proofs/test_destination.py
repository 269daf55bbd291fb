"""Which readings of an archive copy count for the archive as it is now."""

from dataclasses import replace

import pytest

from vampd.model.nights import FileStamp
from vampd.model.proofs import ArchiveIdentity, Place, Receipt, choose_proofs, is_proof

ARCHIVE = ArchiveIdentity("host:/archive", "1" * 32)
PROOF = Receipt(
    Place.ARCHIVE, FileStamp("a", 1, 1), "0" * 64, 1.0, None, ARCHIVE.destination, ARCHIVE.mark
)


def test_a_reading_at_this_archive_is_a_proof() -> None:
    assert is_proof(PROOF, ARCHIVE)
    assert choose_proofs({"a": PROOF}, ARCHIVE) == {"a": PROOF}


@pytest.mark.parametrize(
    "change",
    [
        {"destination": "host:/archive/"},
        {"destination": None},
        {"mark": "2" * 32},
        {"has_ended": True},
        {"mark": None, "has_ended": True},
    ],
    ids=str,
)
def test_a_reading_of_anything_else_proves_nothing(change: dict[str, object]) -> None:
    other = replace(PROOF, **change)  # type: ignore[arg-type]
    assert not is_proof(other, ARCHIVE)
    assert choose_proofs({"a": other, "b": PROOF}, ARCHIVE) == {"b": PROOF}


def test_a_reading_from_before_there_were_marks_counts_for_its_destination() -> None:
    assert is_proof(replace(PROOF, mark=None), ARCHIVE)
    assert is_proof(replace(PROOF, mark=None), replace(ARCHIVE, mark=None))


def test_a_marked_reading_does_not_count_where_no_mark_is_on_record() -> None:
    assert not is_proof(PROOF, replace(ARCHIVE, mark=None))
