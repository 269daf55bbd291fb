"""Synchronization: frames paired in time, split by FLC state, cut into cubes."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.sync.cameras import arrange_cubes, chain_piece, take_triggered
    from vampd.model.sync.clocks import judge_clocks
    from vampd.model.sync.cutting import cut_cubes, gaps_before, split_at
    from vampd.model.sync.duplicate_cubes import (
        GoneSpan,
        find_gone_spans,
        set_aside_duplicates,
    )
    from vampd.model.sync.given_up import give_up_aside
    from vampd.model.sync.overlay import Overlay, find_together, lay_over
    from vampd.model.sync.partners.late_partners import (
        count_gone_partners,
        count_late_partners,
        pending_late_partners,
    )
    from vampd.model.sync.pieces import split_night
    from vampd.model.sync.products import find_collision
    from vampd.model.sync.regained import (
        CubeTrace,
        DecidedAgain,
        ProductTrace,
        cubes_of,
        regain_generations,
    )
    from vampd.model.sync.runs import number_runs
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
    from vampd.model.sync.states.flc_states import (
        CODE_A,
        CODE_B,
        CODE_D,
        CODE_NONE,
        STATE_OF_CODE,
        FlcState,
        Labels,
    )
    from vampd.model.sync.states.frame_explanation import FrameExplanation, FrameName, explain
    from vampd.model.sync.states.pairs import Pairs
    from vampd.model.sync.states.triggers import Limits
    from vampd.model.sync.synchronization import SyncRules, synchronize
    from vampd.model.sync.taking import match_clocks
    from vampd.model.sync.verdict import (
        describe_verdict,
        find_unexpected,
        follow_frames,
        sum_sync,
    )
    from vampd.model.sync.withdrawal import Withdrawal, join, withdraw, without_withdrawn
else:
    __getattr__ = show(
        __name__,
        {
            "clocks": "judge_clocks",
            "cameras": "arrange_cubes chain_piece take_triggered",
            "cutting": "cut_cubes gaps_before split_at",
            "duplicate_cubes": "find_gone_spans GoneSpan set_aside_duplicates",
            "states.flc_states": "CODE_A CODE_B CODE_D CODE_NONE FlcState Labels STATE_OF_CODE",
            "given_up": "give_up_aside",
            "overlay": "find_together lay_over Overlay",
            "partners.late_partners": (
                "count_gone_partners count_late_partners pending_late_partners"
            ),
            "states.pairs": "Pairs",
            "pieces": "split_night",
            "products": "find_collision",
            "regained": "CubeTrace cubes_of DecidedAgain ProductTrace regain_generations",
            "runs": "number_runs",
            "sequence": (
                "CameraSequence chain_cubes exposure_us header_key is_deinterleaved "
                "is_triggered set_aside_overlaps window_rows"
            ),
            "synchronization": "synchronize SyncRules",
            "taking": "match_clocks",
            "states.frame_explanation": "explain FrameExplanation FrameName",
            "states.triggers": "Limits",
            "verdict": "describe_verdict find_unexpected follow_frames sum_sync",
            "withdrawal": "join withdraw Withdrawal without_withdrawn",
        },
    )

__all__ = [
    "CODE_A",
    "CODE_B",
    "CODE_D",
    "CODE_NONE",
    "STATE_OF_CODE",
    "CameraSequence",
    "CubeTrace",
    "DecidedAgain",
    "FlcState",
    "FrameExplanation",
    "FrameName",
    "GoneSpan",
    "Labels",
    "Limits",
    "Overlay",
    "Pairs",
    "ProductTrace",
    "SyncRules",
    "Withdrawal",
    "arrange_cubes",
    "chain_cubes",
    "chain_piece",
    "count_gone_partners",
    "count_late_partners",
    "cubes_of",
    "cut_cubes",
    "describe_verdict",
    "explain",
    "exposure_us",
    "find_collision",
    "find_gone_spans",
    "find_together",
    "find_unexpected",
    "follow_frames",
    "gaps_before",
    "give_up_aside",
    "header_key",
    "is_deinterleaved",
    "is_triggered",
    "join",
    "judge_clocks",
    "lay_over",
    "match_clocks",
    "number_runs",
    "pending_late_partners",
    "regain_generations",
    "set_aside_duplicates",
    "set_aside_overlaps",
    "split_at",
    "split_night",
    "sum_sync",
    "synchronize",
    "take_triggered",
    "window_rows",
    "withdraw",
    "without_withdrawn",
]
