"""vampctl recover: what is damaged or gone, from the archive copy or made again from raw."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.act.copy_reading import doubt_copy
from vampd.cli.act.lost_products import hold_for_lost, regain_decisions
from vampd.cli.act.restore import remade_by_restore, restore_lines
from vampd.cli.shared.nights import choose_record, named, title_of
from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.requests import ask
from vampd.cli.shared.session import ConfigOption, KindOption, NightArgument, acting_or_asking
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, StateError, UsageError
from vampd.model.cubes import PRODUCT_LOST
from vampd.model.deed import Choices, Verb
from vampd.model.headers import CORRECTIONS, table_name
from vampd.model.nights import (
    CAMERA_STREAMS,
    StageName,
    Status,
    Stream,
    WaitCode,
    cure_of,
    note_of,
)

if TYPE_CHECKING:
    from vampd.model.nights import NightId, NightRecord
    from vampd.wiring.connections import Connections

# Holds that end when all is whole again.
_RECOVERED_CODES = frozenset(
    {"generation_damaged", "product_damaged", PRODUCT_LOST, "product_missing"}
)
FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE", help="Products, sidecars, generations, the table.", show_default=False
    ),
]
RemovedOption = Annotated[
    bool, typer.Option("--removed", help="All of it was removed: no disk is missing.")
]
FromProductsOption = Annotated[
    bool, typer.Option("--from-products", help="Stand in for a generation that is lost for good.")
]


def recover(
    context: typer.Context,
    night: NightArgument,
    files: FilesArgument = None,
    removed: RemovedOption = False,
    from_products: FromProductsOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Get back what is damaged or gone here.

    Each product, sidecar or generation that is not what its packing receipt says is fetched from
    the archive copy or, where that is not whole either, made again from raw; it gets its name only
    if its bytes are those of the receipt. The table of headers comes back, in the same way, from
    the archive copy or from the products, and a corrections.tsv that is gone from the archive
    copy. Where no copy is left and this version of vampd writes another form, it says what a
    restore would change. The damaged file keeps a hidden name until the night is safe again.
    Without FILE all that are known to be damaged or missing, or that have changed since they were
    last read; a FILE is read in any case. A night of which nothing is left here may lie on a disk
    that is not mounted: --removed says that it does not. A generation that neither the archive copy
    nor raw gives back is lost for good; with --from-products, another one stands for it, made of
    what the products and their sidecars say. Exits with 1 if one could not
    be got back.
    """
    from vampd.engine.nights.presence import refuse_absent
    from vampd.wiring.locks import foreground_lock, night_lock

    with acting_or_asking(context, config, Verb.RECOVER) as (connections, asks):
        records = connections.store.nights()
        record = choose_record(records, night, kind)
        if asks:
            choices = Choices(tuple(files or ()), removed=removed, from_products=from_products)
            write(ask(connections, record, Verb.RECOVER, choices=choices))
            return
        with (
            foreground_lock(connections.settings, record.night),
            night_lock(connections.settings, record.night),
        ):
            if not removed:
                refuse_absent(record, connections.reader)
            found, failed, decisions = _recover(connections, record, files or ())
            if decisions and from_products:
                regain_decisions(connections, record, decisions)
                failed -= len(decisions)
            earlier = [] if failed else _recovered_before(connections, record)
            again = _from_stage(connections, record) if decisions and from_products else ""
    for line in earlier:
        write_prose(line)
    is_held = record.state.status is Status.HELD and record.code in _RECOVERED_CODES
    if not (found or earlier or is_held):
        but = ""
        if record.state.status is Status.HELD:
            but = f"; it is held for {record.code}: `vampctl why {named(record.night, records)}`"
        elif record.note_code == WaitCode.DAMAGED_HERE and not _is_for_recover(record):
            but = f"; {record.note}"
        write_prose(
            f"{title_of(record.night)}: nothing is damaged or missing, as far as known{but}"
        )
        return
    retry = f"vampctl retry {named(record.night, records)}"
    lost = " and ".join(decisions)
    if decisions and not from_products:
        write_prose(
            f"{title_of(record.night)}: put a good copy of {lost} in place, then"
            f" `{retry}`; or `vampctl recover {named(record.night, records)} --from-products` lets"
            " another generation stand for it, made of what the products say: no ID and no"
            " product changes, and frames that nothing accounts for are set aside"
        )
    if failed:
        if decisions and from_products:
            write_prose(
                f"{title_of(record.night)}: `{retry}{again}` goes on with what stands for {lost};"
                f" then `vampctl recover {named(record.night, records)}` gets back the others"
            )
        raise typer.Exit(EXIT_NIGHT)
    then = f"`{retry}` continues"
    if decisions:
        then = f"`{retry}{again}` goes on with what stands for it"
    elif record.state.status is Status.DONE:
        then = f"`{retry} --from transfer` proves it again and removes the damaged files"
    write_prose(f"{title_of(record.night)}: all is whole again; {then}")


