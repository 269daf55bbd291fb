"""A site whose nights have run through all stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.builders.products import (
    PackedCube,
    packed_cubes,
)
from tests.support.daemon.running import Ended
from tests.support.daemon.site import Site
from vampd.model.nights import NightId
from vampd.simulate import Truth

Tool = Callable[[str], str]


@dataclass(frozen=True)
class Finished:
    """Two nights after one run of the daemon."""

    site: Site
    nights: tuple[NightId, ...]
    truths: dict[NightId, Truth]
    raw_before: dict[NightId, dict[str, tuple[object, ...]]]
    ended: Ended

    def cubes(self, night: NightId) -> list[PackedCube]:
        return packed_cubes(self.site.folder(night) / "vgen2")
