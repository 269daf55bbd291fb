"""vampctl audit: the sum of a night's frames, recounted from the files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.lost_ids import lost_objects, read_lost_ids
from vampd.cli.shared.nights import choose_shown, show_each, title_of
from vampd.cli.shared.output import Column, align_columns, write_json, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, EXIT_OK, DataError, TransientError
from vampd.model.nights import Status

if TYPE_CHECKING:
    from vampd.model.accounts import Audit, CountedProduct
    from vampd.model.cubes import RawPresence
    from vampd.model.frame_ids import LostId
    from vampd.model.nights import NightId, NightRecord
    from vampd.ports import NightReader
    from vampd.wiring.connections import Connections

_LOOKS = 20
# Lower bounds, if any cube's frames are one.
_BOUNDED = frozenset({"raw frames", "+ set aside", "+ late"})


def audit(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Count a night's frames: is every raw frame accounted for?

    Raw = in products + in framelists not yet packed + set aside. Raw frames are counted from the
    raw files now, or from the records where these were removed; product frames from the products.
    Products, sidecars and generations are held against their packing receipts, as far as listings
    and earlier readings show, and the texts of a finished night (manifests, names, digests,
    reasons) against what they are made of. Exits with 1 if the sum is not balanced or anything
    disagrees. Late cubes, which are still to be synchronized, unbalance it. A date that is an
    archive night and an engineering night shows both; --json wants --kind then.
    """
    with reading(context, config) as connections:
        known = connections.store.nights()
        chosen = choose_shown(known, night, kind, time.time(), one=as_json)
        show = partial(_audit_one, connections, as_json=as_json)
        if status := show_each(chosen, show):
            raise typer.Exit(status)


def _audit_one(connections: Connections, record: NightRecord, *, as_json: bool) -> int:
    """Show the audit of a night; the exit status."""
    from vampd.engine.nights.foreign_entries import describe_with_foreign
    from vampd.stages.own_faults import describe_text_faults

    folder = connections.settings.watch.root / record.night.folder
    result = count_night(record, folder, connections.reader)
    if record.state.status is Status.DONE:
        look = partial(describe_text_faults, record.night, connections.reader)
        findings = (*result.findings, *describe_with_foreign(record.night, look))
        result = replace(result, findings=findings)
    lost: tuple[LostId, ...] = ()
    try:
        lost = read_lost_ids(connections, record)
    except DataError as error:
        # Of a manifest: what the frames come to is known without it.
        if error.message not in result.findings:
            result = replace(result, findings=(*result.findings, error.message))
    if as_json:
        write_json({**audit_object(record.night, result), "lost_ids": lost_objects(lost)})
    else:
        titled = _listing("IDs without a product", [f"{one.frame_id}  {one.fate}" for one in lost])
        for line in (*audit_lines(record, result), *titled):
            write_prose(line)
    return EXIT_OK if result.balanced else EXIT_NIGHT


def count_night(record: NightRecord, folder: Path, reader: NightReader) -> Audit:
    """Count the frames of a night from its files: headers only, no pixels."""
    from vampd.engine.nights.strays import describe_strays
    from vampd.fits.products import count_packed_frames
    from vampd.fits.raw import count_readable_frames
    from vampd.model.accounts import CountedCube, CountedProduct, audit_night, audit_old_products
    from vampd.model.cubes import accounted_cubes, set_aside_cubes
    from vampd.model.nights import find_cubes, timing_name, unfinished_cube_name
    from vampd.stages.own_faults import describe_own_faults
    from vampd.stages.raw_presence import survey_raw

    night = record.night
    files = reader.raw_files(night)
    stamps = {file.path: file for file in files}
    generations = reader.generations(night)
    # Of the cubes without a name, those that are set aside as they are.
    aside = set_aside_cubes(generations)
    named = find_cubes(stamps, accounted_cubes(generations))
    raw = []
    for file in files:
        if file.path in named or file.path in aside:
            count = count_readable_frames(folder, file, stamps.get(timing_name(file.path)))
            raw.append(CountedCube(file.path, count.frames, count.counted_by))
    gone = survey_raw(night, reader, files)
    removed = [
        CountedCube(account.fits.path, account.frames)
        for account in gone.removed
        if not unfinished_cube_name(account.fits.path.rpartition("/")[2])
        or account.fits.path in aside
    ]
    # Framelists first: one that is packed meanwhile is then seen as both, not as neither.
    framelists = _count_framelists(night, reader)
    packed = [
        CountedProduct(
            product.file.path, count_packed_frames(folder / product.file.path), product.identity
        )
        for product in reader.packed_products(night)
    ]
    faults = [
        *describe_own_faults(night, reader),
        *_unsent(night, reader, gone),
        *describe_strays(night, reader, files),
    ]
    if record.state.is_of_old_tools:
        return audit_old_products(raw, packed, faults)
    return audit_night(raw, packed, framelists, generations, faults, removed)


