"""What is vampd's own, the owner alone writes, whatever an older version or the umask left."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import PATIENCE_S, running
from tests.support.daemon.site import Site
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OWNER,
    STRANGER,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.sites.busy_site import FAST
from vampd.adapters.authorities.answers import AnswerFolder
from vampd.disk.life_signs import sign_path
from vampd.disk.lock import Lock
from vampd.disk.rights import (
    is_trusted,
    make_private_folder,
    make_state_folder,
    prepare_request_folder,
)
from vampd.store.database.opening import Access, open_store
from vampd.wiring.connections import connected, may_write

CACHED = "*.nb[ic]"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def left_by_an_older_version(site: Site) -> None:
    """State, locks and ledger as the group could write them."""
    open_store(f"sqlite:///{site.database}", Access.MIGRATE).close()
    state = site.database.parent
    (state / "locks").mkdir()
    for path in (
        state / "locks" / "20251106-archive.lock",
        state / "vampd.db.lock",
        site.ledger,
    ):
        path.touch()
    give_to_owner(site)
    for path in (state, state / "locks"):
        path.chmod(0o2775)
    for path in (site.database, site.ledger, *state.rglob("*.lock")):
        path.chmod(0o664)


@pytest.fixture(scope="module", params=[0o002, pytest.param(0o077, marks=pytest.mark.soak)])
def lived_in(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site of an older version after a night of this one."""
    with shared_site(**FAST) as site:
        make_smallest(site.root)
        left_by_an_older_version(site)
        with (
            umask(request.param),
            running(site, "--until-idle", uid=OWNER.uid, gids=OWNER.gids) as daemon,
        ):
            assert daemon.process.wait(PATIENCE_S) == 0, site.log.read_text()
        yield site


def test_the_owner_alone_writes_the_state_and_the_group_reads_it(lived_in: Site):
    state = lived_in.database.parent
    assert mode_of(state / "requests") & 0o1777 == 0o1770
    for path in (state, *state.rglob("*"), lived_in.ledger):
        if path.name != "requests":
            assert not mode_of(path) & 0o022 or path.is_symlink(), path
    assert mode_of(lived_in.database) == 0o640
    assert mode_of(sign_path(lived_in.database)) == 0o640
    assert mode_of(state / "locks") == 0o700
    for name in ("vampd.db.lock", "locks/20251106-archive.lock"):
        # Who can open it can hold it.
        with pytest.raises(PermissionError):
            MEMBER.does((state / name).read_bytes)
    assert MEMBER.does(lived_in.database.read_bytes).startswith(b"SQLite")
    with pytest.raises(PermissionError):
        STRANGER.does(lived_in.database.read_bytes)


def test_a_member_neither_sets_safe_nor_puts_a_link_where_vampd_writes(lived_in: Site):
    state = lived_in.database.parent
    (raw, *_) = lived_in.root.rglob("vcam1/*.fits")

    def set_safe() -> None:
        with closing(sqlite3.connect(lived_in.database)) as connection:
            connection.execute("UPDATE nights SET safe_at = 1")

    def replace_by_link(path: Path) -> None:
        path.with_name("planted").symlink_to(raw)
        path.with_name("planted").rename(path)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        MEMBER.does(set_safe)
    for name in ("vampd.db.lock", "vampd.db", "locks/20251106-archive.lock"):
        with pytest.raises(PermissionError):
            MEMBER.does(partial(replace_by_link, state / name))


def test_what_lies_among_the_nights_everyone_reads_and_the_owner_writes(lived_in: Site):
    made = [
        path
        for night in (lived_in.root / "ARCHIVED_DATA" / "20251106", lived_in.archive_destination)
        for path in night.rglob("*")
        if "vcam" not in str(path.relative_to(night)) and not path.is_symlink()
    ]
    assert any(path.name.startswith("manifest_VMP") for path in made)
    for path in made:
        expected = 0o755 if path.is_dir() else 0o644
        assert mode_of(path) == expected, path


