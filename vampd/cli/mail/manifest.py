"""vampctl manifest: what nights' manifests list, and one combined file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.shared.lost_ids import lost_objects, read_lost_ids
from vampd.cli.shared.nights import choose_record, named
from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, reading
from vampd.cli.shared.words import count_of, format_size
from vampd.errors import DataError, UsageError
from vampd.model.delivery import Correspondence, MailState, ManifestFile, note_name
from vampd.model.nights import Kind, StageName, Status

if TYPE_CHECKING:
    from vampd.model.delivery import Manifest, ManifestText
    from vampd.model.frame_ids import FrameId, LostId
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections

_COLUMNS = (
    Column("date"),
    Column("files", align_right=True),
    Column("size", align_right=True),
    Column("mail"),
    Column("manifest"),
)

NightsArgument = Annotated[
    list[str],
    typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False),
]
CombineOption = Annotated[
    Path | None,
    typer.Option(
        "--combine",
        metavar="FILE",
        help="Write one manifest of all; never overwrites.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class NightManifests:
    """An archive night, its manifests by number, and each one's mailing state.

    ``lost`` are its IDs that a restore left without a product, as far as no one acknowledged it;
    ``replaced`` those that were announced before with other bytes.
    """

    record: NightRecord
    texts: tuple[ManifestText, ...]
    states: dict[ManifestFile, MailState]
    correspondence: Correspondence
    lost: tuple[LostId, ...]
    replaced: tuple[FrameId, ...]

    @property
    def untold(self) -> tuple[FrameId, ...]:
        """Those of ``replaced`` whose new bytes have not been announced yet."""
        new = [text for text in self.texts if self.states[text.file] is MailState.UNMAILED]
        listed = {line.frame_id for text in new for line in text.manifest.lines}
        return tuple(one for one in self.replaced if one in listed)


def manifest(
    context: typer.Context,
    nights: NightsArgument,
    combine: CombineOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the manifests of archive nights and their totals.

    With --combine they are written as one, sorted by frame ID, in the form that they share. A frame
    ID or a file that occurs twice is refused.
    """
    from vampd.model.delivery import combine_manifests, format_manifest

    with reading(context, config) as connections:
        found = find_manifests(connections, nights)
        if combine is not None:
            # A person sends what it holds to STARS.
            refuse_damaged_manifests(connections, found)
            for one in found:
                new = [t for t in one.texts if one.states[t.file] is MailState.UNMAILED]
                refuse_lost(connections, new)
    combined = combine_manifests([text.manifest for night in found for text in night.texts])
    if combine is not None:
        write_new(combine, format_manifest(combined))
    if as_json:
        write_json(_as_object(found, combined, combine))
        return
    write_table(_COLUMNS, [row for night in found for row in _rows(night)])
    write(total_line(found, combined))
    for line in warnings(found):
        write(line)
    if combine is not None:
        write(f"written: {combine}")


def find_manifests(connections: Connections, nights: Iterable[str]) -> tuple[NightManifests, ...]:
    """The manifests of these archive nights, oldest night first.

    UsageError for an unknown night, ``mixed_ids`` for those of the old tools beside vampd's;
    DataError ``manifest_missing`` for one without manifests.
    """
    from vampd.model.delivery import find_replaced
    from vampd.stages.manifest import mail_states
    from vampd.stages.records.manifest_files import read_manifests

    records = connections.store.nights()
    chosen = {
        record.night: record
        for record in (choose_record(records, text, Kind.ARCHIVE) for text in nights)
    }
    if len({record.state.is_continued for record in chosen.values()}) > 1:
        raise UsageError(
            "mixed_ids",
            "some of these nights have the old tools' frame IDs and some vampd's: no manifest and"
            " no mail combines these; name them apart",
        )
    found = []
    for night in sorted(chosen):
        texts = read_manifests(night, connections.reader)
        if not texts:
            state = chosen[night].state
            only = f" --only {StageName.MANIFEST}" if state.status is Status.DONE else ""
            raise DataError(
                "manifest_missing",
                f"{night.date} has no manifest: it is {state.status} at {state.stage};"
                f" `vampctl run {named(night, records)}{only}` makes it",
            )
        correspondence = connections.mail_log.correspondence(night)
        note = connections.reader.text(night, note_name(night.date))
        states = mail_states(texts, correspondence, note)
        lost = read_lost_ids(connections, chosen[night])
        recorded = connections.reader.packing_receipts(night)
        replaced = find_replaced(texts, correspondence, note, recorded)
        found.append(NightManifests(chosen[night], texts, states, correspondence, lost, replaced))
    return tuple(found)


