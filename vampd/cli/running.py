"""Running a command to its exit: what people are told of errors, and the exit status.

Imports nothing that is slow: `vampctl status` runs without typer.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from vampd.cli.shared.output import ReaderLeft, write_error
from vampd.errors import EXIT_NIGHT, EXIT_OK, VampdError
from vampd.model.nights import name_commands, parse_night_date

if TYPE_CHECKING:
    import typer

_INTERRUPTED = 130  # as shells report a program that SIGINT ended
# What a read or a sync of an open file says of its disk; such an error has no file name.
_OF_A_DISK = frozenset({errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EROFS, errno.ESTALE})
_PYDANTIC_PREFIX = "Value error, "


def run_app(program: str, app: typer.Typer) -> NoReturn:
    """Run the command that the arguments name to its exit, as `run_command`."""
    run_command(program, lambda: run_typer(program, app))


def run_typer(program: str, app: typer.Typer) -> NoReturn:
    """The same without what `run_command` adds."""
    import typer

    # Typer exports only this child of what all usage errors are.
    usage_error = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])
    # Typer alone would write errors of usage as long lines, in the words of what found them.
    try:
        sys.exit(app(prog_name=program, standalone_mode=False) or EXIT_OK)
    except usage_error as error:
        shown = io.StringIO()
        error.show(shown)
        for line in shown.getvalue().replace(_PYDANTIC_PREFIX, "").splitlines():
            write_error(line)
        sys.exit(error.exit_code)
    except typer.Abort:
        # The cursor still stands behind the question.
        write_error("")
        write_error("Aborted!")
        sys.exit(EXIT_NIGHT)


def run_command(program: str, command: Callable[[], object]) -> NoReturn:
    """Run a command to its exit; an expected error becomes one message and its exit status."""
    # The workers' interpreters find no module in the current folder, which may be a camera's.
    os.environ["PYTHONSAFEPATH"] = "1"
    # numpy's linear algebra, which is not used here, would start a thread for each core, in each
    # worker too, and end a process that may start none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As standard error does: a name that the locale cannot say is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            command()
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, ReaderLeft):
        # Otherwise the interpreter's own flush at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except VampdError as error:
        write_error(f"{program}: {_name_night(error.message)}")
        sys.exit(error.exit_status)
    except OSError as error:
        # For example a file that the user may not read.
        if (said := describe_os_error(error)) is None:
            _show_bugs_as_text()
            raise
        write_error(f"{program}: {said}")
        sys.exit(EXIT_NIGHT)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception:
        _show_bugs_as_text()
        raise
    sys.exit(EXIT_OK)


def _name_night(message: str) -> str:
    """The message with the night that was typed in its commands."""
    typed = next((word for word in sys.argv[1:] if parse_night_date(word.replace("-", ""))), None)
    return message if typed is None else name_commands(message, typed.replace("-", ""))


def describe_os_error(error: OSError) -> str | None:
    """A refusal in our words: who may not, because of which mode, and the command that mends it.

    None for a bug: no file is named, and no disk has failed under a file that was open.
    """
    if not isinstance(error.filename, str):
        if error.errno not in _OF_A_DISK:
            return None
        return f"{error.strerror}, of a file that was open; once its disk works, repeat the command"
    from vampd.disk.refusal import Cause, PathAccess, classify, describe_refused, may_read

    if classify(error) is not Cause.PERMISSION:
        return f"{error.filename}: {error.strerror}"
    path = Path(error.filename)
    return describe_refused(path, PathAccess.WRITE if may_read(path) else PathAccess.READ)


def _show_bugs_as_text() -> None:
    """What the interpreter writes of an uncaught error may quote any name; Typer sets it too."""
    import traceback

    sys.excepthook = lambda *error: write_error("".join(traceback.format_exception(*error)))
