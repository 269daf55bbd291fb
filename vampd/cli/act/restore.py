"""vampctl restore: a night's folder back to raw, after showing what is removed and asking."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vampd.cli.shared.nights import choose_record, named, title_of
from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    KindOption,
    NightArgument,
    YesOption,
    actor_name,
    connected,
)
from vampd.cli.shared.words import count_of, format_size
from vampd.errors import IllegalTransition, MalformedCube, StateError, UsageError
from vampd.model.nights import RESTORED, Event, EventName, StageName, Status

if TYPE_CHECKING:
    from vampd.engine.restoring import Restoration
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections

_LISTED = 5
_EDITED = "with cnt0 in column 2 (if the logger had written another index there, it is lost)"


def restore(
    context: typer.Context,
    night: NightArgument,
    yes: YesOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring a night's folder back to raw, after asking.

    Shows first what is removed; nothing is until you agree. Products, framelists, generations, the
    links in vbad, SHA256SUMS and all receipts are removed; raw files, manifests, the frame-ID
    ledger and the archive copy stay, and the same cubes get the same IDs again. A folder of the old
    tools is restored as their script does it, but never at the cost of a raw file's last name. The
    night is then held: `vampctl retry` processes it again.
    """
    from vampd.wiring.locks import foreground_lock, night_lock

    with connected(context, config) as connections:
        records = connections.store.nights()
        record = choose_record(records, night, kind)
        folder = connections.settings.watch.root / record.night.folder
        plan, warnings = _plan(connections, record, folder)
        for line in _plan_lines(record, folder, plan):
            write_prose(line)
        for line in warnings:
            write_prose(f"  cannot be restored: {line}")
        if not yes and not _agreed():
            write("nothing was changed")
            return
        with (
            foreground_lock(connections.settings, record.night),
            night_lock(connections.settings, record.night),
        ):
            _hold(connections, record)
            _restore(connections, record, folder)
    write_prose(
        f"{title_of(record.night)}: restored and held;"
        f" `vampctl retry {named(record.night, records)}` processes it again"
    )


def _plan(
    connections: Connections, record: NightRecord, folder: Path
) -> tuple[Restoration, list[str]]:
    from vampd.engine.restoring import plan_old_tools, plan_own

    if not folder.is_dir():
        raise UsageError("no_folder", f"there is no folder {folder}, so nothing can be restored")
    if not _is_of_old_tools(connections, record, folder):
        return plan_own(folder), []
    plan = plan_old_tools(folder)
    return plan, list(_losses(folder, plan))


def _is_of_old_tools(connections: Connections, record: NightRecord, folder: Path) -> bool:
    from vampd.engine.night_listing import old_tool_traces
    from vampd.model.nights import LOG_TRACE

    traces = old_tool_traces(connections.settings.watch.root, record.night)
    # Their log alone says nothing about the folder: it may have been restored already.
    in_folder = [trace for trace in traces if trace != LOG_TRACE]
    # An empty vgen2 may be theirs or ours; losing it costs nothing.
    return bool(in_folder) or any(name.endswith("_hlinkbak") for name in os.listdir(folder))


def _restore(connections: Connections, record: NightRecord, folder: Path) -> None:
    from vampd.engine.restoring import restore_folder

    # Planned again: the folder may have changed while the question was open.
    plan, _ = _plan(connections, record, folder)
    connections.receipts.forget(record.night)
    restore_folder(folder, plan)


def _hold(connections: Connections, record: NightRecord) -> None:
    """Back to sync, and held, so that nothing works on it until someone decides."""
    night, store = record.night, connections.store
    current = store.night(night) or record
    if current.state.status is Status.RUNNING:
        raise StateError(
            "night_running",
            f"{title_of(night)} is running at {current.state.stage}; `vampctl hold` it first",
        )
    at, actor = time.time(), actor_name()
    # A filling night has nothing to go back from.
    with suppress(IllegalTransition):
        store.apply(night, Event(EventName.RETRIED, StageName.SYNC), at=at, actor=actor)
    message = "brought back to raw by a person"
    store.apply(night, Event(EventName.HELD), at=at, actor=actor, code=RESTORED, message=message)


def _plan_lines(record: NightRecord, folder: Path, plan: Restoration) -> Iterator[str]:
    yield f"{title_of(record.night)}: {folder}"
    if not plan:
        yield "  the folder is already raw; only the night's state and receipts are reset"
    for (top, kind), paths in _grouped(plan.removed).items():
        size = sum((folder / path).lstat().st_size for path in paths)
        examples = ", ".join(path.rpartition("/")[2] for path in paths[:_LISTED])
        more = ", ..." if len(paths) > _LISTED else ""
        files = count_of(len(paths), f"{kind} file".strip())
        yield f"  removes  {top}: {files}, {format_size(size)}: {examples}{more}"
    for source, target in plan.rescued:
        yield f"  keeps    {source}, the last name of a raw file, as {target}"
    for old, new in plan.renamed:
        yield f"  renames  {old} to {new}"


def _grouped(paths: tuple[str, ...]) -> dict[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        top, _, name = path.rpartition("/")
        kind = "".join(Path(name).suffixes[-2:]) if name.endswith(".fz") else Path(name).suffix
        groups.setdefault((top or ".", kind.removeprefix(".")), []).append(path)
    return groups


def _losses(folder: Path, plan: Restoration) -> Iterator[str]:
    """What the old tools have irreversibly changed in the raw files."""
    from vampd.disk.listing import list_raw_files
    from vampd.model.nights import is_cube_name, timing_name

    losses: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}

    def note(what: str, how: str, path: str) -> None:
        losses[what, how] += 1
        first.setdefault((what, how), path)

    for source, stream in plan.renamed:
        for file in list_raw_files(folder, [source]):
            name = file.path.rpartition("/")[2]
            if not is_cube_name(name):
                continue
            timing = folder / timing_name(file.path)
            rescued = any(target == timing_name(file.path) for _, target in plan.rescued)
            if not timing.is_file() and not rescued:
                note("timing file", "gone", f"{stream}/{timing_name(name)}")
            elif timing.is_file() and _is_edited(timing):
                note("timing file", _EDITED, f"{stream}/{timing.name}")
            if frame_id := _carried_id(folder / file.path):
                note("raw header", "with a FRAMEID", f"{stream}/{name} ({frame_id})")
    for (what, how), count in losses.items():
        yield f"{count_of(count, what)} {how}, first: {first[what, how]}"


def _carried_id(cube: Path) -> str | None:
    from vampd.fits.header import read_cards

    try:
        return (read_cards(cube)[0].string("FRAMEID") or "").strip() or None
    except MalformedCube:
        return None


def _is_edited(timing: Path) -> bool:
    """Whether column 2 (main index) is column 6 (cnt0) in every row.

    The old tools leave it so, and some loggers write it so: the two are indistinguishable.
    """
    rows = [
        line.split()
        for line in timing.read_text(errors="replace").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return bool(rows) and all(len(row) > 5 and row[1] == row[5] for row in rows)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("not_asked", "not a terminal, so cannot ask: pass --yes to confirm")
    return typer.confirm("Restore?")
