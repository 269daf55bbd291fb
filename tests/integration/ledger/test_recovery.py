"""Killed anywhere, robbed of its database or of its file, the ledger comes back whole."""

import os
import shutil
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.builders.ledger_lines import fields_of, granted_ids
from tests.support.tools.scripts import hits_of, run_script, was_killed
from tests.support.worlds.records.ledgers import LATER, LOCAL, NAMES, NIGHT, Desk
from vampd.adapters.authorities import NoAuthority
from vampd.errors import FrameIdConflict
from vampd.ledger.file import open_ledger_file
from vampd.ledger.ledger import FrameIdLedger
from vampd.ledger.rebuild import compose_ledger
from vampd.ledger.records import Refused, Requested
from vampd.model.frame_ids import FrameId, NumberRange

WORK = f"""
import sys
from pathlib import Path
from vampd.adapters.authorities import LocalAuthority
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store
from vampd.ledger.ledger import FrameIdLedger
from vampd.errors import FrameIdConflict
from vampd.ledger.file import open_ledger_file

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{{folder}}/vampd.db", Access.USE)
ledger = FrameIdLedger(store, folder / "ARCHIVED_DATA" / "frameids.ledger")
night, later = (NightId(date, Kind.ARCHIVE) for date in ("20251106", "20251107"))
authority = LocalAuthority(FrameId(90_000_001))
ledger.reserve(night, {NAMES!r}, authority)
ledger.mark_applied(night, [bound.frame_id for bound in ledger.bound(night).values()])
ledger.reserve(later, ["d"], authority)
"""


def do_the_work(ledger: FrameIdLedger) -> None:
    ledger.reserve(NIGHT, NAMES, LOCAL)
    ledger.mark_applied(NIGHT, [bound.frame_id for bound in ledger.bound(NIGHT).values()])
    ledger.reserve(LATER, ["d"], LOCAL)


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.soak)])
def test_killed_at_any_step_it_ends_as_if_it_had_never_been(tmp_path: Path, stride: int):
    untouched = Desk(tmp_path / "untouched")
    do_the_work(untouched.ledger)
    template = Desk(tmp_path / "new")
    template.store.close()
    shutil.copytree(template.folder, tmp_path / "logged")
    hits = hits_of(WORK, tmp_path / "logged", log=tmp_path / "hits")
    steps = ("requested", "granted", "bound", "applied")
    wanted = {f"ledger.{step}.{what}" for step in steps for what in ("appended", "committed")}
    wanted |= {"ledger.granted.received", "ledger.file.created", "ledger.file.written"}
    assert {hit.partition("#")[0] for hit in hits} >= wanted
    last_hits = {hit.partition("#")[0]: hit for hit in hits}
    for number, hit in enumerate(hits if stride == 1 else [*last_hits.values()][::stride]):
        shutil.copytree(template.folder, tmp_path / str(number))
        assert was_killed(run_script(WORK, tmp_path / str(number), failpoint=hit)), hit
        desk = Desk(tmp_path / str(number))
        do_the_work(desk.ledger)
        assert desk.ledger.unused() == (), hit
        assert desk.file.read_bytes() == untouched.file.read_bytes(), hit
        for night in (NIGHT, LATER):
            assert desk.ledger.bound(night) == untouched.ledger.bound(night), hit
        desk.store.close()
    untouched.store.close()


def test_a_lost_database_is_filled_from_the_file(desk: Desk):
    do_the_work(desk.ledger)
    before = (
        desk.ledger.bound(NIGHT),
        desk.ledger.bound(LATER),
        desk.file.read_bytes(),
    )
    ledger = desk.lose_database()
    assert ledger.bound(NIGHT) == {}
    ledger.reconcile()
    assert (ledger.bound(NIGHT), ledger.bound(LATER), desk.file.read_bytes()) == before
    assert ledger.highest(NumberRange.ENGINEERING) == FrameId(90_000_004)
    assert ledger.highest(NumberRange.RAW) is None


def test_a_record_that_is_there_twice_is_dropped_by_a_rebuild(desk: Desk):
    do_the_work(desk.ledger)
    whole = desk.file.read_bytes()
    lines = whole.splitlines(keepends=True)
    desk.file.write_bytes(whole + lines[-1] + lines[2])
    ledger = FrameIdLedger(desk.store, desk.file)
    with pytest.raises(FrameIdConflict, match="times"):
        ledger.reserve(LATER, ["d", "e"], LOCAL)
    assert (ledger.draft_rebuild([]).repeated, ledger.draft_rebuild([]).is_news) == (2, True)
    ledger.rebuild([])
    assert sorted(desk.file.read_bytes().splitlines(keepends=True)) == sorted(lines)
    assert [bound.identity for bound in ledger.bound(NIGHT).values()] == list(NAMES)
    assert not ledger.draft_rebuild([]).is_news
    ledger.reserve(LATER, ["d", "e"], LOCAL)


