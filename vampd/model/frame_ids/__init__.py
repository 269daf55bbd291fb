"""Frame IDs: their form, their grants, and where they show up."""

from vampd.model.frame_ids.frame_id import BoundId, FrameId, NumberRange
from vampd.model.frame_ids.grant import GrantVerdict, judge_grant, named_ids, split_answer
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
    tell_highest,
)
from vampd.model.frame_ids.recovered_binding import (
    RecoveredBinding,
    RecoveredBindings,
    read_bindings,
    weigh,
)
from vampd.model.frame_ids.review import (
    CarriedId,
    Gap,
    LedgerListing,
    ListedId,
    ListedRequest,
    Review,
    review_ids,
)

__all__ = [
    "HEADERS",
    "NAMES",
    "NAME_CHANGES",
    "BoundId",
    "CarriedId",
    "FrameId",
    "Gap",
    "GrantVerdict",
    "LedgerListing",
    "ListedId",
    "ListedRequest",
    "NameChange",
    "NumberRange",
    "ObservedIds",
    "RecoveredBinding",
    "RecoveredBindings",
    "Review",
    "find_contradictions",
    "format_name_changes",
    "highest_seen",
    "judge_grant",
    "named_ids",
    "parse_name_changes",
    "read_bindings",
    "review_ids",
    "split_answer",
    "tell_highest",
    "weigh",
]
