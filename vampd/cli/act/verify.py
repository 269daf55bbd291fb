"""vampctl verify: read the archive copies again, and report what is damaged or missing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.act.archive_reading import read_files
from vampd.cli.act.verify_here import verify_here
from vampd.cli.shared.nights import choose_record, named, title_of
from vampd.cli.shared.output import write, write_json, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    actor_name,
    connected,
    refuse_nan,
)
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, TransientError, UsageError, VampdError
from vampd.model.nights import Event, EventName, NightUpdate, Status, name_commands
from vampd.model.plan import Compare
from vampd.model.proofs import (
    BAD_LIST,
    SUMS_NAME,
    CopyVerdict,
    Place,
    choose_sample,
    expected_digests,
    format_bad_list,
    judge_copy,
    live_receipts,
)

if TYPE_CHECKING:
    from vampd.adapters.archive import RsyncArchive
    from vampd.model.nights import Kind, NightId, NightRecord
    from vampd.wiring.connections import Connections

_Choose = Callable[[Sequence[str]], Sequence[str]]

# So many files of each sort are named in the history; the list of bad files has all.
_NAMED = 20


def _refuse_nothing(percent: float | None) -> float | None:
    """The percentage; a usage error for a sample of no file."""
    if percent == 0:
        raise typer.BadParameter("a sample of nothing verifies nothing: choose more than 0.")
    return refuse_nan(percent)


NightOrNone = Annotated[
    str | None,
    typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every night that is safe.")]
SampleOption = Annotated[
    float | None,
    typer.Option(
        "--sample",
        metavar="PERCENT",
        help="A random sample of so many percent of the files: of NIGHT, else of every safe night.",
        show_default=False,
        min=0,
        max=100,
        callback=_refuse_nothing,
    ),
]

HereOption = Annotated[
    bool,
    typer.Option("--here", help="Read the products on this side instead of the archive copy."),
]


@dataclass(frozen=True)
class Reading:
    """What verify found about a night: where, its verdict; or why it could not be read.

    ``remedy`` holds the commands that send again what is bad, ``unread`` the files that refused;
    ``is_gone`` if nothing of it lies there.
    """

    night: NightId
    place: str
    verdict: CopyVerdict
    failure: str | None = None
    remedy: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    is_gone: bool = False

    @property
    def is_good(self) -> bool:
        """Whether everything that was read is intact."""
        return self.failure is None and not self.verdict.bad


def verify(
    context: typer.Context,
    night: NightOrNone = None,
    every: AllOption = False,
    sample: SampleOption = None,
    here: HereOption = False,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Read a night's archive copy again and compare its digests.

    It is read past the cache, and no file of a night is written there. What was read is its proof
    from then on. What is damaged and what is missing is listed, also in bad_sc6_files.txt in the
    night's folder; at once the night no longer counts as safe, which its history records, and
    `vampctl retry NIGHT --from transfer` sends exactly those files again, by checksum. A night that
    is not at its destination is searched for where [transfer] moved_to says; what is bad there is
    sent again by the command that is shown. Files there that nothing here names are listed as
    extra, and left alone. With --here, products, sidecars and generations on this
    side are read instead, and held against their packing receipts. Exits with 1 if anything is bad
    or could not be read.
    """
    if night is None and not every and sample is None:
        raise UsageError("nothing_named", "choose one: NIGHT, --all or --sample PERCENT")
    if night is not None and every:
        raise UsageError("two_choices", "NIGHT and --all exclude each other: choose one")
    if here and sample is not None:
        raise UsageError("two_choices", "--here reads all files: leave out --sample")
    with connected(context, config) as connections:
        every_night = connections.store.nights()
        if here:
            verify_here(connections, _choose(every_night, night, kind), every_night, as_json)
            return
        readings = []
        for record in _choose(every_night, night, kind):
            reading = read_copy(connections, record, _sampling(100.0 if sample is None else sample))
            readings.append(reading)
            if not as_json:
                show_reading(reading, named(record.night, every_night))
    if as_json:
        write_json([reading_object(reading) for reading in readings])
    elif not readings:
        write("no night is safe yet, so there is nothing to verify")
    if not all(reading.is_good for reading in readings):
        raise typer.Exit(EXIT_NIGHT)


def reading_object(reading: Reading) -> dict[str, Any]:
    """The reading for programs."""
    return {
        "date": reading.night.date,
        "kind": str(reading.night.kind),
        "place": reading.place,
        "good": reading.is_good,
        "checked": len(reading.verdict.checked),
        "damaged": list(reading.verdict.damaged),
        "missing": list(reading.verdict.missing),
        "extra": list(reading.verdict.extra),
        "unread": list(reading.unread),
        "remedy": list(reading.remedy),
        "error": reading.failure,
    }


def _choose(
    records: Sequence[NightRecord], night: str | None, kind: Kind | None
) -> tuple[NightRecord, ...]:
    if night is not None:
        return (choose_record(records, night, kind),)
    return tuple(r for r in records if r.safe_at is not None and kind in (None, r.night.kind))


def _sampling(percent: float) -> _Choose:
    return lambda paths: choose_sample(paths, percent, random.SystemRandom().sample)


