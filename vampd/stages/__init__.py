"""The stages in order; each is a module with a survey that reads and a plan that is pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from vampd.config import Settings
from vampd.model.night import NightId
from vampd.model.plan import Plan
from vampd.model.state import StageName
from vampd.ports import Eyes
from vampd.stages import fpack, frameids, headers, manifest, sync, transfer

__all__ = ["STAGES", "Stage", "fpack", "frameids", "headers", "manifest", "sync", "transfer"]


class Stage(Protocol):
    """What a stage module offers; each has its own type of survey."""

    @property
    def NAME(self) -> StageName:  # noqa: N802 - a module's constant
        """The stage."""
        ...

    def survey(self, night: NightId, eyes: Eyes, /) -> Any:
        """Look; reads only."""
        ...

    def plan(self, survey: Any, settings: Settings, /) -> Plan:
        """What is missing; pure. An empty plan means done."""
        ...


STAGES: Mapping[StageName, Stage] = {
    stage.NAME: stage for stage in (sync, headers, frameids, fpack, transfer, manifest)
}
