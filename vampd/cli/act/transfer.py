"""vampctl transfer, pull: manual transfer, from this side and from the archive host's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.act.run import run
from vampd.cli.shared.nights import choose_record, named, parse_night, title_of
from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.readiness import judge_now
from vampd.cli.shared.session import ConfigOption, KindOption, NightArgument, reading, settings_of
from vampd.cli.shared.words import count_of
from vampd.errors import (
    ARCHIVE_UNKNOWN,
    EXIT_NIGHT,
    ArchiveUnknown,
    ConfigError,
    DataError,
    UsageError,
)
from vampd.model.escapes import shell_word
from vampd.model.nights import Kind, NightId, StageName, Status, Wait, WaitCode
from vampd.model.plan import Compare
from vampd.model.proofs import SUMS_NAME, judge_copy, parse_sums, text_digest

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive
    from vampd.config import Settings
    from vampd.wiring.connections import Connections

PrintOption = Annotated[
    bool, typer.Option("--print", help="Show the exact command and do nothing.")
]
PullKindOption = Annotated[Kind, typer.Option("--kind", help="Which kind of night.")]


def transfer(
    context: typer.Context,
    night: NightArgument,
    only_print: PrintOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Transfer a night now, or show the command that does it.

    Same as `vampctl run NIGHT --only transfer`. With --print, shows the exact rsync that vampd runs
    for all files of the night that are transferred, to be pasted into a shell; within this machine
    vampd copies by itself, and it shows an rsync that does the same. Set-aside raw files
    go by a second one, from the camera streams into vbad/. For a night that the archive host has
    moved by itself, shows what sends the files that are not proven there.
    """
    if not only_print:
        _refuse_filling(context, night, kind, config)
        run(context, night, only=StageName.TRANSFER, kind=kind, config=config)
        return
    from vampd.adapters.archive import open_archive_host
    from vampd.stages.own_faults import describe_own_faults
    from vampd.stages.traveling_files import files_to_send

    with reading(context, config) as connections:
        chosen = choose_record(connections.store.nights(), night, kind).night
        settings = connections.settings
        files = sorted(files_to_send(chosen, connections.reader))
        moved = _lines_to_moved(connections, chosen)
        faults = describe_own_faults(chosen, connections.reader)
    if faults:
        raise DataError(
            "product_damaged",
            f"{faults[0]}; a command that sends it could put it over its good copy:"
            f" `vampctl recover {chosen.date}` gets it back first",
        )
    if not files:
        raise DataError("nothing_travels", f"{title_of(chosen)} has nothing to transfer yet")
    host = open_archive_host(settings.transfer, chosen.kind)
    folder = settings.watch.root / chosen.folder
    for line in moved or shell_lines(
        host, chosen, folder, [*files, SUMS_NAME], Compare.SIZE_AND_TIME
    ):
        write(line)


def _lines_to_moved(connections: Connections, night: NightId) -> list[str]:
    """The commands that send what a night lacks where the archive host has moved it; else none."""
    from vampd.stages.transfer import survey, unproven_files
    from vampd.wiring.world import moved_places

    settings = connections.settings
    if not settings.transfer.destination(night.kind).moved_to:
        return []
    seen = survey(night, connections.reader)
    if seen.moved_to is None:
        return []
    host = dict(moved_places(settings, night))[seen.moved_to]
    folder = settings.watch.root / night.folder
    return list(shell_lines(host, night, folder, unproven_files(seen), Compare.CHECKSUM))


def _refuse_filling(
    context: typer.Context, text: str, kind: Kind | None, config: Path | None
) -> None:
    # `run` would suggest options that this command does not have.
    with reading(context, config) as connections:
        records = connections.store.nights()
        record = choose_record(records, text, kind)
        if record.state.status is not Status.FILLING:
            return
        judged = judge_now(connections, record, records)
    command = f"vampctl run {named(record.night, records)}"
    waits = judged.text if isinstance(judged, Wait) else "it has not been processed yet"
    as_it_is = ""
    if isinstance(judged, Wait) and judged.code is WaitCode.INCOMPLETE_CUBES:
        as_it_is = f"; `{command} --as-it-is` if nothing more will come"
    raise UsageError(
        "stage_not_reached",
        f"{title_of(record.night)} is still filling and has nothing to transfer: {waits}."
        f" `{command} --until transfer` processes it up to there{as_it_is}",
    )


