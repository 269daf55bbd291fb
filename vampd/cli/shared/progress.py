"""A night's progress, formatted for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vampd.cli.shared.words import format_size
from vampd.model.nights import Status

if TYPE_CHECKING:
    from vampd.model.nights import NightRecord


def format_progress(record: NightRecord) -> str:
    """Actions done of all, and how much is packed; ``-`` if unknown."""
    if record.state.status is Status.DONE or not record.all_actions:
        return "-"
    packed = "" if record.done_part is None else f" {record.done_part:.0%}"
    return f"{record.done_actions}/{record.all_actions}{packed}"


def format_progress_in_full(record: NightRecord) -> str:
    """As `format_progress`, in words and with frames and bytes; empty if unknown."""
    if format_progress(record) == "-":
        return ""
    actions = f"{record.done_actions} of {record.all_actions} actions"
    if record.done_part is None:
        return actions
    return (
        f"{actions}; {record.done_frames:,} of {record.all_frames:,} frames,"
        f" {format_size(record.done_bytes)} of {format_size(record.all_bytes)}"
        f" ({record.done_part:.0%}) packed"
    )
