"""Runs in words: what each one is of, and what the trigger did in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vampd.model.accounts import RunSummary

_MOST_CHANGES = 5  # of a run


def varying_cards(runs: Sequence[RunSummary]) -> set[str]:
    """The keywords of cards that are not the same in all runs of the same cameras."""
    known: dict[tuple[tuple[int, ...], str], tuple[str, ...]] = {}
    return {
        keyword
        for run in runs
        for keyword, value in run.others
        # The two cameras' windows differ by nature.
        if known.setdefault((run.cameras, keyword), value) != value
    }


def describe_run(run: RunSummary, varying: set[str]) -> str:
    """What the run is of: target, exposure time, T and J, how sure, cameras, cards that vary."""
    from vampd.model.accounts import tell_chances

    chances = tell_chances([run])
    cameras = "" if len(run.cameras) == 2 else f"camera {run.cameras[0]} only"
    others = (
        f"{keyword} {'/'.join(value for value in values if value) or '-'}"
        for keyword, values in run.others
        if keyword in varying
    )
    parts = (
        " + ".join(target or "(no OBJECT)" for target in run.targets),
        " + ".join(describe_exposure(exposure) for exposure in run.exposures_us),
        *_measured(run),
        chances and f"chance wrong {chances}",
        "" if run.triggered else "free-running",
        cameras,
        *others,
    )
    return ", ".join(part for part in parts if part)


def describe_exposure(exposure_us: int) -> str:
    """An exposure time, or another time between frames."""
    return f"{exposure_us / 1e6:g}s" if exposure_us >= 1_000_000 else f"{exposure_us / 1e3:g}ms"


def _measured(run: RunSummary) -> Iterator[str]:
    """T and J, one after another where they changed, J beside its card."""
    if run.settings:
        yield f"T {_list([describe_exposure(setting.period_us) for setting in run.settings])}"
    if run.half_width_us is not None:
        shown = _list([f"{setting.half_width_us}us" for setting in run.settings])
        yield f"J {shown} (card {'/'.join(map(str, run.half_widths_said_us))})"


def _list(values: Sequence[str]) -> str:
    """Values that follow each other; more than three are the first and the last."""
    shown = values if len(values) <= 3 else (values[0], "...", values[-1])
    return " > ".join(shown)


def list_settings(run: RunSummary) -> Iterator[str]:
    """Lines about a J that no card says, and about each change of T and J."""
    from vampd.model.nights import format_clock

    if run.is_half_width_unsaid:
        said = ", ".join(f"{us} us" if us else "0 or nothing" for us in run.half_widths_said_us)
        yield (
            f"run {run.number}: intervals alternate by J = {run.half_width_us} us about"
            f" T = {run.period_us} us, and U_TRIGJT says {said}"
        )
    changes = zip(run.changed_us, pairwise(run.settings), strict=True)
    for _, (time_us, (old, new)) in zip(range(_MOST_CHANGES), changes, strict=False):
        yield (
            f"run {run.number}: from {format_clock(time_us, 1)} UT on"
            f" T {old.period_us} > {new.period_us} us,"
            f" J {old.half_width_us} > {new.half_width_us} us"
        )
    if len(run.changed_us) > _MOST_CHANGES:
        yield f"run {run.number}: {len(run.changed_us) - _MOST_CHANGES} more changes (--json)"
