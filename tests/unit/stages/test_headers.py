import gc
from dataclasses import replace

import pytest

from tests.support.builders.headers import (
    cards,
    changed_keywords,
    framelist,
    header_files,
    instrument_dictionary,
    read_header_file,
    settings,
)
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.config import Headers, WhenMissing
from vampd.errors import DataError
from vampd.model.cubes import apply_edits, history_card
from vampd.model.headers import Dictionary, FormKind, format_cards, is_standard_card
from vampd.model.nights import Gate, Kind, NightId, NightRecord, State
from vampd.model.plan import EditCards, Plan
from vampd.stages import headers, settings_for

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def reader() -> FakeNightReader:
    return FakeNightReader(keywords=instrument_dictionary())


# These headers have only a few cards; what is required has tests of its own.
NOTHING = Headers(required=())


def plan(reader: FakeNightReader, rules: Headers = NOTHING) -> Plan:
    chosen = settings().model_copy(update={"headers": rules})
    return headers.plan(headers.survey(NIGHT, reader), chosen)


def edits(plan: Plan) -> list[EditCards]:
    (wave,) = plan.waves
    return [action for action in wave if isinstance(action, EditCards)]


def execute(reader: FakeNightReader, plan: Plan) -> None:
    assert len(edits(plan)) == len(plan)
    for edit in edits(plan):
        before = reader.framelists[edit.framelist]
        changes = format_cards(before.cards, edit.dictionary).edits
        assert len(changes) == edit.cards
        reader.framelists[edit.framelist] = apply_edits(before, changes)


def test_repairing_twice_edits_nothing(reader):
    reader.add_framelist(framelist())
    reader.add_framelist(framelist("vsync_10:20:00.509073.cam2.A", camera=2))
    first = plan(reader)
    assert [edit.framelist for edit in edits(first)] == sorted(reader.framelists)
    execute(reader, first)
    assert not plan(reader)


def test_only_cards_that_are_out_of_form_are_edited(reader):
    before = framelist()
    reader.add_framelist(before)
    execute(reader, plan(reader))
    after = reader.framelists[before.path]
    assert changed_keywords(before.cards, after.cards) == {
        *("CD1_1", "CRPIX1", "DATA-TYP", "EXP-ID", "EXPTIME", "FRAMEID", "FRATE", "HST"),
        *("MFRATE", "MJD", "RET-ANG1"),
    }
    assert after.cards.number("EXPTIME") == 0.0002
    assert after.renamed(before.name, before.cards) == before


def test_a_framelist_in_form_is_not_written_again(reader):
    reader.add_framelist(framelist(header=cards(["AIRMASS =                1.134 / x"])))
    reader.add_framelist(framelist("other", header=cards(["AIRMASS = 1.134 / x"])))
    assert [edit.framelist for edit in edits(plan(reader))] == ["vgen2/other.framelist"]


def test_a_night_without_framelists_is_done(reader):
    assert plan(reader) == Plan()


def test_a_card_that_stays_out_of_form_is_remarked_on_and_leaves_the_plan_empty(reader):
    reader.add_framelist(framelist(header=cards(["AIRMASS = 1E-9 / x"])))
    empty = plan(reader)
    assert not empty
    assert empty == Plan()
    (remark,) = empty.remarks
    assert (remark.code, remark.subject) == ("card_rounds_to_zero", "AIRMASS")
    for shown in ("AIRMASS = 1E-9", "%20.3f", framelist().path):
        assert shown in remark.message
    assert dict(remark.changes) == {
        "keyword": "AIRMASS",
        "value": "1E-9",
        "form": "%20.3f",
        "framelists": "1",
    }


def test_the_same_remark_on_a_thousand_framelists_is_one_remark(reader):
    for number in range(1000):
        reader.add_framelist(
            framelist(f"{number:04d}", header=cards([f"AIRMASS = 1E-{number + 9}", "ZD = nan"]))
        )
    reader.add_framelist(framelist("0000", header=cards(["AIRMASS = nan", "AIRMASS = inf"])))
    remarks = plan(reader).remarks
    assert [(remark.code, remark.subject) for remark in remarks] == [
        ("card_not_a_value", "AIRMASS"),
        ("card_rounds_to_zero", "AIRMASS"),
    ]
    assert remarks[0].message.endswith("in vgen2/0000.framelist")
    assert remarks[1].message.endswith("in 999 framelists, first vgen2/0001.framelist")


