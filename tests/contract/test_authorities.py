"""Authorities that are asked through a program: what they answer is kept and never trusted."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders.ledger_lines import fields_of, granted_ids
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
    kept,
)
from vampd.adapters.authorities import (
    CommandAuthority,
    Gen2Authority,
)
from vampd.config import Authority
from vampd.disk.pace import SteadyPace
from vampd.errors import ClaimLost, ConfigError, FrameIdConflict, FrameIdsUnavailable
from vampd.model.frame_ids import FrameId, NumberRange, named_ids


@pytest.mark.parametrize("last_newline", [True, False])
@pytest.mark.parametrize("behaviour", [Behaviour.PROMPT, Behaviour.SLOW, Behaviour.IN_PARTS])
def test_ids_of_gen2_are_bound_in_order_and_its_answer_is_kept_byte_for_byte(
    gen2: FakeGen2, desk: Desk, answers: Path, behaviour: Behaviour, last_newline: bool
):
    gen2.behaviour, gen2.last_newline = behaviour, last_newline
    gen2.write(["VMPA00424999", "VMPA00425000"])  # what somebody was granted before
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert desk.ids() == {"c": 425_001, "a": 425_002, "b": 425_003}
    assert desk.unused() == []
    assert kept(answers) == [gen2.written]
    assert gen2.asked == [
        [
            "VAMPIRES",
            [[["gen2"]]],
            "executeCmd",
            ["VAMPIRES", "foo", "get_frames", "A", {"num": 3}],
        ],
    ]


def test_the_hosts_of_the_name_service_are_passed_on(gen2: FakeGen2, tmp_path: Path):
    hosts = ("one", "two")
    Gen2Authority(
        tmp_path / "kept",
        gen2.answer,
        PATIENCE_S,
        SteadyPace(),
        hosts=hosts,
        still_s=0.1,
        owner=WRITER,
    ).grant(1, None)
    assert gen2.asked[0][1] == [[["one", "two"]]]


@pytest.mark.parametrize(
    ("behaviour", "recorded"),
    [
        (Behaviour.SHORT, [425_001, 425_002]),
        (Behaviour.LONG, [425_001, 425_002, 425_003, 425_004]),
        (Behaviour.REPEATED, [425_001, 425_002]),
        (Behaviour.FALLING, [425_001, 425_002, 425_003]),
        (Behaviour.WITH_A_GAP, [425_001, 425_002, 425_004]),
        (Behaviour.GARBAGE, []),
        (Behaviour.HALF_WRITTEN, [425_001, 425_002]),
    ],
)
def test_a_grant_that_is_not_right_is_refused_whole_and_all_of_it_is_on_record(
    gen2: FakeGen2, desk: Desk, answers: Path, behaviour: Behaviour, recorded: list[int]
):
    gen2.behaviour = behaviour
    with pytest.raises(FrameIdConflict) as refusal:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    assert refusal.value.code == "grant_refused"
    assert desk.ids() == {}
    assert desk.unused() == recorded
    assert kept(answers) == [gen2.written]
    assert [fields[0] for fields in fields_of(desk.file)][:2] == ["requested", "refused"]
    gen2.behaviour = Behaviour.PROMPT
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert list(desk.ids().values()) == [gen2.next - 3, gen2.next - 2, gen2.next - 1]
    assert desk.unused() == recorded


@pytest.mark.parametrize("behaviour", [Behaviour.SILENT, Behaviour.TOUCHING])
def test_an_old_answer_is_never_taken_for_a_new_one(
    gen2: FakeGen2, desk: Desk, answers: Path, behaviour: Behaviour
):
    gen2.write(["VMPA00424998", "VMPA00424999", "VMPA00425000"])
    gen2.behaviour = behaviour
    with pytest.raises(FrameIdsUnavailable) as error:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    assert error.value.code == "gen2_silent"
    assert (desk.ids(), desk.unused(), kept(answers)) == ({}, [], [])
    assert [fields[0] for fields in fields_of(desk.file)] == ["requested"]


def test_a_call_that_hangs_is_ended_within_its_limit(gen2: FakeGen2, desk: Desk, answers: Path):
    gen2.behaviour = Behaviour.HANGING
    started = time.monotonic()
    with pytest.raises(FrameIdsUnavailable) as error:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    assert error.value.code == "gen2_silent"
    assert time.monotonic() - started < 15
    assert desk.ids() == {}


def test_a_gen2_that_is_down_is_reported_in_its_own_words(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour = Behaviour.DOWN
    with pytest.raises(FrameIdsUnavailable, match="VAMPIRES is not registered") as error:
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert error.value.code == "gen2_call_failed"


def test_without_the_package_the_configuration_is_wrong(tmp_path: Path):
    with pytest.raises(ConfigError, match="g2base") as error:
        Gen2Authority(tmp_path / "kept", tmp_path / "answer", PATIENCE_S, SteadyPace()).grant(
            1, None
        )
    assert error.value.code == "g2base_missing"


def test_an_answer_that_comes_too_late_stays_unused_and_is_listed(
    gen2: FakeGen2, desk: Desk, answers: Path
):
    gen2.behaviour, gen2.delay_s = Behaviour.SLOW, 7.0
    with pytest.raises(FrameIdsUnavailable):
        desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers, 4))
    gen2.wait_for_late()
    gen2.behaviour = Behaviour.PROMPT
    desk.ledger.reserve(LATER, ["d"], asking(gen2, answers))
    assert desk.unused() == [425_001, 425_002, 425_003]
    assert [one.night for one in desk.ledger.unused()] == [NIGHT] * 3
    assert desk.ids(LATER) == {"d": 425_004}


def test_a_daemon_that_is_to_end_does_not_wait_for_gen2(gen2: FakeGen2, tmp_path: Path):
    @dataclass
    class Stopping:
        stopped: bool = False
        paused: bool = True  # the cameras write: no reason to keep Gen2 waiting

        def check(self) -> None:
            raise AssertionError("a call is never paused")

    for behaviour in (Behaviour.SILENT, Behaviour.HANGING):
        pace = Stopping()
        gen2.behaviour = behaviour
        timer = threading.Timer(1.0, lambda pace=pace: setattr(pace, "stopped", True))
        timer.start()
        started = time.monotonic()
        with pytest.raises(ClaimLost):
            Gen2Authority(
                tmp_path / behaviour, gen2.answer, 60, pace, hosts=HOSTS, owner=WRITER
            ).grant(1, None)
        assert time.monotonic() - started < 20
        timer.join()


BEFORE_THE_CALL = ("answers.asked.remembered", "ledger.requested.committed")
AFTER_THE_GRANT = (
    "gen2.call.ended",
    "answers.answer.copied",
    "ledger.granted.received",
)
FIRST = ("ledger.requested.committed", "answers.answer.copied", "ledger.granted.appended")
ON_RECORD = ("ledger.granted.appended", "ledger.granted.committed", "ledger.bound.appended")


@pytest.mark.parametrize(
    "deadly",
    others_in_soak(
        sorted([*BEFORE_THE_CALL, *AFTER_THE_GRANT, *ON_RECORD], key=lambda one: one not in FIRST),
        few=len(FIRST),
    ),
)
def test_a_crash_around_the_grant_loses_no_id_and_uses_none_twice(
    gen2: FakeGen2, desk: Desk, answers: Path, deadly: str
):
    assert was_killed(run_script(ASK, desk.folder, gen2.answer, WRITER, failpoint=deadly))
    given = [int(text[4:]) for text in gen2.given]
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    if deadly in ON_RECORD:
        assert list(desk.ids().values()) == given
        assert desk.unused() == []
    else:
        # Nobody can tell any more whether they were meant for us: listed, never used.
        assert desk.unused() == given
        assert list(desk.ids().values()) == [gen2.next - 3, gen2.next - 2, gen2.next - 1]
    assert sorted(granted_ids(desk.file)) == gen2.given


@pytest.mark.parametrize(
    "deadly", ["command.call.ended", "answers.answer.copied", "ledger.granted.received"]
)
def test_what_a_command_printed_to_a_vampd_that_died_is_listed(
    desk: Desk, answers: Path, deadly: str
):
    script = counting(desk.folder)
    assert was_killed(run_script(ASK, desk.folder, script, failpoint=deadly))
    authority = CommandAuthority(answers, (str(script),), PATIENCE_S, SteadyPace())
    desk.ledger.reserve(NIGHT, NAMES, authority)
    assert desk.unused() == [1, 2, 3]
    assert list(desk.ids().values()) == [4, 5, 6]


@pytest.mark.parametrize("deadly", ["ledger.strays.appended", "ledger.strays.committed"])
def test_a_crash_while_leftovers_are_kept_keeps_them_once(
    gen2: FakeGen2, desk: Desk, answers: Path, deadly: str
):
    for name in ("gen2.call.ended", "answers.leftover.copied", deadly):
        assert was_killed(run_script(ASK, desk.folder, gen2.answer, WRITER, failpoint=name)), name
    desk.ledger.reserve(NIGHT, NAMES, asking(gen2, answers))
    assert desk.unused() == [425_001, 425_002, 425_003]
    assert list(desk.ids().values()) == [425_004, 425_005, 425_006]
    assert len(granted_ids(desk.file)) == 6


def counting(folder: Path, tail: str = "") -> Path:
    """A program that prints N numbers more at every call."""
    script = folder / "grant"
    script.write_text(
        "#!/bin/sh\n"
        f"last=$(cat {folder}/last 2>/dev/null || echo 0)\n"
        f"echo $((last + $1)) > {folder}/last\n"
        "for each in $(seq $((last + 1)) $((last + $1))); do printf 'VMPA%08d\\n' $each; done\n"
        + tail
    )
    script.chmod(0o755)
    return script


def test_a_command_gets_the_number_last_and_prints_the_ids(desk: Desk, tmp_path: Path):
    script = counting(desk.folder)
    script.write_text(script.read_text().replace("$1", "$3"))
    command = (str(script), "--for", "it's VMP; $(false)")
    authority = CommandAuthority(tmp_path / "kept", command, PATIENCE_S, SteadyPace())
    desk.ledger.reserve(NIGHT, NAMES, authority)
    assert desk.ids() == {"c": 1, "a": 2, "b": 3}
    assert kept(tmp_path / "kept") == [b"VMPA00000001\nVMPA00000002\nVMPA00000003\n"]


@pytest.mark.parametrize(
    ("tail", "code", "recorded"),
    [
        ("echo sorry >&2; exit 3\n", "command_failed", [1, 2, 3]),
        ("sleep 60\n", "program_silent", [1, 2, 3]),
    ],
)
def test_a_command_that_fails_grants_nothing_and_what_it_printed_is_on_record(
    desk: Desk, tmp_path: Path, tail: str, code: str, recorded: list[int]
):
    command = (str(counting(desk.folder, tail)),)
    with pytest.raises(FrameIdsUnavailable) as error:
        desk.ledger.reserve(
            NIGHT, NAMES, CommandAuthority(tmp_path / "kept", command, 2, SteadyPace())
        )
    assert error.value.code == code
    assert desk.ids() == {}
    assert desk.unused() == recorded


@pytest.mark.parametrize("command", [("true",), ("false",), ("no-such-program-here",)])
def test_a_command_without_an_answer_grants_nothing(
    desk: Desk, tmp_path: Path, command: tuple[str, ...]
):
    with pytest.raises(FrameIdsUnavailable):
        desk.ledger.reserve(
            NIGHT, NAMES, CommandAuthority(tmp_path / "kept", command, PATIENCE_S, SteadyPace())
        )
    assert (desk.ids(), desk.unused()) == ({}, [])


@pytest.mark.parametrize(
    "make",
    [
        lambda gen2, folder: Gen2Authority(
            folder,
            gen2.answer,
            PATIENCE_S,
            SteadyPace(),
            NumberRange.SIMULATED,
            HOSTS,
            still_s=0.1,
            owner=WRITER,
        ),
        lambda gen2, folder: CommandAuthority(
            folder, (str(counting(folder.parent)),), PATIENCE_S, SteadyPace(), NumberRange.SIMULATED
        ),
    ],
    ids=list(Authority)[2:],
)
def test_numbers_of_another_range_than_was_configured_are_refused(
    gen2: FakeGen2, desk: Desk, tmp_path: Path, make: Callable
):
    with pytest.raises(FrameIdConflict, match="raw, not simulated"):
        desk.ledger.reserve(NIGHT, ["a"], make(gen2, tmp_path / "kept"))
    assert len(desk.unused()) == 1


def test_an_answer_that_is_no_file_is_reported(tmp_path: Path):
    (tmp_path / "answer").mkdir()
    with pytest.raises(FrameIdsUnavailable) as error:
        Gen2Authority(tmp_path / "kept", tmp_path / "answer", 1, SteadyPace()).grant(1, None)
    assert error.value.code == "answer_unreadable"


def test_strays_are_what_every_call_was_answered(gen2: FakeGen2, tmp_path: Path):
    authority = asking(gen2, tmp_path / "kept")
    assert list(authority.strays()) == []
    granted = [*authority.grant(2, None), *authority.grant(1, None)]
    assert list(authority.strays()) == granted
    assert named_ids(granted) == (FrameId(425_001), FrameId(425_002), FrameId(425_003))
