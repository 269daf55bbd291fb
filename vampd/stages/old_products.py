"""fpack of a night of the old tools: their products are packed, proven and put on record.

What they made stays as it is. Which products there are is written down first, beside them: one
that is gone later is missed, and left out only where a person gave it up, which is written too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from vampd.config import Settings
from vampd.errors import DataError
from vampd.model.nights import FileStamp, NightId, StageName
from vampd.model.plan import Plan, PutAway, TakeOver, WriteText
from vampd.model.proofs import (
    OldProduct,
    find_damaged,
    find_missing,
    format_old_products,
    parse_old_products,
)
from vampd.ports import NightReader
from vampd.stages import own_files
from vampd.stages.own_files import OwnFilesSurvey, plan_own_files
from vampd.stages.records.own_paths import PACKED_SUFFIX, sidecar_path
from vampd.stages.traveling_files import TableSurvey, plan_table, survey_table

NAME = StageName.FPACK
LISTING_PATH = "vgen2/old_products.tsv"
_CUBE = re.compile(r"(vgen2/[^/.][^/]*)\.fits(\.fz)?")


@dataclass(frozen=True)
class OldProductsSurvey:
    """What lies in vgen2, and the text that lists the products, None before it is written.

    ``let_go`` are the files that a person let the night go on without.
    """

    own: OwnFilesSurvey
    table: TableSurvey
    listing: str | None
    let_go: frozenset[str]


def survey(night: NightId, reader: NightReader) -> OldProductsSurvey:
    """List vgen2, and read what is known of it."""
    own = own_files.survey(night, reader)
    table = survey_table(night, reader, own.readings, own.sums)
    return OldProductsSurvey(own, table, reader.text(night, LISTING_PATH), reader.let_go(night))


def plan(survey: OldProductsSurvey, settings: Settings) -> Plan:
    """List what there is, prove each of it, packing it if it is not packed; then list the headers.

    DataError ``product_missing`` if one is gone since, ``old_products_damaged`` if the listing is
    none, and as `plan_own_files`.
    """
    own = survey.own
    if survey.listing is None:
        return Plan.of([WriteText(LISTING_PATH, format_old_products(_found(own.files)), once=True)])
    if own.listing is not None and not own.recorded:
        # After the loss of the database: what the folder says of them is held against the rest.
        return plan_own_files(own)
    listed, receipts = parse_old_products(survey.listing), own.receipts
    lost = {name for name, how in listed.items() if how is OldProduct.LOST}
    if more := _find_lost(survey, listed.keys() - lost):
        given_up = {**listed, **dict.fromkeys(more, OldProduct.LOST)}
        return Plan.of([WriteText(LISTING_PATH, format_old_products(given_up))])
    if left := sorted(receipts.keys() & {path for name in lost for path in _files_of(name)}):
        return Plan.of([PutAway(tuple(left))])
    taken = [
        TakeOver(packed, _size_to_pack(packed, own.files))
        for name in sorted(listed.keys() - lost)
        if (packed := _files_of(name)[0]) not in receipts or sidecar_path(packed) not in receipts
    ]
    _refuse_gone(own.night, own.files, taken)
    if taken:
        return Plan.of(taken)
    return plan_own_files(own) or plan_table(survey.table, own.products, settings)


def _find_lost(survey: OldProductsSurvey, names: Collection[str]) -> tuple[str, ...]:
    """Those of these products of which a person let a file go that is not whole here."""
    own = survey.own
    faulty = {
        *find_damaged(own.receipts, own.files, own.readings),
        *find_missing(own.receipts, own.files),
    }
    lost = survey.let_go & faulty
    return tuple(sorted(name for name in names if lost & {*_files_of(name)}))


def _files_of(name: str) -> tuple[str, str]:
    """The product and its sidecar."""
    packed = f"vgen2/{name}{PACKED_SUFFIX}"
    return packed, sidecar_path(packed)


def _found(files: Mapping[str, FileStamp]) -> dict[str, OldProduct]:
    """How each product is found, by its name without suffixes."""
    found: dict[str, OldProduct] = {}
    for match in filter(None, map(_CUBE.fullmatch, sorted(files))):
        name = match[1].removeprefix("vgen2/")
        is_packed = match[2] is not None or found.get(name) is OldProduct.PACKED
        found[name] = OldProduct.PACKED if is_packed else OldProduct.PLAIN
    return found


def _plain_path(packed: str) -> str:
    return packed.removesuffix(".fz")


def _size_to_pack(packed: str, files: Mapping[str, FileStamp]) -> int:
    plain = files.get(_plain_path(packed))
    return 0 if packed in files or plain is None else plain.size


def _refuse_gone(night: NightId, files: Mapping[str, FileStamp], taken: list[TakeOver]) -> None:
    gone = list(_find_gone(files, taken))
    if gone:
        more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
        raise DataError(
            "product_missing",
            f"{gone[0]}{more} of the old tools is gone, which {LISTING_PATH} lists: bring it back,"
            f" then `vampctl retry {night.date}`",
            night=str(night),
        )


def _find_gone(files: Mapping[str, FileStamp], taken: list[TakeOver]) -> Iterator[str]:
    for each in taken:
        if each.packed not in files and _plain_path(each.packed) not in files:
            yield each.packed
        if sidecar_path(each.packed) not in files:
            yield sidecar_path(each.packed)
