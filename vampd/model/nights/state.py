"""The state machine of a night: six stages times seven statuses.

Stages say how far a night has come, statuses what it is doing there. ``MOVES`` is the machine: a
pair of status and event that is not in it is an illegal move. All of it in one module, however
long: moves and what they mean are read together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vampd.errors import IllegalTransition
from vampd.model.nights.night import Kind


class StageName(StrEnum):
    """The stages, in the order in which a night passes them."""

    SYNC = "sync"
    HEADERS = "headers"
    FRAMEIDS = "frameids"
    FPACK = "fpack"
    TRANSFER = "transfer"
    MANIFEST = "manifest"


_STAGES = {
    Kind.ARCHIVE: tuple(StageName),
    # Engineering nights get no frame IDs, and are not announced to STARS.
    Kind.ENGINEERING: (StageName.SYNC, StageName.HEADERS, StageName.FPACK, StageName.TRANSFER),
}


def stages_of(kind: Kind) -> tuple[StageName, ...]:
    """The stages that a night of this kind passes, in order."""
    return _STAGES[kind]


class Status(StrEnum):
    """What a night is doing at its stage."""

    FILLING = "filling"  # still being written, or before its hour
    READY = "ready"  # may be claimed
    RUNNING = "running"  # claimed by this daemon
    WAITING = "waiting"  # failed, will be retried at not_before
    HELD = "held"  # needs a decision
    DONE = "done"  # nothing left to do
    LEGACY = "legacy"  # a night of the old tools, which vampd leaves alone


# The codes of a hold by `vampctl hold`, and of those during and after `vampctl restore`.
HELD_BY_PERSON = "held_by_person"
RESTORE_UNFINISHED = "restore_unfinished"
RESTORED = "restored"


class Gate(StrEnum):
    """What a night may not pass until a person lets it, each gate by its own release.

    All but OLDER_NIGHTS and OLD_TOOLS are also the codes of the holds that they lead to. Restoring
    opens the last.
    """

    CARD_MISSING = "card_missing"  # cubes without a required card
    RAW_CHANGED = "raw_changed"  # raw files are not what products were made from
    SYNC_UNEXPECTED = "sync_unexpected"  # a verdict of sync that needs review
    LATE_PARTNERS = "late_partners"  # late frames belong to frames that are in products
    NIGHT_GONE = "night_gone"  # nothing is left of a night that was archived
    SET_ASIDE_CHANGED = "set_aside_changed"  # a set-aside file is not what was sent, or grew to
    OTHER_PRODUCTS = "other_products"  # whole ones at the archive, of which nothing here tells
    OLDER_NIGHTS = "older_nights"  # older nights get frame IDs first
    OLD_TOOLS = "old_tools"  # traces of the old tools that restoring cannot remove


class EventName(StrEnum):
    """What can happen to a night."""

    RECOGNIZED = "recognized"  # discovered with traces of the old tools, before anything of ours
    CONTINUED = "continued"  # a person has what the old tools made packed, sent and listed
    SETTLED = "settled"  # quiet, and past its hour
    STIRRED = "stirred"  # written to again before sync has seen it
    CLAIMED = "claimed"  # an attempt begins
    ADVANCED = "advanced"  # the stage has nothing left to do
    FAILED = "failed"  # the attempt failed and will be retried
    HELD = "held"  # by the daemon's rules or by a person
    RETRIED = "retried"  # a person requested the stage, or an earlier one, again
    RELEASED = "released"  # a person let a held night proceed, past what it was held for
    REOPENED = "reopened"  # late data
    RETIMED = "retimed"  # raw files changed that sync had used: are they the same?
    INTERRUPTED = "interrupted"  # a daemon was killed while the night ran; counts as an attempt
    ABANDONED = "abandoned"  # returned by a stopping daemon; does not count as an attempt
    DISPROVED = "disproved"  # the archive copy was read again and found bad: no longer safe
    RESTORE_BEGUN = "restore_begun"  # products are about to be removed, at a person's word
    RESTORED = "restored"  # the folder is raw again
    EXTENDED = "extended"  # a finished night was given files that travel too
    MARKED = "marked"  # a person marked its raw files for deletion, from a date on
    UNMARKED = "unmarked"  # ... and a person took that back
    PURGED = (
        "purged"  # its raw cubes are about to be removed, proven to be kept, at a person's word
    )


_F, _RDY, _RUN = Status.FILLING, Status.READY, Status.RUNNING
_W, _H, _D, _L = Status.WAITING, Status.HELD, Status.DONE, Status.LEGACY

_HOLDING = (
    Gate.CARD_MISSING,
    Gate.RAW_CHANGED,
    Gate.SYNC_UNEXPECTED,
    Gate.LATE_PARTNERS,
    Gate.NIGHT_GONE,
    Gate.SET_ASIDE_CHANGED,
    Gate.OTHER_PRODUCTS,
)

# ADVANCED leads to DONE instead of READY after the last stage: see `advance`.
MOVES: dict[tuple[Status, EventName], Status] = {
    (_F, EventName.RECOGNIZED): _L,
    (_L, EventName.CONTINUED): _RDY,
    (_F, EventName.SETTLED): _RDY,
    (_F, EventName.HELD): _H,
    (_RDY, EventName.STIRRED): _F,
    (_RDY, EventName.CLAIMED): _RUN,
    (_RDY, EventName.HELD): _H,
    (_RDY, EventName.RETRIED): _RDY,
    (_RDY, EventName.RELEASED): _RDY,  # past an older night that it would wait for
    (_RDY, EventName.REOPENED): _F,
    (_RDY, EventName.RETIMED): _F,
    (_RUN, EventName.ADVANCED): _RDY,
    (_RUN, EventName.FAILED): _W,
    (_RUN, EventName.HELD): _H,
    (_RUN, EventName.RETRIED): _RDY,
    (_RUN, EventName.INTERRUPTED): _RDY,
    (_RUN, EventName.ABANDONED): _RDY,
    (_RUN, EventName.REOPENED): _F,  # sync found late data among what had changed
    (_W, EventName.STIRRED): _F,
    (_W, EventName.CLAIMED): _RUN,
    (_W, EventName.HELD): _H,
    (_W, EventName.RETRIED): _RDY,
    (_W, EventName.RELEASED): _RDY,  # an older one may have come back with late data
    (_W, EventName.REOPENED): _F,
    (_W, EventName.RETIMED): _F,
    (_H, EventName.RETRIED): _RDY,
    (_H, EventName.RELEASED): _RDY,
    (_D, EventName.RETRIED): _RDY,
    (_D, EventName.REOPENED): _F,
    (_D, EventName.RETIMED): _F,
    **{(status, EventName.DISPROVED): status for status in Status},
    # Held at its stage: nothing works on a folder that is half restored, and the stage says
    # whether other nights wait for this one's IDs, as before.
    **{(status, EventName.RESTORE_BEGUN): _H for status in (_F, _RDY, _W, _H, _D, _L)},
    (_H, EventName.RESTORED): _H,
    (_D, EventName.EXTENDED): _RDY,
    **{(_D, event): _D for event in (EventName.MARKED, EventName.UNMARKED, EventName.PURGED)},
}

# What only a night may be whose products vampd made, because it knows which raw frames they hold.
_OF_OWN_PRODUCTS = frozenset(
    {
        EventName.STIRRED,
        EventName.REOPENED,
        EventName.RETIMED,
        EventName.EXTENDED,
        EventName.MARKED,
        EventName.PURGED,
    }
)

# What happens at sync instead. A night that is held there may never have settled, or was brought
# back to raw since: let go, it fills, so that the rule of readiness judges it like any other.
MOVES_AT_SYNC: dict[tuple[Status, EventName], Status] = {
    (_H, EventName.RETRIED): _F,
    (_H, EventName.RELEASED): _F,
}


@dataclass(frozen=True)
class State:
    """The stage and status of a night.

    ``attempts`` counts the claims of this stage since the last success or a person's event;
    ``not_before`` (unix seconds) is set only while waiting. ``is_continued``: its products are the
    old tools', with their frame IDs, so that it is never at a stage that makes others.
    """

    stage: StageName = StageName.SYNC
    status: Status = Status.FILLING
    attempts: int = 0
    not_before: float | None = None
    is_continued: bool = False

    @property
    def is_of_old_tools(self) -> bool:
        """Whether what lies in the night is the old tools' work, taken on or not."""
        return self.is_continued or self.status is Status.LEGACY


