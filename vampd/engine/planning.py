"""Planning a stage: sync's inference in a worker process, so that the daemon does not grow."""

from __future__ import annotations

from typing import Any

from vampd.config import Settings
from vampd.engine.execute import AttemptTools
from vampd.model.nights import StageName
from vampd.model.plan import Plan
from vampd.stages import Stage, sync


def plan_stage(tools: AttemptTools, stage: Stage, survey: Any, settings: Settings) -> Plan:
    """What the stage has to do; errors as its ``plan``.

    Sync of new cubes is planned by a worker.
    """
    if stage.NAME is not StageName.SYNC or not survey.late:
        return stage.plan(survey, settings)
    with tools.workers.place(tools.pace):
        return tools.workers.run(tools.pace, {}, sync.plan, survey, settings)
