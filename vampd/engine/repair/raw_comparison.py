"""Before a restore removes products: whether raw still holds what they were made from.

Size and mtime do not show rot. The products that are here and whole are the witnesses; what is
damaged or gone here, and whole at the archive, must be recovered first to be one. Where no record
is left of a product, it may be the one that is whole: its frames are compared all the same. For
what is whole nowhere, raw is believed where it gives the bytes of the packing receipt once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vampd.disk.reading import read_whole
from vampd.engine.changed_raw import compare_raw, find_retimed, is_whole
from vampd.engine.nights.framelist_source import FramelistSource
from vampd.engine.repair.remaking import Candidates
from vampd.errors import DataError
from vampd.fits.products import find_other_frame, read_product_cards
from vampd.model.cubes import (
    ChangedRaw,
    Framelist,
    Generation,
    LostRaw,
    Product,
    RawFinding,
    accounted_cubes,
    set_aside_cubes,
    take_up,
)
from vampd.model.headers import find_other_card
from vampd.model.nights import NightId, Stream, timing_name
from vampd.model.proofs import (
    RECEIPTS_PATH,
    WRITTEN_FORMS,
    PackingReceipt,
    Place,
    choose_proofs,
    format_receipts,
    live_receipts,
    own_receipts,
    parse_receipts,
)
from vampd.ports import NightReader, Pace
from vampd.stages.records.folder_receipts import name_products
from vampd.stages.records.own_paths import product_path, sidecar_path


def find_other_raw(
    night: NightId, folder: Path, reader: NightReader, pace: Pace
) -> tuple[LostRaw, ...]:
    """Raw files that do not give the products again; what has other times is compared whole.

    Reads every product and its sidecar once, and all that raw has of them. DataError
    ``not_recovered`` of a product that only the archive copy holds whole.
    """
    receipts = _receipts_of(night, reader)
    whole = {path for path, receipt in receipts.items() if is_whole(folder, receipt, pace)}
    _refuse_unwitnessed(night, reader, receipts, whole)
    # An older database knows less than the folder, whose products are then other ones, and whole.
    listed = _listed_receipts(night, reader)
    unlike = [each for path, each in listed.items() if path in receipts and path not in whole]
    whole |= {each.path for each in unlike if is_whole(folder, each, pace)}
    generations = reader.generations(night)
    retimed = find_retimed(generations, {file.path: file for file in reader.raw_files(night)})
    others = tuple(
        LostRaw(each.path, f"has changed since sync: {each.why}")
        for each in (compare_raw(night, folder, reader, retimed, pace) if retimed else ())
        if each.finding is RawFinding.OTHER and each.path not in set_aside_cubes(generations)
    )
    if others:
        return others
    as_now = take_up(generations, (ChangedRaw(*pair, RawFinding.SAME) for pair in retimed))
    compared = _Compared(night, folder, reader, as_now, receipts, whole, pace)
    return compared.find_rotten() or compared.find_unproven()


def _refuse_unwitnessed(
    night: NightId,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    whole: Collection[str],
) -> None:
    identity = reader.archive_identity(night)
    proofs = choose_proofs(reader.receipts(night, Place.ARCHIVE), identity)
    for path, receipt in sorted(receipts.items()):
        proof = proofs.get(path)
        is_there = proof is not None and proof.sha256 == receipt.sha256
        if receipt.identity and is_there and path not in whole:
            raise DataError(
                "not_recovered",
                f"{path} is damaged or gone here and whole at the archive: a restore would replace"
                f" that copy, and could not compare raw with it. `vampctl recover {night.date}`"
                " gets it back first",
                path=path,
            )


@dataclass(frozen=True)
class _Compared:
    """A night's products and raw; the generations have the sizes and times that raw has now."""

    night: NightId
    folder: Path
    reader: NightReader
    generations: Sequence[Generation]
    receipts: Mapping[str, PackingReceipt]
    whole: Collection[str]
    pace: Pace

    @cached_property
    def decided(self) -> Mapping[str, Product]:
        """The products of the night by identity."""
        return {p.identity: p for each in self.generations for p in each.products}

    @cached_property
    def source(self) -> FramelistSource:
        """What raw gives for them."""
        return FramelistSource(self.night, self.folder, self.reader, self.generations)

    def find_rotten(self) -> tuple[LostRaw, ...]:
        """Raw files that no longer hold what the products here were made from, one a product.

        Compares all frames, cards and rows. The cards of a cube that no product begins with are in
        none, and are not compared.
        """
        stamps = [account.fits for account in accounted_cubes(self.generations).values()]
        lost = []
        for path, product in self._witnesses():
            packed, receipt = self.folder / path, self.receipts.get(path)
            try:
                other = find_other_frame(packed, self.folder, stamps, product.ranges, self.pace)
                if other is not None:
                    raw, position = other
                    why = f"has another frame {position} than {packed.name} holds"
                    lost.append(LostRaw(raw, why))
                elif receipt is not None and receipt.form in WRITTEN_FORMS:
                    lost += self._find_other_text(self.source.build(product), path)
            except DataError as error:
                if receipt is None:
                    continue  # nothing says that it was a product
                raw = product.ranges[0].cube
                lost.append(LostRaw(raw, f"does not give {packed.name} again: {error.message}"))
        return tuple(lost)

    def _witnesses(self) -> Iterator[tuple[str, Product]]:
        """The products here that are whole, and those of which no record tells whether they are."""
        for path, receipt in self.receipts.items():
            product = self.decided.get(receipt.identity or "")
            if product is not None and path in self.whole:
                yield path, product
        files = {file.path for file in self.reader.files(self.night, Stream.VGEN2)}
        unrecorded = files - self.receipts.keys()
        for identity, named in name_products(self.night, self.reader).items() if unrecorded else ():
            if named.path in unrecorded and identity in self.decided:
                yield named.path, self.decided[identity]

    def _find_other_text(self, framelist: Framelist, path: str) -> Iterator[LostRaw]:
        """The raw file whose cards or rows are not those of its product, if any."""
        raw, packed, sidecar = framelist.ranges[0].cube, self.folder / path, sidecar_path(path)
        keyword = find_other_card(read_product_cards(packed), framelist.cards)
        if keyword is not None:
            yield LostRaw(raw, f"has another {keyword or 'card'} than {packed.name} holds")
        elif sidecar in self.whole and not _holds_rows(self.folder / sidecar, framelist.rows):
            yield LostRaw(timing_name(raw), f"has other rows than {sidecar} holds")

    def find_unproven(self) -> tuple[LostRaw, ...]:
        """Raw files that do not give again what is not whole here, where nothing has rotted.

        Nothing else would tell that raw has. Not asked for are forms that are not written any more,
        nor those in which today's dictionary writes other cards than a product that is whole has.
        """
        others: set[int] = set()
        lost: list[tuple[PackingReceipt, int, Product]] = []
        for path, receipt in self.receipts.items():
            made = self.receipts.get(product_path(path))
            product = self.decided.get(made.identity or "") if made is not None else None
            if made is None or product is None or made.form not in WRITTEN_FORMS:
                continue
            if path not in self.whole:
                lost.append((receipt, made.form, product))
            elif receipt is made and made.form not in others:
                cards = read_product_cards(self.folder / path)
                others |= {made.form} if cards != self.source.read(product).cards else set()
        told = [(receipt, product) for receipt, form, product in lost if form not in others]
        return tuple(_make_again(self.folder, told, self.source, self.pace))


