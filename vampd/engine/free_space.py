"""Room for what a stage is going to write, asked for before it begins.

A night that runs into a full disk in its middle has cost hours and stands in everybody's way; one
that does not begin only waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from vampd.disk.space import space_at
from vampd.engine.execute import AttemptTools
from vampd.errors import DiskFull
from vampd.log import get_log
from vampd.model.plan import Action, Pack, Plan, Send, Wave
from vampd.model.resources import (
    LowSpace,
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
    """DiskFull ``disk_low`` unless there is room for the plan, here and on the archive host.

    Of what is packed only the first cube is asked for, at its worst: more is known when that is
    done (`require_free_space_for_rest`).
    """
    actions = [action for wave in plan.waves for action in wave]
    packs = [action for action in actions if isinstance(action, Pack)]
    others = [action for action in actions if not isinstance(action, Pack)]
    _require_here(tools, [*others, *packs[:1]], _WORST_PART)
    if any(isinstance(action, Send) for action in actions):
        sizes = _sizes(tools, actions)
        space, need = tools.archive_host.space(), need_there(actions, sizes)
        destination = tools.settings.transfer.destination(tools.night.kind).destination
        _require(tools, "the archive host", destination, space, need)


def part_wave(tools: AttemptTools, wave: Wave) -> tuple[Wave, Wave]:
    """A wave in two: where many cubes are packed, the first ones and the others.

    First comes one cube for each worker, so that none stands idle, as far as there is room for
    their worst. A wave that packs one cube or none is not parted.
    """
    packs = [action for action in wave if isinstance(action, Pack)]
    if len(packs) < 2:
        return wave, ()
    space = space_at(tools.folder)
    count = min(tools.workers.workers, len(packs) - 1)
    while count > 1:
        need = need_here(packs[:count], _WORST_PART)
        if find_shortage(space, need, tools.settings.disk.reserve_bytes) is None:
            break
        count -= 1
    first = tuple(packs[: max(count, 1)])
    return first, tuple(action for action in wave if action not in first)


def require_free_space_for_rest(tools: AttemptTools, first: Wave, rest: Wave) -> None:
    """DiskFull ``disk_low`` unless there is room for ``rest``, judged by what ``first`` came to."""
    _require_here(tools, rest, _packed_part(tools, first))


def _packed_part(tools: AttemptTools, wave: Wave) -> float:
    """The size of these products, as a part of their raw frames'; the worst if one failed."""
    packs = [action for action in wave if isinstance(action, Pack)]
    try:
        sizes = [(tools.folder / pack.packed).stat().st_size for pack in packs]
    except FileNotFoundError:
        return _WORST_PART
    return sum(sizes) / max(sum(pack.bytes for pack in packs), 1)


def _require_here(tools: AttemptTools, actions: Sequence[Action], packed_part: float) -> None:
    need = need_here(actions, packed_part)
    root = str(tools.settings.watch.root)
    _require(tools, str(tools.folder), root, space_at(tools.folder), need)


def _require(tools: AttemptTools, place: str, disk_name: str, space: Space, need: Need) -> None:
    """``disk_name`` is the same for all nights there: people are warned once of each disk."""
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
        tools.notifier.warn(LowSpace(disk_name, tools.night, space, need, spare, shortage))
    else:
        tools.notifier.look(disk_name, space.free_bytes - spare)
    if shortage is not None:
        raise DiskFull(
            "disk_low",
            f"there is too little room at {place}: {shortage}; make room there, the night goes on"
            " by itself",
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
            continue  # written by an earlier wave of this very plan, and small; or gone: told later
    return sizes
