"""A refusal names who, what, why and the command that mends it, and the command does mend it."""

import errno
import os
import re
import resource
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.unprivileged import NOBODY, as_nobody, as_user, made_open_folder
from vampd.disk.durable import fsync_folder, replacing
from vampd.disk.reading import read_whole
from vampd.disk.refusal import (
    Cause,
    PathAccess,
    classify,
    describe_refused,
    misplaced,
    translate_refusal,
)
from vampd.errors import DiskFull, NotPermitted, TransientError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be another user")


@pytest.fixture
def cube() -> Iterator[Path]:
    """A raw cube that every user may read, in folders that every user may enter."""
    with made_open_folder() as base:
        stream = base / "20251106" / "vcam2"
        stream.mkdir(parents=True)
        (stream / "a.fits").write_bytes(b"SIMPLE")
        yield stream / "a.fits"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        *((each, Cause.WEATHER) for each in (errno.EIO, errno.ESTALE, errno.ENOMEM)),
        *((each, Cause.WEATHER) for each in (errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT)),
        *((each, Cause.WEATHER) for each in (errno.EROFS, errno.ENOSPC, errno.EDQUOT)),
        (errno.EHOSTDOWN, Cause.WEATHER),
        (errno.EACCES, Cause.PERMISSION),
        (errno.EPERM, Cause.PERMISSION),
        (errno.ENOENT, Cause.PROPERTY),
        (errno.ELOOP, Cause.PROPERTY),
        (errno.EISDIR, Cause.PROPERTY),
    ],
)
def test_the_number_of_an_error_says_whose_it_is(number: int, cause: Cause) -> None:
    assert classify(OSError(number, os.strerror(number))) is cause


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (errno.EIO, "io_error", TransientError),
        (errno.EDQUOT, "disk_full", DiskFull),
        (errno.EACCES, "not_readable", NotPermitted),
        (errno.EFBIG, "file_size_limit", TransientError),
    ],
)
def test_a_refusal_names_its_path(number: int, code: str, kind: type, cube: Path) -> None:
    shown = translate_refusal(OSError(number, "why"), cube, PathAccess.READ)
    assert type(shown) is kind
    assert shown.code == code
    assert str(cube) in shown.message
    assert shown.context["path"] == str(cube)


@as_root
@pytest.mark.parametrize(
    ("close", "mode", "culprit", "command"),
    [
        ("a.fits", 0o600, "a.fits", "sudo chmod o+r {}"),
        (".", 0o700, ".", "sudo chmod o+x {}"),
        ("..", 0o640, "..", "sudo chmod o+x {}"),
    ],
)
def test_the_command_fits_the_case_and_mends_it(
    cube: Path, close: str, mode: int, culprit: str, command: str
) -> None:
    closed = Path(os.path.normpath(cube.parent / close))
    closed.chmod(mode)
    shown = as_nobody(lambda: describe_refused(cube, PathAccess.READ))
    assert shown.startswith(f"nobody may not read {cube}")
    assert f"(mode {mode:03o}, owner root, group root)" in shown
    (suggested,) = re.findall("`(.*)`", shown)
    assert suggested == command.format(shlex.quote(str(os.path.normpath(cube.parent / culprit))))
    subprocess.run(suggested.removeprefix("sudo "), shell=True, check=True)
    assert as_nobody(cube.read_bytes) == b"SIMPLE"


@as_root
def test_the_owner_needs_no_sudo_and_a_member_of_the_group_gets_its_bit(cube: Path) -> None:
    os.chown(cube, NOBODY, -1)
    cube.chmod(0o000)
    assert f"`chmod u+r {cube}`" in as_nobody(lambda: describe_refused(cube, PathAccess.READ))
    os.chown(cube, 0, NOBODY)
    assert f"`sudo chmod g+r {cube}`" in as_nobody(lambda: describe_refused(cube, PathAccess.READ))


@as_root
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_that_is_to_be_written_becomes_its_writers_own(cube: Path, mode: int) -> None:
    cube.chmod(mode)
    os.chown(cube.parent, NOBODY, -1)
    shown = as_nobody(lambda: describe_refused(cube, PathAccess.WRITE))
    (suggested,) = re.findall("`(.*)`", shown)
    assert suggested == f"sudo chown nobody {shlex.quote(str(cube))}"
    subprocess.run(shlex.split(suggested)[1:], check=True)
    as_nobody(lambda: cube.open("r+b").close())
    assert cube.stat().st_mode & 0o777 == mode


@as_root
@pytest.mark.parametrize("path", ["/new", "/root/new"])
def test_no_command_opens_a_folder_of_the_system(path: str) -> None:
    shown = as_nobody(lambda: describe_refused(Path(path), PathAccess.WRITE))
    assert shown.startswith(f"nobody may not write {path}, because of {Path(path).parent} (mode")
    assert ("`" in shown, "name another place" in shown) == (False, True)


