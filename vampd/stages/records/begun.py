"""What was begun of products that will not be made: sidecars, then the framelists naming them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from vampd.model.cubes import SUFFIX, FramelistHead
from vampd.model.plan import Retire


def retire_begun(
    framelists: Sequence[FramelistHead], sidecars: Set[str], kept_as: Mapping[str, str]
) -> Iterator[list[Retire]]:
    """Their removal; ``kept_as`` are the generations, by identity, that can give them again.

    ``sidecars`` are the paths of all timing files in vgen2.
    """
    left = [head for head in framelists if head.identity in kept_as]
    names = {f"{head.path.removesuffix(SUFFIX)}.txt": head for head in left}
    for paths in (sidecars & names.keys(), {head.path for head in left}):
        heads = names | {head.path: head for head in left}
        yield [
            Retire(path, kept_as=f"vgen2/{kept_as[heads[path].identity]}") for path in sorted(paths)
        ]
