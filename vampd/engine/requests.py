"""Acts on the requests of members: each once, in the writer's name, before any night is claimed.

A request says little and is believed less: its writer is whoever owns the file, the night must be
as the writer saw it, and the deed and its answer are one transaction, so that a kill in between
leaves a request that was not acted on, or one that is answered and only has to be removed. What
takes long is on record as begun before it begins, and is never begun again. The desk is one class,
however long: each step depends on what the one before has found of the same request.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.disk.refusal import user_name
from vampd.disk.rights import (
    MOST_KEPT,
    MOST_LOOKED,
    MOST_OF_ONE,
    RequestPlace,
    claim_request,
    claimed_folder,
    claimed_ids,
    is_being_placed,
    read_request,
    remove_request,
    remove_strangers,
    remove_surplus,
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
from vampd.stages.raw_presence import refuse_without_raw
from vampd.stages.records.manifest_files import read_manifests

_log = get_log()
_UNSTABLE_S, _NEVER = 2.0, (-1, 0.0)
# Of all writers: a user may write as many. In the first turn more are acted on, of one as well,
# because no night is claimed before it.
_MOST_A_TURN, _MOST_AT_START = 200, 1000
# How long the loop waits for a disk that answers; and how many may not.
_AT_ONCE_S, _MOST_LOOKS = 0.1, 8


class _Look(threading.Thread):
    """A look at a night's folder for a request, and the error that it ended with; it keeps no
    process alive.
    """

    def __init__(self, look: Callable[[], None], request: Request) -> None:
        super().__init__(name="request", daemon=True)
        self.request = request
        self.error: Exception | None = None
        self._context, self._look = contextvars.copy_context(), look

    def run(self) -> None:
        """Look."""
        try:
            self._context.run(self._look)
        except Exception as error:  # noqa: BLE001 - raised where its request is acted on
            self.error = error


def _needs_folder(request: Request) -> bool:
    is_back = request.stage is StageName.SYNC
    return request.night is not None and (is_back or request.verb in (Verb.ACKNOWLEDGE, Verb.MAIL))


class RequestDesk:
    """Acts for the owner on what lies there; without ``deeds``, what takes long is left there."""

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
        self._is_at_start = True
        self._place = RequestPlace(folder)
        self._looks: dict[str, _Look] = {}

    def prepare(self) -> None:
        """Make the folder; where that cannot be, the log says why and no one can ask."""
        self._examine_place()
        if self._deeds is not None:
            self._answers.interrupt(self._clock())

    def attend(self, members_may: Collection[Verb]) -> None:
        """Act on what has come since the last call."""
        self._examine_place()
        if not self._place.is_usable:
            return
        for request_id in [one for one, look in self._looks.items() if not look.is_alive()]:
            self._attend(request_id, members_may)
        if not self._has_changed():
            return
        remove_strangers(self._folder)
        remove_surplus(self._folder)
        for request_id in claimed_ids(self._folder):
            self._attend(request_id, members_may)
        of_one, of_all = MOST_OF_ONE, _MOST_A_TURN
        if self._is_at_start:
            of_one, of_all = MOST_KEPT, _MOST_AT_START
        self._is_at_start = False
        begun: Counter[int] = Counter()
        for request_id in request_ids(self._folder, MOST_KEPT, MOST_LOOKED):
            try:
                uid = writer_of(self._folder, request_id)
                # What has to wait counts for nothing: the same writer's `hold` passes it.
                is_enough = begun[uid] == of_one or begun.total() == of_all
                if is_enough or not self._can_begin(request_id):
                    self._looked_at = _NEVER
                    continue
                claim_request(self._folder, request_id)
            except FileNotFoundError:
                continue  # taken back
            except (FileExistsError, PermissionError):
                # One of its name is acted on; or its writer has mounted something there meanwhile.
                self._looked_at = _NEVER
                continue
            begun[uid] += 1
            self._attend(request_id, members_may)

    def _examine_place(self) -> None:
        if (news := self._place.examine()) is not None:
            is_usable = self._place.is_usable
            _log.error("requests.mended" if is_usable else "requests.refused", error=news)
            self._looked_at = _NEVER

    @property
    def nights(self) -> Collection[NightId]:
        """The nights of deeds that are being carried out."""
        return () if self._deeds is None else self._deeds.nights

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked is on its way."""
        return bool(self._looks) or (self._deeds is not None and self._deeds.is_busy)

    def end(self) -> None:
        """End what is being carried out."""
        if self._deeds is not None:
            self._deeds.end()

    def _can_begin(self, request_id: str) -> bool:
        """Whether it can be acted on now: of what takes long, one is carried out at a time, and a
        night's folder is looked at once at a time.
        """
        try:
            if is_being_placed(self._folder, request_id):
                return False
            content = read_request(self._folder, request_id).content
            request = parse_request(content, request_id)
            if _needs_folder(request) and not self._may_look(request.night):
                return False
            is_free = self._deeds is not None and not self._deeds.is_busy
            return is_free or request.verb not in LONG_VERBS
        except Exception:  # noqa: BLE001 - it is refused by who acts on it
            return True

    def _has_changed(self) -> bool:
        try:
            changed_ns = os.lstat(self._folder).st_mtime_ns
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
            self._looks.pop(request_id, None)
            return
        actor = f"{user_name(uid)} (vampctl)"
        answer = Answer(request_id, uid, actor, self._clock(), Outcome.REFUSED, "")
        try:
            acted = self._act(answer, members_may)
            if acted is None:
                return  # its night is looked at, or another deed is carried out
            answer = acted
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

    def _act(self, answer: Answer, members_may: Collection[Verb]) -> Answer | None:
        try:
            found = read_request(claimed_folder(self._folder), answer.id)
            request = parse_request(found.content, answer.id)
            answer = replace(answer, verb=request.verb, night=request.night)
            if answer.uid not in (0, os.geteuid()) and request.verb not in members_may:
                raise UsageError(
                    "request_not_allowed",
                    f"`{request.verb}` is the owner's alone here (requests.members_may)",
                )
            if not self._has_looked(request):
                return None
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            message = error.message if isinstance(error, VampdError) else str(error)
            outcome = Outcome.OUT_OF_DATE if code == OUT_OF_DATE else Outcome.REFUSED
            return self._answers.refuse(
                replace(answer, outcome=outcome, code=code, message=message)
            )
        if request.verb in LONG_VERBS:
            return self._begin(request, answer)
        if request.verb is Verb.ACKNOWLEDGE:
            return self._answers.acknowledge(request, answer)
        return self._answers.move(request, answer)

    def _begin(self, request: Request, answer: Answer) -> Answer | None:
        if (known := self._answers.answer(request.id)) is not None:
            return known
        if self._deeds is None or self._deeds.is_busy:
            # Claimed by a vampd that was killed, or just changed by its writer into this.
            self._looked_at = _NEVER
            return None
        begun = self._answers.begin(request, answer)
        if begun.outcome is Outcome.BEGUN:
            failpoint("requests.deed.recorded")
            self._deeds.start(request, begun)
        return begun

    def _may_look(self, night: NightId | None) -> bool:
        looking = [look.request.night for look in self._looks.values() if look.is_alive()]
        return night not in looking and len(looking) < _MOST_LOOKS

    def _has_looked(self, request: Request) -> bool:
        """Whether what lies here fits the request; its error if not, False if it is not known yet.

        A night's folder is looked at beside the loop: its disk may never answer.
        """
        if not _needs_folder(request):
            self._looks.pop(request.id, None)
            self._look(request)
            return True
        look = self._looks.get(request.id)
        # Its writer may have changed it meanwhile, whatever it was looked at for.
        if look is None or not (look.is_alive() or look.request == request):
            look = self._looks[request.id] = _Look(partial(self._look, request), request)
            look.start()
            look.join(_AT_ONCE_S)
        if look.is_alive():
            return False
        del self._looks[request.id]
        if look.error is not None:
            raise look.error
        return True

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
