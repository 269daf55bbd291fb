"""How a command ends: one message for what is foreseen, and the right exit status."""

import errno
import os
import subprocess
import sys

import pytest
import typer

from vampd.cli import program
from vampd.cli.running import run_app, run_command
from vampd.errors import ConfigError, DataError, StoreError, TransientError, UsageError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("code", "a message"), 2),
        (ConfigError("code", "a message"), 78),
        (StoreError("code", "a message"), 1),
        (DataError("code", "a message"), 1),
        (TransientError("code", "a message"), 1),
    ],
)
def test_a_foreseen_error_is_one_message_and_its_status(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run_command("vampctl", fail)
    assert end.value.code == status
    assert capsys.readouterr() == ("", "vampctl: a message\n")


def test_a_file_that_may_not_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/a/file")

    with pytest.raises(SystemExit) as end:
        run_command("vampctl", fail)
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "may not" in said
    assert "/a/file" in said


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ESTALE])
def test_a_disk_that_fails_under_an_open_file_is_no_bug(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SystemExit) as end:
        run_command("vampctl", fail)
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"vampctl: {os.strerror(number)}, ")
    assert said.count("\n") == 1


def test_a_bug_keeps_its_traceback() -> None:
    for bug in (KeyError("x"), OSError("no file's name"), OSError(errno.EBADF, "x")):

        def fail(bug: Exception = bug) -> None:
            raise bug

        with pytest.raises(type(bug)):
            run_command("vampctl", fail)


def test_a_command_that_ends_well_exits_with_0() -> None:
    with pytest.raises(SystemExit) as end:
        run_command("vampctl", lambda: None)
    assert end.value.code == 0


def vampctl(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """The exit status of a command on a terminal that is 60 columns wide."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "argv", ["vampctl", *words])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(SystemExit) as end:
        run_app("vampctl", program.make_app())
    return end.value.code


def test_an_error_of_usage_fits_the_terminal_and_has_our_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vampctl(monkeypatch, "run", "20251106", "--only", "foo") == 2
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("Usage: vampctl run ")
    shown = " ".join(line.strip() for line in lines)
    assert "Error: Invalid value for '--only': 'foo' is not one of 'sync', 'headers'" in shown


def test_help_and_version_exit_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("--help", "--version"):
        assert vampctl(monkeypatch, word) == 0
        assert "vampctl" in capsys.readouterr().out


def test_a_question_that_is_not_answered_ends_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def ask() -> None:
        raise typer.Abort

    monkeypatch.setattr(sys, "argv", ["vampctl"])
    with pytest.raises(SystemExit) as end:
        run_app("vampctl", app)
    assert end.value.code == 1
    assert capsys.readouterr().err == "\nAborted!\n"


@pytest.mark.parametrize("program", ["daemon", "program"])
def test_no_program_of_vampd_has_threads_for_linear_algebra(program: str) -> None:
    script = f"""
import os
import vampd.cli.{program}
from vampd.cli.running import run_command
def count():
    import numpy
    print(len(os.listdir("/proc/self/task")))
run_command("vampd", count)
"""
    environ = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    counted = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert counted.stdout == "1\n"