@dataclass(frozen=True)
class Event:
    """Something that happens to a night.

    ``stage`` only for RETRIED and RELEASED: where to go back to (None: the same stage).
    ``not_before`` only for FAILED, the earliest time of the next attempt, and for MARKED, when raw
    may go.
    """

    name: EventName
    stage: StageName | None = None
    not_before: float | None = None


def advance(kind: Kind, state: State, event: Event) -> State:
    """The state after the event; IllegalTransition (``illegal_transition``) if there is no move."""
    move = state.status, event.name
    at_sync = MOVES_AT_SYNC if state.stage is StageName.SYNC else {}
    status = at_sync.get(move, MOVES.get(move))
    if status is None or (state.is_continued and event.name in _OF_OWN_PRODUCTS):
        raise IllegalTransition(
            "illegal_transition",
            f"a night that is {state.status} at {state.stage} cannot be {event.name}",
        )
    after = replace(state, status=status, not_before=None)
    match event.name:
        case EventName.DISPROVED:
            return state  # it says something of the proofs, and nothing of the work
        case EventName.CLAIMED:
            return replace(after, attempts=state.attempts + 1)
        case EventName.ABANDONED:
            return replace(after, attempts=state.attempts - 1)
        case EventName.FAILED:
            return replace(after, not_before=event.not_before)
        case EventName.ADVANCED:
            return _next_stage(kind, after)
        case EventName.RETRIED:
            return replace(after, stage=_earlier_stage(kind, state, event.stage), attempts=0)
        case EventName.RELEASED:
            stage = _refuse_before_packing(state, event.stage or state.stage)
            return replace(after, stage=stage, attempts=0)
        case EventName.STIRRED:
            # Attempts stay counted: cameras that write on must not hide a stage that never ends.
            return replace(after, stage=StageName.SYNC)
        case EventName.REOPENED | EventName.RETIMED:
            return replace(after, stage=StageName.SYNC, attempts=0)
        case EventName.RESTORED:
            return replace(after, stage=StageName.SYNC, attempts=0, is_continued=False)
        case EventName.CONTINUED:
            return replace(after, stage=StageName.FPACK, attempts=0, is_continued=True)
        case EventName.EXTENDED:
            return replace(after, stage=StageName.TRANSFER, attempts=0)
        case _:
            return after


