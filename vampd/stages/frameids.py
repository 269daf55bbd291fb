"""frameids: one frame ID per cube of an archive night, in time order, each used once.

First every cube without an ID gets one bound in the ledger, all in one reservation; only when the
next survey sees them bound are framelists rewritten under their IDs. A packed cube keeps its ID,
and late cubes follow it. In the end ``name_changes.txt`` records which name became which ID.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vampd.config import Authority, Settings
from vampd.errors import DataError, FrameIdConflict
from vampd.model.cubes import (
    Cards,
    Framelist,
    Generation,
    Nonsense,
    Number,
    Product,
    ProductOrder,
    Undefined,
)
from vampd.model.frame_ids import (
    NAME_CHANGES,
    BoundId,
    FrameId,
    NameChange,
    format_name_changes,
    parse_name_changes,
)
from vampd.model.nights import Kind, NightId, StageName, Stream
from vampd.model.plan import (
    MarkApplied,
    Plan,
    RebuildFramelists,
    Remark,
    ReserveFrameIds,
    Retire,
    StampFrameId,
    WriteText,
)
from vampd.ports import NightReader
from vampd.stages.records.unmade import find_unmade

NAME = StageName.FRAMEIDS
NAME_CHANGES_PATH = f"{Stream.VGEN2}/{NAME_CHANGES}"
_FRAME_ID_NAME = re.compile(r"VMP[A-Z][0-9]{8}")


@dataclass(frozen=True)
class UnstampedFramelist:
    """A framelist as this stage needs it.

    ``frame_id`` and ``exposure_id`` are what its cards FRAMEID and EXP-ID say, '' for nothing.
    """

    path: str
    name: str
    identity: str
    order: ProductOrder
    frame_id: str
    exposure_id: str


@dataclass(frozen=True)
class PackedCube:
    """A packed product that states its identity."""

    path: str
    name: str
    identity: str


@dataclass(frozen=True)
class FrameIdsSurvey:
    """What needs an ID, what has one, and what the ledger says.

    ``first_names`` maps identities to the products' names at sync; ``name_changes`` is the
    file's text, None if there is none. ``withdrawn`` are the identities of products that will
    never be made, ``unmade`` those whose framelists were lost.
    """

    framelists: tuple[UnstampedFramelist, ...]
    packed: tuple[PackedCube, ...]
    bound: Mapping[str, BoundId]
    first_names: Mapping[str, str]
    name_changes: str | None
    withdrawn: frozenset[str] = frozenset()
    unmade: tuple[Product, ...] = ()


def survey(night: NightId, reader: NightReader) -> FrameIdsSurvey:
    """Read framelists, packed products and bound IDs.

    Empty for an engineering night: a grant cannot be undone, and its cubes get none.
    """
    if night.kind is Kind.ENGINEERING:
        return FrameIdsSurvey((), (), {}, {}, None)
    generations = reader.generations(night)
    return FrameIdsSurvey(
        framelists=tuple(
            _candidate(head.path, reader.framelist(night, head.path))
            for head in reader.framelist_heads(night)
        ),
        packed=tuple(
            PackedCube(product.file.path, _packed_name(product.file.path), product.identity)
            for product in reader.packed_products(night)
            if product.identity is not None
        ),
        bound=reader.bound_ids(night),
        first_names=first_names(generations),
        name_changes=reader.text(night, NAME_CHANGES_PATH),
        withdrawn=frozenset(identity for each in generations for identity in each.withdrawn),
        unmade=find_unmade(night, reader),
    )


def first_names(generations: Iterable[Generation]) -> dict[str, str]:
    """The name of each product at sync, by its identity."""
    products = (product for generation in generations for product in generation.products)
    return {product.identity: product.name for product in products}


def plan(survey: FrameIdsSurvey, settings: Settings) -> Plan:
    """Make again what was lost; or reserve what is missing; or stamp, record and retire.

    Raises FrameIdConflict if ledger, headers and names contradict each other.
    """
    _check_ids(survey)
    if survey.unmade:  # before its neighbors get IDs, which are in the order of their frames
        return Plan.of([RebuildFramelists(survey.unmade)])
    unbound = [one for one in survey.framelists if one.identity not in survey.bound]
    if unbound:
        reservation = ReserveFrameIds(tuple(_by_identity(unbound)))
        return Plan.of([reservation], remarks=_doubts(settings))

    stamps: list[StampFrameId] = []
    retired: list[Retire] = []
    carried = {one.identity for one in survey.packed}
    for identity, framelists in _by_identity(survey.framelists).items():
        frame_id = survey.bound[identity].frame_id
        stamped = next((one for one in framelists if one.name == str(frame_id)), None)
        if stamped is None:
            stamps.append(StampFrameId(framelists[0].path, identity, frame_id))
            continue
        carried.add(identity)
        # Both exist if a crash came between writing the new one and removing the old one.
        retired += (Retire(one.path, stamped.path) for one in framelists if one is not stamped)
    bound = (survey.bound[identity] for identity in carried)
    unmarked = sorted(one.frame_id for one in bound if not one.applied)
    marks = [MarkApplied(tuple(unmarked))] if unmarked else []
    # Only when every cube carries its ID: the file records what is, not what will be.
    names = [] if stamps else _write_name_changes(survey, carried)
    return Plan.of(stamps, marks, [*retired, *names])


def _doubts(settings: Settings) -> list[Remark]:
    chosen = settings.frameids
    if chosen.authority is not Authority.LOCAL or not FrameId.parse(chosen.first).looks_raw:
        return []
    return [
        Remark(
            "local_looks_raw",
            chosen.first,
            f"frameids.first = {chosen.first} lies in the range of raw frames while the authority"
            " is local: the observatory will give the same numbers to other frames",
        )
    ]


def plan_name_changes(survey: FrameIdsSurvey) -> Plan:
    """The listing of the names, where it is not what the ledger says; FrameIdConflict."""
    return Plan.of(_write_name_changes(survey, {one.identity for one in survey.packed}))


def _write_name_changes(survey: FrameIdsSurvey, carried: set[str]) -> list[WriteText]:
    changes = {
        NameChange(survey.first_names[identity], bound.frame_id)
        for identity, bound in survey.bound.items()
        # What was applied once stays listed, wherever its product is by now.
        if identity in survey.first_names and (bound.applied or identity in carried)
    }
    text = format_name_changes(changes)
    if text == (survey.name_changes or ""):
        return []
    _refuse_other_changes(survey, changes)
    return [WriteText(NAME_CHANGES_PATH, text)]


def _refuse_other_changes(survey: FrameIdsSurvey, changes: set[NameChange]) -> None:
    """FrameIdConflict if the file lists a change that is not ours."""
    try:
        listed = parse_name_changes(survey.name_changes or "")
    except DataError as error:
        raise _conflict(f"{NAME_CHANGES_PATH} is damaged: {error.message}", None) from error
    gone = {survey.bound[each].frame_id for each in survey.withdrawn & survey.bound.keys()}
    for change in listed:
        if change not in changes and change.frame_id not in gone:
            raise _conflict(
                f"{NAME_CHANGES_PATH} says that {change.old} became {change.frame_id}, the ledger"
                " does not",
                change.frame_id,
            )


def _by_identity(framelists: Iterable[UnstampedFramelist]) -> dict[str, list[UnstampedFramelist]]:
    """The framelists of each cube, the cubes in the order of their IDs."""
    grouped: dict[str, list[UnstampedFramelist]] = {}
    for one in sorted(framelists, key=lambda one: (one.order, one.identity, one.path)):
        grouped.setdefault(one.identity, []).append(one)
    return grouped


def _check_ids(survey: FrameIdsSurvey) -> None:
    counts = Counter(one.frame_id for one in survey.bound.values())
    for frame_id, count in counts.items():
        if count > 1:
            raise _conflict(
                f"the ledger binds {frame_id} to {count} cubes, an ID belongs to one", frame_id
            )
    for packed in survey.packed:
        own = _bound_to(packed.identity, survey)
        if own is None or packed.name != str(own):
            raise _conflict(
                f"{packed.path} is packed and should be named by its ID,"
                f" the ledger binds {own or 'none'} to its frames",
                own,
            )
    for framelist in survey.framelists:
        _check_framelist(framelist, _bound_to(framelist.identity, survey))


def _check_framelist(framelist: UnstampedFramelist, own: FrameId | None) -> None:
    # What its cards must say once it is stamped.
    stamps = ("", "") if own is None else (str(own), own.exposure_id)
    if framelist.frame_id not in ("", stamps[0]):
        raise _conflict(
            f"{framelist.path} carries FRAMEID {framelist.frame_id!r},"
            f" the ledger binds {own or 'none'} to its frames",
            own,
        )
    if not _FRAME_ID_NAME.match(framelist.name):
        return
    if framelist.name != stamps[0]:
        raise _conflict(
            f"{framelist.path} is named by a frame ID,"
            f" the ledger binds {own or 'none'} to its frames",
            own,
        )
    if (framelist.frame_id, framelist.exposure_id) != stamps:
        raise _conflict(
            f"{framelist.path} should carry FRAMEID {stamps[0]} and EXP-ID {stamps[1]},"
            f" it carries {framelist.frame_id!r} and {framelist.exposure_id!r}",
            own,
        )


def _bound_to(identity: str, survey: FrameIdsSurvey) -> FrameId | None:
    bound = survey.bound.get(identity)
    return None if bound is None else bound.frame_id


def _conflict(found: str, frame_id: FrameId | None) -> FrameIdConflict:
    return FrameIdConflict(
        "frame_id_conflict",
        f"{found}; no ID is granted until ledger and folder agree: `vampctl frameids` shows both",
        frame_id=None if frame_id is None else str(frame_id),
    )


def _candidate(path: str, framelist: Framelist) -> UnstampedFramelist:
    return UnstampedFramelist(
        path=path,
        name=framelist.name,
        identity=framelist.identity,
        order=framelist.order,
        frame_id=_text_of(framelist.cards, "FRAMEID"),
        exposure_id=_text_of(framelist.cards, "EXP-ID"),
    )


def _packed_name(path: str) -> str:
    return path.removeprefix("vgen2/").removesuffix(".fits.fz")


def _text_of(cards: Cards, keyword: str) -> str:
    """What a card says, '' for nothing; a value that is not a string must not count as nothing."""
    match cards.value(keyword):
        case str() as text:
            return text.strip()
        case Undefined():
            return ""
        case Number() | Nonsense() as other:
            return other.text
        case other:
            return str(other)
