"""What arrives is whole, has the modes of its new home, and is read without being changed."""

import hashlib
import os
import subprocess

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.archive_sites import (
    NIGHT,
    local_transfer,
    ssh_transfer,
    write_file,
)
from tests.support.worlds.archive.arrivals import (
    PRODUCTS,
    SIZE,
    STEADY,
    assert_arrived,
    host_of,
    named,
    watching_final_names,
)
from vampd.errors import (
    ConfigError,
    DataError,
    DiskFull,
)
from vampd.model.plan import Compare


def test_a_full_destination_is_reported_and_leaves_no_product_in_part(
    night_folder, disk, transfer_to
):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "vampd-test", disk], check=True)
    try:
        host = host_of(transfer_to(disk))
        with watching_final_names(disk), pytest.raises(DiskFull) as caught:
            host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
        assert caught.value.code == "archive_full"
        assert len(named(disk)) == 1
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
        assert_arrived(night_folder, disk)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_copy_with_one_wrong_bit_is_noticed_and_repaired(night_folder, disk, transfer_to):
    host = host_of(transfer_to(disk))
    host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    damaged = disk / NIGHT.date / PRODUCTS[1]
    times = damaged.stat()
    content = bytearray(damaged.read_bytes())
    content[SIZE // 2] ^= 1
    damaged.write_bytes(content)
    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    expected = [hashlib.sha256((night_folder / path).read_bytes()).hexdigest() for path in PRODUCTS]

    def agree():
        digests = [receipt.sha256 for receipt in host.digests(NIGHT, PRODUCTS, STEADY)]
        return [digest == right for digest, right in zip(digests, expected, strict=True)]

    assert agree() == [True, False, True]
    host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    assert agree() == [True, False, True]
    host.send(NIGHT, night_folder, [PRODUCTS[1]], Compare.CHECKSUM, STEADY)
    assert agree() == [True, True, True]


def test_new_files_get_the_permissions_of_their_new_home(night_folder, disk, transfer_to):
    (night_folder / PRODUCTS[0]).chmod(0o600)
    (night_folder / PRODUCTS[1]).chmod(0o777)
    host_of(transfer_to(disk)).send(
        NIGHT, night_folder, PRODUCTS[:2], Compare.SIZE_AND_TIME, STEADY
    )
    umask = os.umask(0)
    os.umask(umask)
    for path in PRODUCTS[:2]:
        assert (disk / NIGHT.date / path).stat().st_mode & 0o666 == 0o666 & ~umask


def test_a_link_in_the_place_of_a_product_is_refused(night_folder, disk, transfer_to, tmp_path):
    (tmp_path / "secret").write_text("from outside")
    link = night_folder / "vgen2" / "VMPA00000001.fits.fz"
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(DataError) as caught:
        host_of(transfer_to(disk)).send(
            NIGHT, night_folder, ["vgen2/VMPA00000001.fits.fz"], Compare.SIZE_AND_TIME, STEADY
        )
    assert caught.value.code == "source_is_no_file"
    assert named(disk) == {}


def test_a_night_is_never_sent_onto_itself(night_folder):
    host = host_of(local_transfer(night_folder.parent))
    with pytest.raises(ConfigError) as caught:
        host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    assert caught.value.code == "destination_is_source"


def test_the_archive_copy_is_opened_for_reading_only_and_past_the_cache(
    night_folder, disk, tmp_path, tool
):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x" * 100_000))
    trace = tmp_path / "trace"
    fake_ssh = tmp_path / "traced-ssh"
    fake_ssh.write_text(
        "#!/bin/sh\n"  # $1 is --, $2 the host
        f"exec {tool('strace')} -f -y -o {trace}"
        ' -e trace=openat,fsync,fadvise64,read,write,unlink,rename sh -c "$3"\n'
    )
    fake_ssh.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(fake_ssh)]))
    (receipt,) = host.digests(NIGHT, [PRODUCTS[0]], STEADY)
    assert receipt.sha256 == hashlib.sha256(b"x" * 100_000).hexdigest()
    calls = [line for line in trace.read_text().splitlines() if PRODUCTS[0] in line]
    opened = [line for line in calls if "openat(" in line and "ENOENT" not in line]
    assert opened
    assert all("O_RDONLY" in line and "O_CREAT" not in line for line in opened)
    assert not [line for line in calls if "unlink(" in line or "rename(" in line]
    order = [
        name
        for line in calls
        for name in ("fsync(", "POSIX_FADV_DONTNEED", "read(")
        if name in line and "write(" not in line
    ]
    first = {name: order.index(name) for name in ("fsync(", "POSIX_FADV_DONTNEED", "read(")}
    assert first["fsync("] < first["POSIX_FADV_DONTNEED"] < first["read("]
