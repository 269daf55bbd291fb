"""What lies in the place of a finished night's file: the note says what helps, as it is typed."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon.state import digest_of
from tests.support.worlds.archive.safe_night import SafeNight, products_of
from tests.support.worlds.proof.beginning import DATE
from tests.support.worlds.proof.in_process import Answer, InProcess
from vampd.model.nights import NightRecord, Status

MANIFEST = f"manifest_VMP_{DATE}.csv"
_COMMAND = re.compile(r"`vampctl ([^`]+)`")
# A message, its cure, and perhaps one more, of what the first one hid.
_MOST_CURES = 3


def as_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def as_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing here")


def product(night: SafeNight) -> str:
    return str(products_of(night)[0].relative_to(night.folder))


def sidecar(night: SafeNight) -> str:
    return product(night).replace(".fits.fz", ".txt")


PLACES: tuple[str | Callable[[SafeNight], str], ...] = (
    MANIFEST,
    "SHA256SUMS",
    product,
    sidecar,
    f"header_table_{DATE}.csv",
    "vgen2/receipts.tsv",
    "vgen2/name_changes.txt",
    "vgen2/generation_0001.json",
    "vbad/reasons.tsv",
)
KINDS = (Path.mkdir, as_link, as_link_to_nothing, os.mkfifo)
EVERY = [(place, kind) for place in PLACES for kind in KINDS]
IN_CI = [(MANIFEST, Path.mkdir), ("SHA256SUMS", as_link), (product, os.mkfifo)]


def record(own: InProcess, night: SafeNight) -> NightRecord:
    return own.records()[night.night]


def follow(own: InProcess, said: str, entry: Path) -> list[Answer]:
    """Do what a message says, as it stands there."""
    if "move it away" in said and os.path.lexists(entry):
        entry.rename(own.site.base / "moved away")
    commands = _COMMAND.findall(said)
    return [own.command(*shlex.split(command)) for command in commands]


@pytest.mark.parametrize(
    ("place", "put"),
    [*IN_CI, *(pytest.param(*one, marks=pytest.mark.soak) for one in EVERY if one not in IN_CI)],
)
def test_whoever_does_what_a_finished_night_says_has_it_done_and_safe_again(
    safe: SafeNight, place: str | Callable[[SafeNight], str], put: Callable[[Path], object]
) -> None:
    own = InProcess(safe.site)
    entry = safe.folder / (place if isinstance(place, str) else place(safe))
    before = entry.read_bytes()
    entry.unlink()
    put(entry)
    own.advance()
    said = record(own, safe).note or ""
    assert (record(own, safe).note_code, entry.name in said) == ("damaged_here", True), said
    assert "NIGHT" not in said
    cures = 0
    while said:
        assert (cures := cures + 1) <= _MOST_CURES, said
        for answer in follow(own, said, entry):
            assert answer.status == 0, (said, answer.text)
        own.advance()
        seen = record(own, safe)
        said = seen.error or seen.note or ""
    seen = record(own, safe)
    assert seen.state.status is Status.DONE
    assert seen.safe_at is not None
    if entry.name not in (MANIFEST, f"header_table_{DATE}.csv", "SHA256SUMS"):
        # Those name the folder that this copy of the site is archived in.
        assert entry.read_bytes() == before
    assert entry.is_file()
    assert not entry.is_symlink()
    assert json.loads(own.command("audit", DATE, "--json").text)["findings"] == []


def test_a_folder_in_the_place_of_a_product_keeps_what_it_holds(safe: SafeNight) -> None:
    own, entry = InProcess(safe.site), products_of(safe)[0]
    for round_ in ("first", "second"):
        entry.unlink()
        entry.mkdir()
        (entry / "notes").write_text(round_)
        assert own.command("recover", DATE).status == 0
        own.command("retry", DATE, "--from", "transfer")
        own.advance()
        assert record(own, safe).state.status is Status.DONE
        assert digest_of(entry) == safe.here[f"vgen2/{entry.name}"]
    kept = sorted(entry.parent.glob(f".{entry.name}.folder*/notes"))
    assert [path.read_text() for path in kept] == ["first", "second"]
