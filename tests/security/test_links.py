"""No link leads out: what others put into a night's folder is not followed, read, shown or sent."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.support.builders.raw_cubes import FIRST_ACQUISITION_US, raw_timing, write_raw_cube
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import make_site
from tests.support.worlds.hostile.unprivileged import NOBODY
from vampd.adapters.archive import open_archive_host
from vampd.adapters.archive.sources import pinned_sources
from vampd.config import load_settings
from vampd.disk.durable import names
from vampd.disk.durable.atomic import (
    creating,
    fsync_folder,
    replacing,
    wait_until_writers_exit,
)
from vampd.disk.lock import Lock
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import hash_file, open_foreign, open_unlinked, read_whole
from vampd.errors import DataError, FrameIdConflict, StateError
from vampd.ledger.file import open_ledger_file, read_ledger_file
from vampd.model.nights import Kind, NightId, Stream
from vampd.model.plan import Compare

SECRET = b"the owner's private words"
EARLIER_US = FIRST_ACQUISITION_US - 3_600_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "night" / "vgen2").mkdir(parents=True)
    (tmp_path / "night" / "vgen2" / "file").write_bytes(b"own")
    (tmp_path / "secret").write_bytes(SECRET)
    return tmp_path


def test_a_link_is_followed_at_no_place_of_a_path(folder: Path) -> None:
    assert read_whole(folder / "night" / "vgen2" / "file") == b"own"
    (folder / "night" / "vgen2" / "link").symlink_to("file")
    (folder / "night" / "other").symlink_to("vgen2")
    (folder / "twin").symlink_to("night")
    for path in ("night/vgen2/link", "night/other/file", "twin/vgen2/file"):
        for flags in (os.O_RDONLY, os.O_PATH, os.O_RDWR | os.O_CREAT):
            with pytest.raises(DataError) as caught:
                open_unlinked(folder / path, flags)
            assert caught.value.code == "link_found"


def test_only_roots_and_the_owners_own_link_moves_a_stream_to_another_disk(folder: Path) -> None:
    stream = folder / "night" / "vcam1"
    stream.symlink_to("vgen2")
    assert read_whole(stream / "file") == b"own"
    if os.geteuid() == 0:
        os.lchown(stream, NOBODY, NOBODY)
        with pytest.raises(DataError, match="is not the owner's"):
            read_whole(stream / "file")


def test_what_is_no_regular_file_is_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for opening in (open_foreign, lambda path: hash_file(path, SteadyPace())):
        with pytest.raises(OSError, match="not a regular file"):
            opening(folder / "pipe")


def _link(path: Path, to: Path) -> None:
    path.symlink_to(to)


@pytest.mark.parametrize(
    "put", [_link, lambda path, to: os.link(to, path), lambda path, _: os.mkfifo(path)]
)
def test_a_lock_is_nothing_else_and_nothing_else_is_emptied(
    folder: Path, put: Callable[[Path, Path], None]
) -> None:
    put(folder / "lock", folder / "secret")
    with pytest.raises(StateError) as caught:
        Lock(folder / "lock").acquire()
    assert caught.value.code == "no_lock"
    assert (folder / "secret").read_bytes() == SECRET


def test_a_file_in_the_place_of_a_lock_keeps_its_content(folder: Path) -> None:
    with pytest.raises(StateError, match="something else than a lock"):
        Lock(folder / "secret").acquire()
    assert (folder / "secret").read_bytes() == SECRET


def _secret_cube(base: Path) -> tuple[Path, Path]:
    """A private cube, as sound as any: only where it lies keeps it out."""
    cube = write_raw_cube(
        base / "private",
        Stream.VCAM1,
        timing=raw_timing(4, EARLIER_US),
        changes={"OBJECT": SECRET.decode().replace("'", "")},
    )
    return cube.path, cube.timing_path


def _holds_secret(folder: Path) -> list[Path]:
    words = (SECRET, SECRET.replace(b"'", b""))
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(word in path.read_bytes() for word in words)
    ]


@contextmanager
def taking_turns(swap: Callable[[Path, Path], None], *pairs: tuple[Path, Path]) -> Iterator[None]:
    """Swap each path with a link to the other of its pair, over and over, until the block ends."""
    stop, failed = threading.Event(), list[Exception]()

    def swap_all() -> None:
        try:
            while not stop.is_set():
                for path, target in pairs:
                    swap(path, target)
        except Exception as error:  # noqa: BLE001 - raised where the block ends
            failed.append(error)

    thread = threading.Thread(target=swap_all)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    # A race that ended early proves nothing.
    assert not failed, failed


def swap_file(path: Path, target: Path) -> None:
    """Let a link take the place of a file, and this its own again."""
    own, link = path.with_name(f".{path.name}.own"), path.with_name(f".{path.name}.ln")
    os.link(path, own)
    link.symlink_to(target)
    os.rename(link, path)
    os.rename(own, path)


def test_links_in_streams_are_set_aside_and_what_they_lead_to_stays_here(tmp_path: Path) -> None:
    site = make_site(tmp_path, sync={"hold_when_unexpected": False})
    night, _ = make_smallest(site.root)
    cube, timing = _secret_cube(tmp_path)
    vcam1 = site.folder(night) / "vcam1"
    (vcam1 / cube.name).symlink_to(cube)
    (vcam1 / timing.name).symlink_to(timing)
    sound = write_raw_cube(site.folder(night), timing=raw_timing(4, EARLIER_US + 60_000_000))
    sound.timing_path.unlink()
    sound.timing_path.symlink_to(timing)
    (vcam1 / "nowhere.fits").symlink_to("nowhere")
    ended = run_until_idle(site)
    assert ended.status == 0, ended.log
    shown = vampctl(site, "audit", night.date, "--json").stdout
    codes = {one["path"].rpartition("/")[2]: one["code"] for one in json.loads(shown)["rejected"]}
    assert {codes.get(name) for name in (cube.name, sound.path.name, "nowhere.fits")} == {"link"}
    assert json.loads(vampctl(site, "status", "--json").stdout)[0]["status"] == "done"
    assert _holds_secret(site.destination) == []
    assert SECRET.decode().replace("'", "") not in ended.log + shown


def test_links_that_are_swapped_during_a_whole_night_gain_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path, watch={"quiet_after_s": 0.0, "stale_after_s": 0.0})
    night, _ = make_smallest(site.root)
    cube, timing = _secret_cube(tmp_path)
    vcam1 = site.folder(night) / "vcam1"
    aside = write_raw_cube(site.folder(night), timing=raw_timing(4, EARLIER_US + 60_000_000))
    aside.timing_path.unlink()
    pairs = [(aside.path, cube)]
    pairs += [
        (min(vcam1.glob(f"vcam1_*{suffix}")), target)
        for suffix, target in ((".fits", cube), (".txt", timing))
    ]
    with taking_turns(swap_file, *pairs):
        run_until_idle(site)
    assert _holds_secret(site.destination) == []
    assert not [
        path
        for path in _holds_secret(site.folder(night))
        if not path.is_symlink() and path.resolve() not in (cube, timing)
    ]


def swap_folder(path: Path, target: Path) -> None:
    """Let a link take the place of a folder, if it is there, and this its own again."""
    own, link = path.with_name(f".{path.name}.own"), path.with_name(f".{path.name}.ln")
    if not path.is_dir() or path.is_symlink():
        return
    link.symlink_to(target)
    os.rename(path, own)
    os.rename(link, path)
    os.rename(path, link)
    os.rename(own, path)
    link.unlink()


@pytest.mark.soak
def test_folders_that_are_swapped_during_a_whole_night_gain_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path, watch={"quiet_after_s": 0.0, "stale_after_s": 0.0})
    night, _ = make_smallest(site.root)
    folder, elsewhere = site.folder(night), tmp_path / "elsewhere"
    aside = write_raw_cube(folder, timing=raw_timing(4, EARLIER_US + 60_000_000))
    aside.timing_path.unlink()
    for name in ("vgen2", "vbad", "vcam1"):
        (elsewhere / name).mkdir(parents=True)
    # What bears the names that are looked for.
    for path in (folder / "vcam1").iterdir():
        (elsewhere / "vcam1" / path.name).write_bytes(SECRET)
    for name in ("generation_0001.json", "receipts.tsv", "reasons.tsv"):
        for at in ("vgen2", "vbad"):
            (elsewhere / at / name).write_bytes(SECRET)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    with taking_turns(
        swap_folder, *((folder / name, elsewhere / name) for name in os.listdir(elsewhere))
    ):
        for _ in range(3):
            run_until_idle(site)
            vampctl(site, "retry", night.date)
    after = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    assert after == before
    assert _holds_secret(site.destination) == []


@pytest.mark.parametrize("name", ["vgen2", "vcam1"])
def test_what_is_sent_is_what_was_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "night"
    (folder / name).mkdir(parents=True)
    (folder / name / "file").write_bytes(b"own")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(SECRET)
    with pinned_sources(folder, [f"{name}/file"]) as pinned:
        (folder / name).rename(folder / "moved")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        for descriptor in pinned.descriptors:
            os.set_inheritable(descriptor, True)
        (reported,) = pinned.names
        read = subprocess.run(
            ["cat", str(pinned.view / reported)], capture_output=True, close_fds=False, check=True
        )
    assert read.stdout == b"own"
    if name == "vgen2":
        with pytest.raises(DataError), pinned_sources(folder, [f"{name}/file"]):
            pass


def test_no_name_is_made_changed_or_removed_behind_a_link(folder: Path) -> None:
    night, elsewhere = folder / "night", folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_bytes(SECRET)
    (night / "link").symlink_to(elsewhere)
    at, own = night / "link", night / "vgen2" / "file"
    deeds: list[Callable[[], object]] = [
        lambda: names.create_file(at / "new"),
        lambda: names.rename(own, at / "file"),
        lambda: names.rename(at / "file", own),
        lambda: names.link(own, at / "new"),
        lambda: names.link_softly("x", at / "new"),
        lambda: names.unlink(at / "file"),
        lambda: names.make_folder_here(at / "new"),
        lambda: names.remove_empty(at / "file"),
        lambda: names.names_in(at),
        lambda: replacing(at / "file").__enter__(),
        lambda: creating(at / "new").__enter__(),
        lambda: fsync_folder(at),
    ]
    for deed in deeds:
        with pytest.raises(DataError) as caught:
            deed()
        assert caught.value.code == "link_found"
    names.remove_tree(at)
    assert [path.read_bytes() for path in elsewhere.iterdir()] == [SECRET]
    assert own.read_bytes() == b"own"


@pytest.mark.parametrize("put", ["pipe", "socket", "folder", "link", "another's", "own"])
def test_what_bears_the_name_of_a_temporary_file_holds_nothing_up(folder: Path, put: str) -> None:
    path = folder / "night" / ".vampd-1-0123456789abcdef.tmp"
    match put:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(folder / "secret")
        case _:
            path.touch()
    if put == "another's":
        if os.geteuid():
            pytest.skip("only root makes another's files")
        os.chown(path, NOBODY, NOBODY)
    with path.open() if put == "another's" else nullcontext() as held:
        if held is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        wait_until_writers_exit(path.parent, 0.0)
    assert os.path.lexists(path) == (put not in ("link", "own"))


def test_a_night_that_is_a_link_at_a_local_destination_is_not_written_behind(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, sync={"hold_when_unexpected": False})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    site.copy(night).symlink_to(elsewhere)
    host = open_archive_host(load_settings(site.config).transfer, night.kind)
    (site.folder(night) / "SHA256SUMS").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        host.send(night, site.folder(night), ["SHA256SUMS"], Compare.SIZE_AND_TIME, SteadyPace())
    assert caught.value.code == "link_found"
    assert list(elsewhere.iterdir()) == []


def _replace(path: Path, elsewhere: Path) -> None:
    """A link in the place of a folder or file, which lies elsewhere now."""
    if path.exists():
        path.rename(elsewhere)
    else:
        elsewhere.mkdir()
    path.symlink_to(elsewhere)


def test_a_night_with_a_link_among_its_own_folders_is_held(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    nights: dict[str, NightId] = {}
    for number, name in enumerate(("vgen2", "vbad", "SHA256SUMS", "", "sound"), start=1):
        nights[name], _ = make_smallest(site.root, f"2025110{number}", Kind.ENGINEERING)
    for name in ("vgen2", "vbad", ""):
        _replace(site.folder(nights[name]) / name, elsewhere / (name or "night"))
    victim = elsewhere / "sums"
    victim.write_bytes(SECRET)
    (site.folder(nights["SHA256SUMS"]) / "SHA256SUMS").symlink_to(victim)
    before = {path: sorted(path.iterdir()) for path in (elsewhere / "vgen2", elsewhere / "vbad")}
    run_until_idle(site)
    found = {
        one["date"]: (one["status"], one["code"])
        for one in json.loads(vampctl(site, "status", "--json").stdout)
    }
    for name in ("vgen2", "vbad", "SHA256SUMS", ""):
        assert found[nights[name].date] == ("held", "link_found"), name
    assert found[nights["sound"].date][0] == "done"
    assert victim.read_bytes() == SECRET
    assert {path: sorted(path.iterdir()) for path in before} == before


def test_a_ledger_that_is_a_link_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    (tmp_path / "ledger").symlink_to(tmp_path / "other")
    with pytest.raises(FrameIdConflict) as caught, open_ledger_file(tmp_path / "ledger"):
        pass
    assert caught.value.code == "link_found"
    with pytest.raises(FrameIdConflict):
        list(read_ledger_file(tmp_path / "ledger"))
    assert (tmp_path / "other").read_bytes() == b""


def test_the_root_may_be_a_link_as_it_is_configured(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.root.rename(tmp_path / "disk")
    site.root.symlink_to("disk")
    assert load_settings(site.config).watch.root == tmp_path / "disk"
