"""Where every frame of a night went, and what sync made of it."""

from vampd.model.accounts.audit import Audit, CountedCube, CountedProduct, audit_night
from vampd.model.accounts.frame_accounting import gather_frames
from vampd.model.accounts.frame_fates import (
    SYNC_KINDS,
    CubeTimes,
    FrameKind,
    NightFrames,
    observe_cube,
)
from vampd.model.accounts.night_runs import NO_RUN, in_time_order, number_runs, split_by_run
from vampd.model.accounts.run_intervals import (
    LABEL_THRESHOLD,
    alternation,
    find_losses,
    mean_interval_us,
)
from vampd.model.accounts.run_summary import (
    RunSummary,
    SummaryLimits,
    format_numbers,
    pair_offsets,
    percent,
)
from vampd.model.accounts.summary import COLUMNS, Minute, Summary, summarize_night

__all__ = [
    "COLUMNS",
    "LABEL_THRESHOLD",
    "NO_RUN",
    "SYNC_KINDS",
    "Audit",
    "CountedCube",
    "CountedProduct",
    "CubeTimes",
    "FrameKind",
    "Minute",
    "NightFrames",
    "RunSummary",
    "Summary",
    "SummaryLimits",
    "alternation",
    "audit_night",
    "find_losses",
    "format_numbers",
    "gather_frames",
    "in_time_order",
    "mean_interval_us",
    "number_runs",
    "observe_cube",
    "pair_offsets",
    "percent",
    "split_by_run",
    "summarize_night",
]
