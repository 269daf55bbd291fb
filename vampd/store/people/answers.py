"""What became of requests, in the database: ports.Answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from vampd.disk.failpoint import failpoint
from vampd.errors import IllegalTransition
from vampd.model.nights import NightId, NightRecord
from vampd.model.request import (
    OUT_OF_DATE,
    Answer,
    Outcome,
    Request,
    describe_move,
    move_of,
    seen_state,
)
from vampd.store.database.connection import Store
from vampd.store.nights import find_record, write_event
from vampd.store.people.mailings import write_acknowledgments
from vampd.store.schema import AnswerRow

_ANSWERS = AnswerRow.__table__
# Long after the last file of a request can lie in its folder unseen.
_KEPT_S = 90 * 86400.0
# The code of a deed whose process died.
INTERRUPTED = "request_interrupted"
_INTERRUPTED = (
    "vampd ended while this was carried out, and does not begin it again: look at the night, and"
    " ask again"
)


class StoredAnswers:
    """The answers of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, request_id: str) -> Answer | None:
        with self._store.read() as connection:
            return _find(connection, request_id)

    def newest(self, most: int) -> tuple[Answer, ...]:
        with self._store.read() as connection:
            rows = connection.execute(select(_ANSWERS).order_by(AnswerRow.at.desc()).limit(most))
            return tuple(_answer(row) for row in rows.mappings())

    def move(self, request: Request, answer: Answer) -> Answer:
        def act(connection: Connection, before: NightRecord) -> str:
            move = move_of(request.verb, before, request.stage, request.reason)
            after = write_event(
                connection,
                before.night,
                move.event,
                at=answer.at,
                actor=answer.actor,
                code=move.code,
                message=move.message,
            )
            return describe_move(before, after, move)

        return self._act(request, answer, act)

    def acknowledge(self, request: Request, answer: Answer) -> Answer:
        def act(connection: Connection, before: NightRecord) -> str:
            write_acknowledgments(connection, request.manifests, at=answer.at, actor=answer.actor)
            count = len(request.manifests)
            return f"{before.night.date}: {count} manifest{'' if count == 1 else 's'} acknowledged"

        return self._act(request, answer, act)

    def begin(self, request: Request, answer: Answer) -> Answer:
        with self._store.write() as connection:
            if (known := _find(connection, request.id)) is not None:
                return known
            if request.night is not None:
                record = find_record(connection, request.night)
                if record is None or seen_state(record) != request.seen:
                    return _record(connection, _out_of_date(answer, record))
            begun = replace(answer, outcome=Outcome.BEGUN, message="vampd carries it out")
            return _record(connection, begun)

    def conclude(
        self, request_id: str, outcome: Outcome, code: str | None, message: str, at: float
    ) -> None:
        with self._store.write() as connection:
            connection.execute(
                update(AnswerRow)
                .where(AnswerRow.id == request_id)
                .values(outcome=outcome, code=code, message=message, at=at)
            )

    def interrupt(self, at: float) -> None:
        with self._store.write() as connection:
            connection.execute(
                update(AnswerRow)
                .where(AnswerRow.outcome == Outcome.BEGUN)
                .values(outcome=Outcome.FAILED, code=INTERRUPTED, message=_INTERRUPTED, at=at)
            )

    def refuse(self, answer: Answer) -> Answer:
        with self._store.write() as connection:
            return _find(connection, answer.id) or _record(connection, answer)

    def _act(
        self, request: Request, answer: Answer, act: Callable[[Connection, NightRecord], str]
    ) -> Answer:
        """The deed and its answer in one transaction; the answer that there is already."""
        with self._store.write() as connection:
            if (known := _find(connection, request.id)) is not None:
                return known
            night = request.night
            record = None if night is None else find_record(connection, night)
            if record is None or seen_state(record) != request.seen:
                return _record(connection, _out_of_date(answer, record))
            try:
                message = act(connection, record)
            except IllegalTransition as error:
                refused = replace(
                    answer, outcome=Outcome.REFUSED, code=error.code, message=error.message
                )
                return _record(connection, refused)
            failpoint("store.answers.acted")
            return _record(connection, replace(answer, outcome=Outcome.DONE, message=message))


def _out_of_date(answer: Answer, record: NightRecord | None) -> Answer:
    now = "is unknown" if record is None else f"is {record.state.status} at {record.state.stage}"
    return replace(
        answer,
        outcome=Outcome.OUT_OF_DATE,
        code=OUT_OF_DATE,
        message=f"the night has changed since this was asked: it {now}; look, and ask again",
    )


def _record(connection: Connection, answer: Answer) -> Answer:
    connection.execute(delete(AnswerRow).where(AnswerRow.at < answer.at - _KEPT_S))
    columns: dict[str, Any] = dict(vars(answer))
    night = columns.pop("night")
    date, kind = (None, None) if night is None else (night.date, night.kind)
    connection.execute(insert(AnswerRow).values(**columns, date=date, kind=kind))
    return answer


def _find(connection: Connection, request_id: str) -> Answer | None:
    row = (
        connection.execute(select(_ANSWERS).where(AnswerRow.id == request_id))
        .mappings()
        .one_or_none()
    )
    return None if row is None else _answer(row)


def _answer(row: RowMapping) -> Answer:
    columns = dict(row)
    date, kind = columns.pop("date"), columns.pop("kind")
    return Answer(night=None if date is None else NightId(date, kind), **columns)
