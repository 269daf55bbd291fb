import io
import json
import logging
import re
import threading
from collections.abc import Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from vampd.log import LogLevel, LogTarget, configure_log, get_log, is_journal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FakeJournal:
    """Takes records as `systemd.journal.send` does."""

    def __init__(self) -> None:
        self.records: list[dict[str, str | int]] = []
        self.failure: OSError | None = None

    def __call__(self, MESSAGE: str, **fields: str | int) -> None:  # noqa: N803
        if self.failure is not None:
            raise self.failure
        self.records.append({"MESSAGE": MESSAGE, **fields})


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def journal(stream) -> FakeJournal:
    journal = FakeJournal()
    configure_log(LogTarget.JOURNAL, stream=stream, send=journal)
    return journal


def fail() -> None:
    raise ValueError("expected a night, found a rock")


# --- JSON


def test_json_is_one_object_a_line_with_utc_time_and_all_fields(stream):
    configure_log(LogTarget.JSON, stream=stream)
    with bound_contextvars(night="20251106", stage="sync", attempt=2):
        get_log().info("stage.finished", frames=998)
    get_log().warning("stage.failed", path="/x\ny", kind=LogTarget.JSON)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("timestamp"))
    assert first == {
        "event": "stage.finished",
        "level": "info",
        "night": "20251106",
        "stage": "sync",
        "attempt": 2,
        "frames": 998,
    }
    assert second["path"] == "/x\ny"
    assert "night" not in second


def test_json_takes_values_that_json_does_not_know(stream):
    configure_log(LogTarget.JSON, stream=stream)
    get_log().info("file.found", path="/x/\udc80", thing={1}, error=ValueError("odd"))
    record = json.loads(stream.getvalue())
    assert (record["path"], record["thing"], record["error"]) == ("/x/\udc80", "{1}", "odd")


@pytest.mark.parametrize("target", [LogTarget.JSON, LogTarget.CONSOLE])
def test_an_exception_comes_with_its_traceback(stream, target):
    configure_log(target, stream=stream)
    try:
        fail()
    except ValueError:
        get_log().exception("night.held", code="bug")
    text = stream.getvalue()
    for shown in ("night.held", "Traceback", "in fail", "ValueError: expected a night"):
        assert shown in text
    assert (len(text.splitlines()) == 1) == (target is LogTarget.JSON)


# --- console


def test_the_console_is_readable_and_plain_when_it_is_no_terminal(stream):
    configure_log(LogTarget.AUTO, stream=stream, environ={})
    get_log().info("stage.finished", frames=998)
    line = stream.getvalue()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[info +\] stage\.finished +frames=998", line)
    assert "\x1b" not in line


def test_a_console_line_begins_with_its_night_and_leaves_out_what_is_not_known(stream):
    configure_log(LogTarget.CONSOLE, stream=stream)
    with bound_contextvars(attempt=1, stage="sync", kind="archive", night="20251106"):
        get_log().info("stage.finished", actions=3, code=None)
    fields = re.findall(r"(\w+)=", stream.getvalue())
    assert fields == ["night", "kind", "stage", "attempt", "actions"]


def test_what_is_not_known_is_no_field_of_the_journal(journal):
    get_log().info("stage.finished", actions=3, code=None)
    (record,) = journal.records
    assert "VAMPD_CODE" not in record
    assert record["MESSAGE"] == "stage.finished actions=3"


@pytest.mark.parametrize(
    ("environ", "colored"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)],
)
def test_colors_are_for_terminals_unless_no_color_is_set(environ, colored):
    terminal = Terminal()
    configure_log(LogTarget.CONSOLE, stream=terminal, environ=environ)
    get_log().info("stage.finished")
    assert ("\x1b" in terminal.getvalue()) == colored


# --- journal


def test_every_field_is_a_field_of_the_journal(journal):
    with bound_contextvars(night="20251106", stage="fpack", attempt=1):
        get_log().info("stage.finished", frames=998, **{"odd-name é": 1})
    (record,) = journal.records
    assert record.pop("CODE_FILE") == __file__
    assert record.pop("CODE_FUNC") == "test_every_field_is_a_field_of_the_journal"
    assert isinstance(record.pop("CODE_LINE"), int)
    assert str(record.pop("MESSAGE")).startswith("stage.finished frames=998 ")
    assert record == {
        "PRIORITY": 6,
        "SYSLOG_IDENTIFIER": "vampd",
        "VAMPD_EVENT": "stage.finished",
        "VAMPD_NIGHT": "20251106",
        "VAMPD_STAGE": "fpack",
        "VAMPD_ATTEMPT": "1",
        "VAMPD_FRAMES": "998",
        "VAMPD_ODD_NAME__": "1",
    }


