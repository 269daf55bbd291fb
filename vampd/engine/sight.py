"""Seeing what workers have made: a shared file system may show it late to those who did not."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.durable import names_in
from vampd.disk.reading import open_unlinked
from vampd.errors import TransientError
from vampd.model.proofs import PackingReceipt, Receipt
from vampd.ports import Pace

# NFS believes a listing for up to 60 s (acdirmax) unless it is mounted otherwise.
SEEN_WITHIN_S = 90.0
_LOOK_AGAIN_S = 0.5
_UNSEEN = frozenset({errno.ENOENT, errno.ESTALE})


@dataclass(frozen=True)
class Sight:
    """Waits until this host sees in a night's folder what another may have made there."""

    folder: Path
    pace: Pace
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def wait_for_product(self, reading: Receipt, sidecar: PackingReceipt) -> None:
        """Until a product has the size and mtime of its reading, and its sidecar its size.

        TransientError ``product_unseen``.
        """
        file = reading.file
        self._wait(reading.path, lambda: self._shows(file.path, file.size, file.mtime_ns))
        self._wait(sidecar.path, lambda: self._shows(sidecar.path, sidecar.size, None))

    def wait_for_names(self, paths: Sequence[str]) -> None:
        """Until these files of one folder are in its listing; TransientError ``product_unseen``."""
        folder = (self.folder / paths[0]).parent
        wanted = {Path(path).name: path for path in paths}
        self._wait(paths[0], lambda: wanted.keys() <= set(names_in(folder)))

    def _wait(self, path: str, is_seen: Callable[[], bool]) -> None:
        deadline = self.clock() + SEEN_WITHIN_S
        while not is_seen():
            if self.clock() > deadline:
                raise self._unseen(path)
            self.pace.check()
            self.sleep(_LOOK_AGAIN_S)

    def _shows(self, path: str, size: int, mtime_ns: int | None) -> bool:
        try:
            # Opened: what a host has cached of a file is asked again then, and not before.
            file_fd = open_unlinked(self.folder / path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _UNSEEN:
                return False
            raise
        try:
            status = os.fstat(file_fd)
        finally:
            os.close(file_fd)
        return status.st_size == size and mtime_ns in (None, status.st_mtime_ns)

    def _unseen(self, path: str) -> TransientError:
        return TransientError(
            "product_unseen",
            f"{self.folder / path} was made and proven, and {SEEN_WITHIN_S:.0f} s later this host"
            " does not see it as it was made: find out who changes the folder, and how its file"
            " system is mounted here (on NFS: actimeo=, lookupcache=); it is packed again",
            path=str(self.folder / path),
        )
