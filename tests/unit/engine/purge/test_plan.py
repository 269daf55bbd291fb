"""What forbids a purge, and what is done before it: by the records alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.memory_store import MemoryNights, MemoryPurgedFiles
from tests.support.worlds.archive.proven_night import COVERED, NIGHT, USED, ProvenNight
from vampd.disk.pace import SteadyPace
from vampd.engine.purge.plan import DAY_S, PurgePlan, PurgeRules, plan_purge
from vampd.engine.purge.removing import RunningPurge
from vampd.engine.purge.survey import PurgeSurvey
from vampd.errors import DataError
from vampd.model.cubes import RawPresence
from vampd.model.nights import State, Status
from vampd.model.proofs import Place

RULES = PurgeRules(proof_within_days=2)
NOW = 1_000_000.0


@pytest.fixture
def night() -> ProvenNight:
    made = ProvenNight()
    read_at(made, NOW)
    return made


def read_at(night: ProvenNight, at: float, **others: Any) -> None:
    """As if all files had been read there at this time."""
    kept = night.world.reader.kept[Place.ARCHIVE]
    kept.update({path: replace(each, at=at, **others) for path, each in kept.items()})


def plan(night: ProvenNight, rules: PurgeRules = RULES, **changes: Any) -> PurgePlan:
    return plan_purge(replace(night.survey(), **changes), rules, NOW)


def codes(made: PurgePlan) -> list[str]:
    return [refusal.code for refusal in made.refusals]


def test_raw_whose_content_is_proven_there_may_go(night: ProvenNight) -> None:
    made = plan(night)
    made.refuse()
    assert made.is_prepared
    assert len(made.files) == 4
    assert made.bytes == sum(file.size for file in night.files.values())


@pytest.mark.parametrize("code", ["unreadable", "timing_unreadable"])
def test_a_cube_that_sync_could_not_read_keeps_the_whole_night(
    night: ProvenNight, code: str
) -> None:
    (aside,) = night.generation.set_aside
    night.generation = replace(night.generation, set_aside=(replace(aside, code=code),))
    made = plan(night)
    assert codes(made) == ["raw_irregular"]
    with pytest.raises(DataError, match=code) as error:
        made.refuse()
    assert error.value.code == "raw_irregular"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"irregular": ("vcam1/1.fits is a link",)}, "raw_irregular"),
        ({"obstacles": ("vcam1: closed",)}, "not_removable"),
        ({"faults": ("vgen2/first.fits.fz is gone",)}, "damaged_here"),
        ({"presence": RawPresence(has_new=True)}, "late_data"),
        ({"is_same_disk": True}, "same_disk"),
        ({"is_same_disk": None}, "same_disk"),
    ],
)
def test_each_finding_forbids_it_alone(
    night: ProvenNight, changes: dict[str, Any], code: str
) -> None:
    assert codes(plan(night, **changes)) == [code]


def test_only_a_night_that_is_done_and_safe_is_purged(night: ProvenNight) -> None:
    for record in (
        replace(night.record, safe_at=None),
        replace(night.record, state=State(night.record.state.stage, Status.HELD)),
    ):
        assert codes(plan(night, record=record)) == ["not_safe"]


def test_a_mark_forbids_it_until_its_time(night: ProvenNight) -> None:
    for due, forbidden in ((NOW + 1, ["not_due"]), (NOW, []), (NOW - 1, [])):
        night.record = replace(night.record, purge_after=due)
        assert codes(plan(night)) == forbidden


def test_the_same_disk_is_allowed_at_a_persons_word(night: ProvenNight) -> None:
    rules = replace(RULES, allows_same_disk=True)
    assert codes(plan(night, rules, is_same_disk=True)) == []


def test_proofs_are_read_again_when_they_are_too_old(night: ProvenNight) -> None:
    read_at(night, NOW - 2 * DAY_S)
    assert plan(night).to_read == ()
    read_at(night, NOW - 2 * DAY_S - 1)
    assert set(plan(night).to_read) == set(night.world.there)


def test_proofs_without_a_mark_are_read_again_but_where_the_night_was_moved(
    night: ProvenNight,
) -> None:
    read_at(night, NOW, mark=None)
    assert set(plan(night).to_read) == set(night.world.there)
    reader = night.world.reader
    reader.moved, reader.moved_to = dict(reader.archive), "/moved"
    reader.archive.clear()
    read_at(night, NOW, mark=None, destination="/moved")
    assert plan(night).to_read == ()


def test_what_is_not_there_forbids_it(night: ProvenNight) -> None:
    del night.world.there["vgen2/first.fits.fz"]
    assert codes(plan(night)) == ["not_at_archive"]


def test_a_night_that_is_gone_from_there_is_looked_for_and_never_just_sent(
    night: ProvenNight,
) -> None:
    night.world.there.clear()
    (refusal,) = plan(night).refusals
    assert refusal.code == "not_at_archive"
    assert "vampctl release 20251106" in refusal.text


def test_what_a_person_accepted_is_not_what_the_products_keep(night: ProvenNight) -> None:
    night.accepted = (USED,)
    (refusal,) = plan(night).refusals
    assert (refusal.code, USED in refusal.text) == ("late_data", True)


def test_a_product_without_a_packing_receipt_forbids_it(night: ProvenNight) -> None:
    reader = night.world.reader
    reader.recorded = [each for each in reader.recorded if "first" not in each.receipt.path]
    assert "not_proven_here" in codes(plan(night))


def test_nothing_goes_before_its_header_and_timing_are_recorded(night: ProvenNight) -> None:
    night.covered = {member: kept for member, kept in COVERED.items() if "header" not in member}
    made = plan(night)
    assert [account.fits.path for account in made.to_record] == [USED]
    assert not made.is_prepared


def test_what_goes_from_the_archive_once_a_purge_has_begun_ends_it(night: ProvenNight) -> None:
    begun: list[PurgePlan] = []

    def look() -> tuple[PurgeSurvey, PurgePlan]:
        survey = night.survey()
        made = plan_purge(survey, RULES, NOW)
        return survey, replace(made, must_send=True) if begun else made

    purge = RunningPurge(
        NIGHT,
        Path("/nowhere"),
        look,
        MemoryPurgedFiles(MemoryNights()),
        "a person",
        SteadyPace(),
        lambda: NOW,
    )
    with pytest.raises(DataError) as caught:
        purge.run(lambda _, made: begun.append(made))
    assert (caught.value.code, len(begun)) == ("not_prepared", 1)
    kept = night.survey().presence.kept
    assert f"0 of the raw cubes removed, {kept} stay" in caught.value.message
