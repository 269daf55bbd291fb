"""Files that nothing gives back: the night is held until a person decides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vampd.cli.act.archive_reading import FilesRead, read_files
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import write_prose
from vampd.cli.shared.session import actor_name
from vampd.errors import VampdError
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
    message = _describe(connections, night, lost)
    write_prose(f"{title_of(night)}: {message}")
    _hold(connections, record, lost, message)


def _read_there(connections: Connections, night: NightId, paths: Sequence[str]) -> FilesRead:
    archive = connections.archive(night.kind)
    if archive.recognize() is None:
        return FilesRead()  # nothing was ever sent
    return read_files(archive, night, paths)


def _describe(connections: Connections, night: NightId, lost: Sequence[str]) -> str:
    more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
    frame_id = "its frame ID has no product, " if night.kind is Kind.ARCHIVE else ""
    announced = "".join(f" {line}." for line in _announcements(connections, night, lost))
    return (
        f"no good copy of {lost[0]}{more} was found, here or at the archive, and raw does not give"
        f" the same bytes.{announced} Look for a good copy of the file (STARS has what was"
        f" announced) or of its raw cubes, put it in its place, then `vampctl retry {night.date}`;"
        f" or `vampctl release {night.date}` goes on without it, for good: its frames are set"
        f" aside, {frame_id}and what lies here keeps a hidden name"
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
    night, store, actor = record.night, connections.store, actor_name()

    def apply(name: EventName, code: str | None = None, why: str | None = None) -> None:
        store.apply(night, Event(name), at=time.time(), actor=actor, code=code, message=why)

    if record.safe_at is not None:
        apply(EventName.DISPROVED, "archive_copy_bad", message)
    # What is done goes back to where such a night is held, its proofs kept; what is held is let go.
    if record.state.status is Status.DONE:
        apply(EventName.EXTENDED)
    elif record.state.status is Status.HELD:
        apply(EventName.RETRIED)
    apply(EventName.HELD, PRODUCT_LOST, message)
    # Then it is known what a release goes on without.
    store.update(night, NightUpdate(refused=tuple(lost)))
