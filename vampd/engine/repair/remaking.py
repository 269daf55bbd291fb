"""Making products and sidecars again from raw, below a hidden folder, to be held against receipts.

What is made there gets no name of the night: recovering names what is equal, a restore only asks.
"""

from __future__ import annotations

from pathlib import Path

from vampd.disk.durable import make_folder, remove_tree
from vampd.disk.reading import hash_file
from vampd.errors import DataError
from vampd.fits.products import pack_cube, write_sidecar
from vampd.model.cubes import Framelist
from vampd.model.nights import Stream
from vampd.model.proofs import PackingReceipt
from vampd.ports import Pace
from vampd.stages.records.own_paths import product_path


class Candidates:
    """Files of one night that have no name yet; `clear` removes them."""

    def __init__(self, folder: Path) -> None:
        self._night_folder = folder
        self.folder = folder / Stream.VGEN2 / ".recover"

    def prepare(self) -> None:
        """An empty folder for them."""
        self.clear()
        make_folder(self.folder / Stream.VGEN2)

    def clear(self) -> None:
        """Remove the folder with all that is in it."""
        remove_tree(self.folder)

    def make_again(self, path: str, framelist: Framelist, pace: Pace) -> None:
        """Make a product, or its sidecar, from raw; DataError as `pack_cube`."""
        packed = self.folder / framelist.packed_path
        sidecar = self.folder / framelist.sidecar_path
        if path == product_path(path):
            pack_cube(framelist, self._night_folder, packed, sidecar, "full", pace)
        else:
            write_sidecar(framelist, sidecar, pace)

    def take(self, path: str, receipt: PackingReceipt | None, pace: Pace) -> Path:
        """The candidate for ``path``; DataError ``no_candidate``, or ``other_bytes`` than proven.

        Without a receipt there is nothing to hold it against.
        """
        candidate = self.folder / path
        if not candidate.is_file():
            raise DataError("no_candidate", f"{path} did not come out under its name")
        size, _, sha256 = hash_file(candidate, pace)
        if receipt is not None and (size, sha256) != (receipt.size, receipt.sha256):
            raise DataError(
                "other_bytes",
                f"{size} bytes with SHA-256 {sha256}, expected {receipt.size} with"
                f" {receipt.sha256} by the packing receipt",
            )
        return candidate
