"""Which product has which frame ID, recovered from the nights' folders when the ledger is lost.

A product's header holds ID and frames. If the product is gone, ``name_changes.txt`` gives the ID of
a name, and the generation the frames of that name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.frame_ids.frame_id import FrameId, is_frame_id
from vampd.model.frame_ids.name_changes import NAME_CHANGES, parse_name_changes
from vampd.model.frame_ids.review import CarriedId
from vampd.model.nights import NightId


@dataclass(frozen=True, order=True)
class RecoveredBinding:
    """A product of a night, by its identity, and the ID that it has."""

    night: NightId
    frame_id: FrameId
    identity: str


@dataclass(frozen=True)
class RecoveredBindings:
    """The bindings in folders, by night and ID, and why they are incomplete or contradictory."""

    bindings: tuple[RecoveredBinding, ...]
    problems: tuple[str, ...]


def read_bindings(
    night: NightId,
    carried: Iterable[CarriedId],
    name_changes: str,
    identities: Mapping[str, str],
) -> Iterator[RecoveredBinding | str]:
    """The bindings of one night, or why some cannot be read.

    ``name_changes`` is the file's text, ``identities`` are those of the generations by first name.
    """
    by_name: set[FrameId] = set()
    for one in _bindings_by_names(night, name_changes, identities):
        if isinstance(one, RecoveredBinding):
            by_name.add(one.frame_id)
        yield one
    for product in carried:
        yield from _bindings_by_product(product, by_name)


def _bindings_by_names(
    night: NightId, text: str, identities: Mapping[str, str]
) -> Iterator[RecoveredBinding | str]:
    try:
        changes = parse_name_changes(text)
    except DataError as error:
        yield f"{night.date}/{NAME_CHANGES} cannot be read: {error.message}"
        return
    for change in changes:
        identity = identities.get(change.old)
        if identity is None:
            yield (
                f"{night.date}/{NAME_CHANGES} gives {change.frame_id} to {change.old}, which no"
                " generation knows"
            )
        else:
            yield RecoveredBinding(night, change.frame_id, identity)


def _bindings_by_product(one: CarriedId, by_name: Set[FrameId]) -> Iterator[RecoveredBinding | str]:
    where = f"{one.night.date}/{one.path}"
    # An ID that a name or a header shows must be bound by something.
    shown = [FrameId.parse(text) for text in (one.stem, one.frame_id) if is_frame_id(text)]
    if one.problem:
        if not set(shown) <= by_name:
            yield f"{where} cannot be read: {one.problem}"
    elif len(shown) == 1:
        yield f"{where} carries FRAMEID {one.frame_id!r} and should be named by it"
    elif len(set(shown)) > 1:
        yield f"{where} carries FRAMEID {one.frame_id}"
    elif shown and one.identity is not None:
        yield RecoveredBinding(one.night, shown[0], one.identity)
    elif shown and shown[0] not in by_name:
        yield f"{where} does not say which frames it holds: its .txt is gone"


def weigh(found: Iterable[RecoveredBinding | str]) -> RecoveredBindings:
    """All bindings found, each once, and every ID and product with more than one."""
    bindings: set[RecoveredBinding] = set()
    problems: list[str] = []
    for one in found:
        if isinstance(one, str):
            problems.append(one)
        else:
            bindings.add(one)
    by_id: dict[FrameId, set[RecoveredBinding]] = defaultdict(set)
    by_product: dict[tuple[NightId, str], set[FrameId]] = defaultdict(set)
    for one in bindings:
        by_id[one.frame_id].add(one)
        by_product[one.night, one.identity].add(one.frame_id)
    for frame_id, owners in sorted(by_id.items()):
        if len(owners) > 1:
            nights = ", ".join(sorted({owner.night.date for owner in owners}))
            problems.append(f"{frame_id} appears to belong to {len(owners)} products, of {nights}")
    for (night, _), ids in sorted(by_product.items()):
        if len(ids) > 1:
            problems.append(f"a product of {night.date} appears to have {', '.join(map(str, ids))}")
    return RecoveredBindings(tuple(sorted(bindings)), tuple(problems))
