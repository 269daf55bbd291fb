"""A raw cube that was found complete."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.model.nights.file_stamp import FileStamp


@dataclass(frozen=True)
class CheckedCube:
    """A complete cube and its timing file, as they were then; FRAMEID as its header has it."""

    fits: FileStamp
    timing_file: FileStamp
    frame_id: str | None
