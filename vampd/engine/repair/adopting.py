"""Taking over nights of the old tools as far as the evidence goes; nothing in a folder changes.

Frame IDs come on record before the claims: whatever ends it in between, no ID is given again, and
doing it again completes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.engine.nights.night_listing import find_nights
from vampd.engine.nights.old_evidence import read_evidence, read_loose_manifests
from vampd.engine.nights.old_traces import is_of_vampd, read_old_logs
from vampd.model.accounts import Adoption, find_shared_ids, judge_adoption
from vampd.model.frame_ids import FrameId, LedgerListing
from vampd.model.nights import (
    Discovery,
    NightId,
    NightUpdate,
    Status,
    WaitCode,
    rows_by_night,
)
from vampd.ports import Adoptions, Ledger, NightStore

_WHY = "given by others: names, name_changes.txt, manifests and headers show them"


def find_adoptable(root: Path, store: NightStore) -> tuple[NightId, ...]:
    """The nights that may be of the old tools: legacy ones, those that fill, and rows alone.

    Those too that are held for their traces: they took what vampd had brought back to raw.
    """
    records = {record.night: record for record in store.nights()}
    candidates = {*find_nights(root), *read_old_logs(root), *read_loose_manifests(root), *records}
    return tuple(
        night
        for night in sorted(candidates)
        if (record := records.get(night)) is None
        or record.state.status is Status.LEGACY
        or (record.state.status is Status.FILLING and record.signature is None)
        or (record.state.status is Status.HELD and record.code == WaitCode.OLD_TOOLS)
    )


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
        if is_of_vampd(root / night.folder):
            continue
        adoption = judge_adoption(read_evidence(root, night, rows.get(night), loose.get(night, ())))
        if adoption is not None:
            ids = before[night].ids if night in before else frozenset()
            copy = before[night].copy if night in before else None
            adoption = replace(adoption, ids=adoption.ids | ids, copy=copy)
            found.append(_with(adoption, _taken(adoption, bound)))
    shared = find_shared_ids(found)
    return tuple(_with(each, shared.get(each.night, ())) for each in found)


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
    records.keep(tuple(adoptions), at, actor)
    failpoint("adopting.claims.kept")
    there = [each for each in adoptions if each.has_folder]
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
