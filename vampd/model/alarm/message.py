"""The messages of the alarm: a subject and a text in plain lines, whoever carries them.

They have room in what a phone shows: ntfy takes 4,096 bytes, healthchecks 10,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

from vampd.model.alarm.telling import Told
from vampd.model.alarm.trouble import AlarmState, Trouble
from vampd.model.escapes import show, show_lines
from vampd.model.words import count_of, format_minute

_WIDTH = 76
_LISTED, _LONGEST_REASON, _SHORTEST_REASON = 8, 1200, 160
_LONGEST_SUBJECT, _MOST_BYTES = 120, 3500
_REPEATED = "This is told once, again after a day, and when it is over."
_ADVICE = "`vampctl status --problems` lists all, `vampctl why NIGHT` shows what you can do."
# Where its code says more than the words.
_SUBJECTS = {
    AlarmState.HELD: "{0.title} {0.what}: {0.code}",
    AlarmState.PROBLEM: "{0.title} needs a person: {0.code}",
}
_HEADINGS = {
    AlarmState.HELD: "held",
    AlarmState.UNSAFE: "NOT safe",
    AlarmState.DISK_LOW: "low on space",
    AlarmState.PROBLEM: "in need of a look",
    AlarmState.RECOVERED: "over",
}


@dataclass(frozen=True)
class AlarmMessage:
    """One message of one state; ``subjects`` and ``codes`` are those that it is about."""

    state: str
    subject: str
    body: str
    subjects: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, as a program reads it on its standard input."""
        return f"{self.subject}\n\n{self.body}"


def environment_of(message: AlarmMessage) -> dict[str, str]:
    """What a command is given beside the text; lists are separated by blanks."""
    return {
        "VAMPD_STATE": message.state,
        "VAMPD_SUBJECT": message.subject,
        "VAMPD_BODY": message.body,
        "VAMPD_ABOUT": " ".join(message.subjects),
        "VAMPD_CODES": " ".join(message.codes),
    }


def tell_troubles(troubles: Sequence[Trouble], host: str) -> Iterator[AlarmMessage]:
    """One message for each state of what is wrong."""
    for state in AlarmState:
        if these := [trouble for trouble in troubles if trouble.state is state]:
            yield _tell(state, these, host)


def _tell(state: AlarmState, troubles: Sequence[Trouble], host: str) -> AlarmMessage:
    if len(troubles) == 1:
        (one,) = troubles
        subject = _SUBJECTS.get(state, "{0.title} {0.what}").format(one)
        reason = _cut(one.reason, _LONGEST_REASON)
        parts = [f"{one.title} {one.what}: {reason}", one.advice, _REPEATED]
    else:
        of = "place" if state is AlarmState.DISK_LOW else "night"
        subject = f"{count_of(len(troubles), of)} {_HEADINGS[state]}"
        listed = [
            f"{one.title} {one.what}: {_cut(one.reason, _SHORTEST_REASON)}"
            for one in troubles[:_LISTED]
        ]
        left = len(troubles) - _LISTED
        more = [f"And {left:,} more."] if left > 0 else []
        advice = troubles[0].advice if state is AlarmState.DISK_LOW else _ADVICE
        parts = [f"{subject}:", *listed, *more, advice, _REPEATED]
    return _message(state, subject, parts, host, [one.subject for one in troubles], troubles)


def tell_over(over: Sequence[Told], host: str) -> Iterator[AlarmMessage]:
    """One message for all that is over, none for nothing."""
    if not over:
        return
    subjects = tuple(dict.fromkeys(one.subject for one in over))
    listed = [
        f"{one.subject}: {one.state} ({one.code}), told {format_minute(one.at)} UT"
        for one in over[:_LISTED]
    ]
    left = len(over) - _LISTED
    more = [f"And {left:,} more."] if left > 0 else []
    named = subjects[0] if len(subjects) == 1 else f"{len(subjects):,} troubles"
    parts = ["What was told before is over:", *listed, *more, "`vampctl status` shows all nights."]
    yield _message(AlarmState.RECOVERED, f"{named}: over", parts, host, subjects, over)


def tell_test(host: str) -> AlarmMessage:
    """What `vampctl alarm --test` sends."""
    parts = ["This is a test of the alarm: somebody ran `vampctl alarm --test`. Nothing is wrong."]
    return _message("test", "a test of the alarm", parts, host, (), ())


def _message(
    state: str,
    subject: str,
    parts: Sequence[str],
    host: str,
    subjects: Sequence[str],
    about: Sequence[Trouble | Told],
) -> AlarmMessage:
    body = "\n\n".join(
        # One that is shown as text before it is wrapped has no line that it did not get here.
        fill(show(part), _WIDTH, break_long_words=False, break_on_hyphens=False)
        for part in (*parts, f"vampd on {host}")
        if part
    )
    return AlarmMessage(
        str(state),
        _cut(show(f"vampd: {subject}"), _LONGEST_SUBJECT),
        _fit(show_lines(body)) + "\n",
        tuple(show(one) for one in subjects[:_LISTED]),
        tuple(dict.fromkeys(show(one.code) for one in about[:_LISTED])),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def _fit(body: str) -> str:
    octets = body.encode()
    if len(octets) <= _MOST_BYTES:
        return body
    return f"{octets[:_MOST_BYTES].decode(errors='ignore').rstrip()}..."
