"""vampctl disk: what is free, what fills it, and for how many nights there is space."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.output import Column, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import count_of, format_moment, format_size, format_time, read_time
from vampd.model.measures import Forecast, Sampled, forecast_disk

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.store.database.measures import Measures

_FORECAST_FROM_S = 120 * 86_400.0
_DISKS = (
    ("nights", Sampled.NIGHTS_FREE, Sampled.NIGHTS_ALL),
    ("database", Sampled.DATABASE_FREE, Sampled.DATABASE_ALL),
)


def disk(context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show free space, and for how many nights it lasts.

    vampd samples its disks every ten minutes; this shows the last sample. The forecast counts
    nights of observing: it goes by the days on which the disk filled, the median of the last 30
    and the most of the last 5, and is unknown before there are three.
    """
    from vampd.wiring.connections import look

    settings = settings_of(context, config)
    now = time.time()
    with look(settings) as seen:
        found = disk_object(settings, seen.measures(), now)
    if as_json:
        write_json(found)
        return
    write_table((Column(), Column()), [(name, words) for name, words in disk_rows(found, now)])


def disk_object(settings: Settings, measures: Measures, now: float) -> dict[str, Any]:
    """The disks for programs; null is not known."""
    places = {"nights": settings.watch.root, "database": settings.database.path.parent}
    return {
        "disks": [
            {
                "disk": name,
                "path": str(places[name]),
                **_disk(
                    measures, free, whole, now, settings.disk.reserve_bytes if not number else 0
                ),
            }
            for number, (name, free, whole) in enumerate(_DISKS)
        ],
        "nights": [
            {
                "kind": str(kind),
                "nights": taken.nights,
                "raw_bytes": taken.bytes,
                "safe_raw_bytes": taken.safe_bytes,
            }
            for kind, taken in measures.raw_by_kind().items()
        ],
    }


def _disk(
    measures: Measures, free: Sampled, whole: Sampled, now: float, reserve_bytes: int
) -> dict[str, Any]:
    since = now - _FORECAST_FROM_S
    frees, wholes = measures.samples(free, since), measures.samples(whole, since)
    last = frees[-1] if frees else None
    size = dict(wholes).get(last.at) if last else None
    forecast = forecast_disk(frees, wholes, reserve_bytes)
    return {
        "sampled_at": None if last is None else format_time(last.at),
        "free_bytes": None if last is None else int(last.value),
        "all_bytes": None if size is None else int(size),
        "reserve_bytes": reserve_bytes,
        "forecast": None if forecast is None else asdict(forecast),
    }


def disk_rows(found: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """The same in words, name by name."""
    rows = []
    for one in found["disks"]:
        name = f"disk of the {one['disk']}"
        rows.append((name, one["path"]))
        if one["free_bytes"] is None:
            rows.append(("  free", "not sampled yet: vampd does so every ten minutes"))
            continue
        free, whole = one["free_bytes"], one["all_bytes"]
        of_all = f" of {format_size(whole)} ({free / whole:.0%})" if whole else ""
        rows.append(("  free", f"{format_size(free)}{of_all}"))
        rows.append(("  sampled", format_moment(read_time(one["sampled_at"]), now)))
        if one["reserve_bytes"]:
            rows.append(("  to stay free", format_size(one["reserve_bytes"])))
        if one["disk"] == "nights":
            rows.append(("  forecast", describe_forecast(one["forecast"])))
    for one in found["nights"]:
        safe = f"; {format_size(one['safe_raw_bytes'])} of it safe at the archive"
        words = f"{format_size(one['raw_bytes'])} of {count_of(one['nights'], 'night')}{safe}"
        rows.append((f"raw, {one['kind']}", words))
    return rows


def describe_forecast(found: dict[str, Any] | None) -> str:
    """For how many nights there is space, and by what."""
    if found is None:
        return "not known before it has filled on three days"
    forecast = Forecast(**found)
    least, most = forecast.nights_at_least, forecast.nights_at_most
    nights = count_of(least, "night") if least == most else f"{least:,} to {most:,} nights"
    usual, worst = format_size(forecast.usual_bytes), format_size(forecast.worst_bytes)
    return (
        f"room for {nights} of observing: {usual} a day by the median of"
        f" {count_of(forecast.days, 'day')}, {worst} on the worst of the last 5"
    )
