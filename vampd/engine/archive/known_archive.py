"""The archive of a kind of nights: recognized by its mark, and named by its proofs.

Before anything is read or written there, the mark must be the one on record. At the first use a
random one is recorded, then placed, then confirmed: a kill in between leaves a mark that is known
here, or none. One module, however long: every use of an archive goes through the one question
whether it is the archive.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vampd.disk.answering import stat_answering
from vampd.disk.durable import read_mark_file
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import LINK_FOUND
from vampd.errors import ARCHIVE_UNKNOWN, ArchiveUnknown, ConfigError, DataError, RemoteUnavailable
from vampd.log import get_log
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import (
    MARK_BYTES,
    MARK_PATH,
    SUMS_NAME,
    ArchiveIdentity,
    DestinationOrigin,
    KnownDestination,
    Marked,
    MovedNight,
    Place,
    Receipt,
    parse_mark,
)
from vampd.model.resources import Space
from vampd.ports import (
    ArchiveHost,
    Destinations,
    Guard,
    MarkedHost,
    Pace,
    PackingReceipts,
    Receipts,
    Seen,
)
from vampd.stages.records.own_paths import PACKED_SUFFIX

_log = get_log()
# A disk of nights that is silent for so long is left alone.
_ANSWERS_WITHIN_S = 15.0
_PLACING = threading.Lock()


def _is_of(file: FileStamp, sizes: Mapping[str, Collection[int]]) -> bool:
    """Whether a file lies there because a night does; any night may have one of some names."""
    if file.path == SUMS_NAME or file.path not in sizes:
        return False
    return file.path.endswith(PACKED_SUFFIX) or file.size in sizes[file.path]


def _is_placed(known: KnownDestination | None) -> bool:
    return known is not None and known.mark is not None and known.is_placed


def _nowhere(_: NightId) -> Iterable[tuple[str, ArchiveHost]]:
    return ()


@dataclass(frozen=True)
class KnownArchive:
    """Implements ports.ArchiveHost on top of the host itself; ``destination`` is as in settings.

    All but `space` raise ArchiveUnknown ``archive_unknown`` unless this is the archive.
    """

    kind: Kind
    destination: str
    host: MarkedHost
    destinations: Destinations
    receipts: Receipts
    packing_receipts: PackingReceipts
    # Where the archive's disk must be mounted; None: the mark alone guards.
    mount_point: Path | None = None
    # The folders that the archive host may move a night to by itself: their names, and hosts.
    moved_to: Callable[[NightId], Iterable[tuple[str, ArchiveHost]]] = _nowhere
    # The folders here that hold the nights: where a mark shows that was placed there, both are one,
    # whatever machine, mount or name leads to it.
    nights_here: tuple[Path, ...] = ()

    @property
    def identity(self) -> ArchiveIdentity:
        """What a proof must name to count here."""
        known = self.destinations.known(self.kind)
        is_here = known is not None and known.destination == self.destination
        return ArchiveIdentity(self.destination, known.mark if known and is_here else None)

    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        """Every file of the night there, by path; empty if the night is not there."""
        known = self._on_record()
        try:
            return self.host.files(night, self._guard(known))
        except DataError as error:
            # Who moves a night may leave a link to it in its place.
            if error.code != LINK_FOUND or self._find_moved(night) is None:
                raise
            return {}

    def get_ready(self, pace: Pace) -> None:
        """Ask now what `send` asks before the first byte; places the mark at the first use."""
        self.use()
        self.host.get_ready(pace)

    def send(
        self,
        night: NightId,
        folder: Path,
        files: Sequence[str],
        compare: Compare,
        pace: Pace,
        *,
        connection: int = 0,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        """Copy files of the night's folder; what was proven of them there ends first."""

        def begin(group: Sequence[str]) -> None:
            # The disk may go between two programs.
            self.use()
            self.receipts.end_proofs(night, group)
            failpoint("archive.proofs.ended")

        self.host.send(night, folder, files, compare, pace, begin, connection, after)

    def digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """Receipts of these files, read where the night lies; they name that place."""
        if any(True for _ in self.moved_to(night)):
            self.use()
            if (moved := self._find_moved(night)) is not None:
                place, host, _ = moved
                read = host.digests(night, files, pace)
                return [replace(receipt, destination=place, mark=None) for receipt in read]
        return self._read(night, files, pace, None)

    def remove_leftovers(self, night: NightId, files: Sequence[str], pace: Pace) -> None:
        """Remove what killed copies have left of these; nothing where the night was moved to."""
        self.use()
        if self._find_moved(night) is None:
            self.host.remove_leftovers(night, files, pace)

    def arrived(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """The same of a part that was sent just now, which lies at the destination."""
        # Others are read at the same time.
        return self._read(night, files, pace, 1)

    def _read(
        self, night: NightId, files: Sequence[str], pace: Pace, at_once: int | None
    ) -> Sequence[Receipt]:
        known = self._on_record()
        if not _is_placed(known):
            self.use()
            known = self._on_record()
        read = self.host.digests(night, files, pace, self._guard(known), at_once)
        return [self.name(receipt) for receipt in read]

    def text(self, night: NightId, path: str, pace: Pace) -> str:
        """A small text of the night at its destination, by path; '' if there is none."""
        self.recognize()
        return self.host.text(night, path, pace)

    def moved_night(self, night: NightId) -> MovedNight | None:
        """The night where the archive host has moved it; None if it did not, as far as known."""
        moved = self._find_moved(night)
        return None if moved is None else MovedNight(ArchiveIdentity(moved[0]), moved[2])

    def _find_moved(
        self, night: NightId
    ) -> tuple[str, ArchiveHost, Mapping[str, FileStamp]] | None:
        """The place that has files of the night which its destination lacks."""
        places = tuple(self.moved_to(night))
        if not places:
            return None
        at_home: Mapping[str, FileStamp] = {}
        try:
            at_home = self.host.files(night)
        except DataError as error:
            if error.code != LINK_FOUND:
                raise
        known = self.receipts.of(night, Place.ARCHIVE)
        # SHA256SUMS is read last: without it, more lies somewhere than the readings name.
        if SUMS_NAME in known and known.keys() <= at_home.keys():
            return None
        sizes = self._sizes_of(night, known.values())
        for place, host in places:
            try:
                files = host.files(night)
            except RemoteUnavailable as error:
                # The night cannot have been moved to a folder that does not exist.
                if error.code != "archive_folder_missing":
                    raise
                continue
            if any(_is_of(file, sizes) for path, file in files.items() if path not in at_home):
                return place, host, files
        return None

    def _sizes_of(self, night: NightId, known: Iterable[Receipt]) -> dict[str, set[int]]:
        """The files that this night has or had, by path, each with the sizes on record."""
        sizes: dict[str, set[int]] = {}
        for reading in known:
            sizes.setdefault(reading.path, set()).add(reading.file.size)
        for recorded in self.packing_receipts.of(night):
            sizes.setdefault(recorded.receipt.path, set()).add(recorded.receipt.size)
        return sizes

    def space(self) -> Space:
        """The space on the file system that holds the nights there."""
        return self.host.space()

    def device(self, night: NightId) -> int | None:
        """The device (st_dev) that the night lies on there; None: another machine's."""
        moved = self._find_moved(night)
        return (self.host if moved is None else moved[1]).device(night)

    def name(self, receipt: Receipt) -> Receipt:
        """The receipt of a reading at this archive, naming it."""
        identity = self.identity
        return replace(receipt, destination=identity.destination, mark=identity.mark)

    def recognize(self) -> KnownDestination | None:
        """The destination as it is on record, None before its first use; writes nothing."""
        known = self._on_record()
        self.host.pass_guard(self._guard(known))
        return known

    def _on_record(self) -> KnownDestination | None:
        known = self.destinations.known(self.kind)
        if known is not None and known.destination != self.destination:
            raise self._unknown(
                f"{self.kind} nights are archived at {known.destination}, and the settings name"
                f" {self.destination}: if the archive was moved there, `vampctl archive moved"
                f" {self.kind} --to {self.destination}`; else set transfer.{self.kind}.destination"
            )
        return known

    def _guard(self, known: KnownDestination | None) -> Guard:
        """What keeps all that is read there from being used unless it is the archive."""
        return Guard(self.mount_point, partial(self._judge, known))

    def _judge(self, known: KnownDestination | None, seen: Seen) -> None:
        self._require_mount(seen)
        found = seen.mark
        if found is None:
            self._accept_unmarked(known)
            return
        # Another part may have placed it since the record was read, and recorded it before that.
        known = self._on_record()
        if known is None or found != known.mark:
            raise self._unknown(self._describe_stranger(found))
        self._refuse_itself(found)

    def use(self) -> str:
        """The mark of the archive; places one at the first use."""
        known = self.recognize()
        if known is not None and known.mark is not None and known.is_placed:
            return known.mark
        with _PLACING:
            # Two may send at once, and both for the first time.
            known = self.destinations.known(self.kind)
            if known is not None and known.mark is not None and known.is_placed:
                return known.mark
            return self._place()

    def _place(self) -> str:
        fresh = secrets.token_hex(MARK_BYTES)
        intended = self.destinations.intend(self.kind, self.destination, fresh, at=time.time())
        mark = intended.mark or fresh
        failpoint("archive.mark.recorded")
        self.host.place_mark(mark)
        failpoint("archive.mark.placed")
        found = self.host.mark()
        if found != mark:
            raise self._unknown(
                f"{self.destination} was given another mark ({found}) at the same time: look who"
                " else archives there"
            )
        self._refuse_itself(mark)
        self.destinations.confirm(self.kind, mark)
        failpoint("archive.mark.confirmed")
        _log.info("archive.marked", kind=self.kind.value, destination=self.destination, mark=mark)
        return mark

    def accept(self, origin: DestinationOrigin, actor: str) -> str:
        """Take what lies there for the archive, at a person's word; the mark, new if it had none.

        Whatever was proven is read again there.
        """
        looks: list[Seen] = []
        self.host.pass_guard(Guard(self.mount_point, looks.append))
        self._require_mount(looks[0])
        found = looks[0].mark
        if found is not None:
            self._refuse_itself(found)
        new = KnownDestination(
            self.destination,
            mark=secrets.token_hex(MARK_BYTES) if found is None else found,
            is_placed=found is not None,
            origin=origin,
            actor=actor,
            at=time.time(),
        )
        message = f"the archive at {self.destination} is read again; {origin} by {actor}"
        self.destinations.change(self.kind, new, code=f"archive_{origin}", message=message)
        failpoint("archive.change.committed")
        return self._place() if found is None else found

    def _refuse_itself(self, mark: str) -> None:
        """ConfigError ``destination_is_source`` if what has this mark are the nights here.

        Of a mark that was confirmed this is known, so a silent disk of other nights keeps none of
        these from an archive that answers. RemoteUnavailable for any other mark.
        """
        known = self.destinations.known(self.kind)
        is_confirmed = known is not None and known.is_placed and known.mark == mark
        for folder in self.nights_here:
            try:
                with suppress(OSError):  # reading the mark tells more
                    stat_answering(folder, _ANSWERS_WITHIN_S)
            except RemoteUnavailable:
                if is_confirmed:
                    continue
                raise
            content = read_mark_file(folder)
            text = "" if content is None else content.decode("utf-8", "replace")
            if parse_mark(text, Marked.ARCHIVE) == mark:
                raise ConfigError(
                    "destination_is_source",
                    f"{self.destination} leads to {folder}, which holds the nights themselves; a"
                    " copy onto itself proves nothing, configure another disk, and remove"
                    f" {folder / MARK_PATH}",
                )

    def _require_mount(self, seen: Seen) -> None:
        if not seen.is_mounted:
            raise self._unknown(
                f"nothing is mounted at {self.mount_point}, where the disk of {self.destination}"
                f" belongs: mount it, or correct transfer.{self.kind}.mount_point"
            )

    def _every(self) -> Iterator[KnownDestination]:
        return (one for kind in Kind if (one := self.destinations.known(kind)) is not None)

    def _describe_stranger(self, found: str) -> str:
        owner = next((one.destination for one in self._every() if one.mark == found), None)
        whose = "a mark that is not known here" if owner is None else f"the mark of {owner}"
        return (
            f"{self.destination} has {whose} ({found}): another disk is mounted there, or the"
            f" database was lost; `vampctl archive accept {self.kind}` shows what is there, and"
            " takes it for the archive"
        )

    def _accept_unmarked(self, known: KnownDestination | None) -> None:
        if known is not None and known.is_placed:
            raise self._unknown(
                f"{self.destination} lacks its mark ({MARK_PATH}): mount its disk; if this is the"
                f" archive and only the mark is lost, `vampctl archive accept {self.kind}` places"
                " a new one and has everything read again"
            )
        # After an upgrade, or a person's word that a kill cut short: nights are there already.
        has_nights = known is not None and known.origin is not DestinationOrigin.PLACED
        if has_nights and not self.host.nights():
            raise self._unknown(
                f"nights were archived at {self.destination}, and none lies there: mount its disk;"
                f" if they were all moved elsewhere, `vampctl archive accept {self.kind}`"
            )

    def _unknown(self, message: str) -> ArchiveUnknown:
        return ArchiveUnknown(ARCHIVE_UNKNOWN, message, target=self.destination)
