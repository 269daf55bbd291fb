"""One look at the database, as the pages need it: which nights there are, and how they stand.

Thousands of nights are not read again for each change. What decides how a night stands is read of
all of them and compared with the last look; only what differs, and what is shown, is read in full.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from vampd.cli.look.night_notes import NO_MAIL
from vampd.cli.shared.nights import with_kinds
from vampd.cli.shared.words import one_line
from vampd.config import Settings
from vampd.disk.life_signs import look_for_life
from vampd.log import get_log
from vampd.model.delivery import Correspondence
from vampd.model.life_sign import Life
from vampd.model.nights import EventName, EventRecord, Kind, NightId, NightRecord
from vampd.store.database.measures import Measures
from vampd.store.database.version import DatabaseVersion
from vampd.store.fast_page import BLOCK, FastPage, ProductProof, read_fast_page
from vampd.store.fast_status import UNFIT
from vampd.web.standings import Part, Standing, Standings, judge

if TYPE_CHECKING:
    from vampd.wiring.connections import Connections

Told = TypeVar("Told")
# What changed the database was nearly always vampd, which numbers its changes of nights.
_ALL_AFTER_S = 60.0


@dataclass(frozen=True)
class Sight:
    """All nights at one moment, oldest first, and what is asked of single ones."""

    nights: Standings
    # Rows that are none of a night, in words.
    unreadable: tuple[str, ...]
    correspondence: Mapping[NightId, Correspondence]
    _read: Callable[[Sequence[NightId]], Sequence[NightRecord]]
    history: Callable[[NightId], tuple[EventRecord, ...]]
    products: Callable[[NightId], tuple[ProductProof, ...]]
    # How often attempts ended badly, by event, stage and code.
    troubles: Callable[[], Mapping[tuple[str, str, str], int]]
    # What was measured, and the sums of the ledger.
    measures: Measures

    @property
    def standings(self) -> tuple[Standing, ...]:
        """All nights."""
        return self.nights.all

    @cached_property
    def names(self) -> frozenset[str]:
        """All nights as addresses name them."""
        return frozenset(f"{one.night.date}-{one.night.kind}" for one in self.standings)

    def records(self, nights: Sequence[NightId]) -> tuple[NightRecord, ...]:
        """These nights, oldest first, their commands as they are typed (`with_kinds`)."""
        asked = frozenset(nights)
        return tuple(r for r in self.of_dates({n.date for n in asked}) if r.night in asked)

    def of_dates(self, dates: set[str]) -> tuple[NightRecord, ...]:
        """All nights of these dates, oldest first, their commands as they are typed."""
        return with_kinds(self._read(self.nights.of_dates(dates)))

    def of(self, night: NightId) -> Correspondence:
        """What was mailed of a night."""
        return self.correspondence.get(night, NO_MAIL)


@dataclass(frozen=True)
class _Block:
    """Neighboring rows: as SQLite joins them, and how they stand."""

    joined: tuple[object, ...]
    part: Part


class NightsReader:
    """Looks at the database; what did not change since the last look is kept."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._version = DatabaseVersion(settings.database.path)
        self._looking = threading.Lock()
        # The highest change that was taken over, and when all nights are looked at again.
        self._last_change = 0
        self._all_due = -math.inf
        # Of each block of rows what it was read as, and its nights.
        self._blocks: dict[int, _Block] = {}
        self._nights = Standings(())
        self._mail_mark: tuple[int, ...] | None = None
        self._correspondence: Mapping[NightId, Correspondence] = {}
        # Events are never changed: each is counted once.
        self._troubles = Counter[tuple[str, str, str]]()
        self._last_event = 0

    def version(self) -> tuple[object, ...]:
        """What changes with the database."""
        return self._version.read()

    def look_for_life(self, now: float) -> Life:
        """Whether vampd runs, as `vampctl daemon` finds it."""
        return look_for_life(self._settings.database.path, now)

    def read(self, tell: Callable[[Sight], Told]) -> Told:
        """What ``tell`` makes of one snapshot; VampdError as `vampctl status`."""
        with self._looking:
            try:
                with read_fast_page(self._settings.database.path) as page:
                    if page is not None:
                        told = tell(self._sight(page))
                        if page.connection.is_sound:
                            return told
            except UNFIT as error:
                get_log().debug("web.refused", error=repr(error))
            with self._look_by_the_store() as sight:
                return tell(sight)

    def _sight(self, page: FastPage) -> Sight:
        self._catch_up(page)
        nights = self._nights
        return Sight(
            nights,
            (),
            self._correspondence,
            lambda asked: page.nights_by_key([nights.key_of(night) for night in asked]),
            page.history,
            page.products,
            lambda: self._count_troubles(page),
            page.measures(),
        )

    def _count_troubles(self, page: FastPage) -> Mapping[tuple[str, str, str], int]:
        last, found = page.troubles(self._last_event)
        if last < self._last_event:
            # Another database.
            self._troubles.clear()
            last, found = page.troubles(0)
        self._troubles.update(found)
        self._last_event = last
        return self._troubles

    def _catch_up(self, page: FastPage) -> None:
        last = page.latest_change()
        if not self._follow(page):
            self._look_at_all(page)
            self._all_due = self._clock() + _ALL_AFTER_S
        self._last_change = last

    def _follow(self, page: FastPage) -> bool:
        """Take over what vampd has written since the last look; False if that may not be all."""
        changed = page.changed_after(self._last_change)
        # Nothing, after a commit: of another table, or by another hand.
        if not changed or self._clock() >= self._all_due:
            return False
        blocks = dict(self._blocks)
        rows_of = defaultdict[int, dict[int, tuple[str, str]]](dict)
        for key, name in changed.items():
            if key // BLOCK not in blocks or key not in blocks[key // BLOCK].part.by_key:
                return False  # a new night, as there is one a night
            rows_of[key // BLOCK][key] = name
        mail = self._hear(changed.values(), page.correspondence(list(changed)))
        for number, rows in rows_of.items():
            known, judged = blocks[number], _judge_rows(page, rows, mail)
            blocks[number] = _Block((), known.part.as_of({**known.part.by_key, **judged}))
        self._correspondence = mail
        self._take(blocks)
        return True

    def _hear(
        self, names: Iterable[tuple[str, str]], told: Correspondence
    ) -> Mapping[NightId, Correspondence]:
        """What was mailed, with what is told of these nights."""
        known, by_night = self._correspondence, told.by_night()
        nights = [NightId(date, Kind(kind)) for date, kind in names]
        if all(by_night.get(night) == known.get(night) for night in nights):
            return known
        others = {night: mail for night, mail in known.items() if night not in nights}
        return others | {night: by_night[night] for night in nights if night in by_night}

    def _look_at_all(self, page: FastPage) -> None:
        mail_mark = page.mail_mark()
        if mail_mark != self._mail_mark:
            correspondence = page.correspondence().by_night()
            if correspondence != self._correspondence:
                self._blocks, self._correspondence = {}, correspondence
            self._mail_mark = mail_mark
        joined = page.blocks()
        changed = [
            number
            for number, content in joined.items()
            if number not in self._blocks or self._blocks[number].joined != content
        ]
        if not changed and len(joined) == len(self._blocks):
            return
        blocks = {number: block for number, block in self._blocks.items() if number in joined}
        for number in changed:
            blocks[number] = self._read_block(page, number, joined[number])
        self._take(blocks)

    def _take(self, blocks: dict[int, _Block]) -> None:
        if [block.part for block in blocks.values()] != [b.part for b in self._blocks.values()]:
            self._nights = Standings([block.part for block in blocks.values()])
        self._blocks = blocks

    def _read_block(self, page: FastPage, number: int, joined: tuple[object, ...]) -> _Block:
        known = self._blocks.get(number)
        judged = _judge_rows(page, page.names(number), self._correspondence)
        return _Block(joined, (known.part if known else Part({})).as_of(judged))

    @contextmanager
    def _look_by_the_store(self) -> Iterator[Sight]:
        """Of a database of another version, or with rows that are none, as `vampctl status`."""
        from vampd.wiring.connections import connect_to_read

        with connect_to_read(self._settings) as connections:
            records = {record.night: record for record in connections.store.nights()}
            correspondence = connections.mail_log.correspondence().by_night()
            by_key = {
                number: judge(record, correspondence.get(night, NO_MAIL))
                for number, (night, record) in enumerate(records.items())
            }
            yield Sight(
                Standings([Part(by_key)]),
                tuple(one_line(str(row)) for row in connections.store.unreadable_nights()),
                correspondence,
                lambda nights: [records[night] for night in nights],
                connections.store.history,
                lambda night: _products(connections, night),
                lambda: _troubles(connections, records),
                connections.measures,
            )


def _judge_rows(
    page: FastPage,
    rows: Mapping[int, tuple[str, str]],
    mail: Mapping[NightId, Correspondence],
) -> dict[int, Standing]:
    """How the nights in these rows stand, of which date and kind are given, by the same keys."""
    by_name = {name: key for key, name in rows.items()}
    return {
        by_name[record.night.date, record.night.kind.value]: judge(
            record, mail.get(record.night, NO_MAIL)
        )
        for record in page.nights_by_key(list(rows))
    }


def _products(connections: Connections, night: NightId) -> tuple[ProductProof, ...]:
    from vampd.model.proofs import Place

    here, there = (connections.receipts.of(night, place) for place in Place)
    return tuple(
        ProductProof(
            one.receipt.path,
            one.receipt.size,
            one.receipt.sha256,
            one.at,
            None if (read := here.get(one.receipt.path)) is None else read.at,
            None if read is None else read.sha256,
            None if (sent := there.get(one.receipt.path)) is None else sent.at,
            None if sent is None or sent.has_ended else sent.sha256,
        )
        for one in sorted(
            (one for one in connections.packing_receipts.of(night) if one.ended_at is None),
            key=lambda one: one.receipt.path,
        )
    )


def _troubles(
    connections: Connections, nights: Iterable[NightId]
) -> Mapping[tuple[str, str, str], int]:
    events = (event for night in nights for event in connections.store.history(night))
    return Counter(
        (str(event.event), str(event.stage), event.code or "")
        for event in events
        if event.event in (EventName.FAILED, EventName.HELD, EventName.INTERRUPTED)
    )
