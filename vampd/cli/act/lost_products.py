"""Files that nothing gives back: the night is held until a person decides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vampd.cli.act.archive_reading import FilesRead, read_files
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import write_prose
from vampd.cli.shared.session import actor_name
from vampd.cli.shared.words import count_of
from vampd.errors import DataError, VampdError
from vampd.model.cubes import PRODUCT_LOST
from vampd.model.delivery import announced_manifests, note_name, product_id
from vampd.model.nights import Event, EventName, Kind, NightUpdate, Status, name_commands
from vampd.model.proofs import PackingReceipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vampd.model.nights import NightId, NightRecord
    from vampd.wiring.connections import Connections


def hold_for_lost(
    connections: Connections,
    record: NightRecord,
    paths: Sequence[str],
    receipts: Mapping[str, PackingReceipt],
) -> None:
    """Hold the night for those of these files that its archive has no good copy of either.

    Raw does not give them again. Whoever calls this holds the night's locks.
    """
    night = record.night
    try:
        found = _read_there(connections, night, paths)
    except VampdError as error:
        found = FilesRead(refused=dict.fromkeys(paths, f"{error.code}: {error.message}"))
    for path, why in found.refused.items():
        message = f"  {path}: whether the archive has a good copy is not known now: {why}"
        write_prose(name_commands(message, night.date))
    lost = [
        path
        for path in paths
        if path not in found.refused
        and (path not in found.receipts or found.receipts[path].sha256 != receipts[path].sha256)
    ]
    if not lost:
        return
    message = _describe(connections, night, lost, is_of_old_tools=record.state.is_continued)
    write_prose(f"{title_of(night)}: {message}")
    _hold(connections, record, lost, message)


def regain_decisions(connections: Connections, record: NightRecord, paths: Sequence[str]) -> None:
    """Let others stand for these generations, of which no good copy is left here or there.

    DataError ``copy_unknown`` where the archive may have one, and as `regain`. Whoever calls this
    holds the night's locks.
    """
    from vampd.disk.pace import SteadyPace
    from vampd.engine.repair.regaining import keep_regained, regain
    from vampd.stages.records.folder_receipts import believed_receipts

    night, reader = record.night, connections.reader
    receipts = believed_receipts(night, reader)
    there = _read_there(connections, night, paths)
    for path in paths:
        known, read = receipts.get(path), there.receipts.get(path)
        if path in there.refused or (read and (known is None or read.sha256 == known.sha256)):
            why = there.refused.get(path, "a file lies there that may be whole")
            raise DataError(
                "copy_unknown",
                f"whether the archive has a good copy of {path} is not known: {why}. Nothing was"
                f" changed; once that is known, `vampctl recover {night.date}`",
                path=path,
            )
    folder = connections.settings.watch.root / night.folder
    regained = regain(night, folder, reader, receipts, paths, connections.settings, SteadyPace())
    if not reader.packing_receipts(night):
        # Of the database that was lost; each file was read just now, and is what they say.
        connections.packing_receipts.record(night, receipts.values(), at=time.time())
    message = f"no good copy of {', '.join(paths)} was found; its products stand for it"
    if record.safe_at is not None:
        _apply(connections, night, EventName.DISPROVED, "archive_copy_bad", message)
    damaged = {path for path in paths if (folder / path).exists()}
    keep_regained(
        night,
        folder,
        connections.packing_receipts,
        regained,
        paths,
        at=time.time(),
        actor=actor_name(),
    )
    for each in regained:
        frames = count_of(each.counts.set_aside, "frame")
        write_prose(
            f"vgen2/{each.file_name}: stands for what was lost, with"
            f" {count_of(len(each.products), 'product')} and {frames} set aside"
        )
    for path in paths:
        kept = "; what lies here keeps a hidden name" if path in damaged else ""
        write_prose(f"{path}: given up{kept}")


def _read_there(connections: Connections, night: NightId, paths: Sequence[str]) -> FilesRead:
    archive = connections.archive(night.kind)
    if archive.recognize() is None:
        return FilesRead()  # nothing was ever sent
    return read_files(archive, night, paths)


def _describe(
    connections: Connections, night: NightId, lost: Sequence[str], *, is_of_old_tools: bool
) -> str:
    from vampd.stages.records.own_paths import RAW_RECORDS

    more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
    frame_id = "its frame ID has no product, " if night.kind is Kind.ARCHIVE else ""
    aside = "" if is_of_old_tools else "its frames are set aside, "
    without = f"{aside}{frame_id}and"
    if all(RAW_RECORDS.fullmatch(path) for path in lost):
        without = "nothing holds headers and timing files of the raw cubes that were purged, and"
    announced = "".join(f" {line}." for line in _announcements(connections, night, lost))
    return (
        f"no good copy of {lost[0]}{more} was found, here or at the archive, and raw does not give"
        f" the same bytes.{announced} Look for a good copy of the file (STARS has what was"
        f" announced) or of its raw cubes, put it in its place, then `vampctl retry {night.date}`;"
        f" or `vampctl release {night.date}` goes on without it, for good: {without} what lies here"
        " keeps a hidden name"
    )


def _announcements(connections: Connections, night: NightId, lost: Sequence[str]) -> Iterator[str]:
    """Which manifests list the IDs of these files, and who knows of that."""
    from vampd.stages.records.manifest_files import read_manifests
    from vampd.stages.records.own_paths import product_path

    ids = {one for path in lost if (one := product_id(product_path(path))) is not None}
    note = connections.reader.text(night, note_name(night.date))
    told = announced_manifests(connections.mail_log.correspondence(night), night, note)
    known = {one.name: str(one) for one in told}
    for manifest in read_manifests(night, connections.reader):
        listed = sorted(ids & {line.frame_id for line in manifest.manifest.lines})
        if listed:
            name = manifest.file.name
            yield f"{known.get(name, f'{name}: not mailed')} lists {', '.join(map(str, listed))}"


def _hold(connections: Connections, record: NightRecord, lost: Sequence[str], message: str) -> None:
    night, store = record.night, connections.store
    if record.safe_at is not None:
        _apply(connections, night, EventName.DISPROVED, "archive_copy_bad", message)
    # What is done goes back to where such a night is held, its proofs kept; what is held is let go.
    if record.state.status is Status.DONE and record.state.is_continued:
        _apply(connections, night, EventName.RETRIED)
    elif record.state.status is Status.DONE:
        _apply(connections, night, EventName.EXTENDED)
    elif record.state.status is Status.HELD:
        _apply(connections, night, EventName.RETRIED)
    _apply(connections, night, EventName.HELD, PRODUCT_LOST, message)
    # Then it is known what a release goes on without.
    store.update(night, NightUpdate(refused=tuple(lost)))


def _apply(
    connections: Connections,
    night: NightId,
    name: EventName,
    code: str | None = None,
    message: str | None = None,
) -> None:
    event, at = Event(name), time.time()
    connections.store.apply(night, event, at=at, actor=actor_name(), code=code, message=message)