def shell_lines(
    host: NightArchive, night: NightId, folder: Path, names: Sequence[str], compare: Compare
) -> Iterator[str]:
    """The shell commands that send these files of a night's folder. RemoteUnavailable."""
    from vampd.disk.pace import SteadyPace

    for command, group in host.commands(night, folder, names, compare, SteadyPace()):
        names, words = (" ".join(map(shell_word, part)) for part in (group, command))
        yield f"printf '%s\\0' {names} | {words}"


def pull(
    context: typer.Context,
    night: NightArgument,
    kind: PullKindOption = Kind.ARCHIVE,
    config: ConfigOption = None,
) -> None:
    """Fetch a night's products; run this on the archive host.

    [transfer] pull_from names the machine with the nights; SHA256SUMS there lists what to fetch, so
    the night must have reached its transfer. What is here and as listed stays. Every file is read
    again here, past the cache; what differs is fetched once more by checksum. Needs no database;
    the next transfer finds the files in place and makes the night safe. Hold the night on the other
    machine meanwhile.
    """
    settings = settings_of(context, config)
    chosen = NightId(parse_night(night), kind)
    target = settings.transfer.destination(kind).path
    if not target.is_dir():
        raise UsageError(
            "not_the_archive_host",
            f"there is no folder {target} on this machine; run `vampctl pull` on the archive host",
        )
    point = settings.transfer.destination(kind).mount_point
    if point is not None and not os.path.ismount(point):
        raise ArchiveUnknown(
            ARCHIVE_UNKNOWN, f"nothing is mounted at {point} on this machine: mount its disk"
        )
    bad = pull_night(settings, chosen, target)
    for path in bad:
        write(f"{chosen.date}/{path}")
    if bad:
        raise typer.Exit(EXIT_NIGHT)


def pull_night(settings: Settings, night: NightId, target: Path) -> Sequence[str]:
    """Fetch the night into ``target``/date; the files that still differ afterwards."""
    from vampd.adapters.archive import LocalArchive, open_data_host
    from vampd.disk.pace import SteadyPace

    pace = SteadyPace()
    watched = (settings.watch.root / night.folder).parent
    source = open_data_host(settings.transfer, watched)
    if (
        settings.transfer.pull_from is None
        and (watched / night.date).resolve() == (target / night.date).resolve()
    ):
        raise ConfigError("destination_is_source", "the night would be pulled onto itself")
    sums = _read_sums(source, night, settings)
    expected = {**parse_sums(sums), SUMS_NAME: text_digest(sums)}
    folder = target.resolve() / night.date
    here = LocalArchive(target, settings.transfer)
    # What is good here stays: on the machine with the nights it may be damaged by now.
    lacking = [path for path in _bad_files(here, night, expected) if path != SUMS_NAME]
    if lacking:
        source.fetch(night, folder, lacking, Compare.SIZE_AND_TIME, pace)
    # Last, so that it only lists what has arrived.
    source.fetch(night, folder, [SUMS_NAME], Compare.CHECKSUM, pace)
    bad = _bad_files(here, night, expected)
    if bad:
        source.fetch(night, folder, bad, Compare.CHECKSUM, pace)
        bad = _bad_files(here, night, expected)
    verdict = f"BAD, {count_of(len(bad), 'file')} differ:" if bad else "good, all read again"
    write_prose(f"{title_of(night)}: {count_of(len(expected), 'file')} in {folder}: {verdict}")
    return bad


def _bad_files(host: NightArchive, night: NightId, expected: Mapping[str, str]) -> Sequence[str]:
    from vampd.disk.pace import SteadyPace

    paths = sorted(expected)
    read = {receipt.path: receipt for receipt in host.digests(night, paths, SteadyPace())}
    return judge_copy(expected, paths, read).bad


def _read_sums(source: NightArchive, night: NightId, settings: Settings) -> str:
    from vampd.disk.pace import SteadyPace
    from vampd.disk.reading import read_whole

    if SUMS_NAME not in source.files(night):
        place = settings.transfer.pull_from or "this machine"
        raise DataError(
            "not_ready",
            f"{settings.watch.root / night.folder} on {place} has no {SUMS_NAME}: the night is not"
            " there, or has not reached its transfer; is [transfer] pull_from right?",
        )
    with TemporaryDirectory(prefix="vampctl-pull-") as folder:
        here = Path(folder).resolve()
        source.fetch(night, here, [SUMS_NAME], Compare.CHECKSUM, SteadyPace())
        return read_whole(here / SUMS_NAME).decode("utf-8", "surrogateescape")
