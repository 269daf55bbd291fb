"""Corrections of a night beside what its generations decided with.

Where nothing is packed yet, sync decides again with other corrections, in a generation that names
those that it replaces. Once something is packed, only a restore goes back before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vampd.errors import DataError
from vampd.model.cubes import Generation, accounted_cubes
from vampd.model.headers import CORRECTIONS, Corrections
from vampd.model.nights import NightId
from vampd.model.plan import Remark
from vampd.model.proofs import live_receipts
from vampd.ports import SyncReader

CHANGED = "corrections_changed"


@dataclass(frozen=True)
class CorrectionsSurvey:
    """The corrections to decide with, and the generations that are decided again for them.

    ``bound`` are the identities of products that have frame IDs.
    """

    found: Corrections = field(default_factory=Corrections)
    replaces: tuple[int, ...] = ()
    bound: frozenset[str] = frozenset()


def survey_corrections(
    night: NightId, reader: SyncReader, generations: Sequence[Generation]
) -> CorrectionsSurvey:
    """DataError ``corrections_changed`` where something is packed, or was mailed, without them."""
    found = reader.corrections(night)
    if not generations:
        mailings = reader.correspondence(night).mailings if found.rows else ()
        # What was there when its products were announced is part of them, also after a restore.
        if any(mailing.at < found.written_at for mailing in mailings):
            before = math.floor(min(mailing.at for mailing in mailings)) - 1
            raise DataError(
                CHANGED,
                f"products of {night.date} were announced by mail before these corrections:"
                f" {CORRECTIONS} is not applied to a night that was mailed; move it away or, if it"
                " is the one that they were made with and has only got a new time, `touch -d"
                f" @{before} {CORRECTIONS}` in the night's folder; then `vampctl retry"
                f" {night.date}`",
                night=str(night),
            )
        return CorrectionsSurvey(found)
    if all(each.corrections == found.sha256 for each in generations):
        return CorrectionsSurvey(found)
    if _is_packed(night, reader):
        raise _changed(night, found, generations, is_packed=True)
    _refuse_gone(night, reader, generations)
    numbers = tuple(each.number for each in generations)
    return CorrectionsSurvey(found, numbers, frozenset(reader.bound_ids(night)))


def refuse_changed_corrections(night: NightId, reader: SyncReader) -> None:
    """DataError ``corrections_changed`` if the night was decided with others than are there."""
    generations = reader.generations(night)
    found = reader.corrections(night) if generations else Corrections()
    if any(each.corrections != found.sha256 for each in generations):
        raise _changed(night, found, generations, is_packed=_is_packed(night, reader))


def describe_changed_corrections(night: NightId, reader: SyncReader) -> Iterator[str]:
    """What a look at a finished night says of them."""
    try:
        refuse_changed_corrections(night, reader)
    except DataError as error:
        yield error.message


def describe_other_cards(night: NightId, reader: SyncReader) -> Iterator[str]:
    """What a restore changes of the cards, where these are not the corrections decided with."""
    try:
        generations, found = reader.generations(night), reader.corrections(night)
    except DataError:
        return  # what is damaged is told apart
    if all(each.corrections == found.sha256 for each in generations):
        return
    if found.sha256:
        yield f"{CORRECTIONS} is not what sync decided with: what is made again goes by it"
    else:
        yield (
            f"{CORRECTIONS}, which sync decided with, is gone or counts no more: what is made"
            f" again goes without it; if it is gone, `vampctl recover {night.date}` gets it back"
        )


def refuse_other_cut(night: NightId, survey: CorrectionsSurvey, generation: Generation) -> None:
    """DataError ``corrections_changed`` if products with frame IDs would be cut otherwise."""
    lost = survey.bound - {product.identity for product in generation.products}
    if lost:
        raise DataError(
            CHANGED,
            f"with {CORRECTIONS} sync would cut otherwise, and {len(lost)} products of"
            f" {night.date} have frame IDs already, which belong to their frames: put the file back"
            f" as it was and `vampctl retry {night.date}`, or `vampctl restore {night.date}`, which"
            " says which IDs lose their product",
            night=str(night),
        )


def refuse_late_corrections(night: NightId, reader: SyncReader) -> None:
    """DataError ``corrections_changed`` for a night that is packed, or was mailed."""
    if _is_mailed(night, reader):
        raise DataError(
            CHANGED,
            f"products of {night.date} were announced by mail, so their headers are not corrected",
            night=str(night),
        )
    if _is_packed(night, reader):
        raise DataError(
            CHANGED,
            f"products of {night.date} are packed: `vampctl restore {night.date}` first, which says"
            " what was sent",
            night=str(night),
        )


def proposal_remarks(found: Corrections) -> Iterator[Remark]:
    """That a file is not the owner's, and was not applied."""
    if found.proposed_by:
        yield Remark(
            "correction_proposed",
            CORRECTIONS,
            f"it is of {found.proposed_by}, or others may write it, and was not applied: the owner"
            " takes it over with `vampctl correct NIGHT --accept`",
        )


def corrections_digest(generations: Sequence[Generation]) -> str:
    """The SHA-256 of the corrections that the generations, as they count, decided with."""
    return generations[-1].corrections if generations else ""


def _refuse_gone(night: NightId, reader: SyncReader, generations: Sequence[Generation]) -> None:
    """DataError ``corrections_changed`` if a cube is gone that would have no account any more."""
    here = {file.path for file in reader.raw_files(night)}
    gone = sorted(accounted_cubes(generations).keys() - here)
    if gone:
        raise DataError(
            CHANGED,
            f"{CORRECTIONS} is not what sync decided with, and {gone[0]} is gone"
            + (f" with {len(gone) - 1:,} more cubes" if len(gone) > 1 else "")
            + f": bring them back, or the file as it was, then `vampctl retry {night.date}`",
            night=str(night),
        )


def _changed(
    night: NightId, found: Corrections, generations: Sequence[Generation], *, is_packed: bool
) -> DataError:
    is_gone = not (found.sha256 or found.proposed_by)
    if is_gone:
        what = f"{CORRECTIONS} is gone, which sync decided with"
    elif found.proposed_by:
        what = (
            f"{CORRECTIONS} is of {found.proposed_by}, or others may write it, and counts no more"
        )
    else:
        what = f"{CORRECTIONS} is not what sync decided with"
    if is_gone:
        way = f"`vampctl recover {night.date}` gets it back, then"
    elif corrections_digest(generations):
        way = "put the file back as it was and"
    else:
        way = "move the file away, as sync decided with none, and"
    back = f"{way} `vampctl retry {night.date}`"
    then = (
        f"products are packed already: {back}"
        f", or `vampctl restore {night.date}`, which says what was sent and mailed"
        if is_packed
        else f"`vampctl retry {night.date} --from sync` decides again with them"
    )
    return DataError(CHANGED, f"{what}; {then}", night=str(night))


def _is_packed(night: NightId, reader: SyncReader) -> bool:
    receipts = live_receipts(reader.packing_receipts(night)).values()
    return any(each.identity for each in receipts) or bool(reader.packed_products(night))


def _is_mailed(night: NightId, reader: SyncReader) -> bool:
    return bool(reader.correspondence(night).mailings)
