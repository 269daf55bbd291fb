"""Calls that seldom fail: space, locks, times, links, and names across devices.

Whatever fails is waited for, said with its cause, and nothing is held for it.
"""

from __future__ import annotations

import ast
import errno
from pathlib import Path

import pytest

import vampd
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import log_of, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import record_of
from tests.support.examples import others_in_soak
from tests.support.tools.errno_shim import Call, Shim
from tests.support.worlds.sites.busy_site import FAST, assert_done, has_status
from tests.support.worlds.sites.failing_calls import daemon_under
from vampd.model.nights import Kind, Status

PACKAGE = Path(vampd.__path__[0])


def set_up(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site", **FAST, watch={"scan_every_s": 1})


@pytest.mark.parametrize(
    ("calls", "number", "place"),
    others_in_soak(
        [
            (Call.LOCK, errno.ENOLCK, "root"),
            (Call.NAME, errno.EXDEV, "root"),
            (Call.SPACE, errno.EIO, "root"),
            (Call.SPACE, errno.ESTALE, "destination"),
            (Call.LOCK, errno.EIO, "root"),
            (Call.LOCK, errno.ENOLCK, "base"),
            (Call.TIME, errno.EIO, "destination"),
            (Call.TIME, errno.EPERM, "destination"),
            (Call.LINK, errno.EMLINK, "root"),
            (Call.NAME, errno.EXDEV, "destination"),
            (Call.NAME, errno.EXDEV, "base"),
        ]
    ),
)
def test_a_call_that_fails_for_a_while_is_waited_for_and_leaves_no_trace(
    tmp_path: Path, calls: Call, number: int, place: str
) -> None:
    site = set_up(tmp_path)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with Shim.built(tmp_path) as shim:
        # The space of the destination is asked for once a transfer.
        skip = 0 if calls is Call.SPACE else 2
        shim.arm(calls, number, getattr(site, place), skip=skip, burst=3)
        with daemon_under(shim, site) as process:
            wait_until(has_status(site, night, Status.DONE), "done")
            assert process.poll() is None
        assert shim.hits == 3
    assert_done(site, night)
    log = log_of(site)
    assert not log.named("night.held")
    assert "Traceback" not in log.log


@pytest.mark.soak
@pytest.mark.parametrize(
    "number", others_in_soak([errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS])
)
def test_a_file_system_without_hard_links_is_said_and_waited_for(
    tmp_path: Path, number: int
) -> None:
    site = set_up(tmp_path)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with Shim.built(tmp_path) as shim:
        shim.arm(Call.LINK, number, site.folder(night), burst=1_000_000)
        with daemon_under(shim, site):
            wait_until(lambda: log_of(site).named("stage.failed"), "a failed attempt")
            record = record_of(site, night)
            # Tried again and again, and never held.
            assert record.code == "no_hard_links"
            assert record.state.status in (Status.WAITING, Status.RUNNING)
            assert "has no hard links" in str(record.error)
            assert str(site.folder(night)) in str(record.error)
            shim.disarm()
            wait_until(has_status(site, night, Status.DONE), "done")
    assert_done(site, night)


def test_a_database_where_there_are_no_hard_links_is_said_and_waited_for(tmp_path: Path) -> None:
    site = set_up(tmp_path)
    with Shim.built(tmp_path) as shim:
        shim.arm(Call.LINK, errno.EPERM, site.database.parent, burst=1_000_000)
        with daemon_under(shim, site) as process:
            wait_until(lambda: log_of(site).named("store.waited"), "the cause")
            (said,) = log_of(site).named("store.waited")
            assert said["code"] == "no_hard_links"
            assert str(site.database.parent) in said["error"]
            shim.disarm()
            wait_until(lambda: log_of(site).named("daemon.started"), "its start")
            assert process.poll() is None


def test_only_files_of_vampds_own_state_are_mapped() -> None:
    # Who maps a file is killed by SIGBUS where it is truncated, or its disk fails.
    maps = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        # To parse all of the package takes seconds.
        if "mmap" in (source := path.read_text())
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.Attribute | ast.keyword | ast.Name)
            and getattr(node, "attr", getattr(node, "arg", getattr(node, "id", "")))
            in ("memmap", "mmap_mode")
        )
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("mmap.mmap", "mmap"))
    }
    assert maps == {"disk/shared.py"}
