"""One night: all that the database knows of it, as its template shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.cli.explanations import find_explanation
from vampd.cli.look.advice import advise
from vampd.cli.look.log import journal_query
from vampd.cli.look.night_facts import tell_facts
from vampd.cli.look.why import last_trouble
from vampd.cli.shared.words import count_of, format_duration, format_moment, format_size, one_line
from vampd.model.delivery import Correspondence
from vampd.model.nights import (
    EventRecord,
    NightId,
    NightRecord,
    Ready,
    Wait,
    WaitCode,
    name_commands,
    stages_of,
)
from vampd.store.fast_page import ProductProof
from vampd.web.asked import night_name
from vampd.web.pages.attempts import Attempt, find_attempts
from vampd.web.pages.flow import Flow, make_flow
from vampd.web.pages.night_line import NightLine, night_line
from vampd.web.pages.timeline import Timeline, draw_timeline
from vampd.web.sight import Sight

PRODUCTS_A_PAGE = 200
_EVENTS = 200
_SHORT_DIGEST = 12
_UNIT_OF_TIME_S = 10.0


@dataclass(frozen=True)
class Trouble:
    """The last failure or hold: when and where, the message in full, and what its code means."""

    code: str
    is_resolved: bool
    where: str
    lines: tuple[str, ...]
    cause: str
    cure: str


@dataclass(frozen=True)
class AttemptLine:
    """An attempt in the table below the timeline."""

    attempt: Attempt
    took: str


@dataclass(frozen=True)
class ProductLine:
    """A product's line: whether what was read here and at the archive is what was packed."""

    path: str
    size: str
    sha256: str
    short: str
    packed_at: float
    here: str
    here_at: float | None
    archive: str
    archive_at: float | None
    style: str


@dataclass(frozen=True)
class MailLine:
    """A mailing or an acknowledgement of a night's manifest."""

    at: float
    what: str
    by: str
    words: str


@dataclass(frozen=True)
class EventLine:
    """An event in the history."""

    at: float
    event: str
    stage: str
    attempt: int
    actor: str
    message: str


@dataclass(frozen=True)
class NightPage:
    """What the page of a night shows."""

    line: NightLine
    facts: tuple[tuple[str, str], ...]
    trouble: Trouble | None
    advice: tuple[dict[str, str], ...]
    timeline: Timeline | None
    attempts: tuple[AttemptLine, ...]
    flow: Flow
    products: tuple[ProductLine, ...]
    products_sum: str
    products_shown: str
    page: int
    pages: int
    mail: tuple[MailLine, ...]
    events: tuple[EventLine, ...]
    older_events: int
    journal: str
    earlier: str | None
    later: str | None


def make_night_page(
    sight: Sight, night: NightId, page: int, now: float, most: int = PRODUCTS_A_PAGE
) -> NightPage:
    """The page of a night at a time, with one page of its products, so many at most."""
    of_date = sight.of_dates({night.date})
    (record,) = (one for one in of_date if one.night == night)
    mail, events = sight.of(night), sight.history(night)
    attempts = tuple(find_attempts(events))
    products = sight.products(night)
    pages = max(-(-len(products) // most), 1)
    page = min(page, pages)
    first = (page - 1) * most
    shown = products[first : first + most]
    nights = [one.night for one in sight.standings if not one.is_passed_over or one.night == night]
    position = nights.index(night)
    return NightPage(
        line=night_line(record, now, mail),
        facts=tell_facts(record, now, mail),
        trouble=_trouble(record, events, now),
        advice=tuple(advise(record, _judged(record), of_date, mail)),
        timeline=draw_timeline(attempts, [str(stage) for stage in stages_of(night.kind)], now),
        attempts=tuple(_attempt_line(one, now) for one in attempts[::-1]),
        flow=make_flow(record),
        products=tuple(map(_product_line, shown)),
        products_sum=_sum_up(products),
        products_shown=f"{first + 1:,} to {first + len(shown):,} of {len(products):,}",
        page=page,
        pages=pages,
        mail=tuple(_mail_lines(night, mail)),
        events=tuple(map(_event_line, events[: -_EVENTS - 1 : -1])),
        older_events=max(len(events) - _EVENTS, 0),
        journal=" ".join(journal_query(record, night.kind if len(of_date) > 1 else None)),
        earlier=night_name(nights[position - 1]) if position else None,
        later=night_name(nights[position + 1]) if position + 1 < len(nights) else None,
    )


def _judged(record: NightRecord) -> Ready | Wait:
    """What the night waits for, as vampd has noted it."""
    if record.note_code not in set(WaitCode):
        return Ready()
    return Wait(WaitCode(record.note_code), record.note or "")


def _trouble(record: NightRecord, events: Sequence[EventRecord], now: float) -> Trouble | None:
    event = last_trouble(events)
    if event is None:
        return None
    code = event.code or ""
    when = format_moment(event.at, now)
    known = find_explanation(code)
    return Trouble(
        code or "no code",
        record.code is None,
        f"at {event.stage}, attempt {event.attempt}, {when}, by {event.actor}",
        tuple((event.message or "without a message").split("\n")),
        known.cause if known else "",
        name_commands(known.cure, record.night.date) if known else "",
    )


def _attempt_line(attempt: Attempt, now: float) -> AttemptLine:
    took_s = (now if attempt.ended is None else attempt.ended) - attempt.began
    exact = f"{max(took_s, 0):.1f} s" if took_s < _UNIT_OF_TIME_S else format_duration(took_s)
    return AttemptLine(attempt, exact)


def _product_line(one: ProductProof) -> ProductLine:
    here = _compare(one.here_sha256, one.sha256)
    archive = _compare(one.archive_sha256, one.sha256)
    differs = "differs" in (here, archive)
    style = "bad" if differs else "good" if archive == "same" else "plain"
    return ProductLine(
        path=one.path,
        size=format_size(one.size),
        sha256=one.sha256,
        short=one.sha256[:_SHORT_DIGEST],
        packed_at=one.packed_at,
        here=here,
        here_at=one.here_at,
        archive=archive,
        archive_at=one.archive_at,
        style=style,
    )


def _compare(read: str | None, packed: str) -> str:
    if read is None:
        return "not read"
    return "same" if read == packed else "differs"


def _sum_up(products: Sequence[ProductProof]) -> str:
    if not products:
        return ""
    size = format_size(sum(one.size for one in products))
    proven = sum(one.archive_sha256 == one.sha256 for one in products)
    return f"{count_of(len(products), 'file')}, {size}; {proven:,} proven at the archive"


def _mail_lines(night: NightId, mail: Correspondence) -> list[MailLine]:
    lines = [
        MailLine(
            mailing.at,
            f"{manifest.name} {mailing.outcome}",
            f"{mailing.actor}, {mailing.way}",
            "; ".join(filter(None, (f"to {', '.join(mailing.recipients)}", mailing.detail))),
        )
        for mailing in mail.mailings
        for manifest in mailing.manifests
        if manifest.night == night
    ]
    lines += [
        MailLine(one.at, f"{one.manifest.name} acknowledged", one.actor, "STARS has ingested it")
        for one in mail.acknowledged
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _event_line(event: EventRecord) -> EventLine:
    text = ": ".join(one_line(part) for part in (event.code, event.message) if part)
    back = "" if event.to_stage is None else f"back to {event.to_stage}"
    return EventLine(
        event.at,
        str(event.event),
        str(event.stage),
        event.attempt,
        event.actor,
        "; ".join(filter(None, (back, text))),
    )
