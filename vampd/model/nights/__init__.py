"""A night: its folder and streams, its state and history, and when it may start."""

from vampd.model.nights.file_stamp import FileStamp
from vampd.model.nights.history import moved, noted, refuse_stale_claim, unknown_night
from vampd.model.nights.night import ARCHIVE_FOLDER, Kind, NightId, parse_night_date
from vampd.model.nights.old_tools import OLD_TOOLS, find_traces
from vampd.model.nights.quiet import INCOMPLETE_CODES, Stillness, StreamsSnapshot, is_due, is_quiet
from vampd.model.nights.record import EventRecord, NightRecord, NightUpdate
from vampd.model.nights.retry import RetryPolicy, after_failure, delay_s
from vampd.model.nights.schedule import (
    NightCandidate,
    RunLimits,
    choose_nights,
    find_blockers,
    is_claimable,
)
from vampd.model.nights.state import (
    HELD_BY_PERSON,
    MOVES,
    RESTORED,
    Event,
    EventName,
    Gate,
    StageName,
    State,
    Status,
    advance,
    opened_gate,
    stages_of,
)
from vampd.model.nights.stream import (
    CAMERA_STREAMS,
    Stream,
    is_cube_name,
    seconds_in_name,
    timing_name,
    unfinished_cube_name,
)
from vampd.model.nights.ut import (
    DAY_US,
    format_clock,
    format_date,
    format_hst_clock,
    format_mjd,
    ut_day,
)

__all__ = [
    "ARCHIVE_FOLDER",
    "CAMERA_STREAMS",
    "DAY_US",
    "HELD_BY_PERSON",
    "INCOMPLETE_CODES",
    "MOVES",
    "OLD_TOOLS",
    "RESTORED",
    "Event",
    "EventName",
    "EventRecord",
    "FileStamp",
    "Gate",
    "Kind",
    "NightCandidate",
    "NightId",
    "NightRecord",
    "NightUpdate",
    "RetryPolicy",
    "RunLimits",
    "StageName",
    "State",
    "Status",
    "Stillness",
    "Stream",
    "StreamsSnapshot",
    "advance",
    "after_failure",
    "choose_nights",
    "delay_s",
    "find_blockers",
    "find_traces",
    "format_clock",
    "format_date",
    "format_hst_clock",
    "format_mjd",
    "is_claimable",
    "is_cube_name",
    "is_due",
    "is_quiet",
    "moved",
    "noted",
    "opened_gate",
    "parse_night_date",
    "refuse_stale_claim",
    "seconds_in_name",
    "stages_of",
    "timing_name",
    "unfinished_cube_name",
    "unknown_night",
    "ut_day",
]
