"""The IDs of a night that a restore left without a product, until a person acknowledges them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vampd.model.nights import RESTORE_UNFINISHED, RESTORED, Kind

if TYPE_CHECKING:
    from vampd.model.frame_ids import LostId
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections

_NAMED_BY_ID = re.compile(r"vgen2/(VMPA[0-9]{8})\.(?:fits\.fz|framelist)")
_RESTORED = frozenset({RESTORED, RESTORE_UNFINISHED})


def read_lost_ids(connections: Connections, record: NightRecord) -> tuple[LostId, ...]:
    """The night's IDs without a product that no one has acknowledged yet, in order.

    None for a night that vampd neither synchronized nor restored: it is the old tools', or gone
    from here as a whole. DataError ``manifest_damaged``, ``generation_damaged``.
    """
    from vampd.model.frame_ids import FrameId, find_lost_ids
    from vampd.stages.records.manifest_files import read_manifests

    night, reader = record.night, connections.reader
    if night.kind is not Kind.ARCHIVE:
        return ()
    # Products first: an ID is applied before its framelist becomes one.
    names = [file.path for file in reader.files(night, "vgen2")]
    names += [head.path for head in reader.framelist_heads(night)]
    generations = reader.generations(night)
    if not generations and record.code not in _RESTORED:
        return ()
    lost = find_lost_ids(
        night,
        reader.bound_ids(night).values(),
        {
            line.frame_id: text.file.name
            for text in read_manifests(night, reader)
            for line in text.manifest.lines
        },
        {FrameId.parse(match[1]) for match in map(_NAMED_BY_ID.fullmatch, names) if match},
        {product.identity for one in generations for product in one.products},
    )
    acknowledged = connections.mail_log.acknowledged_lost()
    return tuple(one for one in lost if one.frame_id not in acknowledged)


def lost_objects(lost: Iterable[LostId]) -> list[dict[str, str | None]]:
    """These IDs for programs."""
    return [
        {
            "date": one.night.date,
            "frame_id": str(one.frame_id),
            "manifest": one.manifest,
        }
        for one in lost
    ]
