"""A purge whose archive is behind ssh: another machine, so no word about its disk is asked for."""

from pathlib import Path

import pytest

from tests.support.daemon.running import vampctl
from tests.support.daemon.state import audit, record_of
from tests.support.tools.sshd import HOST, Sshd
from tests.support.worlds.archive.purge_site import (
    DATE,
    assert_kept,
    make_announced,
    raw_bytes,
    raw_files,
)
from vampd.model.nights import Kind, Status


@pytest.mark.soak
def test_raw_goes_when_all_of_it_is_proven_on_the_other_host(tmp_path: Path, sshd: Sshd) -> None:
    night = make_announced(
        tmp_path,
        Kind.ENGINEERING,
        transfer={"ssh": list(sshd.ssh)},
        transfer_engineering={"destination": f"{HOST}:{tmp_path}/archive"},
    )
    raw = raw_bytes(night)
    replaced = min(night.copy.glob("vgen2/*.fz"))
    replaced.write_bytes(replaced.read_bytes())
    done = vampctl(night.site, "purge", DATE, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    # What was written there again was read again first, though it is the same.
    assert "first    reads 1 file again" in done.stdout
    assert raw_files(night) == []
    assert_kept(night, raw)
    record = record_of(night.site, night.night)
    assert (record.state.status, record.purged_cubes) == (Status.DONE, 4)
    assert record.safe_at is not None
    assert audit(night.site, night.night)["balanced"]
