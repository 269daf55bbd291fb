"""The whole ledger, listed for people: the file, compared with the database, without a lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vampd.errors import FrameIdConflict
from vampd.ledger.file import read_ledger_file
from vampd.ledger.records import Applied, Bound, Granted, LedgerRecord, Refused, Requested
from vampd.ledger.rows import stored_records
from vampd.model.frame_ids import LedgerListing, ListedId, ListedRequest
from vampd.store.database.connection import Store

_LISTED = 5


def list_ledger(store: Store, path: Path) -> LedgerListing:
    """What file and database hold together, and where they contradict each other."""
    # The rows first: every one of them has its line by then.
    with store.read() as connection:
        rows = list(stored_records(connection))
    findings: list[str] = []
    lines: list[LedgerRecord] = []
    try:
        lines = [record for _, record in read_ledger_file(path)]
    except FrameIdConflict as error:
        findings.append(error.message)
    else:
        findings += _problems(
            (record for record, times in Counter(lines).items() if times > 1),
            f"{path} has a record twice",
        )
        findings += _problems(
            sorted(set(rows) - set(lines), key=str),
            f"the database has a record that {path} lacks",
        )
    behind = len(set(lines) - set(rows))
    requests, ids = _gather([*lines, *rows])
    return LedgerListing(requests, ids, tuple(findings), behind)


def _problems(records: Iterable[LedgerRecord], what: str) -> list[str]:
    lines = [f"{what}: {record}" for record in records]
    more = [f"{what}: {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return lines[:_LISTED] + more


def _gather(
    records: Iterable[LedgerRecord],
) -> tuple[tuple[ListedRequest, ...], tuple[ListedId, ...]]:
    requests: dict[int, ListedRequest] = {}
    ids: dict[int, ListedId] = {}
    for record in records:
        match record:
            case Requested(number, night, count):
                requests.setdefault(number, ListedRequest(number, night, count, None))
            case Refused(number, why) if number in requests:
                requests[number] = replace(requests[number], refused=why)
            case Granted(frame_id, request, night):
                ids.setdefault(
                    frame_id.number, ListedId(frame_id, request, night, None, applied=False)
                )
            case Bound(frame_id, identity) if frame_id.number in ids:
                ids[frame_id.number] = replace(ids[frame_id.number], identity=identity)
            case Applied(frame_id) if frame_id.number in ids:
                ids[frame_id.number] = replace(ids[frame_id.number], applied=True)
            case _:
                pass  # a record of something unknown is reported as a contradiction
    return (
        tuple(requests[number] for number in sorted(requests)),
        tuple(ids[number] for number in sorted(ids)),
    )
