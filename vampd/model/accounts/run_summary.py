"""A line per run: what its frames show of offset, jitter, pairing, labels and losses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vampd.model.accounts.frame_fates import SYNC_KINDS, NightFrames
from vampd.model.accounts.night_runs import in_order_of_taking, split_by_run
from vampd.model.accounts.offsets import pair_offsets
from vampd.model.accounts.run_intervals import (
    Losses,
    find_losses,
    mean_interval_us,
    measure_run,
    missing_times,
    sum_both,
    typical_us,
)
from vampd.model.accounts.trigger_settings import TriggerSetting, find_settings, tempo_between
from vampd.model.nights import format_clock
from vampd.model.trigger import chance_of

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_CAMERAS = (1, 2)
_LABELED = ("A", "B")
_LARGEST_RATIO = 1.5  # of the half width and the card's, for the card to be right


@dataclass(frozen=True)
class SummaryLimits:
    """The fractions above which something is unexpected, as [sync] of the configuration says."""

    max_unpaired: float
    max_dubious: float
    max_set_aside: float


@dataclass(frozen=True)
class RunSummary:
    """One run; tuples of two have a value for camera 1 and one for camera 2.

    ``offset_us`` is camera 2 minus camera 1 (median over the pairs), ``offset_range_us`` the range
    over which it wanders, ``jitter_us`` the standard deviation about it; None without pairs.
    ``others`` are (keyword, values) of further cards. ``paused_us`` are the frames after which the
    trigger paused, which costs none; ``states`` are the frames labeled A and B. The usual scatter
    and tolerance are documented ones. ``period_us`` (T) and ``half_width_us`` (J) are what the
    intervals show, None where they show none; ``half_widths_said_us`` are the values of U_TRIGJT.
    ``settings`` are T and J from the beginning on, and ``changed_us`` when the next ones begin.
    ``label_chance`` and ``pair_chance`` are the largest ones that a label or a pair of its products
    is wrong, as the model stated them; None without any, or where sync did not say.
    """

    number: int
    first_us: int
    last_us: int
    triggered: bool
    targets: tuple[str, ...]
    exposures_us: tuple[int, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]
    frames: tuple[int, int]
    pairs: int
    deinterleaved: int
    dubious: int
    offset_us: int | None
    offset_range_us: tuple[int, int] | None
    jitter_us: float | None
    lost_by_camera: tuple[int, int]
    lost_by_logger: tuple[int, int]
    paused_us: tuple[int, ...]
    states: tuple[int, int]
    period_us: int | None
    half_width_us: int | None
    half_widths_said_us: tuple[int, ...]
    settings: tuple[TriggerSetting, ...]
    changed_us: tuple[int, ...]
    usual_scatter_us: float
    widest_tolerance_us: int
    usual_tolerance_us: int
    label_chance: float | None
    pair_chance: float | None

    @property
    def cameras(self) -> tuple[int, ...]:
        """The cameras that have frames in it."""
        return tuple(c for c in _CAMERAS if self.frames[c - 1])

    @property
    def is_half_width_unsaid(self) -> bool:
        """Whether the frames show another half width than each card says."""
        shown_us = self.half_width_us
        return shown_us is not None and not any(
            said_us and 1 / _LARGEST_RATIO <= shown_us / said_us <= _LARGEST_RATIO
            for said_us in self.half_widths_said_us
        )

    @property
    def all_frames(self) -> int:
        """The frames of both cameras."""
        return sum(self.frames)

    @property
    def lost(self) -> int:
        """The frames that either camera has lost, by itself or by its logger."""
        return sum(self.lost_by_camera) + sum(self.lost_by_logger)

    @property
    def pauses(self) -> int:
        """How often the trigger paused."""
        return len(self.paused_us)

    @property
    def paired(self) -> float | None:
        """The fraction of frames with a partner, None if no partner is expected."""
        if not self.triggered or len(self.cameras) < 2:
            return None
        return 2 * self.pairs / self.all_frames

    @property
    def offset_text(self) -> str:
        """The offset (us) for people: one number, or the range over which it wanders; or ``-``."""
        if self.offset_range_us is None:
            return "-"
        low, high = self.offset_range_us
        return str(low) if low == high else f"{low}..{high}"

    @property
    def dubious_part(self) -> float | None:
        """The dubious fraction of the frames that should have an FLC state, None without any."""
        return self.dubious / self.deinterleaved if self.deinterleaved else None


def summarize_runs(frames: NightFrames, runs: Int64) -> Iterator[RunSummary]:
    """The runs that ``number_runs`` has found, by number."""
    missing_us = missing_times(frames)
    states = {"A", "B", "D"}
    split = frames.where_origin(lambda origin: origin.flc_state in states)
    labeled_a, labeled_b, dubious = (
        frames.where_origin(lambda origin, state=state: origin.flc_state == state)  # type: ignore[misc]
        for state in "ABD"
    )
    for number, run in split_by_run(runs):
        cameras = [in_order_of_taking(frames, run, camera) for camera in _CAMERAS]
        origins = [frames.origins[position] for position in np.unique(frames.origin[run])]
        configurations = [
            frames.configurations[position] for position in np.unique(frames.configuration[run])
        ]
        offsets = pair_offsets(frames, run)
        fuller = max(cameras, key=len)
        measured = measure_run(frames, fuller)
        labeled = bool((labeled_a | labeled_b)[run].any())
        usual_scatter_us = max(c.scatter_us for c in configurations)
        if not labeled:
            measured = replace(measured, half_width_us=np.zeros_like(measured.half_width_us))
        settings = find_settings(measured, usual_scatter_us)
        changed_us = tuple(frames.acquired_us[[fuller[s.begin] for s in settings[1:]]].tolist())
        losses = [
            _lost_frames(frames, own, other, missing_us[camera], settings, changed_us)
            for camera, own, other in zip(_CAMERAS, cameras, reversed(cameras), strict=True)
        ]
        yield RunSummary(
            number=number,
            first_us=int(frames.time_us[run].min()),
            last_us=int(frames.time_us[run].max()),
            triggered=configurations[0].triggered,
            targets=tuple(sorted({c.target for c in configurations})),
            exposures_us=tuple(sorted({c.exposure_us for c in configurations})),
            others=tuple(
                (pairs[0][0], tuple(sorted({value for _, value in pairs})))
                for pairs in zip(*(c.others for c in configurations), strict=True)
            ),
            frames=(len(cameras[0]), len(cameras[1])),
            pairs=len(offsets.differences_us),
            deinterleaved=int(np.count_nonzero(split[run])),
            dubious=int(np.count_nonzero(dubious[run])),
            offset_us=offsets.typical_us,
            offset_range_us=offsets.range_us,
            jitter_us=float(np.std(offsets.residuals_us)) if len(offsets.residuals_us) else None,
            lost_by_camera=sum_both(losses[0].by_camera, losses[1].by_camera),
            lost_by_logger=sum_both(losses[0].by_logger, losses[1].by_logger),
            # A pause is in both cameras; where one logged alone, its own tell.
            paused_us=min(
                (
                    tuple(frames.acquired_us[own[:-1][loss.paused]].tolist())
                    for loss, own in zip(losses, cameras, strict=True)
                    if len(own)
                ),
                key=len,
            ),
            states=(int(np.count_nonzero(labeled_a[run])), int(np.count_nonzero(labeled_b[run]))),
            period_us=typical_us(measured.period_us),
            half_width_us=typical_us(measured.half_width_us),
            half_widths_said_us=tuple(sorted({round(c.jitter_us or 0) for c in configurations})),
            settings=settings,
            changed_us=changed_us,
            usual_scatter_us=usual_scatter_us,
            widest_tolerance_us=max(origin.tolerance_us for origin in origins),
            usual_tolerance_us=max(c.tolerance_us for c in configurations),
            label_chance=_chance([o.label_margin for o in origins if o.flc_state in _LABELED]),
            pair_chance=_chance([o.pair_margin for o in origins if o.kind in SYNC_KINDS]),
        )


def _chance(margins: Sequence[int]) -> float | None:
    """That of the least margin; None if one is not known, as it may be less."""
    return chance_of(min(margins)) if margins and all(margins) else None


def _lost_frames(
    frames: NightFrames,
    own: Int64,
    other: Int64,
    missing_us: Int64,
    settings: tuple[TriggerSetting, ...],
    changed_us: Sequence[int],
) -> Losses:
    """The losses between these frames of one camera; ``other`` are the other camera's."""
    acquired_us = frames.acquired_us[own]
    period_us: float | Float64
    half_width_us: float | Float64
    if settings:
        period_us, half_width_us = tempo_between(settings, changed_us, acquired_us)
    else:
        both_us = (acquired_us, frames.acquired_us[other])
        period_us = min(mean_interval_us(times_us, 0.0) for times_us in both_us)
        half_width_us = 0.0
    return find_losses(
        acquired_us,
        frames.cnt0[own],
        np.diff(np.searchsorted(missing_us, acquired_us)) != 0,
        period_us,
        half_width_us,
        frames.acquired_us[other[~frames.synchronized[other]]],
    )


