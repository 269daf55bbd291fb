import pytest

from tests.support.fake_eyes import FakeEyes
from tests.support.headers import (
    cards,
    changed_keywords,
    framelist,
    header_files,
    instrument_dictionary,
    read_header_file,
    settings,
)
from vampd.model.cards import Cards
from vampd.model.framelist import apply_edits
from vampd.model.night import Kind, NightId
from vampd.model.plan import EditCards, Plan
from vampd.stages import headers

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def eyes() -> FakeEyes:
    return FakeEyes(keywords=instrument_dictionary())


def plan(eyes: FakeEyes) -> Plan:
    return headers.plan(headers.survey(NIGHT, eyes), settings())


def edits(plan: Plan) -> list[EditCards]:
    (wave,) = plan.waves
    return [action for action in wave if isinstance(action, EditCards)]


def execute(eyes: FakeEyes, plan: Plan) -> None:
    assert len(edits(plan)) == len(plan)
    for edit in edits(plan):
        before = eyes.framelists[edit.framelist]
        eyes.framelists[edit.framelist] = apply_edits(before, edit.edits)


def test_repairing_twice_edits_nothing(eyes):
    eyes.add_framelist(framelist())
    eyes.add_framelist(framelist("vsync_10:20:00.509073.cam2.A", camera=2))
    first = plan(eyes)
    assert [edit.framelist for edit in edits(first)] == sorted(eyes.framelists)
    execute(eyes, first)
    assert not plan(eyes)


def test_only_cards_that_are_out_of_form_are_edited(eyes):
    before = framelist()
    eyes.add_framelist(before)
    execute(eyes, plan(eyes))
    after = eyes.framelists[before.path]
    assert changed_keywords(before.cards, after.cards) == {
        *("CD1_1", "CRPIX1", "DATA-TYP", "EXP-ID", "EXPTIME", "FRAMEID", "FRATE", "HST"),
        *("MFRATE", "MJD", "RET-ANG1"),
    }
    assert after.cards.number("EXPTIME") == 0.0002
    assert after.renamed(before.name, before.cards) == before


def test_a_framelist_in_form_is_not_written_again(eyes):
    eyes.add_framelist(framelist(header=cards(["AIRMASS =                1.134 / x"])))
    eyes.add_framelist(framelist("other", header=cards(["AIRMASS = 1.134 / x"])))
    assert [edit.framelist for edit in edits(plan(eyes))] == ["vgen2/other.framelist"]


def test_a_night_without_framelists_is_done(eyes):
    assert plan(eyes) == Plan()


def test_a_card_that_stays_out_of_form_is_remarked_on_and_leaves_the_plan_empty(eyes):
    eyes.add_framelist(framelist(header=cards(["AIRMASS = 1E-9 / x"])))
    empty = plan(eyes)
    assert not empty
    assert empty == Plan()
    (remark,) = empty.remarks
    assert (remark.code, remark.subject) == ("card_rounds_to_zero", "AIRMASS")
    for told in ("AIRMASS = 1E-9", "%20.3f", framelist().path):
        assert told in remark.message


def test_the_same_remark_on_a_thousand_framelists_is_one_remark(eyes):
    for number in range(1000):
        eyes.add_framelist(
            framelist(f"{number:04d}", header=cards([f"AIRMASS = 1E-{number + 9}", "ZD = nan"]))
        )
    eyes.add_framelist(framelist("0000", header=cards(["AIRMASS = nan", "AIRMASS = inf"])))
    remarks = plan(eyes).remarks
    assert [(remark.code, remark.subject) for remark in remarks] == [
        ("card_not_a_value", "AIRMASS"),
        ("card_rounds_to_zero", "AIRMASS"),
    ]
    assert remarks[0].message.endswith("in vgen2/0000.framelist")
    assert remarks[1].message.endswith("in 999 framelists, first vgen2/0001.framelist")


def test_equal_cards_of_many_framelists_are_kept_once(eyes):
    for number in range(3):
        texts = tuple("".join(list(text)) for text in framelist().cards.texts)
        eyes.add_framelist(framelist(str(number), header=Cards(texts)))
    survey = headers.survey(NIGHT, eyes)
    kept = {id(text) for one in survey.framelists for text in one.cards.texts}
    assert len(kept) == len(set(framelist().cards.texts))


def test_real_headers_change_only_as_the_dictionary_says_and_only_once(eyes, real_telemetry):
    files = header_files(real_telemetry)
    assert len(files) == 2
    for file in files:
        before = read_header_file(file)
        assert len(before) == 415
        eyes.add_framelist(framelist("real", header=before))
        found = plan(eyes)
        assert found.remarks == ()
        execute(eyes, found)
        after = eyes.framelists["vgen2/real.framelist"].cards
        differing = changed_keywords(before, after)
        assert differing
        assert differing <= eyes.keywords.entries.keys()
        for keyword in differing:
            old, new = before.card(keyword), after.card(keyword)
            assert old is not None
            assert new is not None
            assert type(old.value) is type(new.value)
            assert old.comment == new.comment
            assert before.string(keyword) == after.string(keyword)
            if before.number(keyword) is not None:
                assert after.number(keyword) == pytest.approx(before.number(keyword), abs=5e-4)
        assert not plan(eyes)
