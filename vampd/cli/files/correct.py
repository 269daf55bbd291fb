"""vampctl correct: cards corrected on the record, by a person's word or the wave plate's log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_record, named, title_of
from vampd.cli.shared.output import Column, write, write_prose, write_table
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    KindOption,
    NightArgument,
    reading,
)
from vampd.cli.shared.words import count_of, path_of
from vampd.errors import DataError, NotPermitted, UsageError

if TYPE_CHECKING:
    from vampd.engine.nights.correcting import Proposal
    from vampd.model.cubes import RawCube
    from vampd.model.headers import Correction, Corrections
    from vampd.model.nights import NightId, NightRecord
    from vampd.wiring.connections import Connections

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEYWORD=VALUE", help="The new value.", show_default=False),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="KEYWORD=VALUE of the card now, FROM..TO in UT, or a cube; all must hold.",
        show_default=False,
    ),
]
WhyOption = Annotated[
    str | None,
    typer.Option("--why", metavar="TEXT", help="The reason, for HISTORY.", show_default=False),
]
LogOption = Annotated[
    Path | None,
    typer.Option("--from-wpu", metavar="LOG", help="A log of the unit.", show_default=False),
]
MoreLogs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]...", help="More logs: a UT night has two.", show_default=False),
]
AcceptOption = Annotated[
    bool, typer.Option("--accept", help="Take over what someone else has proposed.")
]


def correct(
    context: typer.Context,
    night: NightArgument,
    logs: MoreLogs = None,
    from_wpu: LogOption = None,
    values: SetOption = None,
    where: WhereOption = None,
    why: WhyOption = None,
    accept: AcceptOption = False,
    dry_run: DryRunOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Correct cards of raw headers, on the record.

    Writes corrections.tsv of the night, which sync decides with; raw is never changed. With
    --from-wpu, the angle of the half-wave plate is taken from the logs of the wave-plate unit,
    where they leave no doubt; other cubes are listed as undecided. With --set, cubes that meet each
    --where get the value. What is there stays, and each line must agree with raw. Shows each cube
    with its MJD, current and proposed value. Refused for a night that was mailed; one that is
    packed has to be restored first. What anyone but the owner writes is a proposal until the owner
    says --accept.
    """
    if sum((from_wpu is not None, bool(values), accept)) != 1:
        raise UsageError("two_choices", "choose one: --from-wpu LOG, --set KEYWORD=VALUE, --accept")
    if values and not (where and why):
        raise UsageError("nothing_named", "--set needs --where and --why")
    with reading(context, config) as connections:
        records = connections.store.nights()
        record = choose_record(records, night, kind)
        _refuse_old_products(record)
        cubes = _read(connections, record.night, dry_run)
        folder = connections.settings.watch.root / record.night.folder
        found = before = connections.reader.corrections(record.night)
        if accept:
            before, proposal = _accepted(folder, found)
        elif from_wpu is not None:
            proposal = _by_logs(cubes, [from_wpu, *(logs or ())])
        else:
            proposal = _by_values(cubes, values or (), where or (), why or "")
        whole = _merged(folder, before, proposal.rows)
        _check(connections, record.night, cubes, before.rows)
        if accept:
            _check(connections, record.night, cubes, whole)
        else:
            with _telling_what_was_typed(before):
                _check(connections, record.night, cubes, whole)
        _show(record.night, cubes, proposal)
        if dry_run or not proposal.rows:
            write("nothing was changed")
            return
        has_begun = bool(connections.reader.generations(record.night))
        with _alone(connections, record.night, folder):
            _refuse_changed(connections, record.night, found, proposal.rows if accept else ())
            _write(folder, whole)
    write_prose(
        f"{title_of(record.night)}: {count_of(len(whole), 'correction')} in corrections.tsv"
        + _then(folder, named(record.night, records), has_begun)
    )


def _refuse_old_products(record: NightRecord) -> None:
    """UsageError ``stage_of_old_tools`` for a night that sync will not decide."""
    from vampd.model.nights import Status

    if record.state.is_of_old_tools or record.state.status is Status.LEGACY:
        raise UsageError(
            "stage_of_old_tools",
            f"the products of {title_of(record.night)}, and their frame IDs, are the old tools':"
            " sync has no part in them, and nothing would go by a correction",
        )


def _then(folder: Path, name: str, has_begun: bool) -> str:
    if os.geteuid() != folder.stat().st_uid:
        return f"; a proposal, until the owner says `vampctl correct {name} --accept`"
    return f"; `vampctl retry {name} --from sync` decides with them" if has_begun else ""


def _read(connections: Connections, night: NightId, dry_run: bool) -> tuple[RawCube, ...]:
    from vampd.engine.nights.correcting import read_cubes
    from vampd.stages.records.corrections import refuse_late_corrections

    if not dry_run:
        refuse_late_corrections(night, connections.reader)
    return read_cubes(night, connections.reader)


def _accepted(folder: Path, before: Corrections) -> tuple[Corrections, Proposal]:
    from vampd.engine.nights.correcting import Proposal
    from vampd.engine.nights.corrections_file import read_proposed
    from vampd.model.headers import Corrections

    if not before.proposed_by:
        raise UsageError("nothing_named", "no one has proposed corrections of this night")
    if os.geteuid() != folder.stat().st_uid:
        raise NotPermitted(
            "not_the_owner", "only the owner of the nights takes over what others propose"
        )
    return Corrections(), Proposal(list(read_proposed(folder).rows))


