"""The destinations on record, in memory; tests/contract holds them to the same laws."""

from __future__ import annotations

from dataclasses import replace

from tests.support.fakes.memory_store import MemoryNights, MemoryReceipts
from vampd.model.nights import Kind, NightUpdate, after_lost_proofs
from vampd.model.proofs import DestinationOrigin, KnownDestination, Place


class MemoryDestinations:
    """ports.Destinations."""

    def __init__(self, nights: MemoryNights, receipts: MemoryReceipts) -> None:
        self._nights = nights
        self._receipts = receipts
        self._known: dict[Kind, KnownDestination] = {}

    def known(self, kind: Kind) -> KnownDestination | None:
        return self._known.get(kind)

    def adopt(self, kind: Kind, destination: str, *, at: float) -> None:
        if kind in self._known:
            return
        unnamed = [
            (record.night, replace(receipt, destination=destination))
            for record in self._nights.nights()
            if record.night.kind is kind
            for receipt in self._receipts.of(record.night, Place.ARCHIVE).values()
            if receipt.destination is None
        ]
        for night, receipt in unnamed:
            self._receipts.keep(night, [receipt])
        if unnamed:
            self._known[kind] = KnownDestination(
                destination, None, False, DestinationOrigin.UPGRADED, "vampd", at
            )

    def intend(self, kind: Kind, destination: str, mark: str, *, at: float) -> KnownDestination:
        known = self._known.get(kind)
        if known is not None and known.mark is not None and known.destination == destination:
            return known
        shared = (k.mark for k in self._known.values() if k.mark and k.destination == destination)
        self._known[kind] = KnownDestination(
            destination, next(shared, mark), False, DestinationOrigin.PLACED, "vampd", at
        )
        return self._known[kind]

    def confirm(self, kind: Kind, mark: str) -> None:
        known = self._known.get(kind)
        if known is not None and known.mark == mark:
            self._known[kind] = replace(known, is_placed=True)

    def change(self, kind: Kind, new: KnownDestination, *, code: str, message: str) -> None:
        self._known[kind] = new
        for record in self._nights.nights():
            night = record.night
            if night.kind is not kind:
                continue
            self._receipts.end_proofs(night, tuple(self._receipts.of(night, Place.ARCHIVE)))
            event = after_lost_proofs(record)
            if event is not None:
                self._nights.apply(
                    night, event, at=new.at, actor=new.actor, code=code, message=message
                )
                self._nights.update(night, NightUpdate(transferred_at=record.transferred_at))
