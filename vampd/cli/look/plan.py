"""vampctl plan: what vampd would do next with a night, without doing it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from vampd.cli.shared.nights import choose_record, title_of
from vampd.cli.shared.output import write_json, write_prose
from vampd.cli.shared.readiness import judge_now, wait_object
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.cli.shared.words import count_of, format_size, one_line
from vampd.model.nights import Ready, Status, Wait, WaitCode
from vampd.model.plan import (
    AcceptRaw,
    Action,
    CommitGeneration,
    CompareRaw,
    EditCards,
    EndReceipts,
    Hash,
    LinkSetAside,
    MarkApplied,
    Pack,
    Plan,
    PutAway,
    ReadGrown,
    RebuildFramelists,
    RecordReceipts,
    Remark,
    RenewReceipts,
    ReserveFrameIds,
    Retire,
    Send,
    SendAhead,
    SendMail,
    StampFrameId,
    TakeOver,
    Wave,
    WriteFramelist,
    WriteHeaderTable,
    WriteText,
)
from vampd.model.proofs import Place

if TYPE_CHECKING:
    from vampd.model.nights import NightRecord

# A plan up to this length is listed, a longer one is summarized.
LISTED_ACTIONS = 40
_LISTED_REMARKS = 10
_WORD_IN_NAME = re.compile(r"(?<!^)(?=[A-Z])")

AllOption = Annotated[bool, typer.Option("--all", help="List every action of a long plan.")]


def plan(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    list_all: AllOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what would be done at a night's stage.

    Changes nothing. This is exactly the plan that vampd would execute now: waves in order, the
    actions of a wave in any order. A plan longer than 40 actions is summarized by kind.
    """
    with reading(context, config) as connections:
        from vampd.stages import settings_for, stage_of

        records = connections.store.nights()
        record = choose_record(records, night, kind, time.time())
        judged = judge_now(connections, record, records)
        stage = stage_of(record)
        survey = stage.survey(record.night, connections.reader)
        planned = stage.plan(survey, settings_for(record, connections.settings))
    if as_json:
        write_json(plan_object(record, planned, judged))
        return
    limit = None if list_all else LISTED_ACTIONS
    for line in plan_lines(record, planned, judged, limit):
        write_prose(line)


def plan_lines(
    record: NightRecord, planned: Plan, judged: Ready | Wait, limit: int | None
) -> Iterator[str]:
    """The plan for people; one with more actions than ``limit`` is summarized by kind."""
    state = record.state
    yield f"{title_of(record.night)}, stage {state.stage}, {state.status}"
    if isinstance(judged, Wait) and judged.code is not WaitCode.DONE:
        yield f"It does not start now: {judged.text}."
    if state.status is Status.FILLING:
        yield "The night is still filling; this would be done if it were complete now."
    if not planned:
        yield "nothing left to do"
    short = limit is None or len(planned) <= limit
    for number, wave in enumerate(planned.waves, start=1):
        yield f"wave {number} of {len(planned.waves)}: {count_of(len(wave), 'action')}"
        yield from _list_wave(wave) if short else _sum_up_wave(wave)
    if not short:
        yield "--all lists every action"
    if planned:
        yield "Then the stage is surveyed again."
    yield from _remark_lines(planned.remarks, limit)


def plan_object(record: NightRecord, planned: Plan, judged: Ready | Wait) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "date": record.night.date,
        "kind": str(record.night.kind),
        "stage": str(record.state.stage),
        "status": str(record.state.status),
        "waits_for": wait_object(judged),
        "waves": [
            [
                {
                    "action": kind_of(action).replace(" ", "_"),
                    "subject": subject_of(action),
                    "runs_in": str(action.runs_in),
                }
                for action in wave
            ]
            for wave in planned.waves
        ],
        "remarks": [
            {"code": remark.code, "subject": remark.subject, "message": remark.message}
            for remark in planned.remarks
        ],
    }


def kind_of(action: Action) -> str:
    """The action's kind in words: ``write framelist``."""
    return _WORD_IN_NAME.sub(" ", type(action).__name__).lower()


def subject_of(action: Action) -> str:
    """What the action is about, in one line."""
    match action:
        case CommitGeneration(generation):
            return (
                f"vgen2/{generation.file_name}: {count_of(len(generation.cubes), 'raw cube')},"
                f" {count_of(len(generation.products), 'product')},"
                f" {len(generation.set_aside):,} set aside"
            )
        case WriteFramelist(product):
            return f"vgen2/{product.name}.framelist, {count_of(product.frames, 'frame')}"
        case WriteText(path):
            return path
        case WriteHeaderTable(path, _, products):
            return f"{path}, {count_of(len(products), 'product')}"
        case LinkSetAside(path):
            return path
        case EditCards(framelist, cards):
            return f"{framelist}, {count_of(cards, 'card')}"
        case ReserveFrameIds(identities):
            return count_of(len(identities), "frame ID")
        case StampFrameId(framelist, _, frame_id):
            return f"{framelist} as {frame_id}"
        case MarkApplied(frame_ids):
            return _first_to_last([str(frame_id) for frame_id in frame_ids])
        case Pack():
            return (
                f"{action.packed}, {count_of(action.frames, 'frame')}"
                f" ({format_size(action.bytes)} raw)"
            )
        case TakeOver(packed):
            return packed
        case RebuildFramelists(products):
            return _first_to_last([product.name for product in products])
        case RecordReceipts(receipts):
            return _first_to_last([receipt.path for receipt in receipts])
        case RenewReceipts(receipts):
            return _first_to_last([receipt.path for receipt in receipts])
        case PutAway(paths) | EndReceipts(paths):
            return _first_to_last(paths)
        case ReadGrown(receipt):
            return receipt.path
        case CompareRaw(changed):
            return _first_to_last([now.path for _, now in changed])
        case AcceptRaw(accepted):
            return _first_to_last([each.path for each in accepted])
        case Send(files, compare):
            return f"{_first_to_last(files)}, compared by {compare}"
        case SendAhead(products):
            return f"{_first_to_last(products)}, while others are packed"
        case Hash(files, place):
            where = "here" if place is Place.HERE else "on the archive host"
            return f"{_first_to_last(files)}, {where}"
        case Retire(path, kept_as):
            return f"{path}, kept as {kept_as}"
        case SendMail(manifests=manifests):
            return _first_to_last([manifest.name for manifest in manifests])
        case _:
            assert_never(action)


def _first_to_last(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{len(names):,}: {names[0]} to {names[-1]}"


def _list_wave(wave: Wave) -> Iterator[str]:
    width = max(len(kind_of(action)) for action in wave)
    for action in wave:
        yield f"  {kind_of(action):<{width}}  {subject_of(action)}"


def _sum_up_wave(wave: Wave) -> Iterator[str]:
    counts = Counter(map(kind_of, wave))
    width = max(map(len, counts))
    for kind, count in counts.items():
        first = next(action for action in wave if kind_of(action) == kind)
        more = f", and {count - 1:,} more" if count > 1 else ""
        yield f"  {kind:<{width}}  {subject_of(first)}{more}"


def _remark_lines(remarks: Sequence[Remark], limit: int | None) -> Iterator[str]:
    if not remarks:
        return
    yield f"{count_of(len(remarks), 'remark')}:"
    listed = remarks if limit is None else remarks[:_LISTED_REMARKS]
    for remark in listed:
        yield f"  {remark.code}  {remark.subject}  {one_line(remark.message)}"
    if len(listed) < len(remarks):
        yield f"  and {len(remarks) - len(listed):,} more (--all)"