def test_what_a_command_of_the_owner_writes_everyone_reads_whatever_the_umask(tmp_path: Path):
    """What a reader writes elsewhere is as private as the reader likes it."""
    settings = make_settings(tmp_path, database={"url": f"sqlite:///{tmp_path}/vampd.db"})
    open_store(settings.database.url, Access.MIGRATE).close()
    modes = {}
    for access in (Access.USE, Access.READ):
        with umask(0o077), connected(settings, access):
            (tmp_path / access).touch()
        modes[access] = mode_of(tmp_path / access)
    assert modes == {Access.USE: 0o644, Access.READ: 0o600}


def test_who_may_not_look_into_the_state_may_not_write_it(tmp_path: Path):
    """A database that they cannot see is none that they could make."""
    state = tmp_path / "state"
    state.mkdir()
    assert may_write(state / "vampd.db")
    state.chmod(0o700)
    assert not STRANGER.does(partial(may_write, state / "vampd.db"))


def test_the_state_keeps_its_mode_whatever_the_umask(tmp_path: Path):
    for mask in (0o000, 0o077):
        folder = tmp_path / str(mask) / "state"
        with umask(mask):
            open_store(f"sqlite:///{folder}/vampd.db", Access.MIGRATE).close()
            with Lock(folder / "vampd.db.lock"):
                assert mode_of(folder / "vampd.db.lock") == 0o600
            make_private_folder(folder / "locks")
        assert mode_of(folder) == 0o2750
        assert mode_of(folder / "vampd.db") == 0o640
        assert mode_of(folder / "locks") == 0o700


def test_answers_that_the_group_could_write_are_closed_before_they_grant(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "answer_000001.txt").touch()
    for path, mode in ((kept, 0o2775), (kept / "answer_000001.txt", 0o664)):
        path.chmod(mode)
    AnswerFolder(kept, tmp_path / "answer").begin()
    assert mode_of(kept) == 0o2755
    assert mode_of(kept / "answer_000001.txt") == 0o644


def test_a_folder_that_is_not_vampds_alone_stays_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o1777)
    make_state_folder(tmp_path)
    assert mode_of(tmp_path) == 0o1777


def test_what_root_makes_in_the_owners_state_is_the_owners():
    with shared_site() as site:
        give_to_owner(site)
        open_store(f"sqlite:///{site.database}", Access.MIGRATE).close()
        with Lock(site.database.with_name("vampd.db.lock")):
            made = list(site.database.parent.iterdir())
        assert len(made) == 2
        for path in made:
            assert (path.stat().st_uid, path.stat().st_gid) == (OWNER.uid, OWNER.gids[0]), path


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_code_that_others_could_have_written_is_removed_before_it_is_run(tmp_path: Path, mode: int):
    folder = tmp_path / "cache"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.nbi", "sub/b.1.nbc", "kept.pyc"):
        (folder / name).touch()
    folder.chmod(0o755)
    assert is_trusted(folder, CACHED)
    assert (folder / "a.nbi").exists()
    folder.chmod(mode)
    assert is_trusted(folder, CACHED)
    assert not mode_of(folder) & 0o022
    assert sorted(path.name for path in folder.rglob("*.*")) == ["kept.pyc"]


def test_code_in_the_folder_of_another_user_is_not_run(tmp_path: Path):
    folder = tmp_path / "cache"
    folder.mkdir()
    MEMBER.own(folder, 0o755)
    assert not is_trusted(folder, CACHED)
    (tmp_path / "link").symlink_to(folder)
    assert not is_trusted(tmp_path / "link", CACHED)
    tmp_path.chmod(0o1777)
    assert not is_trusted(tmp_path, CACHED)
    assert mode_of(tmp_path) == 0o1777


def test_a_service_that_may_not_set_setgid_closes_the_state_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chmod = Path.chmod

    def restricted(path: Path, mode: int, **options: bool) -> None:
        if mode & stat.S_ISGID:
            raise PermissionError(1, "RestrictSUIDSGID=", str(path))
        chmod(path, mode, **options)

    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o2775)
    monkeypatch.setattr(Path, "chmod", restricted)
    make_state_folder(open_folder)
    make_state_folder(tmp_path / "made")
    assert mode_of(open_folder) == 0o755
    assert mode_of(tmp_path / "made") == 0o750
    make_request = tmp_path / "made" / "requests"
    prepare_request_folder(make_request)
    assert mode_of(make_request) == 0o1770
