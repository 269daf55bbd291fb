"""A night whose cubes lack a required card, from raw cubes to frame IDs."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders.nights import make_scenario
from tests.support.builders.smallest_night import SMALLEST, UNPAIRED
from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import record_of
from tests.support.examples import others_in_soak
from vampd.model.nights import Kind, NightId, StageName, Status

LACKING = replace(SMALLEST, runs=tuple(replace(run, absent=("OBS-MOD",)) for run in SMALLEST.runs))


def lacking_night(site: Site) -> NightId:
    return make_scenario(site.root, LACKING, "20251106", Kind.ARCHIVE, 3)[0]


def test_a_missing_card_holds_the_night_before_frame_ids_until_it_is_released(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, headers={"when_missing": "hold"})
    night = lacking_night(site)
    settle_here(site)
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.HEADERS, Status.HELD)
    assert record.code == "card_missing"
    assert record.error is not None
    assert "OBS-MOD is missing or empty in" in record.error
    assert not site.ledger.exists()
    assert "OBS-MOD" in vampctl(site, "plan", night.date).stderr
    assert vampctl(site, "release", night.date).returncode == 0
    assert "edit cards" in vampctl(site, "plan", night.date).stdout
    settle_here(site)
    assert record_of(site, night).state.status is Status.DONE


@pytest.mark.soak
def test_who_forgives_a_missing_card_has_not_forgiven_what_sync_found(tmp_path: Path) -> None:
    both = replace(UNPAIRED, runs=tuple(replace(run, absent=("OBS-MOD",)) for run in UNPAIRED.runs))
    site = make_site(tmp_path, headers={"when_missing": "hold"})
    older = make_scenario(site.root, UNPAIRED, "20251104", Kind.ARCHIVE, 5)[0]
    night = make_scenario(site.root, both, "20251106", Kind.ARCHIVE, 5)[0]
    for stage, code in ((StageName.HEADERS, "card_missing"), (StageName.FRAMEIDS, None)):
        settle_here(site)
        record = record_of(site, night)
        assert (record.state.stage, record.code) == (stage, code)
        assert not site.ledger.exists()
        assert vampctl(site, "release", night.date).returncode == 0
    # Past the older night by now, which still waits for somebody to look at its verdict.
    for code in ("sync_unexpected", None):
        settle_here(site)
        assert record_of(site, night).code == code
        assert record_of(site, older).code == "sync_unexpected"
        assert site.ledger.exists() is (code is None)
        if code:
            assert vampctl(site, "release", night.date).returncode == 0
    assert record_of(site, night).state.status is Status.DONE
    shown = vampctl(site, "status", night.date).stdout
    assert "past missing cards, older nights, the verdict of sync, by a person" in shown
    history = vampctl(site, "history", night.date).stdout
    released = [line for line in history.splitlines() if " released " in line]
    assert [line.split()[-1] for line in released] == [
        "card_missing",
        "older_nights",
        "sync_unexpected",
    ]


@pytest.mark.parametrize(
    "rules", others_in_soak([{}, {"when_missing": "hold", "required": ["EXPTIME"]}])
)
def test_a_missing_card_is_a_warning_that_names_it(tmp_path: Path, rules: dict) -> None:
    site = make_site(tmp_path, headers=rules)
    night = lacking_night(site)
    ended = settle(site)
    assert record_of(site, night).state.status is Status.DONE
    shown = [event for event in ended.events if event.get("code") == "card_missing"]
    assert [event["keyword"] for event in shown] == ([] if rules else ["OBS-MOD"])
    assert all(event["event"] == "stage.remarked" for event in shown)
