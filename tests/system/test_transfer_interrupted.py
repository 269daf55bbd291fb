"""rsync itself, over folders and a real sshd: killed, starved of space, cut off, made to wait."""

import errno
import hashlib
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.fakes.paces import SteeredPace
from tests.support.worlds.archive_sites import NIGHT, local_transfer, ssh_transfer, write_file
from tests.support.worlds.sshd import free_port, running_sshd, ssh_words
from vampd.adapters import archive_local
from vampd.adapters.archive_host import open_archive_host
from vampd.adapters.rsync import PARTIAL_FOLDER
from vampd.disk.pace import SteadyPace
from vampd.errors import (
    ClaimLost,
    ConfigError,
    DataError,
    DiskFull,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.plan import Compare

STEADY = SteadyPace()
PRODUCTS = [
    "vgen2/vcam1_10:11:12.123456.fits.fz",
    "vgen2/vcam1_10:11:14.654321.fits.fz",
    "vgen2/vcam2_10:11:13.000001.fits.fz",
]
SIZE = 3_000_000
SLOW = "2m"  # bytes a second: slow enough to be caught in the middle of a file
FAR_SIDE_WAITS_S = 5  # longer than a busy machine makes anybody wait


@pytest.fixture(scope="module")
def sshd(tmp_path_factory, tool):
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


@pytest.fixture
def night_folder(tmp_path):
    folder = tmp_path / "root" / NIGHT.date
    for number, path in enumerate(PRODUCTS):
        write_file(folder, path, FakeFile(os.urandom(SIZE), FakeFile.mtime_ns + number))
    return folder


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def slow_rsync(tmp_path, tool):
    """An rsync that needs seconds for each product."""
    script = tmp_path / "slow-rsync"
    script.write_text(f'#!/bin/sh\nexec {tool("rsync")} --bwlimit={SLOW} "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture(params=["local", "ssh"])
def transfer_to(request, sshd):
    """Settings that lead to a folder, directly or through sshd."""

    def make(folder, **others):
        if request.param == "local":
            return local_transfer(folder, **others)
        return ssh_transfer(folder, sshd.ssh, **others)

    return make


def host_of(transfer):
    return open_archive_host(transfer, NIGHT.kind)


class Sending(threading.Thread):
    """A send that runs beside the test, and what became of it."""

    def __init__(self, transfer, folder, pace=STEADY):
        super().__init__(daemon=True)
        self.error = None
        self._work = lambda: host_of(transfer).send(
            NIGHT, folder, PRODUCTS, Compare.SIZE_AND_TIME, pace
        )
        self.start()

    def run(self):
        try:
            self._work()
        except VampdError as error:
            self.error = error


def arriving(disk):
    """The hidden files of products that are not whole yet, with bytes in them."""
    folder = disk / NIGHT.date / "vgen2"
    hidden = [*folder.glob(".*.fz.*"), *(folder / PARTIAL_FOLDER).glob("*")]
    return [file for file in hidden if size_of(file)]


def size_of(file):
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def named(disk):
    """The products under their final names, with their sizes."""
    folder = disk / NIGHT.date / "vgen2"
    return {file.name: file.stat().st_size for file in folder.glob("*.fits.fz")}


@contextmanager
def watching_final_names(disk):
    """Look at the destination again and again; every name must be whole whenever it is seen."""
    ended = threading.Event()
    truncated: list[tuple[str, int]] = []

    def watch():
        while not ended.is_set():
            truncated.extend(item for item in named(disk).items() if item[1] != SIZE)
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    assert truncated == []


def await_true(condition, within_s=20.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def rsyncs_of_this_test(folder):
    """The pids of our own children that send this folder."""
    children = [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    return [
        pid
        for pid in children
        if f"{folder}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]


def assert_arrived(night_folder, disk):
    for path in PRODUCTS:
        assert (disk / NIGHT.date / path).read_bytes() == (night_folder / path).read_bytes()
    assert arriving(disk) == []


@pytest.mark.parametrize("victim", ["rsync", "its whole group"])
def test_rsync_killed_midway_leaves_whole_products_only_and_is_resumed(
    night_folder, disk, slow_rsync, transfer_to, victim
):
    with watching_final_names(disk):
        sending = Sending(transfer_to(disk, rsync=slow_rsync), night_folder)
        await_true(lambda: arriving(disk))
        for pid in rsyncs_of_this_test(night_folder):
            (os.kill if victim == "rsync" else os.killpg)(pid, signal.SIGKILL)
        sending.join(20)
        assert sending.error is not None
        assert sending.error.code == "transfer_killed"
        assert len(named(disk)) < len(PRODUCTS)
        host = host_of(transfer_to(disk))
        host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    for path in PRODUCTS:
        assert (disk / NIGHT.date / path).read_bytes() == (night_folder / path).read_bytes()
    assert set(host.files(NIGHT)) == set(PRODUCTS)


@pytest.fixture
def leftover(night_folder, disk, slow_rsync, transfer_to):
    """What a receiver that was killed has left of a product."""
    sending = Sending(transfer_to(disk, rsync=slow_rsync), night_folder)
    await_true(lambda: arriving(disk))
    (left,) = arriving(disk)
    for pid in writers_of(left):
        os.kill(pid, signal.SIGKILL)
    sending.join(20)
    assert isinstance(sending.error, TransientError)
    assert left.exists()
    return left


def writers_of(path):
    """The pids of the processes that have a file open."""
    pids = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                pids.add(int(link.parts[2]))
        except OSError:
            continue  # of another user, or gone
    return pids


def send_all(night_folder, disk, transfer_to):
    host_of(transfer_to(disk)).send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)


def test_what_a_killed_receiver_left_goes_when_its_product_has_arrived(
    night_folder, disk, transfer_to, leftover
):
    send_all(night_folder, disk, transfer_to)
    assert_arrived(night_folder, disk)
    assert [path.name for path in disk.rglob(".*")] == []


def test_no_hidden_file_goes_whose_bytes_are_not_all_in_the_product(
    night_folder, disk, transfer_to
):
    folder = disk / NIGHT.date / "vgen2"
    folder.mkdir(parents=True)
    name = Path(PRODUCTS[0]).name
    whole = (night_folder / PRODUCTS[0]).read_bytes()
    kept = {
        f".{name}.aaaaaa": b"theirs",
        f".{name}.bbbbbb": whole + b"longer",
        f".{name}.cccccc": whole[:1000] + b"another end",
        f".{name}.ddddd": whole[:1000],
        f".{name}.eeeeeee": whole[:1000],
        f".{name}.ff-fff": whole[:1000],
        f".{name}": whole,
        f"{name}.gggggg": whole,
        ".other.fits.fz.hhhhhh": whole,
    }
    for path, content in kept.items():
        (folder / path).write_bytes(content)
    (folder / f".{name}.iiiiii").symlink_to(night_folder / PRODUCTS[0])
    for path, content in {f".{name}.aZ09bB": whole, f".{name}.jjjjjj": b""}.items():
        (folder / path).write_bytes(content)
    send_all(night_folder, disk, transfer_to)
    left = {path.name for path in folder.iterdir()}
    assert left == {*kept, f".{name}.iiiiii", *(Path(path).name for path in PRODUCTS)}
    assert {path: (folder / path).read_bytes() for path in kept} == kept


def test_stopping_keeps_what_has_arrived_aside_and_going_on_uses_it_up(
    night_folder, disk, slow_rsync, transfer_to
):
    pace = SteeredPace()
    with watching_final_names(disk):
        sending = Sending(transfer_to(disk, rsync=slow_rsync), night_folder, pace)
        await_true(lambda: arriving(disk))
        pace.stop()
        sending.join(10)
        assert isinstance(sending.error, ClaimLost)
        partial = disk / NIGHT.date / "vgen2" / PARTIAL_FOLDER
        await_true(lambda: list(partial.glob("*.fits.fz")))
        host_of(transfer_to(disk)).send(
            NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY
        )
    assert_arrived(night_folder, disk)
    assert not partial.exists()


def test_a_pause_longer_than_the_far_side_waits_is_no_failure(night_folder, disk, slow_rsync, sshd):
    pace = SteeredPace()
    sending = Sending(
        ssh_transfer(disk, sshd.ssh, rsync=slow_rsync, timeout_s=FAR_SIDE_WAITS_S),
        night_folder,
        pace,
    )
    await_true(lambda: arriving(disk))
    pace.pause()
    time.sleep(1.2 * FAR_SIDE_WAITS_S)
    pace.resume()
    sending.join(60)
    assert sending.error is None
    assert_arrived(night_folder, disk)


def test_a_full_destination_is_told_and_leaves_no_product_in_part(night_folder, disk, transfer_to):
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


def test_a_file_that_the_archive_disk_cannot_read_needs_a_person(disk, tmp_path, tool):
    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    (tmp_path / "sha256sum").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sha256sum").chmod(0o755)
    broken_disk = tmp_path / "ssh-to-a-broken-disk"
    broken_disk.write_text(f'#!/bin/sh\nPATH={tmp_path}:$PATH exec sh -c "$3"\n')
    broken_disk.chmod(0o755)
    host = host_of(ssh_transfer(disk, [str(broken_disk)]))
    with pytest.raises(DataError) as caught:
        host.digests(NIGHT, PRODUCTS, STEADY)
    assert caught.value.code == "archive_unreadable"
    assert PRODUCTS[0] in caught.value.message


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
        (errno.EIO, DataError),
        (errno.EACCES, DataError),
        (errno.ESTALE, RemoteUnavailable),
        (errno.ENOTCONN, RemoteUnavailable),
    ],
)
def test_a_local_disk_that_fails_is_told_from_one_that_is_away(disk, monkeypatch, number, kind):
    def fail(path, pace):
        raise OSError(number, os.strerror(number), str(path))

    write_file(disk / NIGHT.date, PRODUCTS[0], FakeFile(b"x"))
    monkeypatch.setattr(archive_local, "hash_file", fail)
    with pytest.raises(kind):
        host_of(local_transfer(disk)).digests(NIGHT, PRODUCTS, STEADY)