def _recover(
    connections: Connections, record: NightRecord, files: Sequence[str]
) -> tuple[int, int, list[str]]:
    """How many files were faulty, how many of them still are, and which of these are generations.

    A generation is back before what needs it is looked at.
    """
    from vampd.engine.repair.corrections_again import find_lost_corrections
    from vampd.engine.repair.night_restore import plan_restore
    from vampd.engine.repair.recovering import (
        Recovery,
        RecoveryWay,
        find_faulty,
        read_suspects,
    )
    from vampd.engine.repair.table_again import find_lost_table
    from vampd.stages.records.folder_receipts import believed_receipts
    from vampd.stages.records.own_paths import GENERATION
    from vampd.wiring.world import archive_copies

    night, reader = record.night, connections.reader
    current = connections.store.night(night) or record
    if current.state.status is Status.RUNNING:
        raise StateError(
            "night_running",
            f"{title_of(night)} is running at {current.state.stage}; `vampctl hold NIGHT` first",
        )
    folder = connections.settings.watch.root / night.folder
    receipts = believed_receipts(night, reader)
    table = find_lost_table(night, reader)
    may_be_named = {*receipts, table_name(night.date), CORRECTIONS}
    chosen = [_path_of(night, name, folder, may_be_named) for name in files]
    corrections = ""
    if not files or CORRECTIONS in chosen:
        is_named = CORRECTIONS in chosen
        corrections = find_lost_corrections(night, folder, reader, is_named=is_named)
    read = read_suspects(night, folder, reader, receipts, chosen, time.time())
    connections.receipts.keep(night, read)
    faulty = [path for path in find_faulty(night, reader, receipts) if not files or path in chosen]
    if table is not None and (not files or table.path in chosen):
        # Last: it may have to be made from products that come back before it.
        faulty.append(table.path)
        receipts |= {table.path: table}
    if corrections:
        # First: raw decides a generation again with them.
        faulty.insert(0, CORRECTIONS)
    hosts = list(archive_copies(connections.settings, night))
    failed, others, lost, decisions = 0, list[str](), list[str](), list[str]()
    is_raw_changed, not_there = False, list[str]()
    recovery = Recovery(night, folder, reader, receipts, hosts, connections.settings, corrections)
    for each in recovery.recover(faulty, time.time()):
        not_there += [] if each.way is RecoveryWay.ARCHIVE else [each.path]
        if each.way is not None and each.reading is not None:
            connections.receipts.keep(night, [each.reading])
            write(f"{each.path}: {each.way}")
            continue
        failed += 1
        is_decision = GENERATION.fullmatch(each.path) is not None
        decisions += [each.path] if is_decision else []
        others += [each.path] if each.is_other and not is_decision else []
        lost += [each.path] if each.is_not_in_raw else []
        is_raw_changed |= each.code == "raw_changed"
        write(f"{each.path}: NOT recovered")
        for reason in each.reasons:
            write_prose(f"  {reason}")
    is_noted = record.note_code == WaitCode.DAMAGED_HERE
    if is_noted and not failed and not files and (faulty or _is_for_recover(record)):
        connections.store.update(night, note_of(None))
    if failed:
        write_prose(f"{count_of(failed, 'file')} of {len(faulty)} could not be got back")
    if is_raw_changed:
        write_prose(
            f"{title_of(night)}: raw has changed since sync: `vampctl retry {night.date} --from"
            f" sync` compares it with what was made of it; then `vampctl recover {night.date}`"
        )
    for path in doubt_copy(connections, current, not_there):
        write_prose(f"{title_of(night)}: NOT safe: {path} is damaged or missing there too")
    current = connections.store.night(night) or current
    if others and not decisions:
        found = plan_restore(night, connections.settings.watch.root, reader)
        by_restore = remade_by_restore(found, others)
        lost = sorted({*lost, *others} - set(by_restore))
        for line in restore_lines(found, night, by_restore):
            write_prose(line)
    if lost and not decisions:
        hold_for_lost(connections, current, lost, receipts)
    return len(faulty), failed, decisions


def _from_stage(connections: Connections, record: NightRecord) -> str:
    """From where a night goes on with another generation: from sync, which compares raw with it."""
    from vampd.stages.raw_presence import survey_raw

    if record.state.stage is StageName.SYNC:
        return ""
    if not survey_raw(record.night, connections.reader).removed:
        return f" --from {StageName.SYNC}"
    is_before = record.state.stage in (StageName.HEADERS, StageName.FRAMEIDS)
    return "" if is_before else f" --from {StageName.FPACK}"


def _recovered_before(connections: Connections, record: NightRecord) -> list[str]:
    """What was got back, by this recovery or one before, and where the damaged files are."""
    from vampd.disk.durable import damaged_names

    folder = connections.settings.watch.root / record.night.folder / Stream.VGEN2
    return [
        f"vgen2/{name}: what was damaged is kept as vgen2/{hidden} until the night is safe"
        for hidden, name in damaged_names(folder).items()
    ]


def _is_for_recover(record: NightRecord) -> bool:
    """Whether recovering mends what is noted of the night."""
    return cure_of(record.note or "") == Verb.RECOVER


def _path_of(night: NightId, name: str, folder: Path, known: Collection[str]) -> str:
    """The path of a file that a person names: in the night's folder, in vgen2, or in full."""
    from vampd.model.proofs import is_set_aside
    from vampd.stages.records.foreign_cure import cure_of as file_cure

    path = name.removeprefix(f"{folder}/")
    for candidate in (path, f"vgen2/{path}"):
        if candidate in known:
            return candidate
    cure = "" if is_set_aside(path) else file_cure(path, night, None)
    if "--from" in cure:
        raise UsageError("no_receipt", f"{path} is a text: `{cure}` writes it again")
    if path.partition("/")[0] in (*CAMERA_STREAMS, "vbad"):
        raise UsageError(
            "raw_stays",
            f"{path} is raw, which vampd does not write: copy it back yourself from vbad/ at the"
            " archive, then `vampctl retry NIGHT`",
        )
    raise UsageError("no_receipt", f"no packing receipt of this night names {name}")