def _unsent(night: NightId, reader: NightReader, presence: RawPresence) -> Iterator[str]:
    """What is gone here and was never sent, one sentence each."""
    from vampd.model.proofs import SUMS_NAME, parse_sums

    listed = parse_sums(reader.text(night, SUMS_NAME) or "") if presence.gone_aside else {}
    for path in presence.gone_aside:
        if f"vbad/{path}" not in listed:
            yield f"{path} is gone: it was set aside, and never sent"


def _count_framelists(night: NightId, reader: NightReader) -> list[CountedProduct]:
    from vampd.model.accounts import CountedProduct

    for _ in range(_LOOKS):
        # The daemon may give a framelist its frame ID, or retire it, while it is read.
        with contextlib.suppress(FileNotFoundError):
            return [
                CountedProduct(head.path, reader.framelist(night, head.path).frames, head.identity)
                for head in reader.framelist_heads(night)
            ]
    raise TransientError(
        "night_moving", f"the framelists of {night} change faster than they can be read; try again"
    )


def audit_object(night: NightId, result: Audit) -> dict[str, Any]:
    """The audit for programs."""
    return {
        "date": night.date,
        "kind": str(night.kind),
        "balanced": result.balanced,
        "at_least": not result.is_certain,
        "raw_frames": result.raw_frames,
        "removed_frames": result.removed_frames,
        "product_frames": result.product_frames,
        "framelist_frames": result.framelist_frames,
        "rejected_frames": result.rejected_frames,
        "late_frames": result.late_frames,
        "rejected": [
            {
                "path": cube.path,
                "frames": cube.frames,
                "at_least": not cube.count.is_certain,
                "counted_by": str(cube.counted_by),
                "code": cube.code,
                "reason": cube.reason,
            }
            for cube in result.rejected
        ],
        "late": [{"path": cube.path, "frames": cube.frames} for cube in result.late],
        "findings": list(result.findings),
    }


def audit_lines(record: NightRecord, result: Audit) -> Iterator[str]:
    """The audit for people."""
    yield f"{title_of(record.night)}, stage {record.state.stage}, {record.state.status}"
    least = "" if result.is_certain else "at least "
    rows = [
        ("raw frames", result.raw_frames, count_of(result.raw_cubes, "raw cube")),
        ("= in products", result.product_frames, count_of(result.packed_products, "product")),
    ]
    if result.removed:
        gone = f"{count_of(len(result.removed), 'cube')} that were removed, by the records"
        rows.insert(1, ("  of them", result.removed_frames, gone))
    if result.framelists:
        unpacked = f"{count_of(result.framelists, 'product')} not packed yet"
        rows.append(("+ in framelists", result.framelist_frames, unpacked))
    if result.rejected:
        rows.append(("+ set aside", result.rejected_frames, count_of(len(result.rejected), "cube")))
    if result.late:
        late = f"{count_of(len(result.late), 'cube')} to be synchronized"
        rows.append(("+ late", result.late_frames, late))
    left_over = result.raw_frames - result.accounted_frames - result.late_frames
    if left_over and not result.is_of_old_tools:
        rows.append(("+ unaccounted", left_over, "no place: see the findings"))
    columns = (Column(), Column(align_right=True), Column())
    yield from align_columns(
        columns,
        [
            (f"  {name}", f"{least if name in _BOUNDED else ''}{frames:,}", f"in {where}")
            for name, frames, where in rows
        ],
    )
    yield _verdict(result)
    yield from _listing(
        "set aside",
        [f"{cube.path} ({cube.count}): {cube.code}: {cube.reason}" for cube in result.rejected],
    )
    yield from _listing(
        "late", [f"{cube.path} ({count_of(cube.frames, 'frame')})" for cube in result.late]
    )
    yield from _listing("findings", result.findings)


def _verdict(result: Audit) -> str:
    if result.is_of_old_tools:
        return "products of the old tools: which raw frames they hold is on no record"
    if result.balanced:
        return "balanced: every raw frame is accounted for"
    if result.late and not result.findings:
        return "not balanced yet: late cubes are still to be synchronized"
    return "NOT balanced: see the findings"


def _listing(title: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title}:"
    yield from (f"  {line}" for line in lines)
