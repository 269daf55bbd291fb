"""vampctl requests: what members have asked for, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, reading
from vampd.cli.shared.words import format_moment, format_time, one_line
from vampd.errors import DataError, NotPermitted, UsageError

if TYPE_CHECKING:
    from vampd.model.nights import NightId
    from vampd.model.request import Answer, Request
    from vampd.wiring.connections import Connections

_ANSWERS = 20
_ID = 8

TakeBackOption = Annotated[
    str | None,
    typer.Option(
        "--take-back",
        metavar="ID",
        help="Take a request of your own back.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Pending:
    """A request that was not acted on; without ``request`` it is none, for the reason ``why``."""

    id: str
    writer: str
    at: float
    request: Request | None
    why: str = ""


def requests(
    context: typer.Context,
    take_back: TakeBackOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what members ask, and what became of it.

    What the owner types takes effect at once. What a member types is a request: `retry`, `hold`,
    `release` and `acknowledge`, or what requests.members_may lists (of `restore`, `purge`,
    `recover`, `archive`, `mail`, and `ledger`, which is rebuild-ledger, too). vampd acts on it
    within a second, or at its next start before any night goes on, and answers it as out of date if
    the night has changed since. Its writer may take it back until then.
    """
    from vampd.wiring.requests import request_folder

    with reading(context, config) as connections:
        folder = request_folder(connections.settings)
        if take_back is not None:
            _take_back(connections, folder, take_back)
            return
        pending = tuple(_pending(folder))
        answers = connections.answers.newest(_ANSWERS)
    if as_json:
        write_json(
            {
                "pending": [_pending_object(one) for one in pending],
                "answered": [_answer_object(one) for one in answers],
            }
        )
        return
    now = time.time()
    if not pending and not answers:
        write("no requests")
    rows = [(p.id[:_ID], format_moment(p.at, now), p.writer, *_words(p)) for p in pending]
    rows += [
        (a.id[:_ID], format_moment(a.at, now), a.actor, _what(a.verb, a.night), _became(a))
        for a in answers
    ]
    write_table((Column(), Column(), Column(), Column(), Column()), rows)


def _take_back(connections: Connections, folder: Path, text: str) -> None:
    from vampd.disk.rights import request_ids, take_back_request

    chosen = [one for one in _listed(folder, request_ids) if one.startswith(text)]
    if len(chosen) == 1:
        try:
            if take_back_request(folder, chosen[0]):
                write(f"{chosen[0][:_ID]}: taken back")
                return
        except PermissionError as error:
            raise NotPermitted(
                "request_of_another", f"{chosen[0][:_ID]} is another's: its writer may take it back"
            ) from error
    for answer in connections.answers.newest(_ANSWERS):
        if answer.id.startswith(text):
            raise UsageError("request_answered", f"{answer.id[:_ID]}: {_became(answer)}")
    raise UsageError(
        "request_unknown", f"{len(chosen) or 'no'} requests begin with {text!r}; `vampctl requests`"
    )


def _listed(folder: Path, list_ids: Any) -> tuple[str, ...]:
    try:
        found: tuple[str, ...] = list_ids(folder)
    except PermissionError as error:
        raise NotPermitted(
            "not_a_member", f"only members of the group of {folder} see requests"
        ) from error
    return found


def _pending(folder: Path) -> Iterator[Pending]:
    from vampd.disk.refusal import user_name
    from vampd.disk.rights import read_request, request_ids
    from vampd.model.request import parse_request, request_name

    for request_id in _listed(folder, request_ids):
        try:
            status = (folder / request_name(request_id)).lstat()
        except OSError:
            continue  # acted on meanwhile, or its writer has mounted something there
        writer, at = user_name(status.st_uid), status.st_mtime
        try:
            request = parse_request(read_request(folder, request_id).content, request_id)
            yield Pending(request_id, writer, at, request)
        except FileNotFoundError:
            continue
        except DataError as error:
            yield Pending(request_id, writer, at, None, error.message)


def _words(pending: Pending) -> tuple[str, str]:
    request = pending.request
    if request is None:
        return "-", one_line(f"no request: {pending.why}")
    seen = request.seen
    waits = "waits for vampd"
    if seen is not None:
        waits += f" (seen: {seen.status} at {seen.stage})"
    return _what(request.verb, request.night), waits


def _what(verb: object, night: NightId | None) -> str:
    if night is not None:
        return f"{verb} {night.date} {night.kind}"
    return "-" if verb is None else str(verb)


def _became(answer: Answer) -> str:
    outcome = str(answer.outcome).replace("_", " ")
    return one_line(f"{outcome}: {answer.message}")


def _pending_object(pending: Pending) -> dict[str, Any]:
    request = pending.request
    return {
        "id": pending.id,
        "writer": pending.writer,
        "at": format_time(pending.at),
        "verb": None if request is None else request.verb,
        "date": None if request is None or request.night is None else request.night.date,
        "kind": None if request is None or request.night is None else request.night.kind,
        "stage": None if request is None else request.stage,
        "reason": None if request is None else request.reason,
    }


def _answer_object(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "writer": answer.actor,
        "at": format_time(answer.at),
        "verb": answer.verb,
        "date": None if answer.night is None else answer.night.date,
        "kind": None if answer.night is None else answer.night.kind,
        "outcome": answer.outcome,
        "code": answer.code,
        "message": answer.message,
    }
