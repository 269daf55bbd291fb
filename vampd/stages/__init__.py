"""The stages in order; each is a module with a survey that reads and a plan that is pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from vampd.config import Settings, WhenMissing
from vampd.model.nights import Gate, NightId, NightRecord, StageName
from vampd.model.plan import Plan
from vampd.ports import NightReader
from vampd.stages import fpack, frameids, headers, manifest, old_products, sync, transfer

__all__ = [
    "STAGES",
    "Stage",
    "fpack",
    "frameids",
    "headers",
    "manifest",
    "settings_for",
    "stage_of",
    "sync",
    "transfer",
]


class Stage(Protocol):
    """What a stage module offers; each has its own type of survey."""

    @property
    def NAME(self) -> StageName:  # noqa: N802 - a module's constant
        """The stage."""
        ...

    def survey(self, night: NightId, reader: NightReader, /) -> Any:
        """Read the state of the night."""
        ...

    def plan(self, survey: Any, settings: Settings, /) -> Plan:
        """What is missing; pure. An empty plan means done."""
        ...


STAGES: Mapping[StageName, Stage] = {
    stage.NAME: stage for stage in (sync, headers, frameids, fpack, transfer, manifest)
}


def stage_of(record: NightRecord) -> Stage:
    """What the night's stage does: of a night of the old tools it packs what they left."""
    stage = record.state.stage
    return (
        old_products if record.state.is_continued and stage is old_products.NAME else STAGES[stage]
    )


def settings_for(record: NightRecord, settings: Settings) -> Settings:
    """The settings to plan a night with.

    Missing cards once accepted no longer hold it. Products of the old tools may have been announced
    by them, so that only a person mails them.
    """
    if record.state.is_continued:
        mail = settings.mail.model_copy(update={"automatic": False})
        return settings.model_copy(update={"mail": mail})
    if Gate.CARD_MISSING not in record.released:
        return settings
    headers_settings = settings.headers.model_copy(update={"when_missing": WhenMissing.WARN})
    return settings.model_copy(update={"headers": headers_settings})
