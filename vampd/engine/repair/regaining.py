"""Generations that are lost here and there, and that raw does not decide again to the same bytes.

Another stands for them, at a person's word, made of what the products and their sidecars say. It
has a number of its own, so that nothing is ever sent over what lies at the archive. Whatever ends
this in between, doing it again completes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vampd import __version__
from vampd.config import Settings
from vampd.disk.durable import creating, make_folder, put_away
from vampd.disk.failpoint import failpoint
from vampd.engine.changed_raw import is_whole
from vampd.engine.repair.generation_again import decide_again, number_of
from vampd.errors import DataError, VampdError
from vampd.fits.products import read_product_cards
from vampd.model.cubes import (
    SUFFIX,
    Generation,
    accounted_cubes,
    form_of,
    format_generation,
    parse_generation,
    parse_reasons,
    parse_sidecar_notes,
)
from vampd.model.frame_ids import NAME_CHANGES, parse_name_changes
from vampd.model.headers import CORRECTIONS
from vampd.model.nights import FileStamp, NightId, Stream, timing_name
from vampd.model.proofs import SUMS_NAME, PackingReceipt, parse_sums, text_bytes, text_digest
from vampd.model.sync import (
    CubeTrace,
    DecidedAgain,
    ProductTrace,
    cubes_of,
    regain_generations,
    without_withdrawn,
)
from vampd.ports import NightReader, Pace, PackingReceipts
from vampd.stages.records.own_paths import (
    GENERATION,
    PACKED_SUFFIX,
    RAW_RECORDS,
    product_path,
    sidecar_path,
)
from vampd.stages.records.whole_generations import whole_generations

_REASONS = "vbad/reasons.tsv"


def regain(
    night: NightId,
    folder: Path,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    lost: Collection[str],
    settings: Settings,
    pace: Pace,
) -> tuple[Generation, ...]:
    """What is to stand for the ``lost`` generation files; nothing if it does already.

    Reads every product and sidecar whole. What raw decides again stands for a product that is not:
    its identity confirms that. DataError ``decision_unknown`` says what is not known.
    """
    others = without_withdrawn(whole_generations(night, reader))
    decided = {product.identity for each in others for product in each.products}
    decided |= {identity for each in others for identity in each.withdrawn}
    faulty = _find_faulty(folder, receipts, decided, pace)
    again = _decide_faulty(night, faulty, lost, reader, settings) if faulty else ()
    decided |= {each.product.identity for each in again}
    names = _names_at_sync(night, reader)
    traces = [
        *_packed_traces(night, folder, reader, receipts, names, decided),
        *_begun_traces(night, reader, names, decided),
    ]
    numbers = {number_of(path) for path in lost}
    if not (traces or again) and numbers <= {number for each in others for number in each.replaces}:
        return ()
    return regain_generations(
        traces,
        _cube_traces(night, reader, others, cubes_of(traces, again)),
        others,
        again,
        lost=numbers,
        bound=reader.bound_ids(night).keys(),
        corrections=_corrections_of(night, reader),
        version=__version__,
    )


def keep_regained(
    night: NightId,
    folder: Path,
    packing_receipts: PackingReceipts,
    generations: Sequence[Generation],
    lost: Collection[str],
    *,
    at: float,
    actor: str,
) -> None:
    """Write these generations, put the ``lost`` files away, and end their packing receipts."""
    make_folder(folder / Stream.VGEN2)
    # Where only the folder tells what was proven, a first row would be all that is believed.
    has_record = bool(packing_receipts.of(night))
    for generation in generations:
        text = text_bytes(format_generation(generation))
        path = f"{Stream.VGEN2}/{generation.file_name}"
        with creating(folder / path) as file:
            file.write(text)
        failpoint("regaining.generation.kept")
        if has_record:
            # At once: nothing else would miss it, should it go before a stage looks.
            receipt = PackingReceipt(path, len(text), hashlib.sha256(text).hexdigest(), None)
            packing_receipts.record(night, [receipt], at=at)
    for path in lost:
        put_away(folder / path)
    # After the files: while the receipts stand, they are known to be lost.
    packing_receipts.end(night, at=at, actor=actor, paths=lost)


def _find_faulty(
    folder: Path, receipts: Mapping[str, PackingReceipt], decided: Collection[str], pace: Pace
) -> dict[str, PackingReceipt]:
    """The products that no whole generation decides, by a file of theirs that is not whole."""
    faulty = {}
    for path, receipt in sorted(receipts.items()):
        if GENERATION.fullmatch(path) or RAW_RECORDS.fullmatch(path):
            continue
        product = receipts.get(product_path(path), receipt)
        if product.identity not in decided and not is_whole(folder, receipt, pace):
            faulty[path] = product
    return faulty


def _decide_faulty(
    night: NightId,
    faulty: Mapping[str, PackingReceipt],
    lost: Collection[str],
    reader: NightReader,
    settings: Settings,
) -> tuple[DecidedAgain, ...]:
    """What raw, by the settings of today, gives for these products; DataError if not all."""
    again: Generation | None = None
    with suppress(VampdError):
        again = parse_generation(decide_again(night, min(lost), reader, settings))
    found = {product.identity: product for product in again.products} if again else {}
    for path, receipt in faulty.items():
        if receipt.identity not in found:
            raise DataError(
                "decision_unknown",
                f"{path} is damaged or gone too, so it does not say which frames it has, and raw"
                " with the settings of today gives no such product: put a good copy in its place,"
                " or set [sync] as it was when the night was made, then"
                f" `vampctl recover {night.date} --from-products`",
                path=path,
            )
    wanted = {receipt.identity: receipt.form for receipt in faulty.values()}
    return tuple(
        DecidedAgain(found[identity], again.version, form)
        for identity, form in wanted.items()
        if again is not None and identity is not None
    )


def _names_at_sync(night: NightId, reader: NightReader) -> dict[str, str]:
    text = reader.text(night, f"{Stream.VGEN2}/{NAME_CHANGES}") or ""
    return {str(change.frame_id): change.old for change in parse_name_changes(text)}


def _packed_traces(
    night: NightId,
    folder: Path,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    names: Mapping[str, str],
    decided: Collection[str],
) -> Iterator[ProductTrace]:
    for product in reader.packed_products(night):
        path = product.file.path
        receipt = receipts.get(path)
        if receipt is None or receipt.identity is None or sidecar_path(path) not in receipts:
            raise DataError(
                "decision_unknown",
                f"nothing on record says what {path} was when it was proven: find out where it"
                " comes from, and move it away",
                path=path,
            )
        if receipt.identity in decided:
            continue
        stem = path.rpartition("/")[2].removesuffix(PACKED_SUFFIX)
        notes = parse_sidecar_notes(reader.text(night, sidecar_path(path)) or "")
        cards = read_product_cards(folder / path)
        yield ProductTrace(names.get(stem, stem), receipt.identity, notes, cards, receipt.form)


def _begun_traces(
    night: NightId, reader: NightReader, names: Mapping[str, str], decided: Collection[str]
) -> Iterator[ProductTrace]:
    """Those of framelists, which are products still to be packed."""
    for head in reader.framelist_heads(night):
        if head.identity not in decided:
            begun = reader.framelist(night, head.path)
            stem = head.path.rpartition("/")[2].removesuffix(SUFFIX)
            name = names.get(stem, begun.name)
            yield ProductTrace(name, head.identity, begun.notes, begun.cards, form_of(begun.cards))


def _cube_traces(
    night: NightId, reader: NightReader, others: Sequence[Generation], used: Collection[str]
) -> dict[str, CubeTrace]:
    """The cubes that the products hold frames of, and those that are set aside.

    What is here has no time, as no one knows the one of sync: sync then compares it by its bytes.
    """
    here = {file.path: file for file in reader.raw_files(night)}
    purged = {each.file.path: each.file for each in reader.purged_files(night)}
    known, reasons = accounted_cubes(others), _reasons(night, reader)

    def stamp(path: str) -> FileStamp:
        file = here.get(path)
        return purged.get(path, FileStamp(path, 0, 0)) if file is None else _timeless(file)

    found = {}
    for path in sorted(reasons.keys() | set(used)):
        timing = timing_name(path)
        has_timing = path in used or timing in here or timing in purged
        found[path] = CubeTrace(
            path,
            stamp(path),
            stamp(timing) if has_timing else None,
            reader.count_frames(night, here[path]) if path in here else None,
            known.get(path),
            reasons.get(path),
        )
    return found


def _timeless(file: FileStamp) -> FileStamp:
    return FileStamp(file.path, file.size, 0)


def _corrections_of(night: NightId, reader: NightReader) -> str:
    """The digest that was sent with the night, as its other generations have it; else what is here.

    The file itself may be lost too, or be another by now.
    """
    sums = reader.text(night, SUMS_NAME)
    if sums is not None:
        with suppress(DataError):
            return parse_sums(sums).get(CORRECTIONS, "")
    return reader.corrections(night).sha256


def _reasons(night: NightId, reader: NightReader) -> dict[str, tuple[int, str, str]]:
    """The rows of reasons.tsv, if it is the one that was sent; else their cubes are late data."""
    text, sums = reader.text(night, _REASONS), reader.text(night, SUMS_NAME)
    if text is None or sums is None or parse_sums(sums).get(_REASONS) != text_digest(text):
        return {}
    return {path: (frames, code, reason) for path, frames, code, reason in parse_reasons(text)}
