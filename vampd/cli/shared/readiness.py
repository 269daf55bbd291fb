"""What a night waits for now, read from the disk: for commands, with or without the daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vampd.errors import RootUnknown, TransientError
from vampd.model.nights import (
    Observation,
    Ready,
    Status,
    Wait,
    WaitCode,
    find_next_for_ids,
    judge_readiness,
)

if TYPE_CHECKING:
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections

# Judged by what lies in their folders.
_READ_ROOT = frozenset({Status.FILLING, Status.READY, Status.WAITING})


def judge_now(
    connections: Connections, record: NightRecord, records: Sequence[NightRecord]
) -> Ready | Wait:
    """What a night of ``records`` waits for; its folder is read while it fills."""
    from vampd.engine.nights.rules import readiness_rules

    settings = connections.settings
    rules, now = readiness_rules(settings), time.time()
    if record.state.status not in _READ_ROOT:
        return judge_readiness(Observation(record, find_next_for_ids(records, rules)), rules, now)
    # What reads a folder is slow to import.
    from vampd.engine.nights.observation import judge_night, wait_for_folder

    try:
        connections.root.recognize()
        reader = connections.make_reader(settings)
        return judge_night(record, records, rules, now, settings.watch.root, reader)
    except RootUnknown as error:
        return Wait(WaitCode.ROOT_UNKNOWN, error.message)
    except TransientError as error:
        return Wait(WaitCode.UNLISTED, f"cannot be read: {error.message}")
    except OSError as error:
        return wait_for_folder(error, settings.watch.root / record.night.folder)


def wait_object(judged: Ready | Wait) -> dict[str, str] | None:
    """What a night waits for, for programs; None for nothing."""
    if isinstance(judged, Ready):
        return None
    return {"code": judged.code.value, "text": judged.text}
