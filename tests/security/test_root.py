"""Root types what the owner types, and leaves nothing that the owner's vampd cannot go on with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import BIN, vampctl_process
from tests.support.daemon.site import Site
from tests.support.daemon.state import history_of
from tests.support.worlds.hostile.three_users import OWNER, give_to_owner, shared_site
from vampd.cli.shared.session import actor_name
from vampd.config import load_settings
from vampd.wiring.locks import night_lock


@pytest.fixture
def site() -> Iterator[Site]:
    with shared_site(sync={"hold_when_unexpected": False}) as site:
        yield site


def of_others(base: Path) -> list[str]:
    """What lies there and is not the owner's."""
    return [str(path) for path in base.rglob("*") if path.lstat().st_uid != OWNER.uid]


def newly_begun(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that shares no process with the tests: its workers are its own."""
    command = [str(BIN / "vampctl"), "--config", str(site.config), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("run", "last"),
    [(vampctl_process, "frameids"), pytest.param(newly_begun, "manifest", marks=pytest.mark.soak)],
)
def test_what_root_has_done_the_owner_goes_on_with(
    site: Site, run: Callable[..., subprocess.CompletedProcess[str]], last: str
) -> None:
    night, _ = make_smallest(site.root, "20251121")
    give_to_owner(site)
    for words in (
        ["run", night.date, "--until", last],
        ["archive", "accept", "archive", "--yes"],
        ["recover", night.date],
        ["restore", night.date, "--yes"],
        ["release", night.date],
    ):
        done = run(site, *words)
        assert done.returncode == 0, (words, done.stdout + done.stderr)
        assert of_others(site.base) == [], words
    # On record it is root's all the same.
    assert {event.actor for event in history_of(site, night)} == {actor_name()}
    gone_on = OWNER.vampctl(site, "run", night.date, "--until", "headers")
    assert gone_on.returncode == 0, gone_on.stdout + gone_on.stderr


def test_a_folder_of_locks_that_root_makes_is_the_owners(site: Site) -> None:
    night, _ = make_smallest(site.root, "20251121")
    give_to_owner(site)
    with night_lock(load_settings(site.config), night):
        assert of_others(site.database.parent) == []
