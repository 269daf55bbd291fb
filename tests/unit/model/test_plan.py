"""Plans: values without empty waves; nothing is retired without a survivor."""

import pytest

from vampd.model.cubes import Generation, SyncCounts
from vampd.model.headers import Dictionary
from vampd.model.plan import (
    CommitGeneration,
    EditCards,
    Hash,
    LinkSetAside,
    Plan,
    Remark,
    Retire,
    RunsIn,
    WriteText,
)
from vampd.model.proofs import Place

LINK = LinkSetAside("vbad/vcam1/a.fits", "vcam1/a.fits")


def test_empty_waves_vanish_and_an_empty_plan_is_false() -> None:
    assert not Plan.of()
    assert not Plan.of([], ())
    assert Plan.of([], [LINK], []) == Plan(((LINK,),))
    assert Plan.of([LINK])
    assert len(Plan.of([LINK], [LINK, Hash(("a",), Place.HERE)])) == 3


def test_remarks_alone_are_no_work_and_make_no_difference() -> None:
    remark = Remark("code", "subject", "message")
    assert not Plan.of(remarks=[remark])
    assert Plan.of([LINK], remarks=[remark]) == Plan.of([LINK])
    assert Plan.of([LINK], remarks=[remark]).remarks == (remark,)


def test_equal_plans_have_equal_hashes_whatever_their_actions_hold() -> None:
    def plan() -> Plan:
        generation = Generation(1, "1", (), (), (), SyncCounts(), dubious={"few_frames": 3})
        dictionary = Dictionary({})
        return Plan.of([CommitGeneration(generation)], [EditCards("a", 1, dictionary)])

    assert plan() == plan()
    assert hash(plan()) == hash(plan()) != hash(Plan.of([LINK]))


@pytest.mark.parametrize("survivor", ["", "vgen2/a.framelist"])
def test_nothing_is_retired_without_another_file_that_keeps_its_content(survivor: str) -> None:
    with pytest.raises(ValueError, match="another file"):
        Retire("vgen2/a.framelist", survivor)


@pytest.mark.parametrize("path", ["vcam1/a.fits", "vcam2/a.txt", "vbad/a", "/vgen2/a", "avgen2/a"])
def test_nothing_outside_vgen2_is_ever_retired(path: str) -> None:
    with pytest.raises(ValueError, match="vgen2"):
        Retire(path, "vgen2/b")


def test_every_action_declares_where_it_runs_and_is_a_value() -> None:
    assert Retire("vgen2/a", "vgen2/b").runs_in is RunsIn.DAEMON
    assert {LINK, LinkSetAside(LINK.path, LINK.raw)} == {LINK}
    assert WriteText("a", "b") != WriteText("a", "b", once=True)
