"""A name appears only when the file is whole, and what stood there before is never half gone."""

import errno
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.support.tools.fsyncs import Fsyncs, record_fsyncs
from vampd.disk.durable import (
    creating,
    link_durably,
    make_folder,
    remove_durably,
    remove_leftovers,
    remove_tree,
    replacing,
    translating_full_disk,
    wait_until_writers_exit,
)
from vampd.errors import DataError, DiskFull, TransientError

Writer = Callable[[Path], AbstractContextManager[BinaryIO]]
both_writers = pytest.mark.parametrize("writer", [replacing, creating])


class Crash(BaseException):
    """Ends a block as a signal would."""


def _write(writer: Writer, path: Path, meanwhile: Callable[[], object]) -> None:
    with writer(path) as file:
        file.write(b"new")
        meanwhile()


def _raiser(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Fsyncs:
    """What was brought to the disk."""
    return record_fsyncs(monkeypatch)


@both_writers
def test_the_final_name_appears_with_the_end_of_the_block(tmp_path: Path, writer: Writer) -> None:
    path = tmp_path / "product.fits.fz"
    with writer(path) as file:
        file.write(b"half")
        file.flush()
        (temporary,) = _names(tmp_path)
        assert temporary.startswith(".")
        assert not temporary.endswith((".fits", ".fz", ".txt", ".framelist"))
        file.write(b"whole")
    assert _names(tmp_path) == ["product.fits.fz"]
    assert path.read_bytes() == b"halfwhole"


@both_writers
@pytest.mark.parametrize("error", [RuntimeError, Crash, KeyboardInterrupt])
def test_after_an_error_nothing_is_there_and_nothing_is_left(
    tmp_path: Path, writer: Writer, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        _write(writer, tmp_path / "x", _raiser(error()))
    assert _names(tmp_path) == []


def test_an_error_while_replacing_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        _write(replacing, path, _raiser(RuntimeError()))
    assert path.read_bytes() == b"old"
    _write(replacing, path, lambda: None)
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["x"]


def test_creating_never_overwrites_even_what_appears_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(DataError) as caught:
        _write(creating, path, lambda: path.write_bytes(b"theirs"))
    assert caught.value.code == "already_exists"
    assert path.read_bytes() == b"theirs"
    assert _names(tmp_path) == ["x"]


def test_two_writers_of_one_name_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with replacing(path) as first, replacing(path) as second:
        assert first.name != second.name
        first.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first"


@both_writers
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_with_the_file_and_leaves_nothing(
    tmp_path: Path, writer: Writer, number: int
) -> None:
    with pytest.raises(DiskFull) as caught:
        _write(writer, tmp_path / "x", _raiser(OSError(number, os.strerror(number))))
    assert caught.value.code == "disk_full"
    assert caught.value.context["path"] == str(tmp_path / "x")
    assert _names(tmp_path) == []


def test_a_really_full_device_is_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFull),
        translating_full_disk(tmp_path),
        open("/dev/full", "wb", buffering=0) as file,
    ):
        file.write(b"x")


def test_other_errors_of_the_system_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "missing" / "x"):
        pass


def test_leftovers_of_dead_writers_go_and_nothing_else(tmp_path: Path) -> None:
    leftover = tmp_path / ".vampd-4194999-0123456789abcdef.tmp"
    leftover.write_bytes(b"half")
    link = tmp_path / ".vampd-4194999-fedcba9876543210.tmp"
    link.symlink_to("nowhere")
    kept = [".vampd", ".x.fits.fz.mismatch", ".y.tmp", "vampd-1-0123456789abcdef.tmp", "z.fits.fz"]
    for name in kept:
        (tmp_path / name).touch()
    with creating(tmp_path / "alive") as file:
        assert remove_leftovers(tmp_path) == (leftover.name, link.name)
        file.write(b"whole")
    assert (tmp_path / "alive").read_bytes() == b"whole"
    assert _names(tmp_path) == sorted([*kept, "alive"])
    assert remove_leftovers(tmp_path) == ()
    assert remove_leftovers(tmp_path / "missing") == ()


def _lock_as_nfs_does(file: BinaryIO | int, operation: int) -> None:
    """It emulates flock by byte ranges, which need a descriptor that may write (flock(2))."""
    file_fd = file if isinstance(file, int) else file.fileno()
    if fcntl.fcntl(file_fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    _flock(file, operation)


_flock = fcntl.flock


def test_leftovers_go_where_nothing_is_locked_that_is_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = tmp_path / ".vampd-4194999-0123456789abcdef.tmp"
    leftover.write_bytes(b"half")
    monkeypatch.setattr(fcntl, "flock", _lock_as_nfs_does)
    with creating(tmp_path / "alive") as file:
        assert remove_leftovers(tmp_path) == (leftover.name,)
        file.write(b"whole")
    wait_until_writers_exit(tmp_path, 0.0)
    assert _names(tmp_path) == ["alive"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS])
def test_a_file_system_without_hard_links_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(TransientError, match="has no hard links") as caught:
        _write(creating, tmp_path / "product", lambda: None)
    assert caught.value.code == "no_hard_links"
    assert str(tmp_path / "product") in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_link_of_which_the_answer_was_lost_is_the_one_that_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_link = os.link

    def link(*arguments: Any, **options: Any) -> None:
        really_link(*arguments, **options)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(os, "link", link)
    with creating(tmp_path / "x") as file:
        file.write(b"whole")
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert _names(tmp_path) == ["x"]


