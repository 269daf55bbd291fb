"""The gates before frame IDs: an ID that was used cannot be taken back, all before it can."""

from __future__ import annotations

from dataclasses import replace

from vampd.config import Authority, Settings, Sync
from vampd.errors import DataError, FrameIdsUnavailable
from vampd.model.cubes import Generation, accounted_cubes, total_counts, wholly_aside
from vampd.model.delivery import announced_manifests, note_name
from vampd.model.nights import Gate, NightRecord
from vampd.model.plan import Plan, ReserveFrameIds
from vampd.model.sync import find_unexpected, pending_late_partners
from vampd.ports import NightReader
from vampd.stages.raw_presence import survey_raw


def refuse_before_ids(record: NightRecord, settings: Settings, reader: NightReader) -> None:
    """DataError ``late_partners`` or ``sync_unexpected``, unless a person has opened that gate.

    Nobody is asked where no ID can be taken.
    """
    if settings.frameids.authority is Authority.NONE:
        return
    if Gate.LATE_PARTNERS not in record.released:
        _refuse_late_partners(record, reader)
    if settings.sync.hold_when_unexpected and Gate.SYNC_UNEXPECTED not in record.released:
        _refuse_unexpected(record, settings, reader)


def require_authority(plan: Plan, settings: Settings) -> None:
    """FrameIdsUnavailable ``no_authority`` before anything is requested that no one gives."""
    if settings.frameids.authority is not Authority.NONE:
        return
    wanted = [a for wave in plan.waves for a in wave if isinstance(a, ReserveFrameIds)]
    if count := sum(len(action.identities) for action in wanted):
        raise FrameIdsUnavailable(
            "no_authority",
            f'{count} products need frame IDs, and frameids.authority is "none": configure one, or'
            " let the night wait",
        )


def judge_sync(
    generations: tuple[Generation, ...], limits: Sync, *, asked_about: int = 0
) -> str | None:
    """What is unexpected in what sync made of a night, None if nothing is.

    ``asked_about`` are unpaired frames that have a partner, of which a person is asked elsewhere.
    """
    counts = total_counts(generations)
    apart = min(asked_about, counts.unpaired)
    return find_unexpected(
        replace(
            counts,
            unpaired=counts.unpaired - apart,
            synchronised=counts.synchronised + apart,
        ),
        cubes=len(accounted_cubes(generations)),
        aside=len(wholly_aside(generations)),
        max_unpaired=limits.max_unpaired,
        max_dubious=limits.max_dubious,
        max_set_aside=limits.max_set_aside,
    )


def _refuse_late_partners(record: NightRecord, reader: NightReader) -> None:
    night = record.night
    pending = pending_late_partners(reader.generations(night), reader.bound_ids(night))
    if not pending:
        return
    frames = sum(generation.counts.late_partners for generation in pending)
    names = ", ".join(str(generation.number) for generation in pending)
    known = announced_manifests(
        reader.correspondence(night), night, reader.text(night, note_name(night.date))
    )
    announced = "; ".join(map(str, known)) or "nothing of the night was mailed"
    remedy = (
        f"`vampctl restore {night.date}`, then `vampctl retry {night.date}`, makes the night's"
        f" products again with their partners, and other products than were announced: {announced}"
    )
    if survey_raw(night, reader).removed:
        remedy = (
            "raw cubes of the night were removed, so that nothing pairs them any more, and how many"
            f" have partners is an upper bound; announced: {announced}"
        )
    raise DataError(
        Gate.LATE_PARTNERS.value,
        f"{frames} frames that are in products already would have partners among the late ones"
        f" (generation {names}). `vampctl release {night.date}` keeps both as they are, apart;"
        f" {remedy}",
        night=str(night),
    )


def _refuse_unexpected(record: NightRecord, settings: Settings, reader: NightReader) -> None:
    date = record.night.date
    generations = reader.generations(record.night)
    # The other gate asks about these: the frame that is in a product, and its partner that is late.
    asked_about = 2 * total_counts(generations).late_partners
    if unexpected := judge_sync(generations, settings.sync, asked_about=asked_about):
        raise DataError(
            Gate.SYNC_UNEXPECTED.value,
            f"{unexpected}; check `vampctl summary {date}`, then"
            f" `vampctl release {date}` lets it take frame IDs",
        )