def refuse_damaged_manifests(connections: Connections, nights: Iterable[NightManifests]) -> None:
    """DataError ``manifest_damaged`` if a manifest is not what it was written to be."""
    from vampd.model.delivery import refuse_damaged
    from vampd.model.proofs import live_receipts
    from vampd.stages.records.manifest_files import read_listed_manifests

    reader = connections.reader
    for one in nights:
        night = one.record.night
        bound = [bound.frame_id for bound in reader.bound_ids(night).values()]
        receipts = live_receipts(reader.packing_receipts(night))
        refuse_damaged(night.date, read_listed_manifests(night, reader), receipts, bound)


def refuse_lost(connections: Connections, texts: Iterable[ManifestText]) -> None:
    """DataError ``manifest_stale`` where one of them would announce what has no product."""
    from vampd.model.delivery import refuse_listed_without_product
    from vampd.model.proofs import live_receipts

    for text in texts:
        receipts = live_receipts(connections.reader.packing_receipts(text.file.night))
        refuse_listed_without_product([text], receipts)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; UsageError ``file_exists`` or ``cannot_write``."""
    from vampd.disk.durable import creating
    from vampd.disk.reading import named_by_person
    from vampd.model.proofs import text_bytes

    try:
        with creating(named_by_person(path)) as file:
            file.write(text_bytes(text))
    except DataError as error:
        raise UsageError(
            "file_exists", f"{path} exists and is not overwritten; remove it or name another file"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UsageError:
    """The error for a named file that cannot be written."""
    return UsageError("cannot_write", f"cannot write {path}: {error.strerror}; name another file")


def total_line(found: Sequence[NightManifests], combined: Manifest) -> str:
    """The totals of all manifests."""
    manifests = sum(len(night.texts) for night in found)
    return (
        f"total: {count_of(combined.files, 'file')}, {format_size(combined.bytes)}"
        f" ({combined.bytes:,} bytes) in {count_of(manifests, 'manifest')}"
        f" of {count_of(len(found), 'night')}"
    )


def warnings(found: Iterable[NightManifests]) -> Iterator[str]:
    """What to know before these go out."""
    for night in found:
        state = night.record.state
        # Of one that the old tools made no supplement comes before a person has it taken on.
        if state.status not in (Status.DONE, Status.LEGACY):
            yield (
                f"{night.record.night.date} is {state.status} at {state.stage}:"
                " a supplement may follow"
            )
        date = night.record.night.date
        if night.untold:
            from vampd.model.delivery import name_spans

            names = name_spans(map(str, night.untold))
            yield f"{date}: announced before with other bytes: {names}; STARS must be told"
        for one in night.lost:
            yield f"{date}: {one.frame_id} has no product any more, {one.fate}"
        if night.lost:
            yield f"`vampctl acknowledge {date} --lost` records that this is known"


def _rows(night: NightManifests) -> Iterator[tuple[str, ...]]:
    for text in night.texts:
        listed = text.manifest
        yield (
            night.record.night.date,
            f"{listed.files:,}",
            format_size(listed.bytes),
            str(night.states[text.file]),
            text.file.name,
        )


def _as_object(
    found: Sequence[NightManifests], combined: Manifest, written: Path | None
) -> dict[str, Any]:
    return {
        "manifests": [
            {
                "date": night.record.night.date,
                "manifest": text.file.name,
                "sha256": text.file.sha256,
                "files": text.manifest.files,
                "bytes": text.manifest.bytes,
                "mail": str(night.states[text.file]),
            }
            for night in found
            for text in night.texts
        ],
        "replaced_ids": [str(one) for night in found for one in night.untold],
        "lost_ids": lost_objects(one for night in found for one in night.lost),
        "files": combined.files,
        "bytes": combined.bytes,
        "written": None if written is None else str(written),
    }
