"""A night: its folder and streams, its state and history, and when it may start."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.nights.checked_cube import CheckedCube
    from vampd.model.nights.file_stamp import FileStamp, bounded_ns
    from vampd.model.nights.history import (
        after_lost_proofs,
        discovered,
        ends_proofs,
        last_releaser,
        moved,
        noted,
        refuse_stale_claim,
        unknown_night,
    )
    from vampd.model.nights.night import (
        ARCHIVE_FOLDER,
        Kind,
        NightId,
        cure_of,
        in_time_order,
        name_commands,
        name_kind,
        parse_night_date,
    )
    from vampd.model.nights.old_cron import (
        MARKS_NAME,
        CronPlan,
        is_alive,
        is_job,
        parse_marks,
        plan_cron,
    )
    from vampd.model.nights.old_log import (
        LOG_NAMES,
        TITLES,
        StageMark,
        StatusRow,
        parse_old_log,
        rows_by_night,
    )
    from vampd.model.nights.old_tools import find_traces, is_lasting, is_old_folder, is_own_file
    from vampd.model.nights.quiet import (
        INCOMPLETE_CODES,
        PauseRule,
        ScanCause,
        ScanRule,
        Stillness,
        StreamsSnapshot,
        is_due,
        is_quiet,
    )
    from vampd.model.nights.readiness import (
        UNREAD_NOTES,
        IncompleteCube,
        Observation,
        ReadinessRules,
        Ready,
        StreamsObservation,
        Wait,
        WaitCode,
        describe_legacy,
        find_next_for_ids,
        is_ignored,
        judge_readiness,
        note_of,
        remaining_wait_s,
    )
    from vampd.model.nights.record import (
        Discovery,
        EventRecord,
        NightRecord,
        NightUpdate,
        UnreadableNight,
        is_sound_column,
        unsound_field,
    )
    from vampd.model.nights.retry import RetryPolicy, after_wait, delay_s
    from vampd.model.nights.schedule import RunLimits, choose_nights
    from vampd.model.nights.state import (
        HELD_BY_PERSON,
        MOVES,
        MOVES_AT_SYNC,
        RESTORE_UNFINISHED,
        RESTORED,
        Event,
        EventName,
        Gate,
        StageName,
        State,
        Status,
        advance,
        event_of_new_data,
        opened_gate,
        stages_of,
    )
    from vampd.model.nights.stream import (
        CAMERA_STREAMS,
        Stream,
        find_cubes,
        is_cube_name,
        is_fits_name,
        plain_cube_path,
        seconds_in_name,
        timing_name,
        unfinished_cube_name,
    )
    from vampd.model.nights.sync_sums import (
        FLC_STATES,
        Aside,
        FrameFlow,
        SyncSums,
        read_frame_flow,
        read_sync_sums,
        write_frame_flow,
        write_sync_sums,
    )
    from vampd.model.nights.ut import (
        DAY_US,
        format_clock,
        format_date,
        format_hst_clock,
        format_mjd,
        ut_day,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "checked_cube": "CheckedCube",
            "file_stamp": "bounded_ns FileStamp",
            "history": (
                "after_lost_proofs discovered ends_proofs last_releaser moved noted "
                "refuse_stale_claim unknown_night"
            ),
            "night": (
                "ARCHIVE_FOLDER Kind NightId cure_of in_time_order name_commands name_kind "
                "parse_night_date"
            ),
            "old_cron": "CronPlan is_alive is_job MARKS_NAME parse_marks plan_cron",
            "old_log": "LOG_NAMES parse_old_log rows_by_night StageMark StatusRow TITLES",
            "old_tools": "find_traces is_lasting is_old_folder is_own_file",
            "quiet": (
                "INCOMPLETE_CODES is_due is_quiet PauseRule ScanCause ScanRule Stillness "
                "StreamsSnapshot"
            ),
            "readiness": (
                "describe_legacy find_next_for_ids IncompleteCube is_ignored judge_readiness "
                "note_of Observation ReadinessRules Ready remaining_wait_s StreamsObservation "
                "UNREAD_NOTES Wait WaitCode"
            ),
            "record": (
                "Discovery EventRecord is_sound_column NightRecord NightUpdate UnreadableNight "
                "unsound_field"
            ),
            "retry": "after_wait delay_s RetryPolicy",
            "schedule": "choose_nights RunLimits",
            "state": (
                "advance Event event_of_new_data EventName Gate HELD_BY_PERSON MOVES "
                "MOVES_AT_SYNC opened_gate RESTORE_UNFINISHED RESTORED StageName stages_of State "
                "Status"
            ),
            "stream": (
                "CAMERA_STREAMS find_cubes is_cube_name is_fits_name plain_cube_path "
                "seconds_in_name Stream "
                "timing_name unfinished_cube_name"
            ),
            "sync_sums": (
                "Aside FLC_STATES FrameFlow read_frame_flow read_sync_sums SyncSums "
                "write_frame_flow write_sync_sums"
            ),
            "ut": "DAY_US format_clock format_date format_hst_clock format_mjd ut_day",
        },
    )

__all__ = [
    "ARCHIVE_FOLDER",
    "CAMERA_STREAMS",
    "DAY_US",
    "FLC_STATES",
    "HELD_BY_PERSON",
    "INCOMPLETE_CODES",
    "LOG_NAMES",
    "MARKS_NAME",
    "MOVES",
    "MOVES_AT_SYNC",
    "RESTORED",
    "RESTORE_UNFINISHED",
    "TITLES",
    "UNREAD_NOTES",
    "Aside",
    "CheckedCube",
    "CronPlan",
    "Discovery",
    "Event",
    "EventName",
    "EventRecord",
    "FileStamp",
    "FrameFlow",
    "Gate",
    "IncompleteCube",
    "Kind",
    "NightId",
    "NightRecord",
    "NightUpdate",
    "Observation",
    "PauseRule",
    "ReadinessRules",
    "Ready",
    "RetryPolicy",
    "RunLimits",
    "ScanCause",
    "ScanRule",
    "StageMark",
    "StageName",
    "State",
    "Status",
    "StatusRow",
    "Stillness",
    "Stream",
    "StreamsObservation",
    "StreamsSnapshot",
    "SyncSums",
    "UnreadableNight",
    "Wait",
    "WaitCode",
    "advance",
    "after_lost_proofs",
    "after_wait",
    "bounded_ns",
    "choose_nights",
    "cure_of",
    "delay_s",
    "describe_legacy",
    "discovered",
    "ends_proofs",
    "event_of_new_data",
    "find_cubes",
    "find_next_for_ids",
    "find_traces",
    "format_clock",
    "format_date",
    "format_hst_clock",
    "format_mjd",
    "in_time_order",
    "is_alive",
    "is_cube_name",
    "is_due",
    "is_fits_name",
    "is_ignored",
    "is_job",
    "is_lasting",
    "is_old_folder",
    "is_own_file",
    "is_quiet",
    "is_sound_column",
    "judge_readiness",
    "last_releaser",
    "moved",
    "name_commands",
    "name_kind",
    "note_of",
    "noted",
    "opened_gate",
    "parse_marks",
    "parse_night_date",
    "parse_old_log",
    "plain_cube_path",
    "plan_cron",
    "read_frame_flow",
    "read_sync_sums",
    "refuse_stale_claim",
    "remaining_wait_s",
    "rows_by_night",
    "seconds_in_name",
    "stages_of",
    "timing_name",
    "unfinished_cube_name",
    "unknown_night",
    "unsound_field",
    "ut_day",
    "write_frame_flow",
    "write_sync_sums",
]
