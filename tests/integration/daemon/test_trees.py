"""Nothing under the root ends the daemon or delays a night: trees at random, changed below it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import log_of, running, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.examples import seeds_of_round
from tests.support.worlds.hostile.hostile_root import clear_tree, make_hostile_tree
from tests.support.worlds.sites.busy_site import FAST, assert_done, has_status
from vampd.model.nights import Kind, Status

_GOOD = "20251106"
_TREES_IN_CI, _TREES_IN_SOAK = 3, 50


def _is_discovered(site: Site, name: str) -> bool:
    return any(shown["night"] == name for shown in log_of(site).named("night.discovered"))


@pytest.mark.parametrize(
    "trees",
    [
        range(_TREES_IN_CI),
        pytest.param(seeds_of_round(_TREES_IN_SOAK), marks=pytest.mark.soak),
    ],
    ids=["few", "of the round"],
)
def test_the_daemon_survives_any_tree_and_a_night_beside_it_is_done(
    tmp_path: Path, trees: range
) -> None:
    site = make_site(tmp_path, **FAST)
    keep = frozenset({".vampd", _GOOD, "frameids.ledger", "frameids.answers"})
    with running(site) as daemon:
        for seed in trees:
            make_hostile_tree(site.root, Random(seed))
            # Its discovery shows that a scan has ended which met the tree from its first entry on.
            witness = site.root / f"19{seed % 100:02}0101"
            witness.mkdir()
            wait_until(partial(_is_discovered, site, witness.name), f"a scan of tree {seed}")
            assert daemon.process.poll() is None, f"tree {seed}: {log_of(site).log[-2000:]}"
            clear_tree(site.root, keep)
        make_hostile_tree(site.root, Random(trees[0]))
        night, _ = make_smallest(site.root, _GOOD, Kind.ENGINEERING)
        wait_until(has_status(site, night, Status.DONE), "the good night is done")
        assert daemon.stop() == 0
    ended = log_of(site)
    assert not ended.named("scan.failed"), ended.log
    assert not [shown for shown in ended.events if shown.get("code") == "bug"], ended.log
    assert "Traceback" not in ended.log
    assert_done(site, night)
