"""An archive copy, read again and judged: what is bad takes *safe* away, and is listed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vampd.cli.act.archive_reading import FilesRead, read_files
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.session import actor_name
from vampd.cli.shared.words import count_of
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import file_behind, hash_file
from vampd.errors import TransientError, UsageError, VampdError
from vampd.model.nights import Event, EventName, NightUpdate, Status, name_commands
from vampd.model.plan import Compare
from vampd.model.proofs import (
    BAD_LIST,
    SUMS_NAME,
    CopyVerdict,
    Place,
    expected_digests,
    format_bad_list,
    judge_copy,
    live_receipts,
)

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive
    from vampd.model.nights import NightId, NightRecord
    from vampd.wiring.connections import Connections

Choose = Callable[[Sequence[str]], Sequence[str]]
# So many files of each sort are named in the history; the list of bad files has all.
_NAMED = 20


@dataclass(frozen=True)
class Reading:
    """What verify found about a night: where, its verdict; or why it could not be read.

    Of a night that was moved, ``remedy`` holds the commands that send again what is bad and whole
    here, ``faulty_here`` the rest. ``unread`` are the files that refused; ``is_gone`` if nothing of
    the night lies there.
    """

    night: NightId
    place: str
    verdict: CopyVerdict
    failure: str | None = None
    remedy: tuple[str, ...] = ()
    faulty_here: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    is_gone: bool = False

    @property
    def is_good(self) -> bool:
        """Whether everything that was read is intact."""
        return self.failure is None and not self.verdict.bad


def read_copy(connections: Connections, record: NightRecord, choose: Choose) -> Reading:
    """Read those files of a night's archive copy that ``choose`` takes of all, and judge them.

    What was read is proof from then on; what is bad takes *safe* away and is listed.
    UsageError ``nothing_sent``.
    """
    reading = _read_copy(connections, record, choose)
    _keep_bad_list(connections, record, reading.verdict)
    return reading


def doubt_copy(
    connections: Connections, record: NightRecord, paths: Collection[str]
) -> tuple[str, ...]:
    """Read those of these files there whose proofs stand; the bad ones, which take *safe* away."""
    proofs = connections.receipts.of(record.night, Place.ARCHIVE)
    standing = {path for path in paths if path in proofs and not proofs[path].has_ended}
    if not standing:
        return ()
    reading = _read_copy(connections, record, lambda every: [p for p in every if p in standing])
    return reading.verdict.bad


def _read_copy(connections: Connections, record: NightRecord, choose: Choose) -> Reading:
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
        # What lies where it may have been moved to, and is another night's, is not read.
        found = read_files(archive, night, chosen) if listed else FilesRead()
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
    faulty_here: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    if moved is not None and verdict.bad:
        faulty_here = _find_faulty_here(connections, night, expected, verdict.bad)
        whole = [path for path in verdict.bad if path not in faulty_here]
        remedy = _remedy(connections, night, moved, whole)
    unread = tuple(sorted(found.refused))
    failure = _failure(found.refused)
    return Reading(night, place, verdict, failure, remedy, faulty_here, unread, is_gone=not listed)


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


def _find_faulty_here(
    connections: Connections, night: NightId, expected: Mapping[str, str], bad: Sequence[str]
) -> tuple[str, ...]:
    """Those of the bad files that are not whole here either: what is sent would be bad again."""
    folder = connections.settings.watch.root / night.folder

    def is_whole(path: str) -> bool:
        here = file_behind(folder, path)
        return here.is_file() and hash_file(here, SteadyPace())[2] == expected[path]

    # The sums are made of receipts whenever they are sent.
    own = [path for path in bad if path != SUMS_NAME] if folder.is_dir() else []
    return tuple(path for path in own if not is_whole(path))


def _remedy(
    connections: Connections, night: NightId, host: NightArchive, paths: Sequence[str]
) -> tuple[str, ...]:
    """The commands that resend these files of a moved night, where vampd itself never sends."""
    from vampd.cli.act.transfer import shell_lines

    folder = connections.settings.watch.root / night.folder
    if not paths or not folder.is_dir():
        return ()
    return tuple(shell_lines(host, night, folder, paths, Compare.CHECKSUM))


def _find(
    connections: Connections, night: NightId
) -> tuple[str, NightArchive | None, Collection[str]]:
    """Where the night lies: its name, the host if it was moved there, its files, none if gone.

    ArchiveUnknown.
    """
    from vampd.stages.transfer import is_gone_there
    from vampd.wiring.world import moved_places

    archive = connections.archive(night.kind)
    at_home = f"{archive.destination.rstrip('/')}/{night.date}"
    files = archive.files(night)
    moved = archive.moved_night(night)
    if moved is None:
        return at_home, None, files.keys()
    if is_gone_there(connections.receipts.of(night, Place.ARCHIVE), moved.files):
        return at_home, None, ()
    place = moved.identity.destination
    return place, dict(moved_places(connections.settings, night))[place], moved.files.keys()


def _keep_bad_list(connections: Connections, record: NightRecord, verdict: CopyVerdict) -> None:
    from vampd.disk.durable import remove_durably, replacing
    from vampd.engine.nights.presence import refuse_absent, refuse_bare

    night = record.night
    folder = connections.settings.watch.root / night.folder
    try:
        refuse_absent(record, connections.reader)
        refuse_bare(record, folder)
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
