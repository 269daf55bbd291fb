"""Free space for what a stage will write, checked before it starts.

A night that fills the disk halfway has cost hours and blocks everyone; one that does not start only
waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from vampd.disk.machine import space_at
from vampd.engine.execute import AttemptTools
from vampd.errors import DiskFull
from vampd.log import get_log
from vampd.model.plan import Action, Pack, Plan, Send, TakeOver, Wave
from vampd.model.resources import (
    Need,
    Space,
    find_shortage,
    is_low,
    need_here,
    need_there,
    spare_bytes,
)

_log = get_log()
# Noise that does not compress at all, and the packed file's own tables.
_WORST_PART = 1.05


def require_free_space(tools: AttemptTools, plan: Plan) -> None:
    """DiskFull ``disk_low`` unless there is space for the plan, here and on the archive host.

    For packing, only the first cube's worst case is required: more is known when that is
    done (`require_free_space_for_rest`).
    """
    actions = [action for wave in plan.waves for action in wave]
    packs = _packing(actions)
    others = [action for action in actions if not _is_packing(action)]
    _require_here(tools, [*others, *packs[:1]], _WORST_PART)
    if any(isinstance(action, Send) for action in actions):
        sizes = _sizes(tools, actions)
        space, need = tools.archive_host.space(), need_there(actions, sizes)
        destination = tools.settings.transfer.destination(tools.night.kind).destination
        _require(tools, "the archive host", destination, space, need)


def part_wave(tools: AttemptTools, wave: Wave) -> tuple[Wave, Wave]:
    """Split a wave: if it packs many cubes, the first ones and the others.

    First comes one cube for each worker, so that none is idle, as far as there is space for their
    worst case. A wave that packs one cube or none is not split.
    """
    packs = _packing(wave)
    if len(packs) < 2:
        return wave, ()
    space = space_at(tools.folder)
    count = min(tools.crew.places, len(packs) - 1)
    while count > 1:
        need = need_here(packs[:count], _WORST_PART)
        if find_shortage(space, need, tools.settings.disk.reserve_bytes) is None:
            break
        count -= 1
    first = tuple(packs[: max(count, 1)])
    return first, tuple(action for action in wave if action not in first)


def require_free_space_for_rest(tools: AttemptTools, first: Wave, rest: Wave) -> None:
    """DiskFull ``disk_low`` unless there is space for ``rest``, judging by ``first``."""
    _require_here(tools, rest, _packed_part(tools, first))


def _packed_part(tools: AttemptTools, wave: Wave) -> float:
    """The size of these products, as a fraction of their raw frames'; the worst if one failed.

    No more than the worst either: of a few small frames it is all header, which is counted apart.
    """
    packs = _packing(wave)
    try:
        sizes = [(tools.folder / pack.packed).stat().st_size for pack in packs]
    except FileNotFoundError:
        return _WORST_PART
    return min(_WORST_PART, sum(sizes) / max(sum(pack.bytes for pack in packs), 1))


def _packing(actions: Iterable[Action]) -> list[Pack | TakeOver]:
    return [action for action in actions if _is_packing(action)]


def _is_packing(action: Action) -> TypeGuard[Pack | TakeOver]:
    """Whether it packs something."""
    return isinstance(action, Pack) or (isinstance(action, TakeOver) and action.bytes > 0)


def _require_here(tools: AttemptTools, actions: Sequence[Action], packed_part: float) -> None:
    need = need_here(actions, packed_part)
    root = str(tools.settings.watch.root)
    _require(tools, str(tools.folder), root, space_at(tools.folder), need)


def _require(tools: AttemptTools, place: str, disk_name: str, space: Space, need: Need) -> None:
    """``disk_name`` is the same for all nights there: each disk is told of once."""
    disk = tools.settings.disk
    shortage = find_shortage(space, need, disk.reserve_bytes)
    spare = spare_bytes(space, disk.reserve_bytes, disk.warn_below)
    if shortage is not None or (need.bytes and is_low(space, need, disk.warn_below)):
        _log.warning(
            "disk.low",
            place=place,
            free_bytes=space.free_bytes,
            all_bytes=space.all_bytes,
            needed_bytes=need.bytes,
        )
        tools.low_space.mark(disk_name, need.bytes, tools.night)
    else:
        tools.low_space.look(disk_name, space.free_bytes - spare)
    if shortage is not None:
        raise DiskFull(
            "disk_low",
            f"there is too little space at {place}: {shortage}; free some there",
            place=place,
            free_bytes=space.free_bytes,
            needed_bytes=need.bytes,
        )


def _sizes(tools: AttemptTools, actions: Sequence[Action]) -> dict[str, int]:
    sizes = {}
    for path in (p for action in actions if isinstance(action, Send) for p in action.files):
        try:
            sizes[path] = (tools.folder / path).stat().st_size
        except FileNotFoundError:
            continue  # written by an earlier wave of this plan, and small; or gone: reported later
    return sizes
