import pytest

from vampd.errors import DataError
from vampd.model.nights import Kind, NightId, StageName
from vampd.stages.records.foreign_cure import add_cure, cure_of

DATE = "20251106"
NIGHT = NightId(DATE, Kind.ARCHIVE)
BY_TRANSFER = ("SHA256SUMS", f"header_table_{DATE}.csv", "vgen2/receipts.tsv", "vbad/reasons.tsv")
BY_MANIFEST = (
    "vgen2/name_changes.txt",
    f"mailed_VMP_{DATE}.tsv",
    f"manifest_VMP_{DATE}.csv",
    f"manifest_VMP_{DATE}_s2.csv",
    f"manifest_VMP_{DATE}.sha256",
)
BY_NONE = ("vgen2/VMPA90000001.fits.fz", "vgen2/VMPA90000001.txt", "vgen2/generation_0001.json")


@pytest.mark.parametrize(
    ("paths", "command"),
    [
        (BY_TRANSFER, f"vampctl retry {DATE} --from transfer"),
        (BY_MANIFEST, f"vampctl retry {DATE} --from manifest"),
        (BY_NONE, f"vampctl recover {DATE}"),
        (("corrections.tsv", "vgen2", "manifest_VMP_20251107.csv"), ""),
    ],
)
def test_a_finished_night_goes_back_to_what_writes_the_file_again(paths, command):
    assert [cure_of(path, NIGHT, None) for path in paths] == [command] * len(paths)


@pytest.mark.parametrize("at", StageName)
def test_a_held_night_goes_on_where_it_is_or_back_and_never_forward(at):
    again = f"vampctl retry {DATE}"
    later = StageName.MANIFEST
    sent = f"{again} --from transfer" if at is later else again
    assert [cure_of(path, NIGHT, at) for path in BY_TRANSFER] == [sent] * len(BY_TRANSFER)
    for path in (*BY_MANIFEST, *BY_NONE, "corrections.tsv"):
        assert cure_of(path, NIGHT, at) == again


@pytest.mark.parametrize("code", ["link_found", "not_a_file", "file_too_long"])
def test_the_command_stands_behind_what_was_found(code):
    path = f"/root/20251105/fuuu/{NIGHT.folder}/SHA256SUMS"
    error = DataError(code, "found; move it away", path=path)
    cured = f"found; move it away; then `vampctl retry {DATE} --from transfer`"
    assert add_cure(error, NIGHT, None) == cured


def test_a_fault_of_another_kind_has_its_own_cure():
    path = f"/fuuu/{NIGHT.folder}/SHA256SUMS"
    assert add_cure(DataError("manifest_damaged", "damaged", path=path), NIGHT, None) == "damaged"


def test_what_the_next_scan_looks_at_needs_no_command():
    error = DataError("link_found", "a link", path=f"/fuuu/{NIGHT.folder}")
    assert add_cure(error, NIGHT, None) == "a link"
    assert add_cure(error, NIGHT, StageName.SYNC) == f"a link; then `vampctl retry {DATE}`"
