"""The small files of a night: what is gone or changed is noticed, and none of it is believed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.worlds.archive.safe_night import SafeNight, products_of
from tests.support.worlds.proof.beginning import DATE
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import NightRecord, Status

MANIFEST = f"manifest_VMP_{DATE}.csv"
RECEIPTS = "vgen2/receipts.tsv"
SOAK = pytest.mark.soak
TEXTS = (
    "vgen2/name_changes.txt",
    pytest.param(RECEIPTS, marks=SOAK),
    pytest.param("vbad/reasons.tsv", marks=SOAK),
    pytest.param("SHA256SUMS", marks=SOAK),
    pytest.param(MANIFEST, marks=SOAK),
    pytest.param("vgen2/generation_0001.json", marks=SOAK),
)


def record(night: SafeNight) -> NightRecord:
    return InProcess(night.site).records()[night.night]


def assert_written_again(night: SafeNight) -> None:
    """All is as it was; a manifest names the folder that this copy of the site is archived in."""
    text = (night.folder / MANIFEST).read_text()
    listed = [line.partition("|")[0] for line in text.splitlines()]
    assert listed == sorted(path.name.partition(".")[0] for path in products_of(night))
    digest = hashlib.sha256((night.folder / MANIFEST).read_bytes()).hexdigest()
    night.here[MANIFEST] = digest
    night.assert_as_it_was()


@pytest.mark.parametrize("path", TEXTS)
def test_a_text_that_is_gone_or_changed_is_noticed_and_got_back(safe: SafeNight, path: str) -> None:
    own = InProcess(safe.site)
    faults = [Fault.FLIP] if path == MANIFEST else [Fault.LINE_GONE, Fault.DELETE]
    for fault in faults:
        inflict(fault, safe.folder / path)
        own.advance()
        seen = record(safe)
        assert (seen.note_code, Path(path).name in (seen.note or "")) == ("damaged_here", True)
        assert seen.safe_at is not None
        audited = own.command("audit", DATE)
        assert (audited.status, Path(path).name in audited.text) == (1, True)
        if path.endswith(".json"):
            assert own.command("recover", DATE).status == 0
        else:
            (safe.folder / path).unlink(missing_ok=True)
        own.command("retry", DATE, "--from", "frameids")
        own.advance()
        assert_written_again(safe)
        assert not record(safe).note_code
        assert json.loads(own.command("audit", DATE, "--json").text)["findings"] == []


def as_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def as_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 33)


OF_STRANGERS = (
    (f"header_table_{DATE}.csv", Path.mkdir),
    *(
        pytest.param(*one, marks=SOAK)
        for one in (
            (f"header_table_{DATE}.csv", as_huge),
            ("vgen2/name_changes.txt", as_link),
            ("vgen2/name_changes.txt", os.mkfifo),
            ("vbad/reasons.tsv", os.mkfifo),
            ("SHA256SUMS", as_link),
        )
    ),
)


@pytest.mark.parametrize(("path", "put"), OF_STRANGERS)
def test_what_a_stranger_put_into_a_finished_night_is_no_bug_of_vampd(
    safe: SafeNight, path: str, put: Callable[[Path], object]
) -> None:
    own = InProcess(safe.site)
    (safe.folder / path).unlink()
    put(safe.folder / path)
    own.advance()
    seen = record(safe)
    assert (seen.state.status, seen.safe_at is not None) == (Status.DONE, True)
    assert seen.note_code == "damaged_here"
    assert path in (seen.note or "")
    assert "Errno" not in (seen.note or "")
    audited = own.command("audit", DATE)
    assert (audited.status, path in audited.text, "findings:" in audited.text) == (1, True, True)


def test_a_folder_of_a_finished_night_that_became_a_link_is_no_bug_of_vampd(
    safe: SafeNight,
) -> None:
    own, folder = InProcess(safe.site), safe.folder / "vgen2"
    folder.symlink_to(folder.rename(safe.site.base / "elsewhere"))
    own.advance()
    seen = record(safe)
    assert (seen.state.status, seen.note_code) == (Status.DONE, "night_unreadable")
    assert (seen.note or "").startswith(f"cannot be judged: {folder} is a link")


def another_path(text: str) -> str:
    return text.replace("/vgen2/", "/vgem2/", 1)


def another_size(text: str) -> str:
    return text.replace("0\r\n", "1\r\n", 1)


def another_id(text: str) -> str:
    return text.replace("VMPA9", "VMPA8")


def one_line_less(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[1:])


CHANGES = (
    one_line_less,
    *(pytest.param(change, marks=SOAK) for change in (another_path, another_size, another_id)),
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_manifest_that_is_damaged_is_never_mailed_and_never_added_to(
    safe: SafeNight, tmp_path: Path, change: Callable[[str], str]
) -> None:
    own, path = InProcess(safe.site), safe.folder / MANIFEST
    path.write_bytes(change(path.read_bytes().decode()).encode())
    combined = tmp_path / "combined.csv"
    for words in (
        ("mail", DATE, "--mark-sent", "--yes"),
        ("acknowledge", DATE, "--yes"),
        ("manifest", DATE, "--combine", str(combined)),
    ):
        answer = own.command(*words)
        assert (answer.status, "manifest_damaged" in answer.text) == (1, True), words
    assert not combined.exists()
    own.command("retry", DATE, "--from", "manifest")
    own.advance()
    assert (record(safe).state.status, record(safe).code) == (Status.HELD, "manifest_damaged")
    path.unlink()
    own.command("retry", DATE, "--from", "manifest")
    own.advance()
    assert_written_again(safe)


OTHERS = (
    "vgen2/x{}",
    *(pytest.param(other, marks=SOAK) for other in ("wgen2/{}", "vcam1/{}", "../{}")),
)


@pytest.mark.parametrize("other", OTHERS)
def test_a_receipt_of_the_folder_is_believed_only_of_what_is_there(
    safe: SafeNight, other: str
) -> None:
    own, listing = InProcess(safe.site), safe.folder / RECEIPTS
    good = listing.read_text()
    path = next(line for line in good.splitlines()[1:]).partition("\t")[0]
    listing.write_text(good.replace(path, other.format(Path(path).name), 1))
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    held = record(safe)
    assert held.state.status is Status.HELD
    assert held.code in ("receipts_damaged", "receipts_disagree")
    # As the message says.
    listing.unlink()
    own.command("retry", DATE)
    own.advance()
    safe.assert_as_it_was()
    assert listing.read_text() == good
