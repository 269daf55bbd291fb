"""Frame IDs: their form, their grants, and where they show up."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.frame_ids.frame_id import BoundId, FrameId, NumberRange
    from vampd.model.frame_ids.grant import GrantVerdict, judge_grant, named_ids, split_answer
    from vampd.model.frame_ids.lost import LostId, find_lost_ids
    from vampd.model.frame_ids.name_changes import (
        NAME_CHANGES,
        NameChange,
        format_name_changes,
        parse_name_changes,
    )
    from vampd.model.frame_ids.observed import (
        HEADERS,
        NAMES,
        ObservedIds,
        find_contradictions,
        highest_seen,
        list_highest,
    )
    from vampd.model.frame_ids.recovered_binding import (
        RecoveredBinding,
        RecoveredBindings,
        read_bindings,
        weigh,
    )
    from vampd.model.frame_ids.review import (
        USED_BY_OTHERS,
        CarriedId,
        Gap,
        LedgerListing,
        ListedId,
        ListedRequest,
        NightCount,
        Review,
        review_ids,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "frame_id": "BoundId FrameId NumberRange",
            "grant": "GrantVerdict judge_grant named_ids split_answer",
            "lost": "find_lost_ids LostId",
            "name_changes": "format_name_changes NAME_CHANGES NameChange parse_name_changes",
            "observed": "find_contradictions HEADERS highest_seen list_highest NAMES ObservedIds",
            "recovered_binding": "read_bindings RecoveredBinding RecoveredBindings weigh",
            "review": (
                "CarriedId Gap LedgerListing ListedId ListedRequest NightCount Review review_ids "
                "USED_BY_OTHERS"
            ),
        },
    )

__all__ = [
    "HEADERS",
    "NAMES",
    "NAME_CHANGES",
    "USED_BY_OTHERS",
    "BoundId",
    "CarriedId",
    "FrameId",
    "Gap",
    "GrantVerdict",
    "LedgerListing",
    "ListedId",
    "ListedRequest",
    "LostId",
    "NameChange",
    "NightCount",
    "NumberRange",
    "ObservedIds",
    "RecoveredBinding",
    "RecoveredBindings",
    "Review",
    "find_contradictions",
    "find_lost_ids",
    "format_name_changes",
    "highest_seen",
    "judge_grant",
    "list_highest",
    "named_ids",
    "parse_name_changes",
    "read_bindings",
    "review_ids",
    "split_answer",
    "weigh",
]