def test_a_lost_database_never_leads_to_a_used_id(desk: Desk):
    desk.ledger.reserve(NIGHT, NAMES, LOCAL)
    ledger = desk.lose_database()
    ledger.reserve(LATER, ["a"], LOCAL)
    assert desk.ids(LATER) == {"a": 4}
    assert desk.ids(NIGHT) == {"c": 1, "a": 2, "b": 3}


def test_an_older_database_is_brought_up_to_date(desk: Desk, tmp_path: Path):
    desk.ledger.reserve(NIGHT, ["a"], LOCAL)
    desk.store.close()
    shutil.copy(desk.database, tmp_path / "backup.db")
    desk.open().reserve(NIGHT, ["a", "b"], LOCAL)
    desk.store.close()
    shutil.copy(tmp_path / "backup.db", desk.database)
    desk.open().reserve(LATER, ["c"], LOCAL)
    assert desk.ids() == {"a": 1, "b": 2}
    assert desk.ids(LATER) == {"c": 3}


def test_who_waits_for_a_file_that_is_replaced_meanwhile_appends_to_the_new_one(desk: Desk):
    desk.ledger.reserve(NIGHT, ["a"], LOCAL)
    with ThreadPoolExecutor(1) as threads:
        with open_ledger_file(desk.file):
            waiting = threads.submit(desk.ledger.reserve, NIGHT, ["b"], LOCAL)
            while not waits_for_lock(desk.file):
                time.sleep(0.01)
            shutil.copy(desk.file, desk.folder / "backup")
            os.replace(desk.folder / "backup", desk.file)
        waiting.result()
    assert desk.ids() == {"a": 1, "b": 2}
    assert granted_ids(desk.file) == ["VMPA90000001", "VMPA90000002"]


ANEW = """
import sys
from pathlib import Path
from vampd.store.database.opening import Access, open_store
from vampd.ledger.ledger import FrameIdLedger

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder}/vampd.db", Access.USE)
FrameIdLedger(store, folder / "ARCHIVED_DATA" / "frameids.ledger").rebuild([])
"""


@pytest.mark.parametrize(
    "deadly",
    [
        *("atomic.temporary.made", "atomic.replacing.written", "atomic.replacing.renamed"),
        *("atomic.replacing.folder_synced", "ledger.rebuilt.written"),
    ],
)
def test_a_ledger_is_written_anew_wholly_or_not_at_all(desk: Desk, deadly: str):
    do_the_work(desk.ledger)
    desk.ledger.reserve(NIGHT, ["e"], LOCAL)
    whole = fields_of(desk.file)
    ids = desk.ids()
    torn = desk.file.read_bytes().replace(b"bound", b"bouND", 1)
    desk.file.write_bytes(torn)
    assert was_killed(run_script(ANEW, desk.folder, failpoint=deadly))
    assert desk.file.read_bytes() == torn or sorted(fields_of(desk.file)) == sorted(whole)
    desk.restart().rebuild([])
    assert sorted(fields_of(desk.file)) == sorted(whole)
    desk.ledger.reserve(NIGHT, [*NAMES, "e"], NoAuthority())
    assert desk.ids() == ids


def test_a_ledger_that_root_makes_belongs_to_whom_the_archive_belongs(desk: Desk):
    owner = (4711, 4712) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(desk.file.parent, *owner)
    before = os.umask(0o077)
    try:
        for write in (
            lambda: desk.ledger.reserve(NIGHT, ["a"], LOCAL),
            lambda: desk.ledger.rebuild([]),
        ):
            desk.file.unlink(missing_ok=True)
            write()
            status = desk.file.stat()
            mode = stat.S_IMODE(status.st_mode)
            assert (status.st_uid, status.st_gid, mode) == (*owner, 0o644)
    finally:
        os.umask(before)


def waits_for_lock(path: Path) -> bool:
    """Whether somebody waits for the lock of this file, as the kernel tells."""
    inode = f":{path.stat().st_ino} "
    locks = Path("/proc/locks").read_text().splitlines()
    return any(" -> " in line and inode in line for line in locks)


def test_a_refusal_whose_request_was_lost_is_left_out() -> None:
    """The database takes no refusal of a request that it does not know."""
    asked = Requested(1, NIGHT, 1, "0" * 64, "why")
    refused, lone = Refused(1, "not in order"), Refused(2, "not in order")
    assert compose_ledger([asked, refused, lone], [], []).records == (asked, refused)
