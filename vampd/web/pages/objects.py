"""What programs get: the very objects of `vampctl status --json`."""

from __future__ import annotations

from typing import Any

from vampd.cli.look.night_objects import event_object, night_object
from vampd.model.nights import NightId
from vampd.web.asked import ObjectsAsked
from vampd.web.sight import Sight


def night_objects(
    sight: Sight, asked: ObjectsAsked, now: float
) -> tuple[list[dict[str, Any]], NightId | None]:
    """The nights that are asked for, oldest first, and the night before which there are more."""
    chosen = [
        one.night
        for one in asked.choice.of(sight.standings)
        if asked.before is None or one.night < asked.before
    ]
    nights = chosen[-asked.limit :] if asked.limit else chosen
    objects = [night_object(one, now, sight.of(one.night)) for one in sight.records(nights)]
    return objects, nights[0] if len(nights) < len(chosen) else None


def night_object_in_full(sight: Sight, night: NightId, now: float) -> dict[str, Any]:
    """One night with its events."""
    (record,) = sight.records([night])
    events = [event_object(event) for event in sight.history(night)]
    return {**night_object(record, now, sight.of(night)), "events": events}
