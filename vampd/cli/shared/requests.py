"""Asking the owner: a request is placed, and its answer waited for a moment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.session import agreed
from vampd.errors import DataError, NotPermitted, StateError, UsageError
from vampd.model.deed import Choices
from vampd.model.request import (
    LONGEST_REASON,
    LONGEST_REQUEST_BYTES,
    Answer,
    Outcome,
    Request,
    format_request,
    parse_request,
    seen_state,
)

if TYPE_CHECKING:
    from vampd.model.deed import Verb
    from vampd.model.delivery import ManifestFile
    from vampd.model.nights import NightRecord, StageName
    from vampd.wiring.connections import Connections

_PATIENCE_S = 5.0
_LOOK_AGAIN_S = 0.1


def ask(
    connections: Connections,
    record: NightRecord | None,
    verb: Verb,
    *,
    stage: StageName | None = None,
    reason: str | None = None,
    manifests: Sequence[ManifestFile] = (),
    choices: Choices | None = None,
) -> str:
    """Ask for this, about the night as it is seen; what became of it, or that it is queued.

    NotPermitted ``not_a_member``; UsageError with the code of a refusal; StateError
    ``request_out_of_date``.
    """
    from vampd.disk.rights import place_request
    from vampd.wiring.requests import request_folder

    if reason is not None and (len(reason) > LONGEST_REASON or not reason.isprintable()):
        raise UsageError(
            "reason_refused", f"a reason is one line of at most {LONGEST_REASON} characters"
        )
    request = Request(
        secrets.token_hex(16),
        verb,
        None if record is None else record.night,
        None if record is None else seen_state(record),
        stage,
        reason,
        tuple(manifests),
        choices or Choices(),
    )
    content = format_request(request)
    if len(content) > LONGEST_REQUEST_BYTES:
        raise UsageError("request_too_long", "the request is too long; ask the owner")
    try:
        parse_request(content, request.id)
    except DataError as error:
        raise UsageError(
            "request_not_asked", "this cannot be asked for in a request; ask the owner"
        ) from error
    folder = request_folder(connections.settings)
    try:
        place_request(folder, request.id, content)
    except (FileNotFoundError, PermissionError) as error:
        raise NotPermitted(
            "not_a_member",
            f"cannot put a request into {folder} ({error.strerror}); who may ask belongs to its"
            " group, and vampd makes the folder when it starts",
        ) from error
    title = "" if record is None else f"{record.night.date} {record.night.kind}: "
    answer = _wait_for_answer(connections, request.id)
    if answer is None:
        return (
            f"{title}asked to {verb}, and queued: vampd does not"
            " answer now; it acts on this at its start, before any night goes on, if the night is"
            f" then as it is now. `vampctl requests` shows it, `vampctl requests --take-back"
            f" {request.id[:8]}` takes it back"
        )
    if answer.outcome is Outcome.DONE:
        return answer.message
    if answer.outcome is Outcome.BEGUN:
        return f"{title}{answer.message}: {verb}; `vampctl requests` shows what became of it"
    message = f"{title}{answer.message}"
    if answer.outcome is Outcome.OUT_OF_DATE:
        raise StateError(answer.code or answer.outcome, message)
    raise UsageError(answer.code or answer.outcome, message)


def ask_after(
    question: str, asking: Callable[[], str], *, yes: bool, dry_run: bool = False
) -> None:
    """Ask the owner, once the person at the terminal has agreed."""
    if dry_run or not (yes or agreed(question)):
        write("nothing was asked")
        return
    write_prose(asking())


def _wait_for_answer(connections: Connections, request_id: str) -> Answer | None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer = connections.answers.answer(request_id)
        if answer is not None or time.monotonic() > deadline:
            return answer
        time.sleep(_LOOK_AGAIN_S)
