"""A site whose daemon is watched while nights run."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.support.daemon.running import log_of, wait_until
from tests.support.daemon.site import Site
from tests.support.daemon.state import audit, product_tree, record_of
from tests.support.worlds.archive.archive_sites import ssh_beside
from vampd.model.nights import Kind, NightId, StageName, Status

FAST = {"retry": {"first_delay_s": 0.2, "max_delay_s": 0.5}}


# A second where vampd waits for many: the soak waits for them.
SOON_OR_AS_IT_IS = pytest.mark.parametrize(
    "wait_s", [1.0, pytest.param(None, marks=pytest.mark.soak)], ids=["soon", "as it is"]
)


def times(constant: str, wait_s: float | None) -> dict[str, float]:
    return {} if wait_s is None else {constant: wait_s}


def assert_done(site: Site, night: NightId) -> None:
    record = record_of(site, night)
    assert record.state.status is Status.DONE, (record.code, record.error, record.note)
    shown = audit(site, night)
    assert shown["balanced"], shown["findings"]
    hidden = [name for name in product_tree(site.folder(night)) if "/." in f"/{name}"]
    assert not hidden


def has_status(
    site: Site, night: NightId, status: Status, stage: StageName | None = None
) -> Callable[[], bool]:
    wanted = (night.date, night.kind, status, *([stage] if stage else []))

    def look() -> bool:
        if not site.database.exists():
            return False
        # Past vampd's own code, which takes 20 times as long.
        with closing(sqlite3.connect(f"file:{site.database}?mode=ro", uri=True)) as connection:
            row = connection.execute(
                "SELECT date, kind, status, stage, code, error FROM nights"
                " WHERE date = ? AND kind = ?",
                wanted[:2],
            ).fetchone()
        assert row is None or row[4] != "bug", row[5]
        return row is not None and row[: len(wanted)] == wanted

    return look


def wait_for_event(site: Site, event: str, within_s: float = 60.0) -> float:
    return wait_until(lambda: log_of(site).named(event), event, within_s)


def over_link(site: Site, kilobytes_a_second: int | None = None) -> dict[str, dict[str, Any]]:
    """Tables for the same folders as those of another host; slow, with so much a second."""
    rsync = site.base / "slow-rsync"
    rsync.write_text(f'#!/bin/sh\nexec rsync --bwlimit={kilobytes_a_second} "$@"\n')
    rsync.chmod(0o755)
    chosen = {} if kilobytes_a_second is None else {"rsync": str(rsync)}
    return {
        "transfer": {"ssh": [ssh_beside(site.base)], **chosen},
        "transfer_archive": {"destination": f"beside:{site.archive_destination}"},
        "transfer_engineering": {"destination": f"beside:{site.destination}"},
    }


@contextmanager
def streaming(site: Site) -> Iterator[None]:
    """A camera that writes a cube without a pause until the block ends; then it is gone."""
    cube = site.folder(NightId("20251107", Kind.ENGINEERING)) / "vcam1" / "vcam1.fits.1.1.tmp"
    cube.parent.mkdir(parents=True)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.05):
            with cube.open("ab") as file:
                file.write(b"x")

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(write)
        try:
            yield
        finally:
            ended.set()
        future.result()
    cube.unlink()
