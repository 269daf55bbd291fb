"""The mail of a morning: the verdict on the night in five lines, with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, tzinfo
from textwrap import fill

from vampd.model.alarm.telling import Told
from vampd.model.alarm.trouble import Trouble, typed_name
from vampd.model.delivery import Correspondence
from vampd.model.escapes import show
from vampd.model.nights import NightId, NightRecord, Status
from vampd.model.size import format_size
from vampd.model.standing import (
    NO_MAIL,
    describe_quality,
    is_passed_over,
    is_unmailed,
    sum_up_mail,
)
from vampd.model.words import format_minute

# The way, on record, and what is told by it.
MORNING = "morning"
_WIDTH, _LABEL = 76, 9
_NIGHTS, _PERSONS = 4, 4
_DAY_S, _LONGEST_S = 86_400.0, 7 * 86_400.0
# A mail that is on record for later than this from now was sent by a clock that was wrong.
_SLACK_S = 3600.0


def due_morning(now: float, at: time, zone: tzinfo | None, told: Sequence[Told]) -> str | None:
    """The local date whose mail is to be sent now; None if it is too early, or was sent.

    ``zone`` None is that of this machine. A mail that was missed is sent until the day ends.
    """
    local = datetime.fromtimestamp(now, UTC).astimezone(zone)
    date = f"{local:%Y-%m-%d}"
    was_sent = any(one.subject == date and one.at <= now + _SLACK_S for one in told)
    return None if was_sent or local.time() < at else date


def morning_since(now: float, told: Sequence[Told]) -> float:
    """From when on a night counts as last night's: the last mail, or a day ago; a week at most."""
    last = max((one.at for one in told if one.at < now), default=now - _DAY_S)
    return max(min(last, now - _DAY_S), now - _LONGEST_S)


def write_morning(
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    troubles: Sequence[Trouble],
    *,
    since: float,
    now: float,
    host: str,
) -> tuple[str, str] | None:
    """Subject and body; None without a night since then, unless something needs a person."""
    watched = [record for record in records if not is_passed_over(record)]
    nights = [r for r in reversed(watched) if max(r.changed_at, r.discovered_at) >= since]
    if not nights and not troubles:
        return None
    unmailed = [r for r in watched if is_unmailed(r, correspondence.get(r.night, NO_MAIL))]
    dates = Counter(record.night.date for record in records)
    lines = {
        "Night": _verdicts(nights, correspondence),
        "Frames": _frames(nights),
        "Mail": _mail(unmailed),
        "Person": _persons(troubles),
        "To do": _to_do(troubles, unmailed, nights, dates),
    }
    body = "\n".join(
        fill(
            f"{f'{label}:':{_LABEL}}{show(text)}",
            _WIDTH,
            subsequent_indent=" " * _LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, text in lines.items()
    )
    last = f"{format_minute(now)} UT, vampd on {show(host)}; `vampctl status` shows all nights."
    return show(f"vampd: {_subject(nights, troubles)}"), f"{body}\n\n{fill(last, _WIDTH)}\n"


def _subject(nights: Sequence[NightRecord], troubles: Sequence[Trouble]) -> str:
    first = f"{_title(nights[0])} {_state(nights[0])}" if nights else "no night"
    more = f" and {len(nights) - 1} more" if len(nights) > 1 else ""
    subjects = {trouble.subject for trouble in troubles}
    calls = ""
    if subjects:
        calls = f"; {len(subjects)} need{'s' if len(subjects) == 1 else ''} a person"
    return f"{first}{more}{calls}"


def _title(record: NightRecord) -> str:
    return f"{record.night.date} {record.night.kind}"


def _state(record: NightRecord) -> str:
    stage = record.state.stage
    match record.state.status:
        case Status.DONE:
            return "done, safe" if record.safe_at is not None else "done, NOT safe"
        case Status.HELD:
            return f"held at {stage} ({record.code or 'held'})"
        case Status.WAITING:
            return f"waits at {stage} ({record.code or record.note_code or 'failed'})"
        case Status.RUNNING:
            part = "" if record.done_part is None else f", {record.done_part:.0%}"
            return f"running at {stage}{part}"
        case Status.READY:
            return f"ready for {stage}"
        case _:
            return "not complete yet"


def _verdicts(
    nights: Sequence[NightRecord], correspondence: Mapping[NightId, Correspondence]
) -> str:
    said = []
    for record in nights[:_NIGHTS]:
        mail = sum_up_mail(record, correspondence.get(record.night, NO_MAIL))
        unexpected = f"unexpected: {record.verdict}" if record.verdict else ""
        parts = [f"{_title(record)} {_state(record)}", unexpected, mail]
        said.append(", ".join(part for part in parts if part))
    return _joined(said, len(nights) - _NIGHTS) or "none since the last mail"


def _frames(nights: Sequence[NightRecord]) -> str:
    counted = [record for record in nights if record.frames]
    said = []
    for record in counted[:_NIGHTS]:
        name = f"{_title(record)} " if len(counted) > 1 else ""
        quality = describe_quality(record).removeprefix("-")
        products = f", {record.products:,} products" if record.products else ""
        aside = f", {quality}" if quality else ""
        said.append(f"{name}{record.frames:,} in {format_size(record.bytes)}{products}{aside}")
    return _joined(said, len(counted) - _NIGHTS) or "none"


def _mail(unmailed: Sequence[NightRecord]) -> str:
    dates = [record.night.date for record in reversed(unmailed)]
    if not dates:
        return "nothing to announce to STARS"
    return f"to be announced to STARS: {_listed(dates, _NIGHTS)}"


def _persons(troubles: Sequence[Trouble]) -> str:
    said = [f"{trouble.title} {trouble.what} ({trouble.code})" for trouble in troubles]
    return _joined(said[:_PERSONS], len(said) - _PERSONS) or "nothing needs one"


def _to_do(
    troubles: Sequence[Trouble],
    unmailed: Sequence[NightRecord],
    nights: Sequence[NightRecord],
    dates: Mapping[str, int],
) -> str:
    if troubles:
        return troubles[0].advice
    if unmailed:
        date = unmailed[-1].night.date
        return f"`vampctl mail {date}` shows the mail to STARS; --send sends it."
    look = typed_name(nights[0].night, dates[nights[0].night.date])
    return f"nothing; `vampctl summary {look}` shows the night."


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _joined(said: Sequence[str], left: int) -> str:
    more = [f"and {left:,} more"] if left > 0 else []
    return "; ".join([*said, *more])
