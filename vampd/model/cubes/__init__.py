"""Cubes: raw ones, the framelists that stand for products, and their descriptions."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.cubes.cards import (
        CARD_LENGTH,
        REMEMBERED_CARDS,
        UNDEFINED,
        Card,
        Cards,
        Nonsense,
        Number,
        Undefined,
        Value,
        history_card,
        render_card,
        render_string,
        render_value,
    )
    from vampd.model.cubes.changed_raw import ChangedRaw, RawFinding, take_up
    from vampd.model.cubes.cube import (
        PRODUCT_LOST,
        RAW_LOST,
        RAW_REMOVED,
        CountedBy,
        FrameCount,
        RawCube,
        SetAside,
    )
    from vampd.model.cubes.framelist import (
        SUFFIX,
        Framelist,
        FramelistHead,
        FrameRange,
        PackedProduct,
        ProductOrder,
        apply_edits,
        compress_frames,
        format_framelist,
        identity_of,
        parse_framelist,
        stamp_frame_id,
    )
    from vampd.model.cubes.generation import (
        CubeAccount,
        Generation,
        Product,
        SyncCounts,
        accounted_cubes,
        format_generation,
        generation_name,
        generation_parts,
        parse_generation,
        set_aside_cubes,
        total_counts,
        wholly_aside,
    )
    from vampd.model.cubes.inside import raw_path
    from vampd.model.cubes.kept_timing import KeptTiming, pack_times
    from vampd.model.cubes.lost_raw import LostRaw, find_given_up, find_lost_raw
    from vampd.model.cubes.named_time import time_in_name
    from vampd.model.cubes.product_header import build_framelist, form_of
    from vampd.model.cubes.raw_presence import RawPresence, judge_raw_presence
    from vampd.model.cubes.readable_cards import reported_cards
    from vampd.model.cubes.reasons import format_reasons, parse_reasons
    from vampd.model.cubes.sidecar import (
        HEAD_BYTES,
        format_sidecar,
        parse_sidecar_identity,
        parse_sidecar_notes,
    )
    from vampd.model.cubes.stamps import (
        EARLIEST_LAG_US,
        LATEST_LAG_US,
        TAI_US,
        beyond_tai_us,
        check_stamps,
        find_clock_steps,
        find_good_rows,
        usual_lag_us,
    )
    from vampd.model.cubes.timing import (
        HEADER_LINES,
        Int64,
        Timing,
        check_timing,
        format_rows,
        parse_timing,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "cards": (
                "Card CARD_LENGTH Cards history_card Nonsense Number REMEMBERED_CARDS "
                "render_card render_string render_value UNDEFINED Undefined Value"
            ),
            "changed_raw": "ChangedRaw RawFinding take_up",
            "cube": "CountedBy FrameCount PRODUCT_LOST RAW_LOST RAW_REMOVED RawCube SetAside",
            "framelist": (
                "apply_edits compress_frames format_framelist Framelist FramelistHead "
                "FrameRange identity_of PackedProduct parse_framelist ProductOrder "
                "stamp_frame_id SUFFIX"
            ),
            "generation": (
                "accounted_cubes wholly_aside CubeAccount format_generation Generation "
                "generation_name generation_parts "
                "parse_generation Product set_aside_cubes SyncCounts total_counts"
            ),
            "inside": "raw_path",
            "kept_timing": "KeptTiming pack_times",
            "lost_raw": "find_given_up find_lost_raw LostRaw",
            "named_time": "time_in_name",
            "product_header": "build_framelist form_of",
            "raw_presence": "judge_raw_presence RawPresence",
            "readable_cards": "reported_cards",
            "reasons": "format_reasons parse_reasons",
            "sidecar": "format_sidecar HEAD_BYTES parse_sidecar_identity parse_sidecar_notes",
            "stamps": (
                "beyond_tai_us check_stamps EARLIEST_LAG_US find_clock_steps find_good_rows"
                " LATEST_LAG_US TAI_US usual_lag_us"
            ),
            "timing": "check_timing format_rows HEADER_LINES Int64 parse_timing Timing",
        },
    )

__all__ = [
    "CARD_LENGTH",
    "EARLIEST_LAG_US",
    "HEADER_LINES",
    "HEAD_BYTES",
    "LATEST_LAG_US",
    "PRODUCT_LOST",
    "RAW_LOST",
    "RAW_REMOVED",
    "REMEMBERED_CARDS",
    "SUFFIX",
    "TAI_US",
    "UNDEFINED",
    "Card",
    "Cards",
    "ChangedRaw",
    "CountedBy",
    "CubeAccount",
    "FrameCount",
    "FrameRange",
    "Framelist",
    "FramelistHead",
    "Generation",
    "Int64",
    "KeptTiming",
    "LostRaw",
    "Nonsense",
    "Number",
    "PackedProduct",
    "Product",
    "ProductOrder",
    "RawCube",
    "RawFinding",
    "RawPresence",
    "SetAside",
    "SyncCounts",
    "Timing",
    "Undefined",
    "Value",
    "accounted_cubes",
    "apply_edits",
    "beyond_tai_us",
    "build_framelist",
    "check_stamps",
    "check_timing",
    "compress_frames",
    "find_clock_steps",
    "find_given_up",
    "find_good_rows",
    "find_lost_raw",
    "form_of",
    "format_framelist",
    "format_generation",
    "format_reasons",
    "format_rows",
    "format_sidecar",
    "generation_name",
    "generation_parts",
    "history_card",
    "identity_of",
    "judge_raw_presence",
    "pack_times",
    "parse_framelist",
    "parse_generation",
    "parse_reasons",
    "parse_sidecar_identity",
    "parse_sidecar_notes",
    "parse_timing",
    "raw_path",
    "render_card",
    "render_string",
    "render_value",
    "reported_cards",
    "set_aside_cubes",
    "stamp_frame_id",
    "take_up",
    "time_in_name",
    "total_counts",
    "usual_lag_us",
    "wholly_aside",
]
