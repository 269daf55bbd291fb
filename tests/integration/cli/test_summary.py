"""`vampctl summary` on a real night: its sums are the audit's, before and after products exist."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.nights import make_night
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import audit, record_of
from tests.support.tools.terminal import run_in_terminal
from vampd.model.nights import Kind, NightId, StageName, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)
EXPECTED, UNEXPECTED = 0, 1
VAMPCTL = Path(sys.executable).parent / "vampctl"


def reported(site: Site, status: int) -> dict[str, Any]:
    done = vampctl(site, "summary", NIGHT.date, "--json")
    assert done.returncode == status, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def assert_sums_agree(summary: dict[str, Any], counted: dict[str, Any]) -> None:
    frames = summary["frames"]
    assert counted["balanced"]
    assert frames["raw"] == counted["raw_frames"]
    assert frames["set_aside"] == counted["rejected_frames"] > 0
    assert frames["late"] == counted["late_frames"] == 0
    in_products = counted["product_frames"] + counted["framelist_frames"]
    assert frames["synchronised"] + frames["solo"] == in_products


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An archive night that is held before frame IDs: nothing is packed yet."""
    made = make_site(tmp_path_factory.mktemp("site"), sync={"max_set_aside": 0.0})
    make_night(made.root, NIGHT.date, NIGHT.kind)
    settle_here(made)
    return made


def test_a_night_that_is_held_for_its_verdict_is_summed_up_and_goes_on_to_the_same_sums(
    site: Site,
) -> None:
    held = record_of(site, NIGHT)
    assert (held.state.stage, held.state.status) == (StageName.FRAMEIDS, Status.HELD)
    before = reported(site, UNEXPECTED)
    assert held.error is not None
    assert before["unexpected"] in held.error
    assert_sums_agree(before, audit(site, NIGHT))

    configure(site)
    assert vampctl(site, "retry", NIGHT.date).returncode == 0
    settle_here(site)
    assert record_of(site, NIGHT).state.status is Status.DONE
    after = reported(site, EXPECTED)
    assert after["unexpected"] is None
    assert_sums_agree(after, audit(site, NIGHT))
    assert (after["minutes"], after["runs"]) == (before["minutes"], before["runs"])


@pytest.mark.parametrize("columns", [80, 160])
def test_on_a_terminal_nothing_is_wider_than_it(site: Site, columns: int) -> None:
    configure(site)
    command: list[str | Path] = [VAMPCTL, "--config", site.config, "summary", NIGHT.date]
    shown = run_in_terminal(command, columns, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= columns
    assert "\x1b[3" not in shown
    for title in ("UT", "HST", "solo1", "offset:", "verdict:"):
        assert title in shown
    # A column of zeros would only take width.
    assert "late" not in shown.split("target")[0].splitlines()[-1]


def test_the_picture_of_a_real_night_is_drawn(site: Site, tmp_path: Path) -> None:
    png = tmp_path / "night.png"
    done = vampctl(site, "plot", NIGHT.date, "-o", str(png))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{png}\n", "")
    assert png.stat().st_size > 20_000
