"""The root of the nights, recognized by its mark.

What is missing on another disk, or where none is mounted, says nothing about the nights. At the
first use a random mark is recorded, then placed, then confirmed, as for an archive.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.disk.durable import place_mark_file, read_mark_file
from vampd.disk.failpoint import failpoint
from vampd.disk.refusal import Cause, PathAccess, classify, describe_refused
from vampd.engine.nights.night_listing import find_nights
from vampd.engine.nights.observation import wait_for_folder
from vampd.errors import ROOT_UNKNOWN, DataError, DiskFull, RootUnknown
from vampd.log import get_log
from vampd.model.proofs import MARK_BYTES, MARK_PATH, KnownRoot, Marked, parse_mark
from vampd.ports import NightStore, Roots

_log = get_log()
_ACCEPT = "`vampctl root accept` shows what lies there, and takes it for the root"


@dataclass(frozen=True)
class RootGuard:
    """Tells whether what lies at ``path``, the root in the settings, is what lay there before."""

    path: Path
    roots: Roots
    store: NightStore

    def recognize(self) -> KnownRoot | None:
        """The root as it is on record, None before its first use; writes nothing.

        RootUnknown ``root_unknown`` unless this is that root, as far as its mark can say.
        """
        known = self.roots.known()
        try:
            if not self.path.is_dir():
                raise _unknown(
                    f"{self.path} is not a folder: mount its disk, or correct watch.root"
                )
            found = self.find_mark()
            if found is None and (known is None or not known.is_placed):
                self._refuse_emptied()
        except OSError as error:
            raise _unknown(wait_for_folder(error, self.path).text) from error
        if found is None and (known is None or not known.is_placed):
            return known
        if known is None:
            return None
        if found is None:
            raise _unknown(
                f"{self.path} lacks its mark ({MARK_PATH}): mount its disk; if only the mark is"
                f" lost, {_ACCEPT}"
            )
        if found != known.mark:
            raise _unknown(
                f"{self.path} has the mark {found}, and that of the nights on record is"
                f" {known.mark}: another disk is mounted there; if it is the right one, {_ACCEPT}"
            )
        return known

    def require(self) -> None:
        """RootUnknown ``root_unknown`` unless this is the root; places its mark at the first use.

        A root where vampd cannot write stays without one, and then no one can know whether raw
        was removed or never mounted (`is_certain`).
        """
        known = self.recognize()
        if known is not None and known.is_placed:
            return
        mark = self.find_mark() or secrets.token_hex(MARK_BYTES)
        intended = self.roots.intend(self._unplaced(mark, "vampd"))
        failpoint("root.mark.recorded")
        self._place(intended)

    def require_certain(self) -> None:
        """As `require`, and RootUnknown too where the root could not be given a mark."""
        self.require()
        if not self.is_certain():
            raise _unknown(
                f"{self.path} has no mark ({MARK_PATH}) that would say whether its disk is mounted:"
                " let vampd create that folder there"
            )

    def is_certain(self) -> bool:
        """Whether this certainly is the root on record: what is not there is gone."""
        known = self.recognize()
        return known is not None and known.is_placed

    def accept(self, actor: str) -> KnownRoot:
        """Take what lies there for the root, at a person's word; it gets a mark if it has none."""
        mark = self.find_mark() or secrets.token_hex(MARK_BYTES)
        accepted = self._unplaced(mark, actor)
        self.roots.change(accepted)
        failpoint("root.change.committed")
        return self._place(accepted)

    def find_mark(self) -> str | None:
        """The mark that lies there; RootUnknown if it cannot be read."""
        try:
            content = read_mark_file(self.path)
        except OSError as error:
            path = self.path / MARK_PATH
            if classify(error) is Cause.PERMISSION:
                raise _unknown(describe_refused(path, PathAccess.READ)) from error
            raise _unknown(f"{path} cannot be read: {error.strerror}") from error
        except DataError as error:
            # A link in its place, or above it.
            raise _unknown(error.message) from error
        if content is None:
            return None
        mark = parse_mark(content.decode("utf-8", "replace"), Marked.ROOT)
        if mark is None:
            raise _unknown(
                f"{self.path / MARK_PATH} holds {content[:60]!r} in place of the mark of a root:"
                " look at that disk; put the file back from a copy, or move it away, and"
                f" {_ACCEPT}"
            )
        return mark

    def _unplaced(self, mark: str, actor: str) -> KnownRoot:
        return KnownRoot(self.path, mark, is_placed=False, actor=actor, at=time.time())

    def _place(self, intended: KnownRoot) -> KnownRoot:
        try:
            place_mark_file(self.path, intended.mark, Marked.ROOT)
        except (OSError, DiskFull):
            # It may not be written to, or is full: nights there have their own ways to wait.
            return intended
        failpoint("root.mark.placed")
        found = self.find_mark()
        if found != intended.mark:
            raise _unknown(
                f"{self.path} was given another mark ({found}) at the same time: look who else"
                " archives from there"
            )
        self.roots.confirm(intended.mark)
        failpoint("root.mark.confirmed")
        _log.info("root.marked", root=str(self.path), mark=intended.mark)
        return replace(intended, is_placed=True)

    def _refuse_emptied(self) -> None:
        """Nights are on record, and not one lies here: no place for a mark, mounted or not."""
        nights = {record.night for record in self.store.nights()}
        if nights and nights.isdisjoint(find_nights(self.path)):
            raise _unknown(
                f"{len(nights):,} nights are on record, and none lies in {self.path}: mount its"
                f" disk; if they were all removed, {_ACCEPT}"
            )


def _unknown(message: str) -> RootUnknown:
    return RootUnknown(ROOT_UNKNOWN, message)
