"""vampctl summary --frame: what sync compared for one frame, and what each item counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vampd.cli.look.summary_objects import moment_of
from vampd.cli.shared.nights import title_of
from vampd.errors import UsageError

if TYPE_CHECKING:
    from vampd.model.cubes import RawCube
    from vampd.model.nights import NightId, NightRecord
    from vampd.model.sync import FrameExplanation, FrameName
    from vampd.ports import NightReader
    from vampd.wiring.connections import Connections

_FRAME = re.compile(r"(?:vcam)?([12]):(.+):(\d+)")
_SHOWN = 6
_TITLES = {
    "pair": "the pair's times",
    "interval_before": "the interval before it",
    "interval_after": "the interval after it",
    "other_frames": "all other frames, and other ways to get here",
}
# Why sync decided as it did; nothing where the likeliest one was given.
_PAIR_REASONS = {
    "given": "",
    "no_partner": "which is the likeliest",
    "uncertain": "because the likeliest one is not certain enough",
    "edge": "because the cameras' counts may differ by more than is compared",
    "short_stretch": "because it is farther away than so few frames prove, or than a stamp is late",
    "late_or_missed": "because a late stamp and a missed trigger look alike there",
    "odd": "because the pair would be off by a trigger from those before and after it",
    "by_ends": "because the other camera's frames are half the interval away and more, and only the"
    " ends of the run tell which is whose",
    "other_trigger": "because the frame that was counted alike is of another trigger",
    "other_uncertain": "because the later frame of the two is not certain, or has two partners",
    "crossing": "because the pair would cross another one",
    "large_offset": "because its offset is beyond sync.largest_offset_us and no long stretch shows"
    " it",
}
_STATE_REASONS = {
    "given": "",
    "by_partner": "by its partner, which is certain",
    "uncertain": "because the likeliest one is not certain enough",
    "edge": "because the cameras' counts may differ by more than is compared",
    "late_or_missed": "because a late stamp and a missed trigger look alike there",
    "partner_differs": "because its partner has another one",
    "not_shown": "because the intervals show none, and the cards say that the FLC switches",
    "no_alternation": "because nothing alternates",
    "not_in_beam": "because by the cards the FLC is not in the beam",
    "cards_say_off": "because the intervals show none, and the cards say that the FLC is off",
}


def explain_frame_of(connections: Connections, record: NightRecord, asked: str) -> FrameExplanation:
    """Infer again what became of a frame, named CAMERA:CUBE:INDEX.

    UsageError ``no_such_frame`` if the form is another one, or no triggered frame of the cubes that
    sync used has that name.
    """
    from vampd.fits.trigger import compiled_kernels
    from vampd.model.sync import (
        Limits,
        arrange_cubes,
        chain_piece,
        explain,
        split_night,
        take_triggered,
    )

    form = _FRAME.fullmatch(asked)
    if form is None:
        raise UsageError(
            "no_such_frame",
            f"{asked} is no frame: expected CAMERA:CUBE:INDEX, for example"
            " 1:vcam1_10:20:00.000000000.fits:17, of which the first frame is 0",
        )
    camera, name, index = form[1], form[2].rpartition("/")[2], int(form[3])
    path = f"vcam{camera}/{name if name.endswith('.fits') else f'{name}.fits'}"
    rules = connections.settings.sync
    usable = arrange_cubes(used_cubes(connections.reader, record.night, path)).usable
    clocks = [
        take_triggered(cameras, rules.cut_on)
        for piece in split_night(usable, round(rules.cut_at_gap_s * 1e6))
        if any(cube.path == path for cube in piece.cubes)
        for cameras in chain_piece(piece, rules.cut_on)
    ]
    limits = Limits(rules.largest_error, rules.largest_offset_us)
    explained = explain(clocks, path, index, limits, compiled_kernels())
    if explained is None:
        raise UsageError(
            "no_such_frame",
            f"{title_of(record.night)} has no frame {index} of {path} among those that sync has"
            f" placed by the trigger{_why_aside(connections.reader, record.night, path)}",
        )
    return explained


def _why_aside(reader: NightReader, night: NightId, path: str) -> str:
    """Why the cube is set aside, or some of its frames are; nothing if it is not."""
    from vampd.model.cubes import set_aside_cubes

    bad = set_aside_cubes(reader.generations(night)).get(path)
    return "" if bad is None else f"; set aside ({bad.code}): {bad.reason}"


def used_cubes(reader: NightReader, night: NightId, path: str) -> Sequence[RawCube]:
    """The raw cubes that sync saw together with this one, with the cards that it went by.

    UsageError ``corrections_changed`` if these can no longer be known.
    """
    from vampd.model.cubes import RawCube, wholly_aside
    from vampd.model.sync import lay_over

    chosen = [
        generation
        for generation in reader.generations(night)
        if any(cube.fits.path == path for cube in generation.cubes)
    ]
    corrections = reader.corrections(night)
    if any(each.corrections != corrections.sha256 for each in chosen):
        raise UsageError(
            "corrections_changed",
            f"corrections.tsv is not what sync decided with, so that its reasons cannot be inferred"
            f" again: put the file back as it was; `vampctl why {night.date}` says more",
        )
    together = {cube.fits.path for generation in chosen for cube in generation.cubes}
    together -= wholly_aside(chosen)
    files = reader.raw_files(night)
    seen = [reader.raw_cube(night, file) for file in files if file.path in together]
    cubes = [cube for cube in seen if isinstance(cube, RawCube)]
    return lay_over(cubes, corrections, {file.path for file in files}, others=True).cubes


def frame_lines(explained: FrameExplanation) -> Iterator[str]:
    """The explanation for people."""
    found = explained.found
    yield f"{_named(explained.frame)}, {moment_of(explained.frame.acquired_us):%H:%M:%S.%f} UT"
    offset = "not shown" if found.offset_us is None else f"{found.offset_us} us"
    yield (
        f"around it: T {_measured(found.period_us)}, J {_measured(found.half_width_us)},"
        f" scatter {_measured(found.scatter_us)}, offset {offset}"
    )
    outcome = explained.outcome
    partner = "none" if explained.partner is None else _named(explained.partner)
    for what, given, why, margin in (
        ("partner", partner, _PAIR_REASONS[outcome.pair_reason], found.pair_margin),
        (
            "state",
            outcome.state or "none",
            _STATE_REASONS[outcome.state_reason],
            found.state_margin,
        ),
    ):
        yield f"{what}: {given}{why and f', {why}'}"
        yield (
            f"  the likeliest is {margin:.1f} nats likelier than all others together, of"
            f" {explained.needed_nats:.1f} needed"
        )
    for number, each in enumerate(explained.hypotheses[:_SHOWN]):
        place = "likeliest" if number == 0 else f"{each.behind_nats:.1f} nats behind"
        partner = "no partner" if each.partner is None else f"with {_named(each.partner)}"
        state = "no state" if each.state is None else f"state {each.state}"
        yield f"{place}: {partner}, {state}"
        for term, weight in each.terms:
            yield f"  {weight:9.2f}  {_TITLES[term]}"


def frame_object(record: NightRecord, explained: FrameExplanation) -> dict[str, Any]:
    """The explanation for programs; weights in nats, times in us."""
    found = explained.found
    return {
        "date": record.night.date,
        "kind": str(record.night.kind),
        "frame": _frame_object(explained.frame),
        "period_us": found.period_us,
        "half_width_us": found.half_width_us,
        "scatter_us": found.scatter_us,
        "offset_us": found.offset_us,
        "partner": None if explained.partner is None else _frame_object(explained.partner),
        "pair_reason": str(explained.outcome.pair_reason),
        "state": None if explained.outcome.state is None else str(explained.outcome.state),
        "state_reason": str(explained.outcome.state_reason),
        "needed_nats": round(explained.needed_nats, 3),
        "pair_margin_nats": round(found.pair_margin, 3),
        "state_margin_nats": round(found.state_margin, 3),
        "hypotheses": [
            {
                "partner": None if each.partner is None else _frame_object(each.partner),
                "state": None if each.state is None else str(each.state),
                "behind_nats": round(each.behind_nats, 3),
                "terms": {term: round(weight, 3) for term, weight in each.terms},
            }
            for each in explained.hypotheses
        ],
    }


def _measured(value_us: int) -> str:
    """What intervals show of T, J or their scatter: 0 where they show none."""
    return f"{value_us} us" if value_us else "not shown"


def _named(frame: FrameName) -> str:
    return f"frame {frame.index} of {frame.cube}"


def _frame_object(frame: FrameName) -> dict[str, Any]:
    return {
        "cube": frame.cube,
        "index": frame.index,
        "acquired": moment_of(frame.acquired_us).isoformat(timespec="microseconds"),
    }
