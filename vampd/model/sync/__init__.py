"""Synchronization: frames paired in time, split by FLC state, cut into cubes."""

from vampd.model.sync.cutting import cut_cubes, gaps_before, split_at
from vampd.model.sync.duplicate_cubes import set_aside_duplicates
from vampd.model.sync.flc import (
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
from vampd.model.sync.local_offset import running_median
from vampd.model.sync.matching import shortest_interval_us
from vampd.model.sync.modulation import find_modulation
from vampd.model.sync.pairing import Pairs, arrival_scatter_us, pair_frames, rows_tolerance_us
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
from vampd.model.sync.synchronization import SyncRules, find_unexpected, synchronize

__all__ = [
    "CODE_A",
    "CODE_B",
    "CODE_D",
    "CODE_NONE",
    "LEAST_MEAN",
    "STATE_OF_CODE",
    "CameraSequence",
    "FlcState",
    "Labels",
    "Pairs",
    "SyncRules",
    "arrival_scatter_us",
    "assign_flc_states",
    "chain_cubes",
    "combine_labels",
    "cut_cubes",
    "exposure_us",
    "find_modulation",
    "find_unexpected",
    "gaps_before",
    "header_key",
    "is_deinterleaved",
    "is_triggered",
    "pair_frames",
    "rows_tolerance_us",
    "running_median",
    "set_aside_duplicates",
    "set_aside_overlaps",
    "shortest_interval_us",
    "split_at",
    "split_runs",
    "synchronize",
    "window_rows",
]
