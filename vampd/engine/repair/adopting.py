"""Taking over nights of the old tools as far as the evidence goes; nothing in a folder changes.

Frame IDs come on record before the claims: whatever ends it in between, no ID is given again, and
doing it again completes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Set
from dataclasses import replace
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.disk.reading import read_foreign_text
from vampd.engine.nights.night_listing import find_nights
from vampd.engine.nights.old_evidence import read_evidence, read_loose_manifests
from vampd.engine.nights.old_traces import is_of_vampd, read_old_logs
from vampd.model.accounts import (
    Adoption,
    OldEvidence,
    OldState,
    find_shared_ids,
    judge_adoption,
    judge_shared,
)
from vampd.model.frame_ids import FrameId, LedgerListing
from vampd.model.nights import (
    Discovery,
    NightId,
    NightRecord,
    NightUpdate,
    Status,
    WaitCode,
    rows_by_night,
)
from vampd.model.proofs import RECEIPTS_PATH
from vampd.ports import Adoptions, Ledger, NightStore

# What vampd has packed, or begun, under an ID.
_RECEIPT = re.compile(r"vgen2/(VMPA[0-9]{8})\.fits\.fz")
_BEGUN = re.compile(r"(VMPA[0-9]{8})\.framelist")
_WHY = "given by others: names, name_changes.txt, manifests and headers show them"


def find_adoptable(root: Path, store: NightStore) -> tuple[NightId, ...]:
    """The nights that may be of the old tools: legacy ones, those that fill, and rows alone.

    Those too that are held for their traces: they took what vampd had brought back to raw, or had
    begun.
    """
    records = {record.night: record for record in store.nights()}
    candidates = {*find_nights(root), *read_old_logs(root), *read_loose_manifests(root), *records}
    return tuple(
        night
        for night in sorted(candidates)
        if _is_theirs(records.get(night))
        or (_is_undecided(records.get(night)) and not is_of_vampd(root / night.folder))
    )


def find_synchronized(root: Path, store: NightStore, dates: Collection[str]) -> tuple[NightId, ...]:
    """The nights of these dates that vampd has synchronized: they may be in part of the old tools.

    To look for that in all nights would be to read all headers.
    """
    nights = (record.night for record in store.nights() if record.night.date in dates)
    return tuple(night for night in nights if is_of_vampd(root / night.folder))


def _is_theirs(record: NightRecord | None) -> bool:
    """Whether vampd leaves this night alone, for good or until a person decides."""
    if record is None:
        return False
    is_held = record.state.status is Status.HELD and record.code == WaitCode.OLD_TOOLS
    return is_held or record.state.status is Status.LEGACY


def _is_undecided(record: NightRecord | None) -> bool:
    return record is None or (record.state.status is Status.FILLING and record.signature is None)


def plan_adoption(
    root: Path, nights: Iterable[NightId], ledger: LedgerListing, known: Iterable[Adoption]
) -> tuple[Adoption, ...]:
    """What becomes of each night that the old tools worked on; nothing is changed.

    ``known`` is what was adopted before: a log or manifest may be gone since.
    """
    before = {one.night: one for one in known}
    logs = read_old_logs(root)
    # What was done once was done, whatever a log that was edited since says.
    rows = rows_by_night([*(one.claims for one in before.values()), *logs.values()])
    loose = read_loose_manifests(root)
    bound = {one.frame_id: one.night for one in ledger.ids if one.identity is not None}
    found = []
    for night in nights:
        seen = read_evidence(root, night, rows.get(night), loose.get(night, ()))
        if is_of_vampd(root / night.folder):
            mine = {frame_id for frame_id, owner in bound.items() if owner == night}
            adoption = _judge_shared(seen, root / night.folder, mine)
        else:
            adoption = judge_adoption(seen)
        if adoption is not None:
            ids = before[night].ids if night in before else frozenset()
            copy = before[night].copy if night in before else None
            adoption = replace(adoption, ids=adoption.ids | ids, copy=copy)
            found.append(_with(adoption, _taken(adoption, bound)))
    shared = find_shared_ids(found)
    return tuple(_with(each, shared.get(each.night, ())) for each in found)


def _judge_shared(seen: OldEvidence, folder: Path, bound: Set[FrameId]) -> Adoption | None:
    """A night that vampd has synchronized too; what is its own and not ``bound`` is named."""
    receipts = _RECEIPT.findall(read_foreign_text(folder / RECEIPTS_PATH) or "")
    named = [*receipts, *(match[1] for name in seen.products if (match := _BEGUN.fullmatch(name)))]
    own = {FrameId.parse(name) for name in named}
    lost = tuple(
        f"{frame_id} is of a product of vampd, and not on record as that: `vampctl rebuild-ledger`"
        for frame_id in sorted(own - bound)
    )
    adoption = judge_shared(seen, own | bound)
    return None if adoption is None else _with(adoption, lost)


def stays_with_vampd(one: Adoption, record: NightRecord | None) -> bool:
    """Whether of this night the IDs of others come on record, and vampd goes on with its own."""
    return one.state is OldState.SHARED and not _is_theirs(record)


def adopt_nights(
    adoptions: Collection[Adoption],
    store: NightStore,
    ledger: Ledger,
    records: Adoptions,
    *,
    at: float,
    actor: str,
) -> int:
    """Put these nights on record; returns how many frame IDs were not yet. FrameIdConflict."""
    new = 0
    for each in adoptions:
        if each.ids:
            new += len(ledger.record_foreign(each.night, each.ids, _WHY))
    failpoint("adopting.ids.recorded")
    left = [each for each in adoptions if not stays_with_vampd(each, store.night(each.night))]
    records.keep(tuple(left), at, actor)
    failpoint("adopting.claims.kept")
    there = [each for each in left if each.has_folder]
    store.discover_all([_discovery(each) for each in there], at, actor)
    for each in there:
        store.update(each.night, NightUpdate(note_code=WaitCode.LEGACY.value, note=each.describe()))
    return new


def _discovery(one: Adoption) -> Discovery:
    text = one.describe()
    return Discovery(one.night, text, WaitCode.LEGACY.value, text)


def _taken(one: Adoption, bound: dict[FrameId, NightId]) -> tuple[str, ...]:
    return tuple(
        f"{frame_id} is bound to a product of vampd, of {bound[frame_id].date}"
        for frame_id in sorted(one.ids & bound.keys())
    )


def _with(one: Adoption, more: tuple[str, ...]) -> Adoption:
    return replace(one, contradictions=(*one.contradictions, *more))
