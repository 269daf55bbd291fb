"""What comes to a night of the old tools after vampd has taken it on and finished it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.integration.repair.test_continue import NIGHT, contents, only_packed, started
from tests.support.builders.smallest_night import make_smallest
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Status


def test_late_raw_is_named_and_taken_up_by_nothing(tmp_path: Path) -> None:
    site = started(tmp_path)
    own, folder = InProcess(site), site.folder(NIGHT)
    only_packed(folder)
    assert own.command("adopt", NIGHT.date, "--continue", "--yes").status == 0
    own.advance()
    before = contents(folder / "vgen2")
    make_smallest(site.root, NIGHT.date)
    own.advance()
    record = own.records()[NIGHT]
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False)
    assert "came to a night whose products the old tools made" in (record.note or "")
    assert own.command("verify", NIGHT.date).status == 0
    assert own.command("purge", NIGHT.date, "--yes").status == 1
    assert contents(folder / "vgen2") == before
    shutil.rmtree(folder / "vcam1")
    shutil.rmtree(folder / "vcam2")
    own.advance()
    assert not own.records()[NIGHT].note
