"""The raw cubes that a night's generations use, read again for the framelists made from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from vampd.disk.reading import stamp_of
from vampd.disk.refusal import naming_raw
from vampd.engine.nights.folder_reader import look_at_cube
from vampd.errors import DataError, TransientError
from vampd.model.cubes import (
    CubeAccount,
    Framelist,
    KeptTiming,
    Product,
    RawCube,
    build_framelist,
)

# A product and its siblings come from the same cubes, one after the other: a few of them, but the
# solo frames of a run may be scattered over all of its cubes. A card takes 250 bytes with its place
# in the index: in a short cube, far more than the times.
_KEPT_BYTES, _CARD_BYTES, _FRAME_BYTES = 24_000_000, 250, 10
_FEWEST_KEPT = 16


class RawCubeCache:
    """Raw cubes with all their cards, the most recent ones cached; thread-safe.

    ``accounts`` is called once, at the first cube.
    """

    def __init__(self, folder: Path, accounts: Callable[[], Mapping[str, CubeAccount]]) -> None:
        self._folder = folder
        self._ask_accounts = accounts
        self._accounts: Mapping[str, CubeAccount] | None = None
        self._kept: OrderedDict[str, RawCube] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def read(self, path: str) -> RawCube:
        """A cube as sync saw it.

        DataError ``raw_changed``, ``raw_gone`` or ``raw_unreadable`` if it no longer is.
        """
        with self._lock:
            if path not in self._kept:
                self._keep(self._read(path))
            self._kept.move_to_end(path)
            return self._kept[path]

    def build(self, product: Product, version: str, form: int) -> Framelist:
        """A product's framelist as sync writes it; DataError as `read` and `build_framelist`."""
        paths = sorted({part.cube for part in (*product.ranges, *product.partners)})
        return build_framelist(product, {path: self.read(path) for path in paths}, version, form)

    def _keep(self, cube: RawCube) -> None:
        self._kept[cube.path] = cube
        self._kept_bytes += _bytes_of(cube)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > _FEWEST_KEPT:
            self._kept_bytes -= _bytes_of(self._kept.popitem(last=False)[1])

    def _read(self, path: str) -> RawCube:
        if self._accounts is None:
            self._accounts = self._ask_accounts()
        account = self._accounts[path]
        synced = [file for file in (account.fits, account.timing_file) if file is not None]
        found = [stamp_of(self._folder, file.path) for file in synced]
        if None in found:
            gone = synced[found.index(None)].path
            raise DataError(
                "raw_gone",
                f"{gone} is gone, so nothing can be made from its frames again; products come back"
                " from the archive copy",
                path=gone,
            )
        try:
            seen = look_at_cube(self._folder, account.fits)
        except TransientError as error:
            raise naming_raw(error, path) from error
        now = stamp_of(self._folder, path)
        if isinstance(seen, RawCube):
            if (now, seen.timing_file) == (account.fits, account.timing_file):
                return replace(seen, timing=KeptTiming(seen.timing))
        elif found == synced and now == account.fits:
            # Rotten since, or taken up by a person as it is.
            raise DataError(
                "raw_unreadable",
                f"{path} is no longer a cube that can be used: {seen.reason}; products come back"
                " from the archive copy",
                path=path,
            )
        raise DataError(
            "raw_changed",
            f"{path} or its timing file has changed since sync; find out why before doing"
            " anything else with this night",
            path=path,
        )


def _bytes_of(cube: RawCube) -> int:
    return _CARD_BYTES * len(cube.cards) + _FRAME_BYTES * cube.frames