def test_what_is_held_of_a_framelist_does_not_grow_with_its_cards(reader):
    forms = {keyword: entry.form for keyword, entry in reader.keywords.entries.items()}
    real = [keyword for keyword, form in forms.items() if form.kind is FormKind.REAL]
    keywords = [keyword for keyword in real if not is_standard_card(keyword)]
    for number in range(20):
        texts = [f"{keyword:<8}= 1.{number:03d}" for keyword in keywords]
        reader.add_framelist(framelist(str(number), header=cards(texts)))
    survey = headers.survey(NIGHT, reader)
    planned = plan(reader)
    assert [edit.cards for edit in edits(planned)] == [len(keywords)] * 20
    assert len(keywords) > 100
    # The paths, the counts, and what all share.
    assert len(_texts_in(survey.framelists) | _texts_in(planned.waves)) < 20 * 3 + 2 * len(keywords)


def _texts_in(held: object) -> set[int]:
    """The texts that are reachable, but for what belongs to classes and to the dictionary."""
    seen: set[int] = set()
    found: set[int] = set()
    left = [held]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | Dictionary):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found.add(id(one))
        left += gc.get_referents(one)
    return found


def test_real_headers_change_only_as_the_dictionary_says_and_only_once(reader, real_telemetry):
    files = header_files(real_telemetry)
    assert len(files) == 2
    for file in files:
        before = read_header_file(file)
        assert len(before) == 415
        reader.add_framelist(framelist("real", header=before))
        found = plan(reader, Headers())
        # Another camera than VAMPIRES', whose headers do not tell its number.
        assert [(remark.code, remark.subject) for remark in found.remarks] == [
            ("card_missing", "U_CAMERA"),
            ("card_missing", "FILTER02"),
        ]
        execute(reader, found)
        after = reader.framelists["vgen2/real.framelist"].cards
        differing = changed_keywords(before, after)
        assert differing
        assert differing <= reader.keywords.entries.keys()
        for keyword in differing:
            old, new = before.card(keyword), after.card(keyword)
            assert old is not None
            assert new is not None
            assert type(old.value) is type(new.value)
            assert old.comment == new.comment
            assert before.string(keyword) == after.string(keyword)
            if before.number(keyword) is not None:
                assert after.number(keyword) == pytest.approx(before.number(keyword), abs=5e-4)
        assert not plan(reader)


def test_a_missing_card_is_reported_once_for_all_framelists_and_nothing_is_held(reader):
    reader.add_framelist(framelist("0", header=cards(["EXPTIME = 1", "OBJECT  = ''"])))
    reader.add_framelist(framelist("1", header=cards(["OBJECT  = 'M 31'"])))
    reader.add_framelist(framelist("2", header=cards(["EXPTIME = 1", "OBJECT  ="])))
    found = plan(reader, Headers(required=("OBJECT", "EXPTIME")))
    assert [
        (remark.code, remark.subject, dict(remark.changes)["framelists"])
        for remark in found.remarks
    ] == [("card_missing", "OBJECT", "2"), ("card_missing", "EXPTIME", "1")]
    assert "OBJECT is missing or empty in 2 framelists, first vgen2/0.f" in found.remarks[0].message
    # An undefined value stays undefined; an empty string only gets its width.
    assert {edit.framelist[6] for edit in edits(found)} == {"0", "1", "2"}
    execute(reader, found)
    assert reader.framelists["vgen2/2.framelist"].cards.texts[1] == "OBJECT  =".ljust(80)


def test_a_missing_card_holds_the_night_before_anything_is_edited_if_so_configured(reader):
    rules = Headers(required=("OBJECT", "EXPTIME", "ZD"), when_missing=WhenMissing.HOLD)
    for number in range(3):
        reader.add_framelist(framelist(str(number), header=cards(["ZD      = 1"])))
    reader.add_framelist(framelist("9", header=cards(["ZD      = 1", "OBJECT  = 'M 31'"])))
    with pytest.raises(DataError) as caught:
        plan(reader, rules)
    assert caught.value.code == "card_missing"
    assert "card OBJECT is missing or empty in 3 framelists, first vgen2/0." in caught.value.message
    assert "card EXPTIME is missing or empty in 4 framelists" in caught.value.message
    assert "card ZD" not in caught.value.message


