"""fpack: lossless Rice tile compression of every framelist into its product.

A framelist is retired only in favor of a product that is what its packing receipt says, once that
receipt also lies beside the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.cubes import Framelist
from vampd.model.nights import Kind, NightId, StageName
from vampd.model.plan import Plan
from vampd.ports import NightReader
from vampd.stages import own_files
from vampd.stages.own_files import OwnFilesSurvey, by_order, plan_own_files, plan_pack

NAME = StageName.FPACK


@dataclass(frozen=True)
class FpackSurvey:
    """The night's own files, and the framelists that may be packed."""

    own: OwnFilesSurvey
    framelists: tuple[Framelist, ...]


def survey(night: NightId, reader: NightReader) -> FpackSurvey:
    """Read the framelists and list the products.

    In archive nights only framelists that carry their frame ID count.
    """
    own = own_files.survey(night, reader)
    return FpackSurvey(
        own,
        tuple(
            framelist
            for framelist in own.framelists
            if night.kind is Kind.ENGINEERING or framelist.cards.string("FRAMEID")
        ),
    )


def plan(survey: FpackSurvey, settings: Settings) -> Plan:
    """Pack what is not packed; prove, record and retire the rest. DataError as `plan_own_files`."""
    del settings  # how to verify is the packer's concern, not the plan's
    own, receipts = survey.own, survey.own.receipts
    waves = plan_own_files(own).waves
    packs = [
        plan_pack(framelist, receipts)
        for framelist in by_order(survey.framelists)
        if framelist.packed_path not in own.products and framelist.packed_path not in receipts
    ]
    return Plan.of(packs, *waves)
