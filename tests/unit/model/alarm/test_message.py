"""Messages are plain lines that fit a terminal, a phone and a mail, whatever was told to them."""

from dataclasses import replace

import pytest

from tests.unit.model.alarm.records import GIVEN_UP, HELD, NOW, UNSAFE, night
from vampd.model.alarm import (
    AlarmMessage,
    AlarmState,
    LowPlace,
    Told,
    environment_of,
    find_troubles,
    tell_over,
    tell_test,
    tell_troubles,
)
from vampd.model.nights import NightRecord, Status

HOSTILE = "a\r\nBcc: b@x\n\x1b[2J\u202e\0`$(reboot)` --help"


def only(*records: NightRecord) -> AlarmMessage:
    (message,) = tell_troubles(find_troubles(records, {}), "scexao5")
    return message


def test_a_held_night_is_told_in_full() -> None:
    message = only(HELD)
    assert message.text == (
        "vampd: 20251106 archive is held at headers: card_missing\n"
        "\n"
        "20251106 archive is held at headers: card_missing: 3 cubes lack EXPTIME,\n"
        "which headers.required names; release the night, or add the card\n"
        "\n"
        "`vampctl why 20251106` shows what you can do.\n"
        "\n"
        "This is told once, again after a day, and when it is over.\n"
        "\n"
        "vampd on scexao5\n"
    )
    assert (message.state, message.subjects) == ("held", ("20251106-archive",))
    assert message.codes == ("card_missing",)


def test_what_a_person_can_do_about_a_night_that_was_given_up_on() -> None:
    body = only(GIVEN_UP).body.replace("\n", " ")
    for part in ("failed 1 times at sync", "mode 600", "still tried", "vampctl release 20251104"):
        assert part in body


def test_each_state_has_a_message_of_its_own() -> None:
    found = find_troubles([GIVEN_UP, UNSAFE, HELD], {}, [LowPlace("/data", 5)])
    assert [message.state for message in tell_troubles(found, "x")] == [
        "held",
        "unsafe",
        "disk_low",
        "problem",
    ]


def test_many_at_once_are_one_message_that_lists_some() -> None:
    dates = [f"202510{day:02}" for day in range(1, 31)]
    message = only(*(night(d, Status.HELD, code="bug", error="x " * 999) for d in dates))
    assert message.subject == "vampd: 30 nights held"
    assert message.body.count("is held at") == 8
    assert "And 22 more." in message.body
    assert len(message.text.encode()) < 4000


def test_what_is_over_is_one_message() -> None:
    told = [Told("mail", "held", f"2025110{n}-archive", "bug", NOW) for n in (6, 7)]
    (one,) = tell_over(told[:1], "x")
    assert one.subject == "vampd: 20251106-archive: over"
    assert "20251106-archive: held (bug), told 2025-11-08 00:00 UT" in one.body
    (both,) = tell_over(told, "x")
    assert (both.subject, both.state) == ("vampd: 2 troubles: over", AlarmState.RECOVERED)
    assert list(tell_over([], "x")) == []


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 500, "\udcff" * 9000, "x" * 9000])
def test_text_from_outside_stays_text(text: str) -> None:
    place = LowPlace(text, 5)
    record = replace(HELD, code=text, error=text)
    over = [Told("mail", "disk_low", text, text, NOW)]
    messages = [
        *tell_troubles(find_troubles([record], {}, [place]), text),
        *tell_over(over, text),
        tell_test(text),
    ]
    for message in messages:
        assert message.subject.startswith("vampd: ")
        assert message.subject.isprintable()
        assert len(message.subject) <= 120
        assert message.body.replace("\n", "").isprintable()
        assert not any(line.startswith("Bcc") for line in message.body.splitlines())
        assert len(message.body.encode()) <= 3510
        assert all(value.encode() and "\0" not in value for value in _values(message))


def _values(message: AlarmMessage) -> list[str]:
    return [value for value in environment_of(message).values() if value]


def test_a_command_is_given_the_parts_by_name() -> None:
    message = only(HELD)
    assert environment_of(message) == {
        "VAMPD_STATE": "held",
        "VAMPD_SUBJECT": message.subject,
        "VAMPD_BODY": message.body,
        "VAMPD_ABOUT": "20251106-archive",
        "VAMPD_CODES": "card_missing",
    }


def test_lines_fit_a_terminal() -> None:
    found = find_troubles([GIVEN_UP, UNSAFE, HELD], {}, [LowPlace("/data", 5)])
    for message in tell_troubles(found, "scexao5"):
        assert max(map(len, message.text.splitlines())) < 80