def test_a_leftover_is_locked_while_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So a writer that has made its file, and not locked it yet, finds it gone and makes another.
    leftover = tmp_path / ".vampd-4194999-0123456789abcdef.tmp"
    leftover.touch()
    removed, really_unlink = [], os.unlink

    def unlink(name: str, dir_fd: int) -> None:
        with leftover.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        removed.append(name)
        really_unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    assert remove_leftovers(tmp_path) == (leftover.name,)
    assert removed == [leftover.name]


def test_the_last_writer_is_waited_for_and_never_robbed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        with creating(tmp_path / "x") as file:
            future = executor.submit(wait_until_writers_exit, tmp_path, 60.0)
            file.write(b"whole")
            with pytest.raises(TransientError) as caught:
                wait_until_writers_exit(tmp_path, 0.1)
            assert caught.value.code == "writer_lingers"
            assert not future.done()
        future.result(60)
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert _names(tmp_path) == ["x"]
    wait_until_writers_exit(tmp_path / "missing", 0.0)


def test_a_product_that_was_linked_keeps_its_name_when_its_leftover_goes(tmp_path: Path) -> None:
    # A crash between link and unlink leaves both names.
    leftover = tmp_path / ".vampd-4194999-0123456789abcdef.tmp"
    leftover.write_bytes(b"whole")
    os.link(leftover, tmp_path / "x")
    assert remove_leftovers(tmp_path) == (leftover.name,)
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_a_link_takes_the_place_of_a_link_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "link"
    for target in ("a", "b", "b"):
        link_durably(target, path)
        assert os.readlink(path) == target
    assert _names(tmp_path) == ["link"]
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(DataError) as caught:
        link_durably("a", tmp_path / "file")
    assert caught.value.code == "already_exists"
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_removing_and_making_folders_may_happen_twice(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    remove_durably(tmp_path / "x")
    remove_durably(tmp_path / "x")
    assert _names(tmp_path) == []
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@both_writers
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_block_ends(
    tmp_path: Path, synced: Fsyncs, writer: Writer
) -> None:
    _write(writer, tmp_path / "x", lambda: None)
    (temporary, content), folder = synced
    assert temporary.name.startswith(".vampd-")
    assert content == ["new"]
    assert folder == (tmp_path, ["x"])


def test_each_new_folder_stands_in_its_parent_for_good(tmp_path: Path, synced: Fsyncs) -> None:
    make_folder(tmp_path / "a" / "b")
    assert synced == [(tmp_path, ["a"]), (tmp_path / "a", ["b"])]


def test_a_link_stands_in_its_folder_for_good_whoever_made_it(
    tmp_path: Path, synced: Fsyncs
) -> None:
    link_durably("a", tmp_path / "link")
    assert synced == [(tmp_path, ["link"])]
    # One that is there already may be of a writer that died before it could fsync.
    link_durably("a", tmp_path / "link")
    assert synced == [(tmp_path, ["link"])] * 2


def test_what_is_removed_is_gone_for_good(tmp_path: Path, synced: Fsyncs) -> None:
    (tmp_path / "x").touch()
    (tmp_path / ".vampd-4194999-0123456789abcdef.tmp").touch()
    remove_durably(tmp_path / "x")
    remove_leftovers(tmp_path)
    assert [names for _, names in synced][1:] == [[]]


@both_writers
def test_a_writer_that_is_robbed_before_it_can_lock_its_file_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    robbed: list[bool] = []
    really_lock = fcntl.flock

    def lock(file: BinaryIO | int, operation: int) -> None:
        if not robbed:
            robbed.append(True)
            assert len(remove_leftovers(tmp_path)) == 1
        really_lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    _write(writer, tmp_path / "x", lambda: None)
    assert (tmp_path / "x").read_bytes() == b"new"
    assert _names(tmp_path) == ["x"]


@both_writers
def test_a_writer_whose_file_is_locked_before_it_can_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    really_lock = fcntl.flock
    others: list[BinaryIO] = []

    def lock(file: BinaryIO | int, operation: int) -> None:
        if len(others) < 3:
            (made,) = tmp_path.glob(".vampd-*")
            others.append(made.open("rb"))
            really_lock(others[-1], fcntl.LOCK_SH)
        really_lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    _write(writer, tmp_path / "x", lambda: None)
    assert (tmp_path / "x").read_bytes() == b"new"
    assert (_names(tmp_path), len(others)) == (["x"], 3)
    for other in others:
        other.close()


def test_a_writer_that_fails_at_its_first_look_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> os.stat_result:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fstat", refuse)
        # Kept, as an attempt keeps it: with its frames, and what these hold open.
        with pytest.raises(PermissionError) as kept, replacing(tmp_path / "listing"):
            pass
    wait_until_writers_exit(tmp_path, 0.0)
    assert list(tmp_path.iterdir()) == []
    assert kept.value.errno == errno.EACCES


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "listing").mkdir()
    with pytest.raises(IsADirectoryError) as caught, replacing(tmp_path / "listing") as file:
        file.write(b"text")
    assert caught.value.filename == str(tmp_path / "listing")
    assert os.listdir(tmp_path) == ["listing"]


def test_a_link_in_a_tree_is_removed_as_a_link(tmp_path: Path) -> None:
    """Whatever it leads to stays, and it keeps no folder from being removed."""
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    (tree / "below").mkdir(parents=True)
    elsewhere.mkdir()
    for kept in (elsewhere / "kept", tree / "below" / "file"):
        kept.write_text("x")
    (tree / "to_folder").symlink_to(elsewhere)
    (tree / "below" / "to_file").symlink_to(elsewhere / "kept")
    (tree / "to_nothing").symlink_to("nowhere")
    remove_tree(tree)
    assert not tree.exists()
    assert (elsewhere / "kept").read_text() == "x"
