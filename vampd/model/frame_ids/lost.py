"""Frame IDs whose product will not come again: what a restore and other partners left behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from vampd.model.frame_ids.frame_id import BoundId, FrameId
from vampd.model.nights import NightId


@dataclass(frozen=True, order=True)
class LostId:
    """An ID without a product; ``manifest`` is the one that announced it, None if none did."""

    frame_id: FrameId
    night: NightId
    manifest: str | None

    @property
    def fate(self) -> str:
        """Who knows of it, in words."""
        return "applied" if self.manifest is None else f"listed by {self.manifest}"


def find_lost_ids(
    night: NightId,
    bound: Iterable[BoundId],
    listed: Mapping[FrameId, str],
    shown: Set[FrameId],
    identities: Set[str],
) -> Iterator[LostId]:
    """The IDs of a night that have no product, in order.

    ``listed`` is the manifest of each announced ID, ``shown`` are the IDs of the products and
    framelists that exist, ``identities`` those of all products that the night's generations name:
    what they name is missing, and comes again.
    """
    owners = {one.frame_id: one for one in bound}
    used = {one.frame_id for one in owners.values() if one.applied}
    for frame_id in sorted((used | listed.keys()) - shown):
        owner = owners.get(frame_id)
        if owner is None or owner.identity not in identities:
            yield LostId(frame_id, night, listed.get(frame_id))
