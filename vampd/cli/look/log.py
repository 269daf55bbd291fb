"""vampctl log: what the journal holds of a night."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_records, title_of
from vampd.cli.shared.output import write, write_paragraph
from vampd.cli.shared.session import ConfigOption, KindOption, ReadNightArgument, reading
from vampd.errors import DataError, VampdError

if TYPE_CHECKING:
    from vampd.model.nights import Kind, NightRecord

# As many lines as a person may ask for.
_MOST_BYTES = 1 << 28
_LONGEST_SILENCE_S = 120.0

LinesOption = Annotated[
    int, typer.Option("--lines", "-n", min=1, help="At most the last so many records.")
]
WarningsOption = Annotated[bool, typer.Option("--warnings", help="Only warnings and errors.")]


def log(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    lines: LinesOption = 1000,
    only_warnings: WarningsOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what the journal holds of a night, oldest first.

    It runs `journalctl` with the query that `vampctl why` prints; without a journal it says so, and
    the exit status is 1.
    """
    from vampd.adapters.programs import run_process
    from vampd.disk.pace import SteadyPace

    with reading(context, config) as connections:
        (record, *others) = choose_records(connections.store.nights(), night, kind, time.time())
    of_kind = None if others else kind
    command = [*journal_query(record, of_kind), "--no-pager", "--output=short-iso", f"-n{lines}"]
    if only_warnings:
        command.append("--priority=warning")
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
    if shown and not shown.startswith("-- No entries --"):
        write_paragraph(shown)
        return
    write(f"the journal has no records of {title_of(record.night)}; `vampctl history` does")


def journal_query(record: NightRecord, kind: Kind | None = None) -> list[str]:
    """The journal query for a night, as arguments."""
    words = ["journalctl", "-u", "vampd", f"VAMPD_NIGHT={record.night.date}"]
    return words if kind is None else [*words, f"VAMPD_KIND={kind}"]


def _no_journal(words: str) -> VampdError:
    return VampdError(
        "no_journal",
        f"there is no journal to query: {words}; vampd logs to it under systemd, else to its"
        " standard error; `vampctl history NIGHT` works without",
    )
