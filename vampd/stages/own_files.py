"""The files that vampd made in vgen2, held against what they were when they were proven.

Products, sidecars, generation files and the raw records of a purge have packing receipts, recorded
once, in the store and in ``receipts.tsv``. A file that is not what its receipt says is damaged, one
that is gone is missing; either holds the night. Every stage from fpack on plans by this first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vampd.model.cubes import PackedProduct, Product
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Hash, Pack, Plan, RebuildFramelists, RecordReceipts, Retire, WriteText
from vampd.model.proofs import (
    RECEIPTS_PATH,
    SUMS_NAME,
    NamedProduct,
    PackingReceipt,
    Place,
    Receipt,
    RecordedReceipt,
    aside_receipts,
    damage_error,
    disagreement_error,
    ended_receipts,
    find_damaged,
    find_missing,
    format_receipts,
    is_set_aside,
    live_receipts,
    loss_error,
    own_receipts,
    parse_receipts,
    refuse_twins,
    text_bytes,
    text_digest,
    unproven_error,
)
from vampd.model.sharing import shared
from vampd.ports import NightReader
from vampd.stages.records.folder_receipts import (
    judge_folder_receipts,
    name_products,
    receipts_by_sums,
    unread_sums,
    without_products,
)
from vampd.stages.records.own_paths import GENERATION, product_path
from vampd.stages.records.parts import batches
from vampd.stages.records.unmade import choose_unmade, refuse_unmade
from vampd.stages.records.unpacked_products import UnpackedProduct, by_order, read_unpacked
from vampd.stages.records.whole_generations import withdrawn_of


@dataclass(frozen=True)
class OwnFilesSurvey:
    """What is in vgen2, and what is known of it.

    ``decided`` are the products of all generations, by identity; ``readings`` what was last read of
    files here; ``listing`` and ``sums`` are the texts of receipts.tsv and SHA256SUMS, None where
    there is none. ``generations`` are the receipts of generation files that have none on record:
    each holds its own digest, so that what could be parsed is what was written. ``named`` is what
    else is known of products, by identity: asked where nothing is on record. ``given_up`` are those
    that a person gave up, which the listing may still have.
    """

    night: NightId
    files: Mapping[str, FileStamp]
    products: Mapping[str, PackedProduct]
    unpacked: tuple[UnpackedProduct, ...]
    decided: Mapping[str, Product]
    recorded: tuple[RecordedReceipt, ...]
    readings: Mapping[str, Receipt]
    listing: str | None
    sums: str | None
    generations: tuple[PackingReceipt, ...]
    named: Mapping[str, NamedProduct]
    given_up: frozenset[str] = frozenset()

    @property
    def receipts(self) -> dict[str, PackingReceipt]:
        """The packing receipts of what vampd made that have not ended, by path."""
        return own_receipts(live_receipts(self.recorded))

    @property
    def unmade(self) -> tuple[Product, ...]:
        """The products that are neither framelist nor packed, nor were."""
        made = {each.identity or "" for each in self.products.values()}
        made |= {product.identity for product in self.unpacked}
        made |= {receipt.identity for receipt in self.receipts.values() if receipt.identity}
        return choose_unmade(self.decided.values(), made)

    @property
    def is_known_to_folder_alone(self) -> bool:
        """Whether only the folder tells what was proven, as after the loss of the database."""
        return not self.recorded and (self.listing is not None or self.sums is not None)

    @property
    def aside_receipts(self) -> dict[str, PackingReceipt]:
        """Those of set-aside raw files."""
        return aside_receipts(live_receipts(self.recorded))


def survey(night: NightId, reader: NightReader) -> OwnFilesSurvey:
    """Read the framelists and generations, list the rest. DataError of a damaged one."""
    unpacked = read_unpacked(night, reader)
    files = {file.path: file for file in reader.files(night, "vgen2")}
    recorded = reader.packing_receipts(night)
    unrecorded = [path for path in files if GENERATION.fullmatch(path)]
    unrecorded = sorted(set(unrecorded) - live_receipts(recorded).keys())
    texts = {path: reader.text(night, path) for path in unrecorded}
    generations = reader.generations(night)
    return OwnFilesSurvey(
        night=night,
        files=files,
        products={product.file.path: product for product in reader.packed_products(night)},
        unpacked=unpacked,
        decided={shared(product.identity): product for g in generations for product in g.products},
        recorded=recorded,
        readings=reader.receipts(night, Place.HERE),
        listing=reader.text(night, RECEIPTS_PATH),
        sums=reader.text(night, SUMS_NAME),
        generations=tuple(
            PackingReceipt(path, len(text_bytes(text)), text_digest(text), None)
            for path, text in texts.items()
            if text is not None
        ),
        named={} if recorded else name_products(night, reader),
        given_up=withdrawn_of(generations),
    )


def plan_own_files(survey: OwnFilesSurvey) -> Plan:
    """What must be done before anything may rely on these files; empty if all are proven and whole.

    Raises DataError ``product_damaged`` or ``product_missing`` for what cannot be made here and
    now, ``product_unproven``, ``receipts_disagree``, and ``products_identical`` of one content.
    """
    if not survey.recorded and survey.listing is None:
        summed = unread_sums(survey.files, survey.readings, survey.sums)
        if summed:
            return Plan.of(Hash(batch, Place.HERE) for batch in batches(summed, survey.files))
    if not survey.recorded and survey.listing is not None:
        decided = {each.path: each.sha256 for each in survey.generations}
        folder = (survey.files, survey.readings, survey.named, survey.sums, decided)
        doubtful = judge_folder_receipts(survey.night, survey.listing, *folder)
        if doubtful:
            return Plan.of(Hash(batch, Place.HERE) for batch in batches(doubtful, survey.files))
    new = _unrecorded_receipts(survey)
    if new:
        return Plan.of([RecordReceipts(tuple(new[path] for path in sorted(new)))])
    receipts = survey.receipts
    refuse_twins(survey.night, receipts)
    refuse_unmade(survey.night, survey.unmade)
    unread = [path for path in sorted(receipts) if _is_to_be_read(survey, receipts[path])]
    if unread:
        return Plan.of(Hash(batch, Place.HERE) for batch in batches(unread, survey.files))
    packs, rebuilt = _plan_provings(survey, receipts)
    every = live_receipts(survey.recorded)
    listing = format_receipts(every.values())
    write = [WriteText(RECEIPTS_PATH, listing)] if every and listing != survey.listing else []
    packed = {pack.framelist for pack in packs}
    retired = [
        Retire(product.path, kept_as=product.packed_path)
        for product in by_order(survey.unpacked)
        if product.path not in packed
        and (receipt := receipts.get(product.packed_path)) is not None
        and receipt.identity == product.identity
    ]
    return Plan.of([RebuildFramelists(rebuilt)] if rebuilt else [], packs, write, retired)


def plan_pack(product: UnpackedProduct, receipts: Mapping[str, PackingReceipt]) -> Pack:
    """The packing of a product; what already has a receipt must come out as that says."""
    made = (product.packed_path, product.sidecar_path)
    proven = tuple(receipts[path] for path in made if path in receipts)
    return Pack(product.path, product.packed_path, product.frames, product.bytes, proven=proven)


def _unrecorded_receipts(survey: OwnFilesSurvey) -> dict[str, PackingReceipt]:
    """The receipts that the store lacks: from the folder, of generations, of an earlier version."""
    listed = {} if survey.listing is None else parse_receipts(survey.listing)
    listed = without_products(listed, survey.given_up)
    receipts = live_receipts(survey.recorded)
    # The folder may still list what has ended, if a restore, renewal or release was killed.
    ended = {each.receipt for each in ended_receipts(survey.recorded)}
    standing = {path: receipt for path, receipt in listed.items() if receipt not in ended}
    differing = [
        path
        for path in standing
        if receipts.get(path, listed[path]) != listed[path]
        or (receipts and path not in receipts and not _is_here(survey, listed[path]))
    ]
    if differing:
        raise disagreement_error(survey.night, receipts, listed, sorted(differing))
    new = {path: standing[path] for path in standing.keys() - receipts.keys()}
    if not survey.recorded and not listed:
        new |= receipts_by_sums(survey.readings, survey.products, survey.named, survey.sums)
    of_generations = {each.path: each for each in survey.generations}
    return {**of_generations, **new}


def _is_here(survey: OwnFilesSurvey, receipt: PackingReceipt) -> bool:
    """Whether a file may be what a receipt says that only the folder has."""
    file = survey.files.get(receipt.path)
    return is_set_aside(receipt.path) or (file is not None and file.size == receipt.size)


def _is_to_be_read(survey: OwnFilesSurvey, receipt: PackingReceipt) -> bool:
    file = survey.files.get(receipt.path)
    # Another size is another file, without a look into it.
    if file is None or file.size != receipt.size:
        return False
    reading = survey.readings.get(receipt.path)
    return reading is None or reading.file != file


def _plan_provings(
    survey: OwnFilesSurvey, receipts: Mapping[str, PackingReceipt]
) -> tuple[list[Pack], tuple[Product, ...]]:
    """What is packed to be proven or made again, and the framelists that this needs."""
    beside = {product.packed_path for product in survey.unpacked}
    damaged = find_damaged(receipts, survey.files, survey.readings)
    missing = find_missing(receipts, survey.files)
    lost = [path for path in missing if product_path(path) not in beside]
    if damaged:
        raise damage_error(survey.night, receipts, damaged, lost)
    if lost:
        raise loss_error(survey.night, lost)
    unproven = [
        path
        for path, product in sorted(survey.products.items())
        if path not in receipts
        or (product.sidecar is not None and product.sidecar.path not in receipts)
    ]
    again = {product_path(path) for path in missing} | set(unproven)
    packs = [
        plan_pack(product, receipts)
        for product in by_order(survey.unpacked)
        if product.packed_path in again
    ]
    bare = [path for path in unproven if path not in beside]
    rebuilt = _products_to_rebuild(survey, receipts, bare)
    if len(rebuilt) < len(bare):
        raise unproven_error(survey.night, [path for path in bare if path not in rebuilt])
    return packs, tuple(rebuilt.values())


def _products_to_rebuild(
    survey: OwnFilesSurvey, receipts: Mapping[str, PackingReceipt], paths: Sequence[str]
) -> dict[str, Product]:
    """Those of these products whose framelists can be made again, so that packing proves them."""
    taken = {receipt.identity: path for path, receipt in receipts.items()}
    made = {product.identity for product in survey.unpacked}
    identities = {
        path: identity for path in paths if (identity := survey.products[path].identity) is not None
    }
    return {
        path: survey.decided[identity]
        for path, identity in identities.items()
        if identity in survey.decided and identity not in made and taken.get(identity, path) == path
    }
