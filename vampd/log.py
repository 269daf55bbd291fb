"""The log: constant dotted events with fields, to the journal, a terminal, or as JSON.

``get_log().info("stage.finished", frames=998)``; night, stage and attempt are bound once with
``structlog.contextvars.bound_contextvars``, for each thread its own. Under systemd every field is a
field of the journal too (``journalctl -u vampd VAMPD_NIGHT=20251106``).
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol, TextIO, cast

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from vampd.model.escapes import show, show_lines

IDENTIFIER = "vampd"
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_NOT_IN_A_FIELD = re.compile(r"[^A-Z0-9_]")
_LONGEST_FIELD = 64
# Of whom a line speaks.
_FIRST = ("night", "kind", "stage", "attempt")
_PLAIN = re.compile(r"[^\s\"'=]+")


class LogTarget(StrEnum):
    """Where the log goes."""

    AUTO = "auto"  # the journal where standard error is connected to it, else the console
    CONSOLE = "console"
    JSON = "json"
    JOURNAL = "journal"


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    DEBUG = "debug"  # for tracking down a fault
    INFO = "info"  # progress
    WARNING = "warning"  # will be retried
    ERROR = "error"  # needs a decision


class SendToJournal(Protocol):
    """``systemd.journal.send``: one record; OSError if the journal accepts none."""

    def __call__(self, MESSAGE: str, **fields: str | int) -> object: ...  # noqa: N803


def configure_log(
    target: LogTarget = LogTarget.AUTO,
    level: LogLevel = LogLevel.INFO,
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    send: SendToJournal | None = None,
) -> None:
    """Set the log up for this process; a later call replaces an earlier one.

    ``stream``, ``environ`` and ``send`` stand in for standard error, the environment and systemd.
    Warnings that libraries log with Python's ``logging`` come through as ``library.warned``.
    """
    stream = stream or sys.stderr
    if target is LogTarget.AUTO:
        connected = is_journal(stream, environ)
        target = LogTarget.JOURNAL if connected else LogTarget.CONSOLE
    own: list[Processor]
    factory: Any = structlog.WriteLoggerFactory(stream)
    match target:
        case LogTarget.JOURNAL:
            own = [_callsite(), structlog.processors.format_exc_info, _to_journal_record]
            factory = _JournalLoggerFactory(send or _systemd_send(), stream)
        case LogTarget.JSON:
            own = [
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ]
        case _:
            own = [
                structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
                _for_people,
                structlog.dev.ConsoleRenderer(
                    sort_keys=False,
                    colors=stream.isatty() and not environ.get("NO_COLOR"),
                    exception_formatter=_write_traceback,
                ),
            ]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *own],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.name]
        ),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    _forward_libraries()


def get_log() -> FilteringBoundLogger:
    """The log; it may be obtained before it is configured."""
    return cast(FilteringBoundLogger, structlog.get_logger())


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd has connected this stream to the journal (systemd.exec(5), JOURNAL_STREAM).

    The variable alone proves nothing: children of a service inherit it.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or not a file
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _systemd_send() -> SendToJournal:
    from systemd.journal import send

    return cast(SendToJournal, send)


def _callsite() -> Processor:
    wanted = (CallsiteParameter.PATHNAME, CallsiteParameter.LINENO, CallsiteParameter.FUNC_NAME)
    return CallsiteParameterAdder(wanted, additional_ignores=[__name__, "logging"])


def _for_people(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """The fields in the order in which people read them, shown as text; without unknown ones."""
    known = {key: _shown(key, value) for key, value in event_dict.items() if value is not None}
    first = {key: known[key] for key in _FIRST if key in known}
    return {**first, **known}


def _shown(key: str, value: object) -> object:
    if key == "exc_info" or isinstance(value, bool | int | float):
        return value
    return show(value if isinstance(value, str) else repr(value))


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """A traceback, indented: what it quotes cannot begin a line of the log."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    lines = plain.getvalue().removeprefix("\n").split("\n")
    stream.write("".join(f"\n  {show(line)}" for line in lines))


def _to_journal_record(
    logger: WrappedLogger, method: str, event_dict: EventDict
) -> tuple[tuple[str], dict[str, str | int]]:
    """A readable MESSAGE, and every field of the event as a field ``VAMPD_...`` of the journal.

    The fields are exact; the message is shown as text, which journalctl would hide otherwise.
    """
    record: dict[str, str | int] = {
        "PRIORITY": _PRIORITIES.get(event_dict.pop("level", method), 5),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "CODE_FILE": str(event_dict.pop("pathname", "")),
        "CODE_LINE": int(event_dict.pop("lineno", 0)),
        "CODE_FUNC": str(event_dict.pop("func_name", "")),
    }
    texts = {key: _text_of(value) for key, value in event_dict.items() if value is not None}
    record.update({_field_name(key): text for key, text in texts.items()})
    event, exception = texts.pop("event", ""), texts.pop("exception", None)
    message = " ".join([event, *(f"{key}={_quoted(text)}" for key, text in texts.items())])
    message = show(message)
    return ((message if exception is None else f"{message}\n{show_lines(exception)}"),), record


def _field_name(key: str) -> str:
    return f"VAMPD_{_NOT_IN_A_FIELD.sub('_', key.upper())}"[:_LONGEST_FIELD]


def _text_of(value: object) -> str:
    # A path may hold bytes that are not UTF-8, and the journal accepts nothing else.
    return str(value).encode("utf-8", "backslashreplace").decode()


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _JournalLogger:
    """What structlog calls with the record that `_to_journal_record` has made."""

    def __init__(self, send: SendToJournal, stream: TextIO) -> None:
        self._send = send
        self._stream = stream

    def msg(self, message: str, **fields: str | int) -> None:
        try:
            self._send(message, **fields)
        except OSError as error:
            # A failing journal must not stop the work; standard error leads there too.
            self._stream.write(f"{message} [journal: {error}]\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _JournalLoggerFactory:
    def __init__(self, send: SendToJournal, stream: TextIO) -> None:
        self._logger = _JournalLogger(send, stream)

    def __call__(self, *_: object) -> _JournalLogger:
        return self._logger


class _ForwardToLog(logging.Handler):
    """Forwards what libraries log with Python's logging to our log."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit the text
            message = str(record.msg)
        fields: dict[str, Any] = {"library": record.name, "message": message}
        if record.levelno >= logging.ERROR:
            get_log().error("library.failed", **fields, exc_info=record.exc_info)
        else:
            get_log().warning("library.warned", **fields, exc_info=record.exc_info)


def _forward_libraries() -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _ForwardToLog)]:
        root.removeHandler(handler)
    root.addHandler(_ForwardToLog(logging.WARNING))
    root.setLevel(logging.WARNING)
