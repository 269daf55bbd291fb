"""What is wrong at the other end is the first thing that a person reads, in our own words."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.sshd import keys_of, ssh_words
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer, write_file
from tests.support.worlds.archive.arrivals import PRODUCTS, STEADY, host_of
from vampd.errors import DiskFull, TransientError, VampdError
from vampd.model.plan import Compare

NOBODY = 65534


def send(sshd, folder, disk, **others):
    host = host_of(ssh_transfer(disk, sshd.ssh, **others))
    host.send(NIGHT, folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)


def refused(ask) -> VampdError:
    with pytest.raises(VampdError) as caught:
        ask()
    return caught.value


@pytest.fixture
def open_disk(tmp_path_factory):
    """A destination that any user can reach."""
    folder = Path("/var/tmp") / f"vampd-{os.getpid()}-{tmp_path_factory.mktemp('x').name}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def test_the_folder_of_another_user_is_shown_by_names(night_folder, open_disk, login, sshd):
    if os.geteuid() != 0:
        pytest.skip("only root may log in as another user")
    os.chmod(open_disk, 0o777)
    (open_disk / NIGHT.date).mkdir(mode=0o755)
    login(f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups sh -c")
    error = refused(lambda: send(sshd, night_folder, open_disk))
    assert isinstance(error, TransientError)
    assert error.message.startswith("permission is denied: nobody may not write to ")
    assert "owner root" in error.message
    assert f"sudo chown nobody {open_disk}/{NIGHT.date}" in error.message
    assert "Permission denied" in error.message
    assert "No such file" not in error.message


def test_a_destination_that_may_not_be_entered_is_not_a_missing_one(open_disk, login, sshd):
    if os.geteuid() != 0:
        pytest.skip("only root may log in as another user")
    os.chmod(open_disk, 0o700)
    login(f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups sh -c")
    error = refused(lambda: host_of(ssh_transfer(open_disk, sshd.ssh)).files(NIGHT))
    assert error.code == "archive_refused"
    assert error.message.startswith("permission is denied")


def test_a_missing_program_is_named_and_is_no_damaged_disk(
    night_folder, disk, login, sshd, tmp_path, tool
):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "find", "stat", "sync", "dd", "rm", "ln", "head"):
        (programs / name).symlink_to(tool(name))
    login(f"env PATH={programs} sh -c")
    host = host_of(ssh_transfer(disk, sshd.ssh))
    error = refused(lambda: host.digests(NIGHT, PRODUCTS[:1], STEADY))
    assert isinstance(error, TransientError)
    assert error.message.startswith("the program sha256sum is missing")
    error = refused(lambda: send(sshd, night_folder, disk))
    assert error.message.startswith("the program rsync is missing")


def test_a_host_key_that_has_changed_comes_before_what_ssh_says_last(disk, sshd, tmp_path, tool):
    subprocess.run(
        [tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")],
        check=True,
    )
    port = int(sshd.ssh[sshd.ssh.index("-p") + 1])
    shutil.copy(keys_of(sshd) / "user_key", tmp_path / "user_key")
    for known, words in (
        (f"[127.0.0.1]:{port} {(tmp_path / 'other.pub').read_text()}", "has changed"),
        ("", "is not known here"),
    ):
        (tmp_path / "known_hosts").write_text(known)
        host = host_of(ssh_transfer(disk, ssh_words(tmp_path, port, tool("ssh"))))
        error = refused(lambda host=host: host.files(NIGHT))
        assert error.code == "archive_unreachable"
        assert error.message.startswith("the ssh key of the host")
        assert words in error.message.partition(";")[0]
        assert "ssh-keygen -R" not in error.message.partition("(")[0]


def test_a_login_that_is_refused_says_so(disk, sshd, tmp_path, tool):
    shutil.copy(keys_of(sshd) / "known_hosts", tmp_path / "known_hosts")
    subprocess.run(
        [tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "user_key")],
        check=True,
    )
    words = ssh_words(tmp_path, sshd.port, tool("ssh"))
    error = refused(lambda: host_of(ssh_transfer(disk, words)).files(NIGHT))
    assert error.message.startswith("the host refuses the login")
    assert "authorized_keys" in error.message


def test_a_digest_that_takes_longer_than_the_host_may_be_silent_is_waited_for(disk, tmp_path, tool):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    slow = tmp_path / "sha256sum"
    slow.write_text(f"#!/bin/sh\nsleep 2\nexec {tool('sha256sum')}\n")
    slow.chmod(0o755)
    ssh = tmp_path / "ssh-to-a-slow-disk"
    ssh.write_text(f'#!/bin/sh\nPATH={tmp_path}:$PATH exec sh -c "$3"\n')
    ssh.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(ssh)], timeout_s=1))
    (receipt,) = host.digests(NIGHT, PRODUCTS[:1], STEADY)
    assert receipt.file.size == 1


def test_a_disk_that_hangs_is_not_a_host_that_is_away(disk, tmp_path):
    hanging = tmp_path / "ssh-to-a-hanging-disk"
    hanging.write_text(r"""#!/bin/sh
printf "vampd begins\0"; exec sleep 60
""")
    hanging.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(hanging)], timeout_s=0.5))
    error = refused(lambda: host.digests(NIGHT, PRODUCTS[:1], STEADY))
    assert error.code == "archive_slow"
    assert "although the host does" in error.message


def test_a_login_that_prints_is_reported_where_rsync_stumbles_over_it(
    night_folder, disk, login, sshd
):
    login("echo Welcome; sh -c")
    error = refused(lambda: send(sshd, night_folder, disk))
    assert error.message.startswith("a login script prints something")


def test_an_answer_without_end_is_refused_by_name(disk, tmp_path):
    endless = tmp_path / "endless-ssh"
    endless.write_text("#!/bin/sh\nexec yes\n")
    endless.chmod(0o755)
    error = refused(lambda: host_of(ssh_transfer(disk, [str(endless)])).files(NIGHT))
    assert error.code == "archive_listing_too_long"
    assert not isinstance(error, DiskFull)
    assert str(disk) in error.message


def test_an_account_that_is_closed_says_so_on_its_output(disk, tmp_path):
    closed = tmp_path / "ssh-to-a-closed-account"
    closed.write_text("#!/bin/sh\necho This account is currently not available.; exit 1\n")
    closed.chmod(0o755)
    error = refused(lambda: host_of(ssh_transfer(disk, [str(closed)])).files(NIGHT))
    assert error.message.startswith("the host refuses the login")
    assert "currently not available" in error.message


def test_the_cause_is_asked_for_again_where_rsync_said_nothing(sshd, disk, night_folder, tmp_path):
    rsync, said_nothing, words = (tmp_path / name for name in ("rsync", "said nothing", "words"))
    rsync.write_text(
        f'#!/bin/sh\ncase "$*" in *--version*|*--help*) exec rsync "$@";; esac\n'
        f'test -e "{said_nothing}" || {{ touch "{said_nothing}"; exit 11; }}\n'
        # It now and then says nothing by itself.
        f'for _ in 1 2 3 4; do rsync "$@" 2>"{words}"; status=$?\n'
        f'test -s "{words}" && break; done\n'
        f'cat "{words}" >&2; exit $status\n'
    )
    rsync.chmod(0o755)
    shutil.rmtree(disk)
    error = refused(lambda: send(sshd, night_folder, disk, rsync=str(rsync)))
    assert said_nothing.exists()
    assert error.code == "archive_folder_missing"