def test_a_night_with_all_required_cards_is_not_held(reader):
    reader.add_framelist(framelist())
    rules = Headers(required=("OBJECT", "EXPTIME"), when_missing=WhenMissing.HOLD)
    assert plan(reader, rules).remarks == ()


def test_a_night_that_is_released_goes_on_and_is_still_reported():
    rules = Headers(when_missing=WhenMissing.HOLD)
    held = settings().model_copy(update={"headers": rules})
    record = NightRecord(NIGHT, State())
    assert settings_for(record, held) is held
    others = frozenset(Gate) - {Gate.CARD_MISSING}
    assert settings_for(replace(record, released=others), held) is held
    released = settings_for(replace(record, released=frozenset({Gate.CARD_MISSING})), held)
    assert released.headers == Headers(when_missing=WhenMissing.WARN)
    assert released.sync is held.sync


def test_two_equal_cards_of_which_one_goes_on_never_leave_the_stage_stuck(reader):
    header = cards(["OBJECT  = 'a &'", "CONTINUE  'b'", "OBJECT  = 'a &'", "OBJECT  = 'c'"])
    reader.add_framelist(framelist(header=header))
    execute(reader, plan(reader))
    after = reader.framelists[framelist().path].cards
    assert after.texts[:3] == header.texts[:3]
    assert after.texts[3].startswith("OBJECT  = 'c     ")
    assert not plan(reader)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("OBJECT  = '1E0657' / x", f"OBJECT  = '1E0657{24 * ' '}' / x"),
        ("OBJECT  = '007'", f"OBJECT  = '007{27 * ' '}'"),
        ("OBJECT  = 'Infinity'", f"OBJECT  = 'Infinity{22 * ' '}'"),
        ("PROP-ID = '1e3'", "PROP-ID = '1e3     '"),
        ("PROP-ID = '1e3     ' / x", None),
        ("EXP-ID  = '' / x", f"EXP-ID  = '{12 * ' '}'       / x"),
        ("EXPTIME =", None),
        ("EXPTIME =                      / [s] not measured", None),
        ("EXPTIME = nan / [s] x", None),
        ("EXPTIME = -INF / [s] x", None),
        ("EXPTIME = 0.0002 / [s] x", "EXPTIME =           0.00020000 / [s] x"),
        ("EXPTIME = 1.5D-3/[s] x", "EXPTIME =           0.00150000 / [s] x"),
        ("FRATE   = 1e-9", None),
        ("U_TRIGJT= 20.5 / [us] x", None),
        ("U_TRIGJT= 20. / [us] x", "U_TRIGJT=                   20 / [us] x"),
        ("U_SYNC  = T / x", "U_SYNC  =                    T / x"),
        ("U_SYNC  = 1", None),
        ("BSCALE  = 1", None),
        ("BZERO   =                32768", None),
        ("NAXIS1  = 5", None),
        ("CHECKSUM= 'x'", None),
        ("NOTOURS = 1", None),
        ("HISTORY EXPTIME = 1", None),
    ],
)
def test_the_text_of_each_card_is_exact(reader, before, after):
    reader.add_framelist(framelist(header=cards([before])))
    if after is not None:
        execute(reader, plan(reader))
    (text,) = reader.framelists[framelist().path].cards.texts
    assert text == (after or before).ljust(80)
    assert not plan(reader)


def test_what_sync_changed_for_readers_is_reported_once_for_each_card_and_kind(reader):
    history = ["vampd 0.3.0, form 3: 4 frames of 1 raw cubes", "card_not_a_value: SEEING was NaN"]
    for camera in (1, 2):
        one = framelist(f"vsync_10:20:00.509073.cam{camera}.A", camera=camera)
        reader.add_framelist(replace(one, cards=one.cards.appended(map(history_card, history))))
    (remark,) = plan(reader).remarks
    assert (remark.code, remark.subject) == ("card_not_a_value", "SEEING")
    assert remark.message.startswith("SEEING was NaN: 2 framelists, first vgen2/vsync_")
    assert remark.changes == (("keyword", "SEEING"), ("framelists", "2"))
