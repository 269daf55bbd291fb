"""A night's summary for programs: the objects of its JSON, and the same as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vampd.model.accounts import RunSummary, Summary
    from vampd.model.nights import NightRecord

HST = timedelta(hours=-10)


def moment_of(time_us: int) -> datetime:
    """Unix microseconds as a UT time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)


def summary_object(record: NightRecord, result: Summary) -> dict[str, Any]:
    """The summary for programs; times are ISO 8601, unknown values are null."""
    from vampd.model.accounts import SYNC_KINDS, FrameKind

    synchronized = result.frames(*SYNC_KINDS)
    others = {
        str(kind): result.frames(kind)
        for kind in (FrameKind.SOLO, FrameKind.SET_ASIDE, FrameKind.LATE)
    }
    return {
        "date": record.night.date,
        "kind": str(record.night.kind),
        "stage": str(record.state.stage),
        "status": str(record.state.status),
        "expected": result.unexpected is None,
        "unexpected": result.unexpected,
        "notable": list(result.notable),
        "findings": list(result.findings),
        "at_least": not result.is_certain,
        "frames": {
            "raw": synchronized + sum(others.values()),
            "synchronised": synchronized,
            **others,
        },
        "half_wave_plate": {
            "cycles": result.plate.cycles,
            "skipped": result.plate.skipped,
            "positions": [
                {
                    "angle_deg": position.angle_deg,
                    **dict(zip("abd", position.frames, strict=True)),
                    "visits": position.visits,
                    "skipped": position.skipped,
                }
                for position in result.plate.positions
            ],
        },
        "minutes": minute_objects(result),
        "runs": [run_object(run) for run in result.runs],
    }


def minute_objects(result: Summary) -> list[dict[str, Any]]:
    """The minutes for programs; ``ut`` and ``hst`` are null for frames of unknown time."""
    return [
        {
            "ut": None if m.start_us is None else moment_of(m.start_us).strftime("%Y-%m-%dT%H:%MZ"),
            "hst": None
            if m.start_us is None
            else (moment_of(m.start_us) + HST).strftime("%Y-%m-%dT%H:%M-10:00"),
            "targets": list(m.targets),
            "exptimes_s": [exposure / 1e6 for exposure in m.exposures_us],
            **dict(zip(_count_keys(), m.counts, strict=True)),
        }
        for m in result.minutes
    ]


def minute_keys() -> tuple[str, ...]:
    """The keys of a minute's object, which are the columns of its CSV."""
    return ("ut", "hst", "targets", "exptimes_s", *_count_keys())


def _count_keys() -> tuple[str, ...]:
    from vampd.model.accounts import COLUMNS

    return tuple(f"cam{camera}_{kind}" for camera, kind in COLUMNS)


RUN_KEYS = (
    "run",
    "begin",
    "end",
    "targets",
    "exptimes_s",
    "settings",
    "triggered",
    "cam1_frames",
    "cam2_frames",
    "pairs",
    "offset_us",
    "offset_range_us",
    "jitter_us",
    "paired",
    "deinterleaved",
    "dubious",
    "dubious_part",
    "cam1_lost_by_camera",
    "cam2_lost_by_camera",
    "cam1_lost_by_logger",
    "cam2_lost_by_logger",
    "pauses",
    "a",
    "b",
    "period_us",
    "half_width_us",
    "trigjt_us",
    "changed",
    "periods_us",
    "half_widths_us",
    "pair_chance_wrong",
    "label_chance_wrong",
)


def _iso(time_us: int) -> str:
    return moment_of(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def run_object(run: RunSummary) -> dict[str, Any]:
    """A run for programs; ``paired`` and ``dubious_part`` are fractions of its frames."""
    values: tuple[Any, ...] = (
        run.number,
        _iso(run.first_us),
        _iso(run.last_us),
        list(run.targets),
        [exposure / 1e6 for exposure in run.exposures_us],
        {keyword: list(values) for keyword, values in run.others},
        run.triggered,
        *run.frames,
        run.pairs,
        run.offset_us,
        None if run.offset_range_us is None else list(run.offset_range_us),
        None if run.jitter_us is None else round(run.jitter_us, 2),
        None if run.paired is None else round(run.paired, 6),
        run.deinterleaved,
        run.dubious,
        None if run.dubious_part is None else round(run.dubious_part, 6),
        *run.lost_by_camera,
        *run.lost_by_logger,
        run.pauses,
        *run.states,
        run.period_us,
        run.half_width_us,
        list(run.half_widths_said_us),
        [_iso(time_us) for time_us in run.changed_us],
        [setting.period_us for setting in run.settings],
        [setting.half_width_us for setting in run.settings],
        *(
            None if chance is None else float(f"{chance:.2g}")
            for chance in (run.pair_chance, run.label_chance)
        ),
    )
    return dict(zip(RUN_KEYS, values, strict=True))


def csv_rows(
    keys: Sequence[str], objects: Sequence[Mapping[str, Any]]
) -> Iterator[Sequence[object]]:
    """Objects as rows of CSV: unknown values are empty, lists are joined by ``;``."""
    yield keys
    yield from ([_cell(each[key]) for key in keys] for each in objects)


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ";".join(str(item) for item in value)
        case dict():
            return ";".join(f"{key}={'|'.join(values)}" for key, values in value.items())
        case _:
            return value
