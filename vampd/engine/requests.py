"""Acts on the requests of members: each once, in the writer's name, before any night is claimed.

A request says little and is believed less: its writer is whoever owns the file, the night must be
as the writer saw it, and the deed and its answer are one transaction, so that a kill in between
leaves a request that was not acted on, or one that is answered and only has to be removed. What
takes long is on record as begun before it begins, and is never begun again.
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
    claim_request,
    claimed_folder,
    claimed_ids,
    is_being_placed,
    prepare_request_folder,
    read_request,
    remove_request,
    remove_strangers,
    request_ids,
    writer_of,
)
from vampd.engine.deeds import Deeds
from vampd.errors import StateError, StoreError, TransientError, UsageError, VampdError
from vampd.log import get_log
from vampd.model.deed import LONG_VERBS, Verb
from vampd.model.nights import NightId, StageName
from vampd.model.request import (
    OUT_OF_DATE,
    Answer,
    Outcome,
    Request,
    destination_seen,
    parse_request,
)
from vampd.ports import Answers, Destinations, NightReader
from vampd.stages.manifest_files import read_manifests
from vampd.stages.raw_presence import refuse_without_raw

_log = get_log()
_UNSTABLE_S = 2.0
_NEVER = (-1, 0.0)


class RequestDesk:
    """What lies in the folder of requests, acted on for the owner.

    Without ``deeds``, what takes long is left for who can carry it out.
    """

    def __init__(
        self,
        folder: Path,
        answers: Answers,
        destinations: Destinations,
        reader: NightReader,
        deeds: Deeds | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._answers = answers
        self._destinations = destinations
        self._reader = reader
        self._deeds = deeds
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
        if self._deeds is not None:
            self._answers.interrupt(self._clock())

    def attend(self, members_may: Collection[Verb]) -> None:
        """Act on what has come since the last call."""
        if not self._is_usable or not self._has_changed():
            return
        remove_strangers(self._folder)
        for request_id in claimed_ids(self._folder):
            self._attend(request_id, members_may)
        for request_id in request_ids(self._folder):
            if not self._can_begin(request_id):
                self._looked_at = _NEVER
                continue
            try:
                claim_request(self._folder, request_id)
            except FileNotFoundError:
                continue  # its writer has taken it back
            self._attend(request_id, members_may)

    @property
    def nights(self) -> Collection[NightId]:
        """The nights of deeds that are being carried out."""
        return () if self._deeds is None else self._deeds.nights

    @property
    def is_busy(self) -> bool:
        """Whether a deed is being carried out."""
        return self._deeds is not None and self._deeds.is_busy

    def end(self) -> None:
        """End what is being carried out."""
        if self._deeds is not None:
            self._deeds.end()

    def _can_begin(self, request_id: str) -> bool:
        """Whether it can be acted on now: of what takes long, one is carried out at a time."""
        try:
            if is_being_placed(self._folder, request_id):
                return False
            if self._deeds is not None and not self._deeds.is_busy:
                return True
            content = read_request(self._folder, request_id).content
            return parse_request(content, request_id).verb not in LONG_VERBS
        except Exception:  # noqa: BLE001 - it is refused by who acts on it
            return True

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
        folder = claimed_folder(self._folder)
        try:
            uid = writer_of(folder, request_id)
        except FileNotFoundError:
            return
        actor = f"{user_name(uid)} (vampctl)"
        answer = Answer(request_id, uid, actor, self._clock(), Outcome.REFUSED, "")
        try:
            answer = self._act(answer, members_may)
        except (StoreError, TransientError, OSError, MemoryError):
            # Nothing is wrong with the request: it stays, and is looked at again.
            self._looked_at = _NEVER
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # A bug in how one request is read is not everyone's.
            _log.error("request.refused", request=request_id, code="bug", exc_info=True)
            answer = self._answers.refuse(replace(answer, code="bug", message=repr(error)[:500]))
        failpoint("requests.answered")
        remove_request(self._folder, request_id)
        _log.info(
            "request.answered",
            request=request_id,
            verb=answer.verb,
            requested=None if answer.night is None else str(answer.night),
            actor=answer.actor,
            outcome=answer.outcome,
            code=answer.code,
        )

    def _act(self, answer: Answer, members_may: Collection[Verb]) -> Answer:
        try:
            found = read_request(claimed_folder(self._folder), answer.id)
            request = parse_request(found.content, answer.id)
            answer = replace(answer, verb=request.verb, night=request.night)
            if answer.uid not in (0, os.geteuid()) and request.verb not in members_may:
                raise UsageError(
                    "request_not_allowed",
                    f"`{request.verb}` is the owner's alone here (requests.members_may)",
                )
            self._look(request)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            message = error.message if isinstance(error, VampdError) else str(error)
            outcome = Outcome.OUT_OF_DATE if code == OUT_OF_DATE else Outcome.REFUSED
            return self._answers.refuse(
                replace(answer, outcome=outcome, code=code, message=message)
            )
        if self._deeds is not None and request.verb in LONG_VERBS:
            return self._begin(request, answer, self._deeds)
        if request.verb is Verb.ACKNOWLEDGE:
            return self._answers.acknowledge(request, answer)
        return self._answers.move(request, answer)

    def _begin(self, request: Request, answer: Answer, deeds: Deeds) -> Answer:
        if (known := self._answers.answer(request.id)) is not None:
            return known
        begun = self._answers.begin(request, answer)
        if begun.outcome is Outcome.BEGUN:
            failpoint("requests.deed.recorded")
            deeds.start(request, begun)
        return begun

    def _look(self, request: Request) -> None:
        """Refuse what does not fit what lies here, or was seen there."""
        if request.verb is Verb.ARCHIVE and request.choices.nights is not None:
            known = self._destinations.known(request.choices.nights)
            if destination_seen(known) != request.choices.known:
                raise StateError(
                    OUT_OF_DATE, "another archive is on record than was seen; look, and ask again"
                )
        night, seen = request.night, request.seen
        if night is None or seen is None:
            return
        if request.stage is StageName.SYNC and seen.stage is not StageName.SYNC:
            refuse_without_raw(night, self._reader)
        if request.verb not in (Verb.ACKNOWLEDGE, Verb.MAIL):
            return
        texts = read_manifests(night, self._reader)
        if not texts or {text.file for text in texts} != set(request.manifests):
            raise StateError(
                OUT_OF_DATE,
                f"the manifests of {night.date} are not those that were seen when this was"
                " asked; look, and ask again",
            )
