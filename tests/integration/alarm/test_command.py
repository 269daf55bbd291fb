"""A command is told by its input and environment alone, in time, and can harm nobody."""

import threading
import time
from pathlib import Path

import pytest

from tests.integration.alarm.telling_programs import calls, make_teller
from vampd.adapters.alarm.command import HeartbeatCommand, TellingCommand
from vampd.errors import ConfigError, TransientError
from vampd.model.alarm import AlarmMessage, AlarmState

HOSTILE = "--help $(touch x) `touch y`; touch z | \"' \\ %s"
MESSAGE = AlarmMessage("held", f"vampd: {HOSTILE}", f"{HOSTILE}\nmore\n", ("20251106-archive",))


def command(*words: object, within_s: float = 20.0) -> TellingCommand:
    return TellingCommand(
        "tell", tuple(AlarmState), [str(word) for word in words], within_s, threading.Event()
    )


def test_the_words_are_those_of_the_settings_and_the_text_is_beside_them(tmp_path: Path) -> None:
    program = make_teller(tmp_path)
    command(program, "-b", "$HOME", "a b", "*").tell(MESSAGE)
    (call,) = calls(tmp_path)
    assert call["words"] == "-b\n$HOME\na b\n*\n"
    assert call["input"] == f"vampd: {HOSTILE}\n\n{HOSTILE}\nmore\n"
    assert call["SUBJECT"] == MESSAGE.subject
    assert call["BODY"] == MESSAGE.body
    assert (call["STATE"], call["ABOUT"]) == ("held", "20251106-archive")
    assert {path.name for path in tmp_path.iterdir()} == {"tell", "call0"}


def test_no_program_is_found_by_way_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_teller(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:/usr/bin:/bin")
    with pytest.raises(ConfigError, match="tell is not installed"):
        command("tell").tell(MESSAGE)
    assert calls(tmp_path) == []


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="ended with 3: the service is away"):
        command(make_teller(tmp_path, status=3)).tell(MESSAGE)


@pytest.mark.parametrize(
    "then", ["sleep 60", "while true; do echo more; done", "trap '' TERM; cat"]
)
def test_a_command_that_does_not_end_is_ended_whatever_it_does(tmp_path: Path, then: str) -> None:
    program = make_teller(tmp_path, then=then)
    began = time.monotonic()
    if then.endswith("cat"):
        command(program).tell(MESSAGE)  # its input ends
        return
    with pytest.raises(TransientError, match=r"it took more than 0\.5 s"):
        command(program, within_s=0.5).tell(MESSAGE)
    assert time.monotonic() - began < 20


def test_what_a_command_writes_is_dropped(tmp_path: Path) -> None:
    command(make_teller(tmp_path, then="yes | head -c 50000000")).tell(MESSAGE)


def test_a_vampd_that_stops_does_not_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    way = TellingCommand(
        "tell", tuple(AlarmState), [str(make_teller(tmp_path, then="sleep 60"))], 60.0, stop
    )
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(TransientError, match="vampd is stopping"):
        way.tell(MESSAGE)
    assert time.monotonic() - began < 20


def test_a_heartbeat_by_command_gets_its_signal(tmp_path: Path) -> None:
    beating = HeartbeatCommand([str(make_teller(tmp_path))], 20.0, threading.Event())
    beating.beat("fail", "stands still")
    (call,) = calls(tmp_path)
    assert (call["SIGNAL"], call["input"]) == ("fail", "stands still")
