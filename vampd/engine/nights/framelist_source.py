"""A night's virtual cubes: its framelists, with retired ones rebuilt.

Existing framelists are read; of the others the generation knows the frames, the raw cubes have
cards and timing, the dictionary the forms, and the ledger the frame ID, which together are all that
they were made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vampd.engine.nights.raw_cube_cache import RawCubeCache
from vampd.model.cubes import (
    Framelist,
    Generation,
    Product,
    accounted_cubes,
    apply_edits,
    stamp_frame_id,
)
from vampd.model.frame_ids import BoundId
from vampd.model.headers import format_cards
from vampd.model.nights import NightId
from vampd.ports import NightReader


class FramelistSource:
    """The virtual cubes of all generations of a night: those given, else as they are committed."""

    def __init__(
        self,
        night: NightId,
        folder: Path,
        reader: NightReader,
        generations: Sequence[Generation] | None = None,
    ) -> None:
        self._night = night
        self._reader = reader
        if generations is None:
            generations = reader.generations(night)
        self._deciders = {
            product: generation for generation in generations for product in generation.products
        }
        self._cubes = RawCubeCache(folder, lambda: accounted_cubes(generations))
        self._dictionary = reader.dictionary()
        self._look()

    @property
    def products(self) -> tuple[Product, ...]:
        """The products of the night, in the order of its generations."""
        return tuple(self._deciders)

    def read(self, product: Product) -> Framelist:
        """A product's framelist as it is or last was; DataError as `RawCubeCache`."""
        path = self._paths.get(product.identity)
        if path is None:
            return self._rebuild(product)
        try:
            return self._reader.framelist(self._night, path)
        except FileNotFoundError:
            # It got its frame ID, or was packed, since it was listed.
            self._look()
            return self._rebuild(product)

    def _look(self) -> None:
        # Framelists first: one that is retired meanwhile already has its frame ID in the ledger.
        heads = self._reader.framelist_heads(self._night)
        self._paths: Mapping[str, str] = {head.identity: head.path for head in heads}
        self._bound: Mapping[str, BoundId] = self._reader.bound_ids(self._night)

    def build(self, product: Product) -> Framelist:
        """What raw gives now: as sync writes it, in no form of a dictionary. As `read`."""
        decider = self._deciders[product]
        return self._cubes.build(product, decider.version, decider.form)

    def _rebuild(self, product: Product) -> Framelist:
        framelist = self.build(product)
        edits = format_cards(framelist.cards, self._dictionary).edits
        framelist = apply_edits(framelist, edits)
        bound = self._bound.get(product.identity)
        return stamp_frame_id(framelist, bound.frame_id) if bound else framelist
