"""vampctl restore: a night's folder back to raw, after showing what is removed and asking."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vampd import __version__
from vampd.cli.shared.nights import choose_record, named, title_of
from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.requests import ask, ask_after
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    KindOption,
    NightArgument,
    YesOption,
    acting_or_asking,
    actor_name,
    agreed,
)
from vampd.cli.shared.words import count_of, format_minute, format_size
from vampd.errors import MalformedCube, VampdError
from vampd.model.deed import Verb
from vampd.model.delivery import describe_remade
from vampd.model.nights import RESTORE_UNFINISHED, name_commands

if TYPE_CHECKING:
    from vampd.engine.repair.night_restore import NightRestore
    from vampd.engine.repair.restoring import Restoration
    from vampd.model.nights import NightId, NightRecord

_LISTED = 5
_EDITED = "with cnt0 in column 2 (if the logger had written another index there, it is lost)"


def restore(
    context: typer.Context,
    night: NightArgument,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring a night's folder back to raw, after asking.

    Shows first what is removed, which products this version would make with other bytes, and what
    was sent, mailed or acknowledged. Products, framelists,
    generations, the links in vbad, SHA256SUMS and all readings are removed, and the packing
    receipts end (`vampctl history` keeps them); raw files, manifests, the frame-ID ledger and the
    archive copy stay, and the same cubes get the same IDs again. Refused, even with --yes, unless
    every raw file that the products were made from is as it was, which reads all frames of raw and
    products, and everything may be removed. A
    folder of the old tools is restored as their script does it, but never at the cost of a raw
    file's last name. The night is then held: `vampctl retry` processes it again. After an
    interruption it is held as well; the same command resumes it.
    """
    from vampd.engine.nights.presence import refuse_absent, refuse_bare
    from vampd.engine.repair.night_restore import plan_restore, restore_night
    from vampd.stages.records.corrections import describe_other_cards
    from vampd.wiring.locks import foreground_lock, night_lock

    with acting_or_asking(context, config, Verb.RESTORE) as (connections, asks):
        records = connections.store.nights()
        record = choose_record(records, night, kind)
        if asks:
            ask_after(
                f"Ask to restore {title_of(record.night)}, as it is now"
                f" ({record.state.status} at {record.state.stage})?",
                lambda: ask(connections, record, Verb.RESTORE),
                dry_run=dry_run,
                yes=yes,
            )
            return
        root = connections.settings.watch.root

        def plan() -> NightRestore:
            refuse_absent(record, connections.reader)
            refuse_bare(record, root / record.night.folder)
            return plan_restore(record.night, root, connections.reader)

        @contextmanager
        def held() -> Iterator[None]:
            settings = connections.settings
            with foreground_lock(settings, record.night), night_lock(settings, record.night):
                yield

        # A night that is worked on has files that are gone when they are looked at.
        with held():
            found = plan()
            others = describe_other_cards(record.night, connections.reader)
            lines = [*_plan_lines(record, found), *change_lines(found)]
            lines += [f"  changes  {sentence}" for sentence in others]
        for line in lines:
            write_prose(line)
        found.refuse_unsafe()
        if dry_run or (not yes and not agreed("Restore?")):
            write("nothing was changed")
            return
        with held():
            restore_night(
                plan,
                connections.reader,
                connections.store,
                connections.receipts,
                connections.packing_receipts,
                clock=time.time,
                actor=actor_name(),
            )
    write_prose(
        f"{title_of(record.night)}: restored and held;"
        f" `vampctl retry {named(record.night, records)}` processes it again"
    )


def _plan_lines(record: NightRecord, found: NightRestore) -> Iterator[str]:
    folder, plan = found.folder, found.restoration
    yield f"{title_of(record.night)}: {folder}"
    if record.code == RESTORE_UNFINISHED:
        yield "  resumes what was begun and has not ended"
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
    if found.of_old_tools:
        for line in _losses(folder, plan):
            yield f"  cannot be restored: {line}"


def change_lines(found: NightRestore) -> Iterator[str]:
    """What restoring changes of the products, and who knows these."""
    for sentence in describe_remade(found.remade, __version__):
        yield f"  changes  {sentence}"
    if found.sent:
        size = format_size(sum(one.file.size for one in found.sent))
        newest = max(found.sent, key=lambda one: one.at)
        place = newest.destination or "the archive"
        yield (
            f"  sent     {count_of(len(found.sent), 'product')}, {size}, read at {place} on"
            f" {format_minute(newest.at)}: they stay there until what is made again is sent"
        )
    for manifest in found.announced:
        yield f"  mail     {manifest}"
    if found.announced:
        yield "  STARS knows these products: what is made again may differ, and is then held"


def _grouped(paths: tuple[str, ...]) -> dict[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        top, _, name = path.rpartition("/")
        kind = "".join(Path(name).suffixes[-2:]) if name.endswith(".fz") else Path(name).suffix
        groups.setdefault((top or ".", kind.removeprefix(".")), []).append(path)
    return groups


def _losses(folder: Path, plan: Restoration) -> Iterator[str]:
    """What the old tools have irreversibly changed in the raw files."""
    from vampd.disk.reading import list_raw_files
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
            if frame_id := _carried_id(folder, file.path):
                note("raw header", "with a FRAMEID", f"{stream}/{name} ({frame_id})")
    for (what, how), count in losses.items():
        yield f"{count_of(count, what)} {how}, first: {first[what, how]}"


def _carried_id(folder: Path, path: str) -> str | None:
    from vampd.fits.headers import open_raw_file, read_cards_at

    try:
        with open(open_raw_file(folder, path), "rb") as file:
            cards, _ = read_cards_at(file.fileno(), 0, folder / path)
        return (cards.string("FRAMEID") or "").strip() or None
    except MalformedCube:
        return None


def _is_edited(timing: Path) -> bool:
    """Whether column 2 (main index) is column 6 (cnt0) in every row.

    The old tools leave it so, and some loggers write it so: the two are indistinguishable.
    """
    from vampd.disk.reading import read_foreign_text

    rows = [
        line.split()
        for line in (read_foreign_text(timing) or "").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return bool(rows) and all(len(row) > 5 and row[1] == row[5] for row in rows)


def remade_by_restore(found: NightRestore, others: Sequence[str]) -> list[str]:
    """Those of the files of which raw gives other bytes that a restore makes again.

    What is made by the same version in the same form differs only where raw does, which is then no
    longer what the night was made from.
    """
    from vampd.stages.records.own_paths import product_path

    lost = found.lost_raw or found.given_up
    remade = set[str]() if lost else {product.path for product in found.remade}
    return [path for path in others if product_path(path) in remade]


def restore_lines(found: NightRestore, night: NightId, others: Sequence[str]) -> Iterator[str]:
    """What a restore would change, which alone makes these files again, with other bytes."""
    if not others:
        return
    yield (
        f"{title_of(night)}: no good copy is left of what raw gives other bytes for now."
        f" `vampctl restore {night.date}` would make all of the night again; what it changes:"
    )
    known = {product.path for product in found.remade}
    for path in others:
        if path not in known:
            yield f"  changes  {path}: other bytes under the same name"
    yield from change_lines(found)
    try:
        found.refuse_unsafe()
    except VampdError as error:
        yield f"  refused  {error.code}: {name_commands(error.message, night.date)}"
