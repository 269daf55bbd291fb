"""Gen2 as it is: its file, its silences, its faults, its service of frames, and its rehearsal."""

import errno
import os
import stat
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.examples import others_in_soak
from tests.support.fakes.fake_gen2 import WRITER, Behaviour, FakeGen2
from tests.support.tools.scripts import run_script, was_killed
from tests.support.worlds.records.authority_desk import (
    ASK,
    HOSTS,
    LATER,
    NAMES,
    NIGHT,
    PATIENCE_S,
    Desk,
    asking,
    direct,
    kept,
)
from vampd.adapters.authorities import answer_of, look_for_gen2
from vampd.disk.pace import SteadyPace
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.model.frame_ids import NumberRange, review_ids


def test_the_answer_file_is_removed_once_its_copy_is_durable(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.write(["VMPA00424999"])  # what another client is yet to take
    asking(gen2, answers).strays()
    assert gen2.answer.exists()
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert stat.S_IMODE(gen2.tmp.stat().st_mode) == 0o1777
    assert not list(gen2.tmp.iterdir())
    assert kept(answers) == [gen2.written]
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert len(gen2.asked) == 1


def test_an_answer_that_a_sticky_folder_keeps_is_said_and_never_taken_twice(
    gen2: FakeGen2, desk: Desk, answers: Path, monkeypatch: pytest.MonkeyPatch
):
    unlink = os.unlink

    def refuse(path: str | Path, *, dir_fd: int | None = None) -> None:
        if Path(path) == gen2.answer:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr("vampd.adapters.authorities.answers.os.unlink", refuse)
    with capture_logs() as lines:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert [line["event"] for line in lines if line["event"] == "answer.kept"]
    assert gen2.answer.exists()
    gen2.behaviour = Behaviour.SILENT
    with pytest.raises(FrameIdsUnavailable):
        desk.ledger.reserve(LATER, NAMES, asking(gen2, answers, 4))
    gen2.behaviour = Behaviour.PROMPT
    desk.ledger.reserve(LATER, NAMES, asking(gen2, answers))
    assert not set(desk.ids().values()) & set(desk.ids(LATER).values())
    assert len(kept(answers)) == 2


def test_an_answer_that_a_killed_vampd_left_is_removed_by_the_next_call(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    assert was_killed(
        run_script(ASK, desk.folder, gen2.answer, WRITER, failpoint="answers.answer.copied")
    )
    assert gen2.answer.read_bytes() == kept(answers)[0]
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert not list(gen2.tmp.iterdir())
    assert desk.unused() == [425_001, 425_002, 425_003]


def test_an_answer_that_changes_twice_within_a_call_is_refused_and_all_of_it_on_record(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.REPLACED
    authority = replace(asking(gen2, answers), still_s=2.0)
    with pytest.raises(FrameIdConflict, match="up to 3 that were overwritten") as refusal:
        desk.ledger.reserve(NIGHT, NAMES, authority)
    assert refusal.value.code == "gen2_contested"
    assert (desk.ids(), desk.unused()) == ({}, list(range(425_001, 425_007)))


def test_ids_that_the_library_took_by_repeating_a_call_are_a_gap_that_is_listed(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    desk.ledger.reserve(NIGHT, ["0"], asking(gen2, answers))
    gen2.behaviour = Behaviour.REPEATING
    desk.ledger.reserve(NIGHT, NAMES, replace(asking(gen2, answers), still_s=0.5))
    assert sorted(desk.ids().values()) == [425_001, 425_008, 425_009, 425_010]
    (gap,) = review_ids(desk.ledger.listing(), (), ()).gaps
    assert (gap.first.number, gap.last.number) == (425_002, 425_007)


def test_a_fault_of_the_server_is_reported_by_its_cause(gen2: FakeGen2, desk: Desk, answers: Path):
    gen2.behaviour = Behaviour.FAULTY
    with pytest.raises(FrameIdsUnavailable, match="remoteObjectError: division by zero;"):
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))


def test_the_service_of_frames_answers_itself_and_touches_no_file(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.write(["VMPA00424999"])
    desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert desk.ids() == {"c": 425_001, "a": 425_002, "b": 425_003}
    assert gen2.answer.read_text() == "VMPA00424999\n"
    assert gen2.asked == [["frames", [[["gen2"]]], "getFrames", ["VAMPIRES", "A", 3]]]
    desk.ledger.reserve(LATER, ["d"], direct(answers))
    assert desk.ids(LATER) == {"d": 425_004}


@pytest.mark.parametrize("behaviour", [Behaviour.DOWN, Behaviour.SILENT, Behaviour.FAULTY])
def test_a_service_that_refuses_grants_nothing_and_says_why(
    gen2: FakeGen2, desk: Desk, answers: Path, behaviour: Behaviour
):
    gen2.behaviour = behaviour
    words = "not registered|no such instrument|division by zero"
    with pytest.raises(FrameIdsUnavailable, match=words) as error:
        desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert (error.value.code, desk.ids()) == ("gen2_call_failed", {})


@pytest.mark.parametrize("way", ["instrument", "frames"])
def test_engineering_ids_are_asked_for_as_a_list_and_are_a_rehearsal(
    gen2: FakeGen2, desk: Desk, answers: Path, way: str
):
    gen2.next = 7
    answer = answer_of(gen2.answer, NumberRange.ENGINEERING)
    assert answer.name == "frames_VMPA9.txt"
    by_file = replace(
        asking(gen2, answers), answer=answer, numbers=NumberRange.ENGINEERING, timeout_s=PATIENCE_S
    )
    authority = by_file if way == "instrument" else direct(answers, NumberRange.ENGINEERING)
    desk.ledger.reserve(NIGHT, NAMES, authority)
    assert sorted(desk.ids().values()) == [90_000_007, 90_000_008, 90_000_009]
    assert ["A9"] in gen2.asked[0][3]


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        (Behaviour.PROMPT, None),
        (Behaviour.DOWN, "VAMPIRES is not registered"),
        (Behaviour.UNKNOWN, "no VAMPIRES is registered"),
    ],
)
def test_looking_for_gen2_asks_the_name_service_and_takes_no_id(
    gen2: FakeGen2, behaviour: Behaviour, found: str | None
):
    gen2.behaviour = behaviour
    said = look_for_gen2(HOSTS, SteadyPace(), PATIENCE_S)
    assert (said is None) if found is None else (said is not None and found in said)
    assert {call[2] for call in gen2.calls} <= {"ro_echo", "getHosts"}
    assert gen2.given == []


@pytest.mark.parametrize(
    ("behaviour", "recorded"),
    others_in_soak(
        [
            (Behaviour.RESTARTED, [1, 2, 3]),
            (Behaviour.UNICODE, []),
            (Behaviour.SHORT, [425_002, 425_003]),
            (Behaviour.LONG, [425_002, 425_003, 425_004, 425_005]),
            (Behaviour.REPEATED, [425_002, 425_003]),
            (Behaviour.FALLING, [425_002, 425_003, 425_004]),
            (Behaviour.WITH_A_GAP, [425_002, 425_003, 425_005]),
            (Behaviour.GARBAGE, []),
            (Behaviour.ALIEN, []),
        ],
        few=2,
    ),
)
def test_the_service_s_wrong_answers_are_refused_whole_and_all_of_them_on_record(
    gen2: FakeGen2, desk: Desk, answers: Path, behaviour: Behaviour, recorded: list[int]
):
    desk.ledger.reserve(LATER, ["before"], direct(answers))
    gen2.behaviour = behaviour
    with pytest.raises((FrameIdConflict, FrameIdsUnavailable)):
        desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert (desk.ids(), desk.ids(LATER)) == ({}, {"before": 425_001})
    assert desk.unused() == recorded
    gen2.behaviour, gen2.next = Behaviour.PROMPT, 425_100
    desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert list(desk.ids().values()) == [425_100, 425_101, 425_102]
    assert desk.unused() == recorded


@pytest.mark.parametrize(
    "odd",
    others_in_soak(
        [
            *([0, "VMPA00425001"], None, [0, [["VMPA00425001"], 2, None]], 0, "VMPA00425001", []),
            *([0], [0, None], [0, 3], [0, {"n": 1}], [0, [], "more"], [-1, ["VMPA00425001"]]),
            {"status": 0},
        ],
        few=2,
    ),
    ids=str,
)
def test_what_is_no_list_of_ids_grants_nothing_and_never_ends_the_caller(
    gen2: FakeGen2, desk: Desk, answers: Path, odd: object
):
    gen2.behaviour, gen2.odd = Behaviour.ODD, odd
    with pytest.raises((FrameIdConflict, FrameIdsUnavailable)):
        desk.ledger.reserve(NIGHT, ["one"], direct(answers))
    assert desk.ids() == {}


def test_an_answer_of_the_service_without_an_end_is_cut_and_refused(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.ENDLESS
    with pytest.raises(FrameIdsUnavailable) as refusal:
        desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert refusal.value.code == "output_too_long"
    assert (desk.ids(), desk.unused()) == ({}, [425_001, 425_002, 425_003])


@pytest.mark.parametrize("way", others_in_soak(["frames", "instrument"]))
def test_a_call_that_hangs_counts_as_silent_and_the_second_one_holds(
    gen2: FakeGen2, desk: Desk, answers: Path, way: str
):
    by_file = asking(gen2, answers, 4)
    authority = by_file if way == "instrument" else replace(direct(answers), timeout_s=4)
    gen2.behaviour = Behaviour.HANGING
    with pytest.raises(FrameIdsUnavailable) as first:
        desk.ledger.reserve(NIGHT, NAMES, authority)
    with pytest.raises(FrameIdConflict, match="up to 6 frame IDs are lost") as held:
        desk.ledger.reserve(NIGHT, NAMES, authority)
    assert (first.value.code, held.value.code) == ("gen2_silent", "gen2_silent")


@pytest.mark.parametrize("way", others_in_soak(["frames", "instrument"]))
def test_a_connection_that_breaks_after_the_request_counts_with_every_repeat_of_the_library(
    gen2: FakeGen2, desk: Desk, answers: Path, way: str
):
    authority = asking(gen2, answers) if way == "instrument" else direct(answers)
    gen2.behaviour = Behaviour.BREAKING
    with pytest.raises(FrameIdsUnavailable, match="closed connection") as first:
        desk.ledger.reserve(NIGHT, NAMES, authority)
    with pytest.raises(FrameIdConflict) as held:
        desk.ledger.reserve(NIGHT, NAMES, authority)
    assert (first.value.code, held.value.code) == ("gen2_silent", "gen2_silent")
    # What it granted to no one is what may be lost: the package asked several times each.
    burnt = gen2.next - 425_001
    assert burnt == len(NAMES) * len(gen2.asked) > 2 * len(NAMES)
    assert f"up to {burnt} frame IDs are lost" in held.value.message


def test_a_request_that_the_library_repeated_is_on_record_with_what_it_may_have_cost(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.BROKEN_ONCE
    with capture_logs() as lines:
        desk.ledger.reserve(NIGHT, NAMES, direct(answers))
    assert sorted(desk.ids().values()) == [425_004, 425_005, 425_006]
    (line,) = (line for line in lines if line["event"] == "grant.repeated")
    assert (line["repeats"], line["ids"]) == (1, 3)


def test_a_fault_is_an_answer_and_holds_nothing_however_often(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.FAILING
    for _ in range(2):
        with pytest.raises(FrameIdsUnavailable, match="no such instrument") as refusal:
            desk.ledger.reserve(NIGHT, NAMES, direct(answers))
        assert refusal.value.code == "gen2_call_failed"
    assert len(gen2.asked) == 2


@pytest.mark.parametrize(
    ("way", "behaviour"),
    others_in_soak(product(["frames", "instrument"], [Behaviour.UNREACHED, Behaviour.DOWN])),
)
def test_a_gen2_that_is_not_reached_was_asked_for_nothing_however_often(
    gen2: FakeGen2, desk: Desk, answers: Path, way: str, behaviour: Behaviour
):
    by_file = asking(gen2, answers, 2)
    authority = by_file if way == "instrument" else replace(direct(answers), timeout_s=2)
    gen2.behaviour = behaviour
    for _ in range(2):
        with pytest.raises(FrameIdsUnavailable):
            desk.ledger.reserve(NIGHT, NAMES, authority)
    assert gen2.asked == []


def test_the_second_silent_grant_holds_and_says_how_many_ids_may_be_lost(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.SILENT
    with pytest.raises(FrameIdsUnavailable):
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    with pytest.raises(FrameIdConflict, match="up to 6 frame IDs are lost") as held:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    assert held.value.code == "gen2_silent"
    # An answer ends the count.
    gen2.behaviour = Behaviour.PROMPT
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    gen2.behaviour = Behaviour.SILENT
    with pytest.raises(FrameIdsUnavailable):
        desk.ledger.reserve(LATER, NAMES, asking(gen2, answers, 4))
