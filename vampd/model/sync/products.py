"""Products as sync decides them: from cuts, with names, and the fates of their frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Product, ProductOrder
from vampd.model.nights import Stream, format_clock, format_mjd
from vampd.model.sync.cards.setting_cards import fields_beside
from vampd.model.sync.sequence import CameraSequence
from vampd.model.sync.states.flc_states import CERTAIN, STATE_OF_CODE, FlcState, Labels

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
_NAME_DECIMALS = 6


@dataclass(frozen=True)
class Cut:
    """One cut of frames, before it is split into products of one camera and state each.

    ``label_margins`` are by how much each label is likelier than another, ``pair_margins`` each
    pair; those of a cut without pairs are empty.
    """

    acquired_us: Int64
    sides: tuple[CameraSequence, ...]  # one camera, or both, frame by frame
    labels: Labels
    label_margins: Int32
    pair_margins: Int32 = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    offset_us: int = 0
    tolerance_us: int = 0
    clock: int = 0  # how often the host's clock had been set back

    @property
    def synchronized(self) -> bool:
        return len(self.sides) == 2


def stem_of(name: str) -> str:
    """A product's name without camera and state: what its siblings have in common."""
    for state in FlcState:
        name = name.removesuffix(f".{state}")
    return name.partition(".cam")[0]


def count_products(products: Iterable[Product]) -> dict[str, int]:
    """How many of their frames have which fate, by the names in SyncCounts."""
    made = list(products)
    uncertain = sum(p.frames for p in made if p.uncertain)
    split = [p for p in made if p.order.flc_state]
    return {
        "synchronised": sum(p.frames for p in made if p.synchronised),
        "solo": sum(p.frames for p in made if not p.synchronised),
        "deinterleaved": sum(p.frames for p in split),
        "dubious": sum(p.frames for p in split if p.order.flc_state == FlcState.D),
        "uncertain": uncertain,
    }


def find_collision(
    products: Iterable[Product], earlier: Iterable[Product] = ()
) -> tuple[Product, Product] | None:
    """Two products of different frames that readers would take for one, the later one last.

    They begin at one microsecond, as their names say, or have one MJD text (8 decimals of a day),
    by which readers group; and are of the same camera and state.
    """
    seen: dict[tuple[object, ...], Product] = {}
    for product in (*earlier, *products):
        own = product.order.camera, product.order.flc_state
        for key in (
            (*own, "name", product.synchronised, product.first_us),
            (*own, "MJD", format_mjd(product.middle_us)),
        ):
            other = seen.setdefault(key, product)
            if other.identity != product.identity:
                return other, product
    return None


@dataclass(frozen=True)
class Draft:
    """The products of one cut, each with the part of its name that its siblings do not share."""

    clock: int
    first_us: int
    cameras: int
    stream: Stream
    products: tuple[Product, ...]


def draft_products(cut: Cut) -> Draft:
    """What is left of a cut: a few references instead of all its frames."""
    return Draft(
        cut.clock,
        int(cut.acquired_us[0]),
        len(cut.sides),
        cut.sides[0].stream,
        tuple(_split_cut(cut)),
    )


def name_products(drafts: Iterable[Draft], taken: set[str]) -> list[Product]:
    """Products in their order, named by the UT of their cut's first frame.

    The folder may hold two days, so a time of day can occur twice: then ``_2`` and so on is
    appended, the same for all siblings.
    """
    products: list[Product] = []
    stems = {stem_of(name) for name in taken}
    for draft in sorted(drafts, key=lambda d: (d.clock, d.first_us, d.cameras, d.stream)):
        clock = format_clock(draft.first_us, _NAME_DECIMALS)
        prefix = "vsync" if draft.cameras > 1 else str(draft.stream)
        base, count = f"{prefix}_{clock}", 1
        while (stem := base if count == 1 else f"{base}_{count}") in stems:
            count += 1
        stems.add(stem)
        products += [replace(each, name=stem + each.name) for each in draft.products]
    return sorted(products, key=lambda product: (product.order, product.name))


def _split_cut(cut: Cut) -> Iterator[Product]:
    for number, side in enumerate(cut.sides):
        setting = side.settings[int(side.setting[0])]
        for code in np.unique(cut.labels):
            state = STATE_OF_CODE[int(code)]
            chosen = np.flatnonzero(cut.labels == code)
            own = side.cubes[int(side.cube[chosen[0]])].cards
            shown = replace(setting, fields=setting.fields + _flc_field(cut, state))
            name = f".cam{side.stream.camera}" if cut.synchronized else ""
            yield Product(
                name=f"{name}.{state}" if state else name,
                order=ProductOrder(
                    int(cut.acquired_us[0]), side.stream.camera, state or "", cut.clock
                ),
                synchronised=cut.synchronized,
                ranges=side.take(chosen).ranges(),
                partners=cut.sides[1 - number].take(chosen).ranges() if cut.synchronized else (),
                first_us=int(cut.acquired_us[0]),
                middle_us=int(cut.acquired_us[len(cut.acquired_us) // 2]),
                last_us=int(cut.acquired_us[-1]),
                offset_us=cut.offset_us,
                tolerance_us=cut.tolerance_us,
                cards=fields_beside(shown, own),
                uncertain=setting.uncertain,
                label_margin=int(cut.label_margins[chosen].min()) if code in CERTAIN else 0,
                pair_margin=int(cut.pair_margins[chosen].min()) if cut.synchronized else 0,
            )


def _flc_field(cut: Cut, state: FlcState | None) -> tuple[tuple[str, str], ...]:
    """U_FLCEN as the frames show it: they have a state, or the cameras' cards differ and none has.

    Nothing where no card says anything else.
    """
    said = {cube.cards.boolean("U_FLCEN") for side in cut.sides for cube in side.cubes}
    if state is not None and said != {True}:
        return (("U_FLCEN", "T"),)
    if state is None and cut.synchronized and said == {True, False}:
        return (("U_FLCEN", "F"),)
    return ()
