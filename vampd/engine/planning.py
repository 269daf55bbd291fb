"""Planning a stage: sync's inference in a worker process, so that the daemon does not grow."""

from __future__ import annotations

from typing import Any

from vampd.config import Settings
from vampd.engine.execute import AttemptTools
from vampd.engine.workers import NOT_STARTED
from vampd.errors import WorkerLost
from vampd.log import get_log
from vampd.model.nights import StageName
from vampd.model.plan import Plan
from vampd.stages import Stage, sync

_log = get_log()
_WORKERS_A_PLAN = 3


def plan_stage(tools: AttemptTools, stage: Stage, survey: Any, settings: Settings) -> Plan:
    """What the stage has to do; errors as its ``plan``.

    Sync of new cubes is planned by a worker, and by another one if that is lost.
    """
    if stage.NAME is not StageName.SYNC or not survey.late:
        return stage.plan(survey, settings)
    with tools.workers.place(tools.pace):
        lost = 0
        while True:
            try:
                future = tools.workers.submit(sync.plan, survey, settings)
                return tools.workers.result(future, tools.pace)
            except WorkerLost as error:
                _log.warning("worker.lost", code=error.code, error=error.message)
                lost += 1
                # What no worker can be started for now is for a later attempt.
                if lost == _WORKERS_A_PLAN or error.code == NOT_STARTED:
                    raise
