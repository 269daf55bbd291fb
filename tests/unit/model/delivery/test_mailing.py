from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    MailState,
    ManifestFile,
    Way,
    append_note,
    note_name,
    noted_mailings,
    supplement_number,
)
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import format_sums

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251107", Kind.ARCHIVE)
FIRST = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64)
REMADE = replace(FIRST, sha256="d" * 64)
LATE = ManifestFile(NIGHT, "manifest_VMP_20251106_s1.csv", "b" * 64)
ELSEWHERE = ManifestFile(OTHER, "manifest_VMP_20251107.csv", "c" * 64)
outcomes = st.lists(st.sampled_from(MailOutcome), max_size=5)


def mailing(*manifests: ManifestFile, outcome: MailOutcome, number: int = 1) -> Mailing:
    return Mailing(
        f"<{number}@example.org>", manifests, ("a@b",), Way.SMTP, "x", float(number), outcome
    )


def after(*shown: MailOutcome, manifest: ManifestFile = FIRST) -> Correspondence:
    return Correspondence(
        tuple(mailing(manifest, outcome=o, number=n) for n, o in enumerate(shown, start=1))
    )


@given(outcomes)
def test_what_was_sent_once_stays_mailed_and_what_may_have_been_is_never_unmailed(shown):
    state = after(*shown).state_of(FIRST)
    if MailOutcome.SENT in shown:
        assert state is MailState.MAILED
    elif {MailOutcome.PENDING, MailOutcome.UNCERTAIN} & set(shown):
        assert state is MailState.UNCERTAIN
    else:
        assert state is MailState.UNMAILED


@given(outcomes)
def test_what_stars_has_taken_in_is_settled_whatever_was_mailed(shown):
    correspondence = replace(after(*shown), acknowledged=(Acknowledgement(FIRST, "x", 9.0),))
    assert correspondence.state_of(FIRST) is MailState.ACKNOWLEDGED
    assert correspondence.state_of(LATE) is MailState.UNMAILED


@given(outcomes)
def test_a_manifest_of_other_bytes_or_of_another_night_was_not_mailed(shown):
    correspondence = after(*shown)
    assert correspondence.state_of(replace(FIRST, sha256="d" * 64)) is MailState.UNMAILED
    assert correspondence.state_of(replace(FIRST, night=OTHER)) is MailState.UNMAILED


def test_a_note_of_a_mailing_that_no_database_knows_is_a_doubt():
    assert after().state_of(FIRST, ["<1@example.org>"]) is MailState.UNCERTAIN
    failed = after(MailOutcome.FAILED)
    assert failed.state_of(FIRST, ["<1@example.org>"]) is MailState.UNMAILED
    assert failed.state_of(FIRST, ["<2@example.org>"]) is MailState.UNCERTAIN


def test_a_note_reports_its_own_nights_manifests_by_their_bytes():
    sent = mailing(FIRST, ELSEWHERE, outcome=MailOutcome.PENDING)
    text = append_note(None, sent, NIGHT)
    text = append_note(text, mailing(LATE, outcome=MailOutcome.PENDING, number=2), NIGHT)
    assert noted_mailings(text, FIRST) == {"<1@example.org>"}
    assert noted_mailings(text, LATE) == {"<2@example.org>"}
    assert noted_mailings(text, ELSEWHERE) == frozenset()
    assert noted_mailings(None, FIRST) == frozenset()
    assert text.count("\n") == 3
    assert text.startswith("# ")


def test_a_note_is_never_taken_for_a_manifest():
    assert supplement_number(note_name("20251106"), "20251106") is None


@pytest.mark.parametrize(
    ("correspondence", "manifests", "words"),
    [
        (Correspondence(), 0, ""),
        (Correspondence(), 1, "not mailed"),
        (after(MailOutcome.FAILED), 1, "not mailed"),
        (after(MailOutcome.SENT), 1, "mailed"),
        (after(MailOutcome.SENT), 2, "a supplement not mailed"),
        (after(MailOutcome.PENDING), 1, "may have been mailed"),
        (after(MailOutcome.UNCERTAIN), 2, "may have been mailed"),
        (after(MailOutcome.UNCERTAIN, MailOutcome.SENT), 1, "mailed"),
        (Correspondence((), (Acknowledgement(FIRST, "x", 1.0),)), 1, "acknowledged"),
        (Correspondence((), (Acknowledgement(FIRST, "x", 1.0),)), 2, "a supplement not mailed"),
        (after(MailOutcome.SENT, manifest=ELSEWHERE), 1, "not mailed"),
    ],
)
def test_a_nights_standing_is_that_of_the_manifest_that_needs_a_person_most(
    correspondence, manifests, words
):
    assert correspondence.sum_up(NIGHT, manifests) == words


@pytest.mark.parametrize(
    ("correspondence", "there", "words"),
    [
        (after(MailOutcome.SENT), [FIRST], "mailed"),
        (after(MailOutcome.SENT), [REMADE], "written anew since it was mailed, not mailed"),
        (after(MailOutcome.PENDING), [REMADE], "written anew since it was mailed, not mailed"),
        (after(MailOutcome.FAILED), [REMADE], "not mailed"),
        (after(MailOutcome.SENT), [FIRST, LATE], "a supplement not mailed"),
        (after(MailOutcome.SENT), [REMADE, LATE], "written anew since it was mailed, not mailed"),
        (Correspondence((), (Acknowledgement(FIRST, "x", 1.0),)), [FIRST], "acknowledged"),
        (
            Correspondence((), (Acknowledgement(FIRST, "x", 1.0),)),
            [REMADE],
            "written anew since it was mailed, not mailed",
        ),
        (
            Correspondence(
                (mailing(FIRST, outcome=MailOutcome.SENT),), (Acknowledgement(REMADE, "x", 2.0),)
            ),
            [REMADE],
            "acknowledged",
        ),
    ],
)
def test_a_nights_standing_is_that_of_the_manifests_that_lie_in_its_folder(
    correspondence, there, words
):
    sums = format_sums({one.name: one.sha256 for one in there})
    assert correspondence.sum_up(NIGHT, len(there), sums) == words
    is_there = FIRST in there or REMADE in {one.manifest for one in correspondence.acknowledged}
    told = correspondence.mailed_at(NIGHT, sums), correspondence.acknowledged_at(NIGHT, sums)
    assert (told != (None, None)) == (is_there and words != "not mailed")


def test_each_night_gets_what_concerns_it():
    both = mailing(FIRST, ELSEWHERE, outcome=MailOutcome.SENT)
    late = mailing(LATE, outcome=MailOutcome.FAILED, number=2)
    shown = Acknowledgement(ELSEWHERE, "x", 3.0)
    split = Correspondence((both, late), (shown,)).by_night()
    assert split == {
        NIGHT: Correspondence((both, late)),
        OTHER: Correspondence((both,), (shown,)),
    }
    assert split[NIGHT].mailed_at(NIGHT) == 1.0
    assert split[NIGHT].acknowledged_at(NIGHT) is None
    assert split[OTHER].acknowledged_at(OTHER) == 3.0
    assert Correspondence((late,)).mailed_at(NIGHT) is None
