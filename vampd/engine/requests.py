"""Acts on the requests of members: each once, in the writer's name, before any night is claimed.

A request says little and is believed less: its writer is whoever owns the file, the night must be
as the writer saw it, and the deed and its answer are one transaction, so that a kill in between
leaves a request that was not acted on, or one that is answered and only has to be removed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.disk.refusal import user_name
from vampd.disk.rights import (
    RequestFile,
    opened_request,
    prepare_request_folder,
    remove_request,
    request_ids,
)
from vampd.errors import DataError, StateError, UsageError, VampdError
from vampd.log import get_log
from vampd.model.nights import StageName
from vampd.model.request import OUT_OF_DATE, Answer, Outcome, Request, Verb, parse_request
from vampd.ports import Answers, NightReader
from vampd.stages.manifest_files import read_manifests
from vampd.stages.raw_presence import refuse_without_raw

_log = get_log()
_UNSTABLE_S = 2.0
_NEVER = (-1, 0.0)


class RequestDesk:
    """What lies in the folder of requests, acted on for the owner."""

    def __init__(
        self,
        folder: Path,
        answers: Answers,
        reader: NightReader,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._answers = answers
        self._reader = reader
        self._clock = clock
        self._looked_at = _NEVER
        self._is_usable = True

    def prepare(self) -> None:
        """Make the folder; where that cannot be, the log says why and no one can ask."""
        try:
            prepare_request_folder(self._folder)
        except (StateError, OSError) as error:
            self._is_usable = False
            _log.error("requests.refused", error=str(error))

    def attend(self, members_may: Collection[Verb]) -> None:
        """Act on what has come since the last call."""
        if self._is_usable and self._has_changed():
            for request_id in request_ids(self._folder):
                self._attend(request_id, members_may)

    def _has_changed(self) -> bool:
        try:
            changed_ns = os.stat(self._folder).st_mtime_ns
        except FileNotFoundError:
            return False
        # Two changes within a tick of the file system's clock look like one.
        known_ns, until = self._looked_at
        if changed_ns != known_ns:
            self._looked_at = (changed_ns, time.monotonic() + _UNSTABLE_S)
            return True
        return time.monotonic() < until

    def _attend(self, request_id: str, members_may: Collection[Verb]) -> None:
        try:
            with opened_request(self._folder, request_id) as found:
                if found is None:
                    # Its writer is about to take it back, or not: it is looked at again.
                    self._looked_at = _NEVER
                    return
                answer = self._act(found, members_may)
                failpoint("requests.answered")
                remove_request(self._folder, request_id)
        except FileNotFoundError:
            return
        except DataError as error:
            remove_request(self._folder, request_id)
            _log.warning(
                "request.refused", request=request_id, code=error.code, error=error.message
            )
            return
        _log.info(
            "request.answered",
            request=request_id,
            verb=answer.verb,
            requested=None if answer.night is None else str(answer.night),
            actor=answer.actor,
            outcome=answer.outcome,
            code=answer.code,
        )

    def _act(self, found: RequestFile, members_may: Collection[Verb]) -> Answer:
        actor = f"{user_name(found.uid)} (vampctl)"
        answer = Answer(found.id, found.uid, actor, self._clock(), Outcome.REFUSED, "")
        try:
            request = parse_request(found.content, found.id)
            answer = replace(answer, verb=request.verb, night=request.night)
            if found.uid not in (0, os.geteuid()) and request.verb not in members_may:
                raise UsageError(
                    "request_not_allowed",
                    f"`{request.verb}` is the owner's alone here (requests.members_may)",
                )
            self._look_at_night(request)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            message = error.message if isinstance(error, VampdError) else str(error)
            outcome = Outcome.OUT_OF_DATE if code == OUT_OF_DATE else Outcome.REFUSED
            return self._answers.refuse(
                replace(answer, outcome=outcome, code=code, message=message)
            )
        if request.verb is Verb.ACKNOWLEDGE:
            return self._answers.acknowledge(request, answer)
        return self._answers.move(request, answer)

    def _look_at_night(self, request: Request) -> None:
        """Refuse what the night's folder does not allow."""
        if request.stage is StageName.SYNC and request.seen.stage is not StageName.SYNC:
            refuse_without_raw(request.night, self._reader)
        if request.verb is not Verb.ACKNOWLEDGE:
            return
        texts = read_manifests(request.night, self._reader)
        if not texts or {text.file for text in texts} != set(request.manifests):
            raise StateError(
                OUT_OF_DATE,
                f"the manifests of {request.night.date} are not those that were seen when this was"
                " asked; look, and ask again",
            )
