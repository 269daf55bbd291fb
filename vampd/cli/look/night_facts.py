"""All that is known of a night: what `status NIGHT` shows of it, and its page."""

from __future__ import annotations

from vampd.cli.look.night_notes import describe, describe_quality, describe_release
from vampd.cli.shared.progress import format_night_end, format_work
from vampd.cli.shared.words import describe_raw, format_moment, format_size
from vampd.model.delivery import Correspondence
from vampd.model.nights import NightRecord, stages_of
from vampd.model.progress import NightEnd


def tell_facts(
    record: NightRecord,
    now: float,
    correspondence: Correspondence,
    end: NightEnd | None = None,
) -> tuple[tuple[str, str], ...]:
    """All that is known of a night, each fact with its name, in the order of `status NIGHT`.

    ``end`` is when the night will be done, if that can be told.
    """
    state, sums = record.state, record.manifest_sums
    stages = stages_of(record.night.kind)
    facts = (
        ("stage", f"{state.stage} ({stages.index(state.stage) + 1} of {len(stages)})"),
        ("status", f"{state.status}, since {format_moment(record.changed_at, now)}"),
        ("note", describe(record, now, correspondence)),
        ("quality", describe_quality(record).removeprefix("-")),
        ("verdict", _describe_verdict(record)),
        ("without", ", ".join(record.let_go)),
        ("progress", format_work(record, now)),
        ("all of it", format_night_end(end, now)),
        ("attempts", str(state.attempts) if state.attempts else ""),
        ("frames", f"{record.frames:,}" if record.frames else ""),
        ("size", format_size(record.bytes) if record.bytes else ""),
        ("raw", describe_raw(record)),
        ("released", describe_release(record)),
        ("discovered", format_moment(record.discovered_at, now)),
        *(
            (name, format_moment(at, now) if at is not None else "not yet")
            for name, at in (
                ("processed", record.processed_at),
                ("transferred", record.transferred_at),
                ("safe", record.safe_at),
            )
        ),
        *(
            (name, format_moment(at, now))
            for name, at in (
                ("mailed", correspondence.mailed_at(record.night, sums)),
                ("acknowledged", correspondence.acknowledged_at(record.night, sums)),
                ("raw may go", record.purge_after),
            )
            if at is not None
        ),
    )
    return tuple((name, value) for name, value in facts if value)


def _describe_verdict(record: NightRecord) -> str:
    """What the gate makes of the night, '' before sync, or where an earlier version judged it."""
    from vampd.model.sync import describe_verdict

    if record.verdict is None:
        return ""
    return describe_verdict(record.verdict, is_empty=not record.frames)