def event_of_new_data(state: State) -> EventName | None:
    """What new data do to a night in this state; None if they are judged when it moves.

    Nothing, to one whose products the old tools made: which frames these hold is not on record.
    """
    if state.is_continued:
        return None
    if state.stage is StageName.SYNC and (state.status, EventName.STIRRED) in MOVES:
        return EventName.STIRRED
    # What runs finds them by itself.
    may_reopen = (state.status, EventName.REOPENED) in MOVES and state.status is not Status.RUNNING
    return EventName.REOPENED if may_reopen else None


def opened_gate(state: State, code: str | None) -> Gate | None:
    """The gate that RELEASED opens to a night in this state, held with this code.

    A person accepts the reason that the night shows, and nothing that was not shown.
    """
    if state.status is not Status.HELD:
        return Gate.OLDER_NIGHTS
    # A raw file that changes while it is packed has another way out: sync looks at it first.
    if code == Gate.RAW_CHANGED and state.stage is not StageName.SYNC:
        return None
    return next((gate for gate in _HOLDING if gate == code), None)


def _next_stage(kind: Kind, state: State) -> State:
    stages = stages_of(kind)
    position = stages.index(state.stage) + 1
    if position == len(stages):
        return replace(state, status=Status.DONE, attempts=0)
    return replace(state, stage=stages[position], attempts=0)


def _earlier_stage(kind: Kind, state: State, wanted: StageName | None) -> StageName:
    stages = stages_of(kind)
    if wanted is None:
        return state.stage
    if wanted not in stages:
        raise IllegalTransition("no_such_stage", f"{kind} nights have no stage {wanted}")
    if stages.index(wanted) > stages.index(state.stage):
        raise IllegalTransition(
            "stage_not_reached", f"the night is at {state.stage} and has not reached {wanted}"
        )
    return _refuse_before_packing(state, wanted)


def _refuse_before_packing(state: State, wanted: StageName) -> StageName:
    """The stage; IllegalTransition ``stage_of_old_tools`` if it would make other products."""
    order = tuple(StageName)
    if state.is_continued and order.index(wanted) < order.index(StageName.FPACK):
        raise IllegalTransition(
            "stage_of_old_tools",
            f"the products of this night, and their frame IDs, are the old tools': it has no stage"
            f" before {StageName.FPACK}, where {wanted} would make others",
        )
    return wanted
