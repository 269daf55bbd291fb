"""What was brought to the disk, as os.fsync was asked for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# A path, and what it held by then: the names in a folder, or the text of a file.
Fsyncs = list[tuple[Path, list[str]]]


def record_fsyncs(monkeypatch: pytest.MonkeyPatch) -> Fsyncs:
    """The list that each fsync from now on is added to, in order."""
    seen: Fsyncs = []
    really_sync = os.fsync

    def note(file_fd: int) -> None:
        really_sync(file_fd)
        path = Path(os.readlink(f"/proc/self/fd/{file_fd}"))
        content = sorted(os.listdir(path)) if path.is_dir() else [path.read_text("latin-1")]
        seen.append((path, content))

    monkeypatch.setattr(os, "fsync", note)
    return seen
