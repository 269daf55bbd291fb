"""A destination here that does not answer is waited for as long as any host, and said."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.settings import make_settings
from vampd.adapters.archive import LocalArchive
from vampd.disk.answering import stat_answering
from vampd.errors import RemoteUnavailable


def test_a_destination_that_does_not_answer_is_left_by_one_thread_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, answer, asked = tmp_path / "silent", threading.Event(), list[object]()
    silent.mkdir()
    really = os.stat

    def stat(path: Any, *rest: Any, **more: Any) -> os.stat_result:
        if path == silent and not answer.is_set():
            asked.append(path)
            answer.wait(60)
        return really(path, *rest, **more)

    monkeypatch.setattr(os, "stat", stat)
    transfer = make_settings(tmp_path, transfer={"timeout_s": 1}).transfer
    host = LocalArchive(silent, transfer.model_copy(update={"timeout_s": 0.05}))
    for ask in (host.space, host.mark, host.nights, host.space):
        with pytest.raises(RemoteUnavailable, match=f"{silent} has not answered") as caught:
            ask()
        assert caught.value.code == "archive_slow"
    assert len(asked) == 1
    # Nobody waits again for what has hung for as long.
    asked_at = time.monotonic()
    for _ in range(40):
        with pytest.raises(RemoteUnavailable):
            stat_answering(silent, 0.3)
    assert time.monotonic() - asked_at < 6
    answer.set()
    (hanging,) = (each for each in threading.enumerate() if each.name == "answering")
    hanging.join(20)
    assert host.nights() == []
