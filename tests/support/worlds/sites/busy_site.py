"""A site whose daemon is watched while nights run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.daemon.running import log_of, wait_until
from tests.support.daemon.site import Site
from tests.support.daemon.state import audit, connected, product_tree, record_of
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
    told = audit(site, night)
    assert told["balanced"], told["findings"]
    hidden = [name for name in product_tree(site.folder(night)) if "/." in f"/{name}"]
    assert not hidden


def has_status(
    site: Site, night: NightId, status: Status, stage: StageName | None = None
) -> Callable[[], bool]:
    def look() -> bool:
        if not site.database.exists():
            return False
        with connected(site) as connections:
            record = connections.store.night(night)
        assert record is None or record.code != "bug", record.error
        return (
            record is not None
            and record.state.status is status
            and stage in (None, record.state.stage)
        )

    return look


def wait_for_event(site: Site, event: str, within_s: float = 60.0) -> float:
    return wait_until(lambda: log_of(site).named(event), event, within_s)


def slow_rsync(site: Site, kilobytes_a_second: int = 1) -> str:
    """An rsync that takes its time."""
    script = site.base / "slow-rsync"
    script.write_text(f'#!/bin/sh\nexec rsync --bwlimit={kilobytes_a_second} "$@"\n')
    script.chmod(0o755)
    return str(script)


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
