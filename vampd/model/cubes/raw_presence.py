"""Which raw cubes a night still has, and what the records say of those that are gone.

A cube whose frames are all in products, or that is set aside, may go: it is *removed*. One whose
frames are still to be packed is *lost*. A timing file may go beside a cube that is all in products.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vampd.model.cubes.cube import PRODUCT_LOST, RAW_LOST
from vampd.model.cubes.generation import CubeAccount, Generation, accounted_cubes, set_aside_cubes
from vampd.model.nights import (
    FileStamp,
    find_cubes,
    plain_cube_path,
    timing_name,
    unfinished_cube_name,
)


@dataclass(frozen=True)
class RawPresence:
    """What became of the raw cubes that the generations account for.

    ``removed`` and ``lost`` are gone, by path, ``purged`` are those of the removed ones that vampd
    itself removed; ``kept`` counts the raw cubes that are here;
    ``has_new`` if one of these is not as a generation knows it, ``is_changed_only`` if all such
    are of cubes that are in products, or have the size that it knows, and other times.
    ``gone_aside`` are the files of set-aside cubes that are gone: they travel, and cannot be sent
    again. ``timing_removed`` are timing files that are gone beside cubes that are here, and that
    nothing is to be made of.
    """

    removed: tuple[CubeAccount, ...] = ()
    purged: tuple[CubeAccount, ...] = ()
    lost: tuple[CubeAccount, ...] = ()
    kept: int = 0
    has_new: bool = False
    is_changed_only: bool = False
    gone_aside: tuple[str, ...] = ()
    timing_removed: tuple[str, ...] = ()

    @property
    def is_less_only(self) -> bool:
        """Whether nothing is new, and what is gone was removed: no stage has anything to do."""
        is_less = bool(self.removed or self.timing_removed)
        return is_less and not self.lost and not self.has_new


def judge_raw_presence(
    generations: Iterable[Generation],
    files: Iterable[FileStamp],
    packed: Collection[str],
    purged: Collection[FileStamp] = (),
) -> RawPresence:
    """Hold the raw ``files`` of a night against its generations.

    ``packed`` are the identities of the products that have packing receipts, ``purged`` the files
    that vampd removed.
    """
    known = tuple(generations)
    here = {file.path: file for file in files}
    accounts = accounted_cubes(known)
    aside = set_aside_cubes(known)
    cubes = find_cubes(here, accounts)
    gone = [account for path, account in sorted(accounts.items()) if _is_gone(path, here)]
    needed = {
        part.cube
        for generation in known
        for product in generation.products
        if product.identity not in packed
        for part in (*product.ranges, *product.partners)
    }
    aside_stamps = [
        stamp
        for cube in aside.values()
        # It may be gone already when its product is lost; of a lost one, a listing tells the rest.
        if cube.code not in (PRODUCT_LOST, RAW_LOST)
        for stamp in (cube.fits, cube.timing_file)
        if stamp
    ]
    removed = tuple(account for account in gone if account.fits.path not in needed)
    late = aside.keys() - {part.cube for g in known for p in g.products for part in p.ranges}
    # What was given up as lost, and is back, is to be looked at again.
    back = {path for path in late if aside[path].code == RAW_LOST}
    new = [
        file for file in here.values() if file.path in back or _is_new(file, here, cubes, accounts)
    ]
    return RawPresence(
        removed=removed,
        purged=tuple(account for account in removed if account.fits in purged),
        lost=tuple(account for account in gone if account.fits.path in needed),
        kept=len(cubes),
        has_new=bool(new),
        is_changed_only=bool(new)
        and not back & here.keys()
        and all(_has_changed(file, here, accounts, may_grow=file.path not in late) for file in new),
        gone_aside=tuple(sorted(stamp.path for stamp in aside_stamps if stamp.path not in here)),
        timing_removed=tuple(
            account.timing_file.path
            for path, account in sorted(accounts.items())
            if path in here
            and path not in needed
            and path not in late
            and account.timing_file is not None
            and account.timing_file.path not in here
        ),
    )


def _is_gone(path: str, here: Mapping[str, FileStamp]) -> bool:
    # The cube may have got its name since.
    return path not in here and plain_cube_path(path) not in here


def _is_new(
    file: FileStamp,
    here: Mapping[str, FileStamp],
    cubes: Collection[str],
    accounts: Mapping[str, CubeAccount],
) -> bool:
    account = accounts.get(file.path)
    if file.path not in cubes:
        name = file.path.rpartition("/")[2]
        return account is None and unfinished_cube_name(name) is not None
    # A timing file that is gone is no news; one that came, or changed, is.
    timing = here.get(timing_name(file.path))
    return account is None or account.fits != file or timing not in (account.timing_file, None)


def _has_changed(
    file: FileStamp,
    here: Mapping[str, FileStamp],
    accounts: Mapping[str, CubeAccount],
    *,
    may_grow: bool,
) -> bool:
    """Whether a cube is one that a generation accounts for, and no late data."""
    account = accounts.get(file.path)
    timing = here.get(timing_name(file.path))
    if account is None or (account.timing_file is None) != (timing is None):
        return False
    sizes = account.fits.size, account.timing_file and account.timing_file.size
    return may_grow or sizes == (file.size, timing and timing.size)
