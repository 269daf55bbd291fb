"""Where every frame of a night went, and what sync made of it."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.accounts.adoption import (
        MANIFESTS,
        SECTIONS,
        Adoption,
        OldEvidence,
        OldState,
        ProductIds,
        find_shared_ids,
        judge_adoption,
        judge_shared,
    )
    from vampd.model.accounts.audit import (
        Audit,
        CountedCube,
        CountedProduct,
        audit_night,
        audit_old_products,
    )
    from vampd.model.accounts.continuation import Continuation, judge_continuation
    from vampd.model.accounts.frame_accounting import gather_frames
    from vampd.model.accounts.frame_fates import (
        SYNC_KINDS,
        CubeTimes,
        FrameKind,
        NightFrames,
        observe_cube,
    )
    from vampd.model.accounts.night_runs import (
        NO_RUN,
        find_clock_steps,
        in_order_of_taking,
        number_runs,
        split_by_run,
    )
    from vampd.model.accounts.offsets import pair_offsets
    from vampd.model.accounts.old_copy import OldCopy, judge_old_copy
    from vampd.model.accounts.run_intervals import (
        LABEL_THRESHOLD,
        alternation,
        find_losses,
        mean_interval_us,
        measure_run,
    )
    from vampd.model.accounts.run_summary import (
        RunSummary,
        SummaryLimits,
        format_numbers,
        percent,
        tell_chances,
    )
    from vampd.model.accounts.summary import COLUMNS, Minute, Summary, summarize_night
else:
    __getattr__ = show(
        __name__,
        {
            "adoption": (
                "Adoption find_shared_ids judge_adoption judge_shared MANIFESTS OldEvidence "
                "OldState ProductIds SECTIONS"
            ),
            "audit": "Audit audit_night audit_old_products CountedCube CountedProduct",
            "continuation": "Continuation judge_continuation",
            "frame_accounting": "gather_frames",
            "frame_fates": "CubeTimes FrameKind NightFrames observe_cube SYNC_KINDS",
            "night_runs": "find_clock_steps in_order_of_taking NO_RUN number_runs split_by_run",
            "old_copy": "judge_old_copy OldCopy",
            "offsets": "pair_offsets",
            "run_intervals": (
                "alternation find_losses LABEL_THRESHOLD mean_interval_us measure_run"
            ),
            "run_summary": ("format_numbers percent RunSummary SummaryLimits tell_chances"),
            "summary": "COLUMNS Minute summarize_night Summary",
        },
    )

__all__ = [
    "COLUMNS",
    "LABEL_THRESHOLD",
    "MANIFESTS",
    "NO_RUN",
    "SECTIONS",
    "SYNC_KINDS",
    "Adoption",
    "Audit",
    "Continuation",
    "CountedCube",
    "CountedProduct",
    "CubeTimes",
    "FrameKind",
    "Minute",
    "NightFrames",
    "OldCopy",
    "OldEvidence",
    "OldState",
    "ProductIds",
    "RunSummary",
    "Summary",
    "SummaryLimits",
    "alternation",
    "audit_night",
    "audit_old_products",
    "find_clock_steps",
    "find_losses",
    "find_shared_ids",
    "format_numbers",
    "gather_frames",
    "in_order_of_taking",
    "judge_adoption",
    "judge_continuation",
    "judge_old_copy",
    "judge_shared",
    "mean_interval_us",
    "measure_run",
    "number_runs",
    "observe_cube",
    "pair_offsets",
    "percent",
    "split_by_run",
    "summarize_night",
    "tell_chances",
]
