"""How a command ends: one message for what is foreseen, and the right exit status."""

import pytest

from vampd.cli.shared.session import run_command
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
    assert capsys.readouterr().err == "vampctl: /a/file: Permission denied\n"


def test_a_bug_keeps_its_traceback() -> None:
    for bug in (KeyError("x"), OSError("no file's name")):

        def fail(bug: Exception = bug) -> None:
            raise bug

        with pytest.raises(type(bug)):
            run_command("vampctl", fail)


def test_a_command_that_ends_well_exits_with_0() -> None:
    with pytest.raises(SystemExit) as end:
        run_command("vampctl", lambda: None)
    assert end.value.code == 0