def _make_again(
    folder: Path,
    lost: Iterable[tuple[PackingReceipt, Product]],
    source: FramelistSource,
    pace: Pace,
) -> Iterator[LostRaw]:
    candidates = Candidates(folder)
    try:
        for receipt, product in lost:
            candidates.prepare()
            try:
                candidates.make_again(receipt.path, source.read(product), pace)
                candidates.take(receipt.path, receipt, pace)
            except DataError as error:
                raw = product.ranges[0].cube
                raw = raw if receipt.identity else timing_name(raw)
                yield LostRaw(
                    raw,
                    f"does not give {receipt.path} again, of which nothing whole is left here:"
                    f" {error.message}",
                )
    finally:
        candidates.clear()


def _receipts_of(night: NightId, reader: NightReader) -> dict[str, PackingReceipt]:
    """Those on record; those beside the data where the database was lost and has none yet."""
    recorded = reader.packing_receipts(night)
    if recorded:
        return own_receipts(live_receipts(recorded))
    return own_receipts(parse_receipts(reader.text(night, RECEIPTS_PATH) or format_receipts(())))


def _listed_receipts(night: NightId, reader: NightReader) -> dict[str, PackingReceipt]:
    try:
        return own_receipts(parse_receipts(reader.text(night, RECEIPTS_PATH) or ""))
    except DataError:
        return {}  # a damaged listing says nothing


def _holds_rows(sidecar: Path, rows: str) -> bool:
    return read_whole(sidecar).decode("utf-8", "surrogateescape").endswith(rows)
