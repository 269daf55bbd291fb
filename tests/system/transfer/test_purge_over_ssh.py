"""A purge whose archive is behind ssh: another machine has other disks, and this one may not."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

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

# Linux says which start of which machine this is; a login finds the answer of another one.
ELSEWHERE = """\
#!/bin/sh
mount --bind {boot} /proc/sys/kernel/random/boot_id && exec sh -c "$1"
"""


@pytest.mark.soak
def test_raw_goes_when_all_of_it_is_proven_on_the_other_host(
    tmp_path: Path, sshd: Sshd, login: Callable[[str], None]
) -> None:
    night = make_announced(
        tmp_path,
        Kind.ENGINEERING,
        transfer={"ssh": list(sshd.ssh)},
        transfer_engineering={"destination": f"{HOST}:{tmp_path}/archive"},
    )
    raw = raw_bytes(night)
    replaced = min(night.copy.glob("vgen2/*.fz"))
    replaced.write_bytes(replaced.read_bytes())
    refused = vampctl(night.site, "purge", DATE, "--yes")
    assert (refused.returncode, "same_disk" in refused.stdout) == (1, True)
    assert raw_bytes(night) == raw
    (tmp_path / "boot").write_text(f"{uuid4()}\n")
    (tmp_path / "elsewhere").write_text(ELSEWHERE.format(boot=tmp_path / "boot"))
    login(f"unshare --mount sh {tmp_path}/elsewhere")
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
