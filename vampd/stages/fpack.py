"""fpack: lossless Rice tile compression of every framelist into its product.

A framelist is retired only in favor of a product that is what its packing receipt says, once that
receipt also lies beside the data. Last comes the table of all headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.config import Settings
from vampd.errors import FrameIdConflict
from vampd.model.delivery import supplement_number
from vampd.model.nights import Kind, NightId, StageName
from vampd.model.plan import Pack, Plan, RebuildFramelists, SendAhead
from vampd.model.proofs import ended_receipts
from vampd.ports import NightReader
from vampd.stages import own_files
from vampd.stages.own_files import OwnFilesSurvey, plan_own_files, plan_pack
from vampd.stages.records.unpacked_products import UnpackedProduct, by_order
from vampd.stages.traveling_files import TableSurvey, plan_table, survey_table

NAME = StageName.FPACK


@dataclass(frozen=True)
class FpackSurvey:
    """The night's own files, and the framelists that may be packed.

    ``nameless`` are the products that need a frame ID first. ``may_send``: nothing
    that left the house can be other bytes now, so that new products may travel at once.
    """

    own: OwnFilesSurvey
    unpacked: tuple[UnpackedProduct, ...]
    table: TableSurvey
    nameless: tuple[str, ...] = ()
    may_send: bool = False


def survey(night: NightId, reader: NightReader) -> FpackSurvey:
    """Read the framelists and list the products.

    In archive nights only framelists that carry their frame ID count.
    """
    own = own_files.survey(night, reader)
    table = survey_table(night, reader, own.readings, own.sums)
    may_send = not _was_announced(night, reader) and not ended_receipts(own.recorded)
    if night.kind is Kind.ENGINEERING:
        return FpackSurvey(own, own.unpacked, table, may_send=may_send)
    bound = reader.bound_ids(night) if own.unmade else {}
    named = [product for product in own.unpacked if product.has_frame_id]
    nameless = {product.name for product in own.unpacked} - {each.name for each in named}
    nameless |= {product.name for product in own.unmade if product.identity not in bound}
    return FpackSurvey(own, tuple(named), table, tuple(sorted(nameless)), may_send)


def _was_announced(night: NightId, reader: NightReader) -> bool:
    """Whether a manifest tells of the night: its products are compared with that before a send."""
    names = (file.path for file in reader.files(night, ""))
    return any(supplement_number(name, night.date) is not None for name in names) or bool(
        night.kind is Kind.ARCHIVE and reader.correspondence(night).mailings
    )


def plan(survey: FpackSurvey, settings: Settings) -> Plan:
    """Pack what is not packed; prove, record and retire the rest; then list the headers.

    DataError as `plan_own_files`; FrameIdConflict if a product of an archive night has no ID.
    """
    own, receipts = survey.own, survey.own.receipts
    if survey.nameless:
        raise FrameIdConflict(
            "frame_id_conflict",
            f"{survey.nameless[0]} is to be packed and has no frame ID ({len(survey.nameless)} such"
            f" products); `vampctl retry {own.night.date} --from frameids` gives them theirs",
        )
    if own.unmade:
        return Plan.of([RebuildFramelists(own.unmade)])
    waves = plan_own_files(own).waves
    if waves and own.is_known_to_folder_alone:
        # The first receipt of a new product would be all that the store knows of this night.
        return Plan.of(*waves)
    packs = [
        plan_pack(product, receipts)
        for product in by_order(survey.unpacked)
        if product.packed_path not in own.products and product.packed_path not in receipts
    ]
    if packs or waves or own.unpacked:
        return Plan.of([*packs, *_send_ahead(survey, packs, settings)], *waves)
    return plan_table(survey.table, own.products, settings)


def _send_ahead(survey: FpackSurvey, packs: Sequence[Pack], settings: Settings) -> list[SendAhead]:
    """What may travel meanwhile, if that is worth a program of its own."""
    raw_bytes, least = sum(pack.bytes for pack in packs), settings.transfer.send_ahead_bytes
    if not survey.may_send or least == 0 or raw_bytes < least or len(packs) < 2:
        return []
    return [SendAhead(tuple(pack.packed for pack in packs), raw_bytes)]
