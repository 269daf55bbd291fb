"""A night that is sent while it is packed ends as any other, wherever it is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import tree_there
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.adapters.archive.rsync import partial_folder
from vampd.engine.archive import delivery
from vampd.engine.archive.sending_ahead import SenderAhead
from vampd.model.nights import Kind, NightId, StageName

NIGHT = NightId("20251106", Kind.ARCHIVE)
Trees = tuple[dict[str, str], dict[str, str]]


@dataclass(frozen=True)
class Place:
    """Raw files, and the folder of every site: times and destination are in what a night writes."""

    raw: Path
    base: Path

    def make(self, least_bytes: int) -> Site:
        shutil.rmtree(self.base, ignore_errors=True)
        tables: dict[str, dict[str, object]] = {
            **TABLES,
            "transfer": {"send_ahead_bytes": least_bytes},
        }
        site = make_site(self.base, **tables)
        shutil.copytree(self.raw / NIGHT.folder, site.folder(NIGHT))
        return site


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    raw = tmp_path_factory.mktemp("raw")
    make_smallest(raw)
    return Place(raw, tmp_path_factory.mktemp("sent ahead") / "site")


def trees_of(site: Site) -> Trees:
    return product_tree(site.folder(NIGHT)), tree_there(site, NIGHT)


@pytest.fixture(scope="module")
def undisturbed(place: Place) -> Trees:
    """What the night becomes, here and there, when it is sent once all of it is packed."""
    site = place.make(0)
    with patch.object(SenderAhead, "run", side_effect=AssertionError):
        InProcess(site).advance()
    assert record_of(site, NIGHT).safe_at is not None
    return trees_of(site)


def leave_parts(site: Site) -> None:
    """What rsyncs that were killed before have left of a product that arrived since."""
    arrived = min(site.copy(NIGHT).glob("vgen2/*.fits.fz"))
    aside = arrived.parent / partial_folder(1)
    aside.mkdir()
    for left in (aside / arrived.name, arrived.with_name(f".{arrived.name}.aZ09bB")):
        left.write_bytes(arrived.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("name", "hit"),
    others_in_soak([("delivery.sent", 1), ("delivery.sent", 2), ("delivery.read", 1), ("none", 1)]),
)
def test_killed_while_it_is_sent_it_is_not_safe_and_ends_as_any_other(
    undisturbed: Trees, place: Place, name: str, hit: int
) -> None:
    site, parent = place.make(1), os.getpid()
    hits: list[str] = []

    def die(passed: str) -> None:
        hits.append(passed)
        if os.getpid() != parent and hits.count(name) == hit:
            os.killpg(0, signal.SIGKILL)

    with patch.object(delivery, "failpoint", die):
        lived = InProcess(site).advance(kill_at=10**9)
    assert lived is (name == "none")
    if not lived:
        record, (here, there) = record_of(site, NIGHT), trees_of(site)
        assert (record.state.stage, record.safe_at) == (StageName.FPACK, None)
        sent = {path for path in there if path.startswith("vgen2/VMPA")}
        assert sent
        assert {path: there[path] for path in sent} == {path: here[path] for path in sent}
        leave_parts(site)
        InProcess(site).advance()
    assert record_of(site, NIGHT).safe_at is not None
    assert trees_of(site) == undisturbed
