"""A disk that has become read-only is called so: it is nobody's right that is missing."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon.settled import SettledSites
from tests.support.daemon.site import Site
from tests.support.daemon.state import product_tree
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")


@pytest.fixture
def site(settled: SettledSites, tmp_path: Path) -> Site:
    return settled.copy(tmp_path / "site")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_restore_on_a_read_only_disk_says_what_it_is(site: Site) -> None:
    own, before = InProcess(site), product_tree(site.folder(NIGHT))
    with read_only(site.root):
        answer = own.command("restore", NIGHT.date, "--yes")
    assert (answer.status, "mounted read-only" in answer.text) == (1, True), answer.text
    assert "may not remove" not in answer.text
    assert product_tree(site.folder(NIGHT)) == before


@pytest.mark.parametrize("words", [("hold",), ("recover",), ("restore", "--yes")])
def test_the_owner_of_a_read_only_state_is_not_sent_to_the_owner(
    site: Site, words: tuple[str, ...]
) -> None:
    own = InProcess(site)
    with read_only(site.database.parent):
        answer = own.command(words[0], NIGHT.date, *words[1:])
    assert answer.status != 0
    assert "read-only" in answer.text.lower(), answer.text
    assert "only the owner" not in answer.text
    assert "sudo" not in answer.text