def test_names_and_values_are_such_that_the_journal_takes_them(journal):
    get_log().info("file.found", path="/x/\udc80", **{"long" * 30: "x", "level_": 1})
    (record,) = journal.records
    for name, value in record.items():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name)
        str(value).encode("utf-8")


@pytest.mark.parametrize(
    ("method", "priority"),
    [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2), ("exception", 3)],
)
def test_priorities_follow_levels(stream, method, priority):
    journal = FakeJournal()
    configure_log(LogTarget.JOURNAL, LogLevel.DEBUG, stream=stream, send=journal)
    getattr(get_log(), method)("night.seen")
    assert journal.records[0]["PRIORITY"] == priority


def test_the_message_is_readable_and_quotes_what_has_blanks(journal):
    get_log().info("night.held", code="bug", why='a "bad" cube', empty="", dash="a-b")
    assert journal.records[0]["MESSAGE"] == (
        'night.held code=bug why="a \\"bad\\" cube" empty="" dash=a-b'
    )


def test_a_traceback_is_part_of_the_message_and_a_field(journal):
    try:
        fail()
    except ValueError:
        get_log().exception("night.held")
    (record,) = journal.records
    assert str(record["MESSAGE"]).startswith("night.held\nTraceback")
    assert str(record["VAMPD_EXCEPTION"]).endswith("ValueError: expected a night, found a rock")
    assert "exc_info" not in str(record)


def test_a_journal_that_takes_nothing_stops_no_work(journal, stream):
    journal.failure = OSError("no space")
    get_log().error("night.held", code="bug")
    assert stream.getvalue() == "night.held code=bug [journal: no space]\n"


def test_auto_takes_the_journal_only_where_this_very_stream_leads_to_it(tmp_path):
    with (tmp_path / "stream").open("w") as file, (tmp_path / "other").open("w") as other:
        status = (tmp_path / "stream").stat()
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(file, environ)
        assert not is_journal(other, environ)
        assert not is_journal(file, {})
        journal = FakeJournal()
        configure_log(LogTarget.AUTO, stream=file, environ=environ, send=journal)
        get_log().info("daemon.started")
        assert len(journal.records) == 1
        configure_log(LogTarget.AUTO, stream=other, environ=environ, send=journal)
        get_log().info("daemon.started")
        assert len(journal.records) == 1
    assert not is_journal(file, environ)
    assert not is_journal(io.StringIO(), environ)


# --- levels, threads, libraries


@pytest.mark.parametrize(
    ("level", "seen"),
    [(LogLevel.DEBUG, 4), (LogLevel.INFO, 3), (LogLevel.WARNING, 2), (LogLevel.ERROR, 1)],
)
def test_what_is_below_the_level_is_not_logged(stream, level, seen):
    configure_log(LogTarget.JSON, level, stream=stream)
    for method in ("debug", "info", "warning", "error"):
        getattr(get_log(), method)("night.seen")
    assert len(stream.getvalue().splitlines()) == seen


def test_each_thread_has_its_own_night_and_lines_stay_whole(stream):
    configure_log(LogTarget.JSON, stream=stream)
    start = threading.Barrier(4)

    def work(night: str) -> None:
        with bound_contextvars(night=night):
            start.wait()
            for _ in range(100):
                get_log().info("stage.started", of=night)

    threads = [threading.Thread(target=work, args=(f"2025110{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(records) == 400
    assert all(record["night"] == record["of"] for record in records)


def test_libraries_come_through_from_warnings_on_and_once(stream):
    # pytest's own handlers refuse a record whose arguments do not fit.
    logging.getLogger().handlers.clear()
    configure_log(LogTarget.JSON, stream=stream)
    configure_log(LogTarget.JSON, stream=stream)
    logging.getLogger("alembic.runtime").info("running upgrade")
    logging.getLogger("watchdog").warning("queue %s", "overflow")
    logging.getLogger("sqlalchemy").log(35, "%d odd", "not a number")
    try:
        fail()
    except ValueError:
        logging.getLogger("sqlalchemy").critical("gone", exc_info=True)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(r["event"], r["level"], r["library"], r["message"]) for r in records] == [
        ("library.warned", "warning", "watchdog", "queue overflow"),
        ("library.warned", "warning", "sqlalchemy", "%d odd"),
        ("library.failed", "error", "sqlalchemy", "gone"),
    ]
    assert "in fail" in records[2]["exception"]


def test_a_later_set_up_replaces_an_earlier_one_for_loggers_in_use(stream):
    configure_log(LogTarget.JSON, stream=stream)
    log = get_log()
    log.info("night.seen")
    other = io.StringIO()
    configure_log(LogTarget.JSON, stream=other)
    log.info("night.seen")
    assert len(stream.getvalue().splitlines()) == len(other.getvalue().splitlines()) == 1


def test_the_log_goes_to_standard_error_and_leaves_standard_output_alone(capsys):
    configure_log(LogTarget.JSON)
    get_log().info("night.seen")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "night.seen"
