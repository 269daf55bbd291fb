"""The audit: every raw frame is in exactly one product, or set aside with a reason.

Both sides are counted independently: raw frames from the raw files, product frames from the
products. The generations only say what should be where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.cubes import (
    PRODUCT_LOST,
    CountedBy,
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    SetAside,
    accounted_cubes,
    set_aside_cubes,
)
from vampd.model.nights import plain_cube_path, unfinished_cube_name

_GIVEN_UP = frozenset({PRODUCT_LOST, "unreadable"})


@dataclass(frozen=True, order=True)
class CountedCube:
    """A raw cube and its frames now, at least so many unless they are counted by its header."""

    path: str
    frames: int
    counted_by: CountedBy = CountedBy.HEADER

    @property
    def is_certain(self) -> bool:
        """Whether its frames are no less and no more."""
        return self.counted_by is CountedBy.HEADER


@dataclass(frozen=True, order=True)
class CountedProduct:
    """A packed product or a framelist, and the frames that it claims to hold.

    ``identity`` is None for a packed product without a sidecar.
    """

    path: str
    frames: int
    identity: str | None


@dataclass(frozen=True)
class Audit:
    """The sum of a night.

    ``raw_cubes`` and ``raw_frames`` include what was removed, as it is on record; ``removed`` are
    those cubes. ``framelist_frames`` counts the framelists whose product is not packed yet.
    ``late`` are the raw cubes that no generation accounts for: they are still to be synchronized.
    ``findings`` say what does not agree, one sentence each. Where the products are the old tools',
    no record says which raw frames they hold.
    """

    raw_cubes: int
    raw_frames: int
    packed_products: int
    product_frames: int
    framelists: int
    framelist_frames: int
    rejected: tuple[SetAside, ...]
    late: tuple[CountedCube, ...]
    findings: tuple[str, ...]
    removed: tuple[CountedCube, ...] = ()
    is_of_old_tools: bool = False

    @property
    def removed_frames(self) -> int:
        """The frames of the raw cubes that were removed."""
        return sum(cube.frames for cube in self.removed)

    @property
    def rejected_frames(self) -> int:
        """The frames that are set aside."""
        return sum(cube.frames for cube in self.rejected)

    @property
    def is_certain(self) -> bool:
        """Whether no number of frames is only a lower bound."""
        uncertain = [cube for cube in self.late if not cube.is_certain]
        return all(cube.count.is_certain for cube in self.rejected) and not uncertain

    @property
    def late_frames(self) -> int:
        """The frames that are still to be synchronized."""
        return sum(cube.frames for cube in self.late)

    @property
    def accounted_frames(self) -> int:
        """The frames in products and framelists, and those set aside."""
        return self.product_frames + self.framelist_frames + self.rejected_frames

    @property
    def balanced(self) -> bool:
        """Whether raw = products + framelists not yet packed + set aside, and nothing disagrees.

        Late frames are in none of these: a night that has some is not balanced.
        """
        is_sum = self.is_of_old_tools or self.raw_frames == self.accounted_frames
        return is_sum and not self.findings


def audit_night(
    raw: Sequence[CountedCube],
    packed: Sequence[CountedProduct],
    framelists: Sequence[CountedProduct],
    generations: Sequence[Generation],
    faults: Iterable[str] = (),
    removed: Sequence[CountedCube] = (),
) -> Audit:
    """Compare what was counted with what the generations decided.

    ``removed`` are cubes that may be gone, with the frames that they had at sync. ``faults`` are
    findings about the files themselves, beside their frames.
    """
    done = {product.identity for product in packed}
    # A framelist exists beside its product until it is retired: it counts only before that. Under
    # its old name it exists until the one with the frame ID is complete.
    by_identity = {framelist.identity: framelist for framelist in framelists}
    unpacked = [by_identity[identity] for identity in by_identity if identity not in done]
    accounts = accounted_cubes(generations)
    aside = set_aside_cubes(generations)
    expected = {p.identity: p for generation in generations for p in generation.products}
    every = [
        _as_set_aside(cube, aside.get(cube.path), accounts.get(cube.path))
        for cube in (*raw, *removed)
    ]
    return Audit(
        raw_cubes=len(every),
        raw_frames=sum(cube.frames for cube in every),
        packed_products=len(packed),
        product_frames=sum(product.frames for product in packed),
        framelists=len(unpacked),
        framelist_frames=sum(framelist.frames for framelist in unpacked),
        rejected=tuple(sorted(aside.values(), key=lambda cube: cube.path)),
        late=tuple(sorted(cube for cube in raw if cube.path not in accounts)),
        findings=(
            *_compare_raw(every, accounts),
            *_compare_products([*packed, *unpacked], expected),
            *_check_shares(accounts, aside, expected.values()),
            *faults,
        ),
        removed=tuple(sorted(removed)),
    )


def audit_old_products(
    raw: Sequence[CountedCube], packed: Sequence[CountedProduct], faults: Iterable[str] = ()
) -> Audit:
    """What there is of a night that the old tools made: no account says what became of its raw."""
    return Audit(
        raw_cubes=len(raw),
        raw_frames=sum(cube.frames for cube in raw),
        packed_products=len(packed),
        product_frames=sum(product.frames for product in packed),
        framelists=0,
        framelist_frames=0,
        rejected=(),
        late=(),
        findings=(
            *(f"{cube.path} is raw beside products of the old tools" for cube in sorted(raw)),
            *faults,
        ),
        is_of_old_tools=True,
    )


def _as_set_aside(
    cube: CountedCube, aside: SetAside | None, account: CubeAccount | None
) -> CountedCube:
    """The cube as it was set aside, where its frames are not certain, now or then.

    What a person gave up no longer reads; as many of its frames as were whole are in products.
    """
    if aside is None or account is None or (cube.is_certain and aside.count.is_certain):
        return cube
    frames = account.frames if aside.code in _GIVEN_UP else aside.frames
    return CountedCube(cube.path, frames, aside.counted_by)


def _compare_raw(raw: Iterable[CountedCube], accounts: Mapping[str, CubeAccount]) -> Iterator[str]:
    counted = {cube.path: cube.frames for cube in raw}
    for path, account in sorted(accounts.items()):
        # A logger's temporary file may get its name at any time, a compressed one has got it.
        if unfinished_cube_name(path.rpartition("/")[2]) or plain_cube_path(path) in counted:
            continue
        frames = counted.get(path)
        if frames is None:
            yield f"{path} is gone: it had {account.frames} frames at sync"
        elif frames != account.frames:
            yield f"{path} had {account.frames} frames at sync and has {frames} now"


def _compare_products(
    counted: Iterable[CountedProduct], expected: Mapping[str, Product]
) -> Iterator[str]:
    seen: dict[str, str] = {}
    for product in sorted(counted):
        if product.identity is None:
            yield f"{product.path} has no sidecar that says which frames it holds"
            continue
        wanted = expected.get(product.identity)
        if wanted is None:
            yield f"{product.path} holds frames that no generation combined"
        elif wanted.frames != product.frames:
            yield (
                f"{product.path} holds {product.frames} frames, and its generation gave it"
                f" {wanted.frames}"
            )
        twin = seen.setdefault(product.identity, product.path)
        if twin != product.path:
            yield f"{twin} and {product.path} hold the same frames"
    for identity, wanted in expected.items():
        if identity not in seen:
            yield f"{wanted.name} ({wanted.frames} frames) is neither packed nor a framelist"


def _check_shares(
    accounts: Mapping[str, CubeAccount],
    aside: Mapping[str, SetAside],
    products: Iterable[Product],
) -> Iterator[str]:
    """Whether the generations give each frame of each cube to one product, if not set aside."""
    shares: dict[str, list[FrameRange]] = defaultdict(list)
    for product in products:
        for part in product.ranges:
            shares[part.cube].append(part)
    for path in sorted(accounts.keys() | shares.keys()):
        parts = shares.get(path, [])
        account = accounts.get(path)
        frames = 0 if account is None else account.frames
        if path in aside and frames == aside[path].frames:
            frames = 0
        given = [frame for part in parts for frame in part.frames()]
        distinct = set(given)
        if len(distinct) < len(given):
            yield f"{path}: frames in more than one product: {len(given) - len(distinct)}"
        lost = frames - len(distinct.intersection(range(frames)))
        # Of a cube that became unreadable while it was packed, only the rest is set aside.
        if lost and not (path in aside and lost == aside[path].frames):
            yield f"{path}: frames in no product, though the cube is not set aside: {lost}"
        strange = len(distinct.difference(range(frames)))
        if strange:
            yield f"{path}: frames in products that are none of the {frames} it gives: {strange}"