def read_copy(connections: Connections, record: NightRecord, choose: _Choose) -> Reading:
    """Read those files of a night's archive copy that ``choose`` takes of all, and judge them.

    What was read is proof from then on; what is bad takes *safe* away and is listed.
    UsageError ``nothing_sent``.
    """
    night = record.night
    expected = expected_digests(
        connections.reader.text(night, SUMS_NAME),
        connections.receipts.of(night, Place.HERE),
        connections.receipts.of(night, Place.ARCHIVE),
        live_receipts(connections.reader.packing_receipts(night)),
    )
    if not expected:
        raise UsageError(
            "nothing_sent",
            f"{title_of(night)} was never transferred, so there is nothing to verify",
        )
    chosen = choose(sorted(expected))
    place, archive = "its archive host", connections.archive(night.kind)
    try:
        place, moved, listed = _find(connections, night)
        found = read_files(archive, night, chosen)
    except VampdError as error:
        return Reading(
            night,
            place,
            CopyVerdict(()),
            f"{error.code}: {name_commands(error.message, night.date)}",
        )
    read = [path for path in chosen if path not in found.refused]
    verdict = judge_copy(expected, read, found.receipts, listed)
    connections.receipts.end_proofs(night, verdict.missing)
    connections.receipts.keep(night, found.receipts.values())
    if verdict.bad:
        _disprove(connections, night, place, verdict)
    elif (record.state.status, record.safe_at) == (Status.DONE, None) and len(read) == len(
        expected
    ):
        # All of it was proven again: what had been bad is repaired.
        connections.store.update(night, NightUpdate(safe_at=time.time()))
    _keep_bad_list(connections, record, verdict)
    remedy = () if moved is None else _remedy(connections, night, moved, verdict)
    unread = tuple(sorted(found.refused))
    failure = _failure(found.refused)
    return Reading(night, place, verdict, failure, remedy, unread, is_gone=not listed)


def _failure(refused: Mapping[str, str]) -> str | None:
    """What kept files from being read; None if nothing did."""
    if not refused:
        return None
    first = refused[min(refused)]
    return first if len(refused) == 1 else f"{first}; and {len(refused) - 1:,} more files"


def _disprove(connections: Connections, night: NightId, place: str, verdict: CopyVerdict) -> None:
    """Take *safe* away, on record."""
    found = [
        f"{count_of(len(paths), 'file')} {what}: {', '.join(paths[:_NAMED])}"
        + (", ..." if len(paths) > _NAMED else "")
        for what, paths in (("damaged", verdict.damaged), ("missing", verdict.missing))
        if paths
    ]
    connections.store.apply(
        night,
        Event(EventName.DISPROVED),
        at=time.time(),
        actor=actor_name(),
        code="archive_copy_bad",
        message=f"{'; '.join(found)} at {place}",
    )


def _remedy(
    connections: Connections, night: NightId, host: RsyncArchive, verdict: CopyVerdict
) -> tuple[str, ...]:
    """The commands that resend bad files of a moved night, where vampd itself never sends."""
    from vampd.cli.act.transfer import shell_lines

    folder = connections.settings.watch.root / night.folder
    if not verdict.bad or not folder.is_dir():
        return ()
    return tuple(shell_lines(host, night, folder, verdict.bad, Compare.CHECKSUM))


def _find(
    connections: Connections, night: NightId
) -> tuple[str, RsyncArchive | None, Collection[str]]:
    """Where the night lies: its name, the host if it was moved there, its files. ArchiveUnknown."""
    from vampd.wiring.world import moved_places

    archive = connections.archive(night.kind)
    at_home = f"{archive.destination.rstrip('/')}/{night.date}"
    files = archive.files(night)
    moved = archive.moved_night(night)
    if moved is None:
        return at_home, None, files.keys()
    place = moved.identity.destination
    return place, dict(moved_places(connections.settings, night))[place], moved.files.keys()


def _keep_bad_list(connections: Connections, record: NightRecord, verdict: CopyVerdict) -> None:
    from vampd.disk.durable import remove_durably, replacing
    from vampd.engine.nights.presence import refuse_absent

    night = record.night
    folder = connections.settings.watch.root / night.folder
    try:
        refuse_absent(record, connections.reader)
    except TransientError:
        return  # its disk is not mounted, or it exists only on the archive host
    if not folder.is_dir():
        return
    before = connections.reader.text(night, BAD_LIST)
    text = format_bad_list(before, night.date, verdict.checked, verdict.bad)
    if text and text != before:
        with replacing(folder / BAD_LIST) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    elif not text and before is not None:
        remove_durably(folder / BAD_LIST)


def show_reading(reading: Reading, night: str) -> None:
    """Write a reading for people; ``night`` is the night as commands take it."""
    title, verdict = title_of(reading.night), reading.verdict
    if reading.failure is not None:
        write_prose(f"{title}: NOT verified: {reading.failure}")
        if not verdict.bad:
            return
    files = count_of(len(verdict.checked), "file")
    if not verdict.bad:
        write_prose(f"{title}: good, {files} read again at {reading.place}")
        _show_extra(reading)
        return
    write_prose(
        f"{title}: BAD, {len(verdict.damaged)} damaged and {len(verdict.missing)} missing of"
        f" {files} at {reading.place}"
    )
    for what, paths in (("damaged", verdict.damaged), ("missing", verdict.missing)):
        if paths:
            write(f"{what}:")
        for path in paths:
            write(f"{reading.night.date}/{path}")
    _show_extra(reading)
    if not reading.remedy:
        write_prose(
            f"{title}: {_describe_gone(night)}"
            if reading.is_gone
            else f"{title}: `vampctl retry {night} --from transfer` reads it all and sends these"
            " again"
        )
        return
    write_prose(
        f"{title}: it was moved, to where vampd writes nothing by itself; these commands send only"
        " what is bad, then verify again:",
    )
    for line in reading.remedy:
        write(line)


def _describe_gone(night: str) -> str:
    from vampd.stages.transfer import describe_gone

    return describe_gone(night)


def _show_extra(reading: Reading) -> None:
    """What lies there and is no part of the night as it is here; vampd never removes it."""
    extra = reading.verdict.extra
    if extra:
        write("extra (named by nothing here; never removed by vampd):")
    for path in extra:
        write(f"  {path}")
