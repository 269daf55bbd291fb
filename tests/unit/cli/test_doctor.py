"""vampctl doctor: what it found in our own words, never in those of the program that it asked."""

import os
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from vampd.cli.look.doctor import examine

NO_BUS = "System has not been booted with systemd as init system (PID 1). Can't operate."


@pytest.mark.parametrize(
    ("answer", "status", "state"),
    [("yes", 0, "OK"), ("no", 0, "BAD"), ("n/a", 0, "look"), (NO_BUS, 1, "look")],
)
def test_the_line_of_the_clock_is_not_what_timedatectl_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, state: str
) -> None:
    program = tmp_path / "timedatectl"
    program.write_text(f"#!/bin/sh\necho '{answer.replace(chr(39), '')}'\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (clock,) = (found for found in examine(make_settings(tmp_path)) if found.check == "clock")
    assert clock.state == state
    assert "synchronized" in clock.found
    assert "booted" not in clock.found
    assert "n/a" not in clock.found
