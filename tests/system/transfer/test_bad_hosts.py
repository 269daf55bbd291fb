"""Hosts that are away, talk, fall silent or lack tools are told apart."""

import errno
import hashlib
import os
import time

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.sshd import free_port, ssh_words
from tests.support.worlds.archive.archive_sites import (
    NIGHT,
    local_transfer,
    ssh_transfer,
    write_file,
)
from tests.support.worlds.archive.arrivals import (
    PRODUCTS,
    STEADY,
    host_of,
)
from vampd.adapters.archive import local as archive_local
from vampd.errors import (
    ArchiveUnreadable,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.plan import Compare

OF_NOTHING = hashlib.sha256(b"").hexdigest()


def test_a_host_that_does_not_answer_is_unavailable_at_once(night_folder, disk, tmp_path, tool):
    words = ssh_words(tmp_path, free_port(), tool("ssh"))
    host = host_of(ssh_transfer(disk, words))
    began = time.monotonic()
    for ask in (
        lambda: host.files(NIGHT),
        lambda: host.digests(NIGHT, PRODUCTS, STEADY),
        lambda: host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY),
    ):
        with pytest.raises(RemoteUnavailable, match="Connection refused"):
            ask()
    assert time.monotonic() - began < 10


def test_a_login_script_that_talks_disturbs_nothing(night_folder, disk, tmp_path):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    talking_ssh = tmp_path / "talking-ssh"
    talking_ssh.write_text('#!/bin/sh\necho Welcome; echo Bye >&2; sh -c "$3"; echo Bye\n')
    talking_ssh.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(talking_ssh)]))
    assert list(host.files(NIGHT)) == [PRODUCTS[0]]
    assert [r.path for r in host.digests(NIGHT, PRODUCTS[:2], STEADY)] == [PRODUCTS[0]]


def test_a_listing_that_breaks_off_is_never_taken_for_a_whole_one(disk, tmp_path):
    for path in PRODUCTS:
        write_file(disk / NIGHT.date, path, FakeFile(b"x"))
    breaking_ssh = tmp_path / "breaking-ssh"
    breaking_ssh.write_text('#!/bin/sh\nsh -c "$3" | head -c 80\n')
    breaking_ssh.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(breaking_ssh)]))
    for ask in (lambda: host.files(NIGHT), lambda: host.digests(NIGHT, PRODUCTS, STEADY)):
        with pytest.raises(VampdError) as caught:
            ask()
        assert caught.value.code == "archive_garbled"


def test_a_file_that_the_archive_disk_cannot_read_is_waited_for(disk, tmp_path, tool):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    (tmp_path / "sha256sum").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sha256sum").chmod(0o755)
    broken_disk = tmp_path / "ssh-to-a-broken-disk"
    broken_disk.write_text(f'#!/bin/sh\nPATH={tmp_path}:$PATH exec sh -c "$3"\n')
    broken_disk.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(broken_disk)]))
    with pytest.raises(TransientError) as caught:
        host.digests(NIGHT, PRODUCTS, STEADY)
    assert caught.value.code == "archive_unreadable"
    assert PRODUCTS[0] in caught.value.message


@pytest.mark.parametrize(
    "openssl",
    [
        pytest.param("exit 1", id="broken"),
        pytest.param("echo 0123 *stdin", id="of another mind"),
        pytest.param(f'test "$(wc -c)" = 0 && echo "{OF_NOTHING} *stdin"', id="for nothing alone"),
        pytest.param('echo x >>"$0.used"; exec {real} "$@"', id="whole"),
    ],
)
def test_a_large_file_is_read_by_openssl_where_it_can_and_rightly_anyway(
    disk, tmp_path, tool, openssl
):
    program = tmp_path / "openssl"
    program.write_text(f"#!/bin/sh\n{openssl.format(real=tool('openssl'))}\n")
    program.chmod(0o755)
    host_ssh = tmp_path / "ssh-to-a-host"
    host_ssh.write_text(f'#!/bin/sh\nPATH={tmp_path}:$PATH exec sh -c "$3"\n')
    host_ssh.chmod(0o755)
    contents = {PRODUCTS[0]: os.urandom(8_000_000), PRODUCTS[1]: os.urandom(1000)}
    for path, content in contents.items():
        write_file(disk / NIGHT.date, path, FakeFile(content))
    receipts = host_of(ssh_transfer(disk, [str(host_ssh)])).digests(NIGHT, list(contents), STEADY)
    assert [receipt.sha256 for receipt in receipts] == [
        hashlib.sha256(content).hexdigest() for content in contents.values()
    ]
    used = tmp_path / "openssl.used"
    # Once to see whether it is there, and once for the large one.
    assert not used.exists() or used.read_text() == "x\n" * 2
    assert used.exists() is ("used" in openssl)


def test_a_host_without_the_needed_tools_says_so(disk, tmp_path):
    bare_host = tmp_path / "ssh-to-a-bare-host"
    bare_host.write_text("#!/bin/sh\necho bash: command not found >&2; exit 127\n")
    bare_host.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(bare_host)]))
    with pytest.raises(TransientError, match="GNU coreutils") as caught:
        host.files(NIGHT)
    assert caught.value.code == "archive_refused"


def test_a_host_that_falls_silent_is_unavailable(disk, tmp_path):
    silent_host = tmp_path / "ssh-to-a-silent-host"
    silent_host.write_text("#!/bin/sh\nexec sleep 60\n")
    silent_host.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(silent_host)], timeout_s=0.3))
    with pytest.raises(RemoteUnavailable, match="no sign of life"):
        host.files(NIGHT)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EIO, ArchiveUnreadable),
        (errno.EACCES, ArchiveUnreadable),
        (errno.ESTALE, RemoteUnavailable),
        (errno.ENOTCONN, RemoteUnavailable),
    ],
)
def test_a_local_disk_that_fails_is_told_from_one_that_is_away(disk, monkeypatch, number, kind):
    def fail(path, pace, opener=None):
        raise OSError(number, os.strerror(number), str(path))

    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    monkeypatch.setattr(archive_local, "hash_file", fail)
    with pytest.raises(kind):
        host_of(local_transfer(disk)).digests(NIGHT, PRODUCTS, STEADY)
