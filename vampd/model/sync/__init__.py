"""Synchronization: frames paired in time, split by FLC state, cut into cubes."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.sync.clocks import judge_clocks
    from vampd.model.sync.cutting import cut_cubes, gaps_before, split_at
    from vampd.model.sync.duplicate_cubes import (
        GoneSpan,
        find_gone_spans,
        set_aside_duplicates,
    )
    from vampd.model.sync.labels.flc import (
        CODE_A,
        CODE_B,
        CODE_D,
        CODE_NONE,
        LEAST_MEAN,
        STATE_OF_CODE,
        FlcState,
        Labels,
        assign_flc_states,
        combine_labels,
    )
    from vampd.model.sync.labels.modulation import find_modulation
    from vampd.model.sync.partners.late_partners import (
        count_gone_partners,
        count_late_partners,
        pending_late_partners,
    )
    from vampd.model.sync.partners.local_offset import running_median
    from vampd.model.sync.partners.matching import shortest_interval_us
    from vampd.model.sync.partners.pairing import (
        Pairs,
        arrival_scatter_us,
        pair_frames,
        rows_tolerance_us,
    )
    from vampd.model.sync.products import find_collision
    from vampd.model.sync.runs import split_runs
    from vampd.model.sync.sequence import (
        CameraSequence,
        chain_cubes,
        exposure_us,
        header_key,
        is_deinterleaved,
        is_triggered,
        set_aside_overlaps,
        window_rows,
    )
    from vampd.model.sync.synchronization import SyncRules, synchronize
    from vampd.model.sync.taking import match_clocks
    from vampd.model.sync.verdict import find_unexpected
    from vampd.model.sync.withdrawal import Withdrawal, join, withdraw, without_withdrawn
else:
    __getattr__ = show(
        __name__,
        {
            "clocks": "judge_clocks",
            "cutting": "cut_cubes gaps_before split_at",
            "duplicate_cubes": "find_gone_spans GoneSpan set_aside_duplicates",
            "labels.flc": (
                "assign_flc_states CODE_A CODE_B CODE_D CODE_NONE combine_labels FlcState "
                "Labels LEAST_MEAN STATE_OF_CODE"
            ),
            "partners.late_partners": (
                "count_gone_partners count_late_partners pending_late_partners"
            ),
            "partners.local_offset": "running_median",
            "partners.matching": "shortest_interval_us",
            "labels.modulation": "find_modulation",
            "partners.pairing": "arrival_scatter_us pair_frames Pairs rows_tolerance_us",
            "products": "find_collision",
            "runs": "split_runs",
            "sequence": (
                "CameraSequence chain_cubes exposure_us header_key is_deinterleaved "
                "is_triggered set_aside_overlaps window_rows"
            ),
            "synchronization": "synchronize SyncRules",
            "taking": "match_clocks",
            "verdict": "find_unexpected",
            "withdrawal": "join withdraw Withdrawal without_withdrawn",
        },
    )

__all__ = [
    "CODE_A",
    "CODE_B",
    "CODE_D",
    "CODE_NONE",
    "LEAST_MEAN",
    "STATE_OF_CODE",
    "CameraSequence",
    "FlcState",
    "GoneSpan",
    "Labels",
    "Pairs",
    "SyncRules",
    "Withdrawal",
    "arrival_scatter_us",
    "assign_flc_states",
    "chain_cubes",
    "combine_labels",
    "count_gone_partners",
    "count_late_partners",
    "cut_cubes",
    "exposure_us",
    "find_collision",
    "find_gone_spans",
    "find_modulation",
    "find_unexpected",
    "gaps_before",
    "header_key",
    "is_deinterleaved",
    "is_triggered",
    "join",
    "judge_clocks",
    "match_clocks",
    "pair_frames",
    "pending_late_partners",
    "rows_tolerance_us",
    "running_median",
    "set_aside_duplicates",
    "set_aside_overlaps",
    "shortest_interval_us",
    "split_at",
    "split_runs",
    "synchronize",
    "window_rows",
    "withdraw",
    "without_withdrawn",
]
