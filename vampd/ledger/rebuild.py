"""A ledger whose file is lost or damaged, rebuilt from everything that still names frame IDs.

What can be read of the old file, what the database knows, and what the nights' folders show are
combined; nothing of them is left out, and a contradiction is refused. Unused IDs are known to file
and database alone. The old file is kept, under another name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from vampd.disk.durable import link, replacing
from vampd.disk.failpoint import failpoint
from vampd.disk.rights import PUBLIC, give_to_owner
from vampd.errors import FrameIdConflict
from vampd.ledger.file import read_whole_lines
from vampd.ledger.id_requests import digest_of
from vampd.ledger.records import (
    Applied,
    Bound,
    Granted,
    LedgerRecord,
    Refused,
    Requested,
    format_line,
)
from vampd.ledger.rows import bring_in, stored_records
from vampd.model.frame_ids import FrameId, RecoveredBinding
from vampd.model.nights import NightId
from vampd.store.database.connection import Store

_ORDER = (Requested, Refused, Granted, Bound, Applied)
_IN_DOUBT = "lines of the ledger were lost, maybe the one that refused this grant"
_WHY = "the record of the request was lost; these IDs are known from what was left"


@dataclass(frozen=True)
class Rebuilt:
    """The ledger to write: its records, and how many of them the file has now.

    ``unreadable`` lines of the file are dropped, and of those that repeat another word for word
    (``repeated``) all but the first; ``from_database`` counts records, ``from_folders`` the IDs
    that only folders show.
    """

    records: tuple[LedgerRecord, ...]
    in_file: int
    unreadable: int
    repeated: int
    from_database: int
    from_folders: int

    @property
    def is_news(self) -> bool:
        """Whether the file has to be written."""
        return self.unreadable + self.repeated > 0 or self.in_file < len(self.records)


def compose_ledger(
    lines: Iterable[LedgerRecord | None],
    rows: Sequence[LedgerRecord],
    found: Sequence[RecoveredBinding],
) -> Rebuilt:
    """All records of file (None: a line that cannot be read), database and folders together."""
    unreadable = repeated = 0
    readable: dict[LedgerRecord, None] = {}
    for record in lines:
        if record is None:
            unreadable += 1
        else:
            repeated += record in readable
            readable[record] = None
    in_file = list(readable)
    known = list(dict.fromkeys([*in_file, *rows]))
    bound = {r for r in known if isinstance(r, Bound)}
    bound |= {Bound(one.frame_id, one.identity, one.night) for one in found}
    applied = {Applied(one.frame_id, one.night) for one in found}
    granted = {r.frame_id: r for r in known if isinstance(r, Granted)}
    _refuse_refused(known, granted, found)
    records = [*known, *_requests_for(known, granted, bound), *bound, *applied]
    if unreadable > len(known) - len(in_file):  # the database did not restore all that is gone
        records += _refusals_in_doubt(known, granted, bound)
    asked = {r.request for r in records if isinstance(r, Requested)}
    # A refusal without its request means nothing any more.
    whole = [r for r in dict.fromkeys(records) if not isinstance(r, Refused) or r.request in asked]
    whole.sort(key=lambda record: (_ORDER.index(type(record)), _number_of(record)))
    ids = {one.frame_id for one in found} - {r.frame_id for r in known if isinstance(r, Bound)}
    return Rebuilt(
        records=tuple(whole),
        in_file=len(in_file),
        unreadable=unreadable,
        repeated=repeated,
        from_database=len(known) - len(in_file),
        from_folders=len(ids),
    )


def compose_from(connection: Connection, path: Path, found: Sequence[RecoveredBinding]) -> Rebuilt:
    """The ledger from this file, this database and the bindings found."""
    return compose_ledger(read_whole_lines(path), list(stored_records(connection)), found)


def rebuild_ledger(store: Store, path: Path, found: Sequence[RecoveredBinding]) -> Rebuilt:
    """Rewrite the file and add it to the database; FrameIdConflict leaves both as they are.

    The caller holds the lock of the existing file.
    """
    with store.write() as connection:
        rebuilt = compose_from(connection, path, found)
        bring_in(connection, enumerate(rebuilt.records, start=1), "the ledger to be rebuilt,")
        if rebuilt.is_news:
            _keep_old(path)
            with replacing(path) as new:
                give_to_owner(path.parent, new.fileno(), PUBLIC)
                new.writelines(map(format_line, rebuilt.records))
        # The file first, as ever: the rows are committed when the block ends.
        failpoint("ledger.rebuilt.written")
    return rebuilt


def _refuse_refused(
    known: Iterable[LedgerRecord],
    granted: dict[FrameId, Granted],
    found: Iterable[RecoveredBinding],
) -> None:
    refused = {r.request: r.why for r in known if isinstance(r, Refused)}
    for one in found:
        grant = granted.get(one.frame_id)
        if grant is not None and grant.request in refused:
            raise FrameIdConflict(
                "ledger_conflict",
                f"a product of {one.night.date} has {one.frame_id}, whose grant was refused:"
                f" {refused[grant.request]}; find out whose it is",
            )


def _requests_for(
    known: Sequence[LedgerRecord], granted: dict[FrameId, Granted], bound: Iterable[Bound]
) -> list[LedgerRecord]:
    """Requests and grants that must have existed: of bound IDs without one, and of lone grants."""
    numbers = [r.request for r in known if isinstance(r, Requested | Granted | Refused)]
    asked = {r.request for r in known if isinstance(r, Requested)}
    made: list[LedgerRecord] = []
    lone: dict[int, list[Granted]] = defaultdict(list)
    for grant in granted.values():
        if grant.request not in asked:
            lone[grant.request].append(grant)
    for request, grants in lone.items():
        # Its digest is that of no products: nothing will try to complete it.
        made.append(Requested(request, grants[0].night, len(grants), digest_of([]), _WHY))
    lost: dict[NightId, list[Bound]] = defaultdict(list)
    for one in bound:
        if one.frame_id not in granted:
            lost[one.night].append(one)
    for request, night in enumerate(sorted(lost), start=max(numbers, default=0) + 1):
        of_night = sorted(lost[night], key=lambda one: one.frame_id)
        digest = digest_of([one.identity for one in of_night])
        made.append(Requested(request, night, len(of_night), digest, _WHY))
        made += (Granted(one.frame_id, request, night) for one in of_night)
    return made


def _refusals_in_doubt(
    known: Iterable[LedgerRecord], granted: dict[FrameId, Granted], bound: Iterable[Bound]
) -> list[Refused]:
    """A refusal of every grant of which nothing is bound: it must never be completed."""
    refused = {r.request for r in known if isinstance(r, Refused)}
    used = {granted[one.frame_id].request for one in bound if one.frame_id in granted}
    open_ones = {grant.request for grant in granted.values()} - refused - used
    return [Refused(request, _IN_DOUBT) for request in sorted(open_ones)]


def _number_of(record: LedgerRecord) -> int:
    return record.request if isinstance(record, Requested | Refused) else record.frame_id.number


def _keep_old(path: Path) -> None:
    if not path.stat().st_size:
        return
    number = 1
    while True:
        with suppress(FileExistsError):
            link(path, path.with_name(f"{path.name}.old_{number}"))
            return
        number += 1
