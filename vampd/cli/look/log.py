"""vampctl log: what the journal holds of a night, or of all that vampd did."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_records, title_of
from vampd.cli.shared.output import write, write_paragraph
from vampd.cli.shared.session import READ_NIGHT, ConfigOption, KindOption, reading
from vampd.cli.shared.typed_times import TYPED_TIME, parse_time
from vampd.errors import DataError, UsageError, VampdError

if TYPE_CHECKING:
    from vampd.model.nights import Kind, NightRecord

_QUERY = ["journalctl", "-u", "vampd"]
# As many lines as a person may ask for.
_MOST_BYTES = 1 << 28
_LONGEST_SILENCE_S = 120.0

LinesOption = Annotated[
    int, typer.Option("--lines", "-n", min=1, help="At most the last so many records.")
]
WarningsOption = Annotated[bool, typer.Option("--warnings", help="Only warnings and errors.")]


SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help=f"From then on: {TYPED_TIME}.", show_default=False
    ),
]
GrepOption = Annotated[
    str | None,
    typer.Option(
        "--grep",
        metavar="REGEX",
        help="Only records in which this regular expression is found; without a capital letter in"
        " it, in capitals too.",
        show_default=False,
    ),
]
NightOrAllArgument = Annotated[
    str | None, typer.Argument(metavar="NIGHT", help=READ_NIGHT, show_default=False)
]


def log(
    context: typer.Context,
    night: NightOrAllArgument = None,
    kind: KindOption = None,
    since: SinceOption = None,
    grep: GrepOption = None,
    lines: LinesOption = 1000,
    only_warnings: WarningsOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what the journal holds of a night, oldest first.

    Without a night, it shows all that vampd logged. Times are UT. It runs `journalctl` with the
    query that `vampctl why` prints; without a journal it says so, and the exit status is 1. Whoever
    may read the journal may use it.
    """
    from vampd.adapters.programs import run_process
    from vampd.disk.pace import SteadyPace

    now = time.time()
    pattern = _compile(grep)
    query, asked = _query(context, night, kind, config)
    command = [*query, "--no-pager", "--output=short-iso", "--utc"]
    if since is not None:
        command.append(f"--since=@{parse_time(since, now):.0f}")
    if only_warnings:
        command.append("--priority=warning")
    # Of what is searched, the last ones that match are not the last ones.
    if pattern is None:
        command.append(f"-n{lines}")
    try:
        ended = run_process(
            command,
            pace=SteadyPace(),
            silent_after_s=_LONGEST_SILENCE_S,
            most_bytes=_MOST_BYTES,
        )
    except VampdError as error:
        if error.code == "output_too_long":
            raise
        raise _no_journal(error.message) from error
    shown = ended.stdout.decode("utf-8", "replace").rstrip("\n")
    if "insufficient permissions" in ended.stderr:
        raise DataError(
            "journal_closed",
            "you may not read the journal: join the group systemd-journal (`usermod -aG"
            " systemd-journal NAME`); `vampctl history NIGHT` works without",
        )
    if "No journal files" in ended.stderr or (ended.status and "journal" in ended.stderr.lower()):
        raise _no_journal(ended.last_words)
    if shown.startswith("-- No entries --"):
        shown = ""
    if pattern is not None:
        shown = "\n".join([each for each in _records(shown) if pattern.search(each)][-lines:])
    if shown:
        write_paragraph(shown)
        return
    such = "such records" if since or grep or only_warnings else "records"
    write(f"the journal has no {such} of {asked}; `vampctl history` tells of nights without it")


def _query(
    context: typer.Context, night: str | None, kind: Kind | None, config: Path | None
) -> tuple[list[str], str]:
    """The query, and what it is for."""
    if night is None:
        of_kind = [] if kind is None else [f"VAMPD_KIND={kind}"]
        return [*_QUERY, *of_kind], "vampd" if kind is None else f"{kind} nights"
    with reading(context, config) as connections:
        (record, *others) = choose_records(connections.store.nights(), night, kind, time.time())
    return journal_query(record, None if others else kind), title_of(record.night)


def _compile(grep: str | None) -> re.Pattern[str] | None:
    if grep is None:
        return None
    try:
        return re.compile(grep, re.IGNORECASE if grep == grep.lower() else 0)
    except (re.error, OverflowError) as error:
        raise UsageError(
            "not_a_pattern",
            f"--grep takes a regular expression, and {grep!r} is none: {error}; for plain text put"
            " a \\ before each character of .^$*+?()[]{}|\\",
        ) from error


def _records(shown: str) -> list[str]:
    """The records; the further lines of one, as a traceback has them, begin with blanks."""
    return re.split(r"\n(?! )", shown) if shown else []


def journal_query(record: NightRecord, kind: Kind | None = None) -> list[str]:
    """The journal query for a night, as arguments."""
    words = [*_QUERY, f"VAMPD_NIGHT={record.night.date}"]
    return words if kind is None else [*words, f"VAMPD_KIND={kind}"]


def _no_journal(words: str) -> VampdError:
    return VampdError(
        "no_journal",
        f"there is no journal to query: {words}; vampd logs to it under systemd, else to its"
        " standard error; `vampctl history NIGHT` works without",
    )
