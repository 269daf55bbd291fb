"""Several connections at once: disjoint lists, a folder of partial files each, and nothing left."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer, write_file
from tests.support.worlds.archive.arrivals import PRODUCTS, STEADY, assert_arrived, host_of
from vampd.adapters.archive.rsync import partial_folder
from vampd.model.plan import Compare

ASIDE = "vbad/vcam1/vcam1_10:11:12.123456789.fits"


@pytest.fixture
def told(tmp_path, tool):
    """An rsync that waits for two others, and writes what it was told; the file, the program."""
    told, program = tmp_path / "told", tmp_path / "rsync"
    program.write_text(
        f"""#!/bin/bash
case $1 in --help) exec {tool("rsync")} --help ;; esac
names=$(mktemp {tmp_path}/names-XXXXXX)
cat >"$names"
for word; do case $word in --partial-dir=*) partial=${{word#*=}} ;; esac; done
for _ in {{1..100}}; do
    test "$(ls {tmp_path}/names-* | wc -l)" -ge 3 && break
    sleep 0.1
done
while IFS= read -r -d '' name; do echo "$partial ${{name##*/./}}"; done <"$names" >>{told}
exec {tool("rsync")} "$@" <"$names"
"""
    )
    program.chmod(0o755)
    return told, program


def test_who_sends_beside_others_takes_the_connection_that_is_given(night_folder, disk, sshd, told):
    told, program = told
    host = host_of(ssh_transfer(disk, sshd.ssh, rsync=str(program)))
    send = partial(host.send, NIGHT, night_folder, compare=Compare.SIZE_AND_TIME, pace=STEADY)
    parts = [PRODUCTS[number::3] for number in range(3)]
    with ThreadPoolExecutor(3) as threads:
        sent = [
            threads.submit(send, files=part, connection=number) for number, part in enumerate(parts)
        ]
    assert [one.result() for one in sent] == [None] * 3
    assert_arrived(night_folder, disk)
    assert not list(disk.rglob(".vampd-partial*"))
    lines = [line.split(" ", 1) for line in told.read_text().splitlines()]
    assert sorted(lines) == sorted(
        [partial_folder(number), name] for number, part in enumerate(parts) for name in part
    )


def test_set_aside_files_go_by_any_connection(night_folder, disk, sshd):
    raw = [f"vcam1/vcam1_10:11:{second}.123456789.fits" for second in (12, 13, 14)]
    for path in raw:
        write_file(night_folder, path, FakeFile(os.urandom(1000)))
        aside = night_folder / "vbad" / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.symlink_to(f"../../{path}")
    host = host_of(ssh_transfer(disk, sshd.ssh))
    files = [*PRODUCTS, *(f"vbad/{path}" for path in raw)]
    host.send(NIGHT, night_folder, files, Compare.SIZE_AND_TIME, STEADY, connection=1)
    assert_arrived(night_folder, disk)
    there = disk / NIGHT.date / "vbad"
    for path in raw:
        assert (there / path).read_bytes() == (night_folder / path).read_bytes()


def test_what_another_stream_had_of_a_file_goes_when_the_file_is_whole(
    night_folder, disk, transfer_to
):
    vgen2 = disk / NIGHT.date / "vgen2"
    content = (night_folder / PRODUCTS[0]).read_bytes()
    kept = {
        "other bytes": vgen2 / partial_folder(1) / PRODUCTS[0].rpartition("/")[2],
        "of no file that is sent": vgen2 / partial_folder(2) / "theirs.fits.fz",
    }
    gone = vgen2 / partial_folder(3) / PRODUCTS[0].rpartition("/")[2]
    for file in (*kept.values(), gone):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"not its beginning")
    gone.write_bytes(content[:1000])
    host = host_of(transfer_to(disk))
    host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    assert_arrived(night_folder, disk)
    assert not gone.parent.exists()
    for file in kept.values():
        assert file.read_bytes() == b"not its beginning"
