"""What was found of the archive copy of a night of the old tools: proof, or still a claim.

Their *safe* means that checksum cards read alike on both sides. What is still here is compared byte
for byte, which proves it. What is gone here can only be held against the checksums that it carries
itself: these show damage, and never which file it once was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class OldCopy:
    """The copy at ``place``, read at ``at`` (unix seconds); paths are sorted."""

    place: str
    at: float
    # Byte for byte as here.
    equal: tuple[str, ...] = ()
    # Gone here, and whole by the checksums that they carry.
    whole: tuple[str, ...] = ()
    # Gone here, and without checksums of their own.
    unknown: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def bad(self) -> tuple[str, ...]:
        """All that is not there as it should be, by path."""
        return tuple(sorted((*self.damaged, *self.missing)))

    @property
    def is_proof(self) -> bool:
        """Whether every product was compared, and is equal."""
        return bool(self.equal) and not (self.bad or self.whole or self.unknown)

    def describe(self) -> str:
        """In one line."""
        found = [
            f"{len(paths):,} {what}"
            for paths, what in (
                (self.damaged, "damaged"),
                (self.missing, "missing"),
                (self.equal, "byte for byte as here"),
                (self.whole, "gone here and whole by their own checksums"),
                (self.unknown, "gone here and without checksums"),
            )
            if paths
        ]
        verdict = "BAD" if self.bad else "proven" if self.is_proof else "a claim still"
        return f"{verdict} at {self.place}: {', '.join(found) or 'no products'} (files)"


def judge_old_copy(
    here: Mapping[str, str],
    there: Mapping[str, str],
    sums: Mapping[str, bool | None],
    expected: Iterable[str],
    listed: Set[str],
    *,
    place: str,
    at: float,
) -> OldCopy:
    """Compare what was read; all by path below the night.

    ``here`` and ``there`` are digests (SHA-256), ``sums`` says of what is gone here whether its own
    checksums agree (None: it has none), ``expected`` are the products that must be there, and
    ``listed`` what lies there.
    """
    wanted = {*expected, *here}
    return OldCopy(
        place,
        at,
        equal=_sorted(path for path in here if there.get(path) == here[path]),
        whole=_sorted(path for path, agree in sums.items() if agree),
        unknown=_sorted(path for path, agree in sums.items() if agree is None),
        damaged=_sorted(
            {path for path in here if path in there and there[path] != here[path]}
            | {path for path, agree in sums.items() if agree is False}
        ),
        missing=_sorted(
            path for path in wanted if path not in listed or (path in here and path not in there)
        ),
    )


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))
