"""What lies at the archive and only its own listing knows is not taken for a damaged copy."""

from dataclasses import replace

import pytest

from tests.support.worlds.archive.transfer_world import arrived_world
from vampd.errors import DataError
from vampd.model.nights import Gate
from vampd.model.plan import Compare, Plan, Send
from vampd.stages import transfer

PRODUCT = "vgen2/VMPA00000002.fits.fz"


@pytest.fixture
def survey():
    world = arrived_world()
    world.reader.write("vbad/reasons.tsv", "another text")
    return world.survey()


def test_only_own_files_that_go_over_others_are_asked_for(survey):
    absent = replace(survey, archive={p: f for p, f in survey.archive.items() if p != PRODUCT})
    sent = (PRODUCT, "vbad/reasons.tsv", "SHA256SUMS")
    plan = Plan.of([Send(sent, Compare.CHECKSUM)])
    assert transfer.overwritten_products(survey, plan) == (PRODUCT,)
    assert transfer.overwritten_products(absent, plan) == ()
    assert transfer.overwritten_products(survey, Plan()) == ()


def test_a_digest_that_some_receipt_here_has_or_had_is_no_other(survey):
    (mine,) = (one for one in survey.own.recorded if one.receipt.path == PRODUCT)
    ended = replace(mine, receipt=replace(mine.receipt, sha256="e" * 64), ended_at=1.0)
    own = replace(survey.own, recorded=(*survey.own.recorded, ended))
    survey = replace(survey, own=own)
    assert transfer.find_others(survey, [PRODUCT], {}) == {}
    for known in (mine.receipt.sha256, "e" * 64):
        assert transfer.find_others(survey, [PRODUCT], {PRODUCT: known}) == {}
    assert transfer.find_others(survey, [PRODUCT], {PRODUCT: "f" * 64}) == {PRODUCT: "f" * 64}
    assert transfer.find_others(survey, [], {PRODUCT: "f" * 64}) == {}


def test_others_are_refused_by_name_and_count(survey):
    night = survey.own.night
    transfer.refuse_others(night, [])
    with pytest.raises(DataError, match=f"holds {PRODUCT} of this night") as caught:
        transfer.refuse_others(night, [PRODUCT])
    assert caught.value.code == Gate.OTHER_PRODUCTS
    with pytest.raises(DataError, match=r"and 1 more"):
        transfer.refuse_others(night, [PRODUCT, "vgen2/generation_0002.json"])