def run_findings(runs: Sequence[RunSummary], limits: SummaryLimits) -> Iterator[str]:
    """What to review in these runs, one sentence for each kind of trouble."""
    for what, limit, parts in (
        (
            "too many frames without a partner",
            limits.max_unpaired,
            [(1 - run.paired, run) for run in runs if run.paired is not None],
        ),
        (
            "too many frames without a certain FLC state",
            limits.max_dubious,
            [(run.dubious_part, run) for run in runs if run.dubious_part is not None],
        ),
    ):
        above = [(part, run) for part, run in parts if part > limit]
        if above:
            part, worst = max(above, key=lambda item: item[0])
            named = format_numbers([run.number for _, run in above])
            if len(above) > 1:
                named += f", the worst run {worst.number}"
            yield f"{what}: {named} at {format_clock(worst.first_us, 0)} UT, {percent(part)}"
    alone = [run.number for run in runs if run.triggered and len(run.cameras) == 1]
    if alone:
        yield f"triggered, and only one camera has frames: {format_numbers(alone)}"


def format_numbers(numbers: Sequence[int]) -> str:
    """Rising numbers of runs: ``run 3``, ``runs 1-4, 7``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    numbered = ", ".join("-".join(map(str, span)) for span in spans)
    return f"run {numbered}" if len(numbers) == 1 else f"runs {numbered}"


def percent(part: float) -> str:
    """A fraction in percent, never rounded to all or nothing."""
    text = f"{part:.1%}"
    if text == "100.0%" and part < 1:
        return ">99.9%"
    return "<0.1%" if text == "0.0%" and part > 0 else text


def tell_chances(runs: Iterable[RunSummary]) -> str:
    """The largest chances of runs that a pair or a label is wrong, both if they differ; or ''."""
    known = [(run.pair_chance, run.label_chance) for run in runs]
    shown: dict[str, list[str]] = {}
    for position, what in enumerate(("pairs", "labels")):
        stated = [chance for pair in known if (chance := pair[position]) is not None]
        if stated:
            largest = max(stated)
            power = math.floor(-math.log10(largest))
            shown.setdefault(f"<1e-{power}" if power else percent(largest), []).append(what)
    if len(shown) == 1:
        return next(iter(shown))
    return ", ".join(f"{text} ({what})" for text, (what,) in shown.items())