def _by_logs(cubes: Sequence[RawCube], logs: Sequence[Path]) -> Proposal:
    from vampd.disk.reading import read_whole
    from vampd.engine.nights.correcting import propose_angles
    from vampd.model.headers import parse_plate_log

    try:
        texts = [read_whole(path.resolve()).decode("ascii", "replace") for path in logs]
    except OSError as error:
        raise UsageError("unreadable", f"{error.filename}: {error.strerror}") from error
    for path, text in zip(logs, texts, strict=True):
        if not parse_plate_log([text]).rows:
            raise UsageError(
                "no_plate_log",
                f"{path_of(path)} has no line of the half-wave plate that can be read",
            )
    return propose_angles(cubes, parse_plate_log(texts))


def _by_values(
    cubes: Sequence[RawCube], values: Sequence[str], where: Sequence[str], why: str
) -> Proposal:
    from vampd.engine.nights.correcting import propose_values

    pairs = [value.partition("=") for value in values]
    if not all(is_set and keyword for keyword, is_set, _ in pairs):
        raise UsageError("nothing_named", "--set takes KEYWORD=VALUE")
    return propose_values(cubes, {keyword: new for keyword, _, new in pairs}, where, why)


def _merged(
    folder: Path, before: Corrections, rows: Sequence[Correction]
) -> tuple[Correction, ...]:
    """All corrections, those that are there first. NotPermitted where others wrote these."""
    if before.proposed_by:
        is_owner = os.geteuid() == folder.stat().st_uid
        way = (
            "`--accept` takes it over, or move it away"
            if is_owner
            else "leave it as it is, and tell the owner of the nights what to add"
        )
        raise NotPermitted(
            "correction_proposed",
            f"corrections.tsv of this night is of {before.proposed_by}: {way}",
        )
    return tuple(dict.fromkeys((*before.rows, *rows)))


@contextmanager
def _telling_what_was_typed(before: Corrections) -> Iterator[None]:
    """The file is in order: what does not fit is in no file that could be mended."""
    try:
        yield
    except DataError as error:
        again = "; to take a line of corrections.tsv back, remove it there" if before.rows else ""
        why = error.context.get("why", error.message)
        raise DataError(error.code, f"{why}. Nothing was changed{again}") from error


def _check(
    connections: Connections,
    night: NightId,
    cubes: Sequence[RawCube],
    rows: tuple[Correction, ...],
) -> None:
    """DataError unless sync could decide with all of these."""
    from vampd.model.headers import format_corrections, parse_corrections, refuse_keywords
    from vampd.model.sync import lay_over

    whole = parse_corrections(format_corrections(rows))
    refuse_keywords(whole, connections.settings.headers.may_correct)
    paths = {file.path for file in connections.reader.raw_files(night)}
    lay_over(cubes, whole, paths)


def _show(night: NightId, cubes: Sequence[RawCube], proposal: Proposal) -> None:
    from vampd.model.nights import format_mjd

    middles = {cube.path: format_mjd(sum(cube.span_us) // 2) for cube in cubes}
    rows = [
        (row.files, middles.get(row.files, ""), row.keyword, row.old, row.new)
        for row in proposal.rows
    ]
    if rows:
        titles = ("file", "MJD", "keyword", "current", "proposed")
        write_table([Column(title) for title in titles], rows)
    for path, why in proposal.undecided:
        write_prose(f"undecided: {path}: {why}")
    write_prose(
        f"{title_of(night)}: {count_of(len(rows), 'correction')} proposed,"
        f" {count_of(len(proposal.undecided), 'cube')} undecided"
    )


@contextmanager
def _alone(connections: Connections, night: NightId, folder: Path) -> Iterator[None]:
    """No other command of the owner is at this night meanwhile; a proposal waits for no one."""
    from vampd.wiring.locks import foreground_lock

    with ExitStack() as locks:
        if os.geteuid() == folder.stat().st_uid:
            locks.enter_context(foreground_lock(connections.settings, night))
        yield


def _refuse_changed(
    connections: Connections, night: NightId, found: Corrections, accepted: Sequence[Correction]
) -> None:
    """DataError ``corrections_changed`` if the night or its corrections are not what was shown.

    So nobody's lines are lost, and none come to a night that was packed meanwhile.
    """
    from vampd.engine.nights.corrections_file import read_proposed
    from vampd.stages.records.corrections import refuse_late_corrections

    refuse_late_corrections(night, connections.reader)
    folder = connections.settings.watch.root / night.folder
    is_same = connections.reader.corrections(night) == found
    if not is_same or (accepted and list(read_proposed(folder).rows) != list(accepted)):
        raise DataError(
            "corrections_changed",
            "corrections.tsv was changed while this command looked at the night, so nothing was:"
            " repeat it",
        )


def _write(folder: Path, rows: tuple[Correction, ...]) -> None:
    from vampd.disk.durable import replacing
    from vampd.disk.rights import public_umask
    from vampd.model.headers import CORRECTIONS, format_corrections

    with public_umask(), replacing(folder / CORRECTIONS) as file:
        file.write(format_corrections(rows).encode("utf-8", "surrogateescape"))