def test_a_disk_that_is_gone_is_nothing_in_the_place_of_a_file(tmp_path: Path) -> None:
    gone = OSError(errno.ENXIO, "No such device or address", str(tmp_path / "x"))
    assert misplaced(gone, tmp_path / "x") is None
    os.mkfifo(tmp_path / "x")
    assert misplaced(gone, tmp_path / "x") is not None
    (tmp_path / "folder").mkdir()
    for name in ("x", "folder"):
        with pytest.raises(OSError, match="not a regular file") as caught:
            read_whole(tmp_path / name)
        assert misplaced(caught.value, tmp_path / name) is not None


def test_an_fsync_that_fails_names_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EUCLEAN, "Structure needs cleaning")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Structure needs cleaning") as caught:
        fsync_folder(tmp_path)
    assert caught.value.filename == str(tmp_path)


@as_root
def test_a_folder_that_is_to_be_listed_or_written_to_needs_all_its_bits(cube: Path) -> None:
    cube.parent.chmod(0o711)
    shown = as_nobody(lambda: describe_refused(cube.parent, PathAccess.READ))
    assert f"`sudo chmod o+rx {cube.parent}`" in shown
    shown = as_nobody(lambda: describe_refused(cube.parent / "new", PathAccess.WRITE))
    assert f"`sudo chown nobody {cube.parent}`" in shown
    # The loggers keep what they have.
    os.chown(cube.parent, 4001, NOBODY)
    shown = as_nobody(lambda: describe_refused(cube.parent / "new", PathAccess.WRITE))
    assert f"`sudo setfacl -m u:nobody:rwx {cube.parent}`" in shown


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o700, 0o750])
def test_the_access_list_opens_the_loggers_folder_to_vampd_alone(cube: Path, mode: int) -> None:
    logger, group = 4001, 4002
    os.chown(cube.parent, logger, group)
    cube.parent.chmod(mode)
    new = cube.parent / "new"
    shown = as_nobody(lambda: describe_refused(new, PathAccess.WRITE))
    (suggested,) = re.findall("`(.*)`", shown)
    with pytest.raises(PermissionError):
        as_nobody(new.touch)
    subprocess.run(suggested.removeprefix("sudo "), shell=True, check=True)
    as_nobody(new.touch)
    as_nobody(new.unlink)
    # Neither the group nor anyone else, and the owner as before.
    for uid, gid in ((4003, group), (4003, 4003)):
        with pytest.raises(PermissionError):
            as_user(uid, [gid], new.touch)
    as_user(logger, [logger], new.touch)


@as_root
def test_no_program_is_advised_that_is_not_there(
    cube: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(cube.parent, 4001, 4002)
    monkeypatch.setenv("PATH", "/nowhere")
    shown = as_nobody(lambda: describe_refused(cube.parent / "new", PathAccess.WRITE))
    assert f"`sudo apt-get install acl && sudo setfacl -m u:nobody:rwx {cube.parent}`" in shown


@as_root
@pytest.mark.parametrize("access", [PathAccess.READ, PathAccess.WRITE])
@pytest.mark.parametrize(
    ("owner", "mode"), [(0, 0o700), (0, 0o500), (0, 0o050), (4001, 0o711), (4001, 0o700)]
)
@pytest.mark.parametrize("own", others_in_soak(["vbad/vcam1", "vgen2"]))
def test_a_folder_that_vampd_makes_is_given_back_in_one_line(
    cube: Path, own: str, owner: int, mode: int, access: PathAccess
) -> None:
    folder = cube.parents[1] / own
    folder.mkdir(parents=True)
    os.chown(folder, owner, owner)
    folder.chmod(mode)
    path = folder if access is PathAccess.READ else folder / "within"
    shown = as_nobody(lambda: describe_refused(path, access))
    (suggested,) = re.findall("`(.*)`", shown)
    assert f"{folder} (mode {mode:03o}" in shown
    assert suggested.startswith(f"sudo chown nobody {folder}")
    subprocess.run(suggested.replace("sudo ", ""), shell=True, check=True)
    assert as_nobody(lambda: os.listdir(folder)) == []
    as_nobody((folder / "within").touch)
    assert folder.stat().st_mode & 0o077 == mode & 0o077


def test_where_every_mode_allows_it_the_advice_is_to_look_elsewhere(cube: Path) -> None:
    shown = describe_refused(cube, PathAccess.READ)
    assert "chmod" not in shown
    assert f"getfacl, lsattr -d, findmnt -T {cube}" in shown


def test_a_limit_of_a_files_size_has_its_own_words(tmp_path: Path) -> None:
    def write_beyond() -> tuple[str, str]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(TransientError) as error, replacing(tmp_path / "x") as file:
            file.write(bytes(20_000))
        return error.value.code, error.value.message

    code, message = as_user(os.geteuid(), [os.getegid()], write_beyond)
    assert code == "file_size_limit"
    assert "x would be longer than the 1,000 bytes that this process may write" in message
    assert "LimitFSIZE=" in message
    assert list(tmp_path.iterdir()) == []
