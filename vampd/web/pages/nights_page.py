"""The table of nights: what is asked for of it, as its template shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from vampd.cli.look.night_notes import sum_up_counts, sum_up_left
from vampd.cli.shared.words import count_of
from vampd.cli.status.daemon_words import describe_life, format_rate, style_of_life
from vampd.model.life_sign import Life
from vampd.model.nights import Kind, Status
from vampd.web.asked import NIGHTS_A_PAGE, NightsAsked, Only
from vampd.web.pages.night_line import STYLES, NightLine, night_line
from vampd.web.sight import Sight
from vampd.web.standings import Standing, Standings

# So many are shown above the table; the rest is a click away.
_CALLED = 8


@dataclass(frozen=True)
class HostLine:
    """A host that packs for vampd: MB/s of raw in the last 10 minutes, and orders lost there."""

    name: str
    rate: str
    losses: int


@dataclass(frozen=True)
class NightsPage:
    """What the page of nights shows."""

    life: str
    life_style: str
    total: str
    left: str
    unreadable: tuple[str, ...]
    # What needs a person, and how many more such nights there are.
    called: tuple[NightLine, ...]
    more_called: int
    running: tuple[NightLine, ...]
    hosts: tuple[HostLine, ...]
    lines: tuple[NightLine, ...]
    shown: str
    newer: str | None
    older: str | None
    asked: NightsAsked
    kinds: tuple[str, ...] = tuple(Kind)
    onlys: tuple[str, ...] = tuple(Only)


def make_nights_page(
    sight: Sight,
    asked: NightsAsked,
    life: Life,
    now: float,
    link: Callable[[NightsAsked, int], str] | None = None,
) -> NightsPage:
    """The page of nights at a time, newest first; ``link`` is where another part of it lies."""
    link = link or address_of
    nights = sight.nights
    left = asked.choice.of(nights.left) if asked.leaves_out else ()
    listed = asked.choice.of(nights.known if asked.leaves_out else nights.all)
    first = (asked.page - 1) * NIGHTS_A_PAGE
    on_page = listed[::-1][first : first + NIGHTS_A_PAGE]
    called, running = nights.problem[::-1], nights.running[::-1]
    needed = [one.night for one in (*on_page, *called[:_CALLED], *running)]
    records = {record.night: record for record in sight.records(needed)}

    def lines(standings: Iterable[Standing]) -> tuple[NightLine, ...]:
        return tuple(night_line(records[one.night], now, sight.of(one.night)) for one in standings)

    return NightsPage(
        life=describe_life(life, now),
        life_style=STYLES[style_of_life(life)],
        total=_total(nights),
        left=_left(left) if left else "",
        unreadable=sight.unreadable,
        called=lines(called[:_CALLED]),
        more_called=max(len(called) - _CALLED, 0),
        running=lines(running),
        hosts=tuple(
            HostLine(name, format_rate(one.bytes_per_s), one.losses)
            for name, one in sorted(life.hosts.items())
        ),
        lines=lines(on_page),
        shown=_shown(first, len(on_page), len(listed)),
        newer=link(asked, asked.page - 1) if asked.page > 1 else None,
        older=link(asked, asked.page + 1) if first + NIGHTS_A_PAGE < len(listed) else None,
        asked=asked,
    )


def _total(nights: Standings) -> str:
    return sum_up_counts(
        len(nights.known), len(nights.held), len(nights.unsafe), len(nights.unmailed)
    )


def _left(left: Sequence[Standing]) -> str:
    legacy = sum(one.status is Status.LEGACY for one in left)
    dates = (left[0].night.date, left[-1].night.date)
    return sum_up_left(legacy, len(left) - legacy, *dates)


def _shown(first: int, shown: int, listed: int) -> str:
    if shown == listed:
        return count_of(listed, "night")
    if not shown:
        return f"no more of {count_of(listed, 'night')}"
    return f"nights {first + 1:,} to {first + shown:,} of {listed:,}"


def address_of(asked: NightsAsked, page: int = 1) -> str:
    """The query of a page of the same choice, '' for the first of all nights."""
    choice = asked.choice
    words = {
        "kind": choice.kind or "",
        "only": choice.only or "",
        "since": choice.since,
        "all": "" if asked.leaves_out else "1",
        "page": str(page) if page > 1 else "",
    }
    said = urlencode({name: str(value) for name, value in words.items() if value})
    return f"?{said}" if said else ""
