"""Whether a night of the old tools can be taken on from where they left it.

Their products stay as they are, under the frame IDs that they have: what is not packed is packed,
and all is sent, proven and listed. So every product must be there, and every record of it must
agree; where one does not, the night is refused with what differs, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from vampd.model.accounts.adoption import (
    MANIFESTS,
    SECTIONS,
    Adoption,
    OldEvidence,
    OldState,
    find_lags,
)
from vampd.model.frame_ids import HEADERS, NAMES, FrameId
from vampd.model.nights import Kind

_PACKING = SECTIONS.index("Compressing with fpack")
_CUBE = re.compile(r"([^.].*)\.fits(\.fz)?")
_NAMED_BY_ID = re.compile(r"VMPA[0-9]{8}")
# Where the frames lie before they are products.
_WORKING = re.compile(r"vsync|vsolo[0-9]*")
_LISTED = 3


@dataclass(frozen=True)
class Continuation:
    """What there is to go on with, by the products' names without suffixes, and what forbids it."""

    adoption: Adoption
    # As they were packed by the old tools, and as they have yet to be.
    packed: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    has_manifest: bool = False
    refusals: tuple[str, ...] = ()
    # What a person should know, and forbids nothing.
    remarks: tuple[str, ...] = ()

    def describe(self) -> str:
        """What is done, in one line."""
        steps = []
        if self.plain:
            steps.append(f"{len(self.plain):,} products are packed")
        if self.packed:
            steps.append(f"{len(self.packed):,} that are packed already are checked")
        steps.append("sent and proven")
        if self.adoption.night.kind is Kind.ARCHIVE:
            steps.append(
                "their manifest stays as it is" if self.has_manifest else "listed in a manifest"
            )
        return ", ".join(steps)


def judge_continuation(seen: OldEvidence, adoption: Adoption) -> Continuation:
    """What going on with this night means; ``adoption`` is what is to be on record of it."""
    cubes = [match for name in seen.products if (match := _CUBE.fullmatch(name))]
    packed = {match[1] for match in cubes if match[2]}
    plain = {match[1] for match in cubes if not match[2]} - packed
    refusals = list(_find_refusals(seen, adoption, packed | plain))
    return Continuation(
        adoption,
        tuple(sorted(packed)),
        tuple(sorted(plain)),
        bool(seen.ids.get(MANIFESTS)),
        tuple(dict.fromkeys(refusals)),
    )


def _find_refusals(
    seen: OldEvidence, adoption: Adoption, products: Collection[str]
) -> Iterator[str]:
    if not seen.has_folder:
        yield "it has no folder"
        return
    if adoption.state is OldState.SHARED:
        yield "vampd has synchronized it too: its products and frame IDs are of both"
        return
    if not products:
        yield "vgen2 has no product: there is nothing to go on with"
        return
    yield from _find_gaps(seen, products)
    if seen.night.kind is Kind.ARCHIVE:
        yield from _find_other_ids(seen, adoption, products)
    lags = set(find_lags(seen, adoption.claims))
    yield from (text for text in adoption.contradictions if text not in lags)


def _find_gaps(seen: OldEvidence, products: Collection[str]) -> Iterator[str]:
    """What shows that products may be missing."""
    is_past = seen.section in SECTIONS[_PACKING:]
    if not (is_past or (seen.row is not None and seen.row.processed.is_set)):
        ended = f"ends at {seen.section!r}" if seen.section else "does not say how far they came"
        yield (
            f"their process log {ended}, and their log does not say processed: products, or their"
            " frame IDs, may be missing"
        )
    working = [name for name in seen.entries if _WORKING.fullmatch(name)]
    if working:
        yield f"folder {working[0]} is still there: not all of it may have become products"
    bare = sorted(name for name in products if f"{name}.txt" not in seen.products)
    if bare:
        yield f"{_listed(bare)} without a timing file beside it"


def _find_other_ids(
    seen: OldEvidence, adoption: Adoption, products: Collection[str]
) -> Iterator[str]:
    """Products without an ID, and IDs without a product."""
    nameless = sorted(name for name in products if not _NAMED_BY_ID.fullmatch(name))
    if nameless:
        yield (
            f"{_listed(nameless)} without a frame ID: vampd gives IDs to what it has synchronized"
            " alone"
        )
    here = seen.ids.get(NAMES, frozenset())
    lost = adoption.ids - here
    if lost:
        yield f"{_listed(_texts(lost))} on record as used by this night, without a product here"
    unlisted = here - seen.ids.get(MANIFESTS, here)
    if unlisted:
        yield f"{_listed(_texts(unlisted))} in no manifest, while others of the night are"
    headers = {one.frame_id for one in seen.headers} | _as_texts(seen.ids.get(HEADERS, frozenset()))
    bare = sorted(set(_texts(here)) - headers)
    if bare:
        yield f"{_listed(bare)} without a FRAMEID in the header"


def _as_texts(ids: Collection[FrameId]) -> set[str]:
    return set(_texts(ids))


def _texts(ids: Collection[FrameId]) -> list[str]:
    return [str(frame_id) for frame_id in sorted(ids)]


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_LISTED]
    more = f" and {len(names) - _LISTED:,} more are" if len(names) > _LISTED else ""
    verb = "" if more else " is" if len(names) == 1 else " are"
    return f"{', '.join(shown)}{more}{verb}"
