"""What of a night's raw files may go, what must be done before, and what forbids it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vampd.engine.purge.cubes import PartialCube, RawFile, sort_cubes
from vampd.engine.purge.survey import PurgeSurvey
from vampd.errors import DataError
from vampd.model.cubes import CubeAccount, set_aside_cubes
from vampd.model.delivery import MailState
from vampd.model.nights import Kind, Status
from vampd.stages.records.own_paths import RAW_RECORDS
from vampd.stages.transfer import describe_gone, safe_files, unproven_files

DAY_S = 86_400.0
_UNREADABLE = frozenset({"link", "unreadable", "timing_unreadable"})
_NAMED = 3


@dataclass(frozen=True)
class PurgeRules:
    """What a person and the settings allow: how old proofs may be, and the archive's disk."""

    proof_within_days: float
    allows_same_disk: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why nothing of the night may go now: a stable code, and the text for people."""

    code: str
    text: str


@dataclass(frozen=True)
class PurgePlan:
    """What may go, cube by cube: each with its timing file, if that is here.

    ``to_record`` are cubes whose headers and timing files no raw records hold; ``to_send`` those
    with frames in no product, which travel whole; ``must_send`` if raw records are not at the
    archive yet; ``to_read`` are files there whose proof is too old or
    names no mark. While any of these is left, nothing goes. ``kept`` are cubes that stay in any
    case, each with the reason.
    """

    refusals: tuple[Refusal, ...]
    cubes: tuple[tuple[RawFile, ...], ...]
    to_record: tuple[CubeAccount, ...]
    to_send: tuple[PartialCube, ...]
    must_send: bool
    to_read: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]

    @property
    def files(self) -> tuple[RawFile, ...]:
        """All files that may go."""
        return tuple(file for cube in self.cubes for file in cube)

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(each.file.size for each in self.files)

    @property
    def is_prepared(self) -> bool:
        """Whether nothing is left to do before."""
        return not (self.is_to_be_sent or self.to_read)

    @property
    def is_to_be_sent(self) -> bool:
        """Whether something must travel before."""
        return bool(self.to_record or self.to_send or self.must_send)

    @property
    def bytes_to_send(self) -> int:
        """The size of the cubes that travel whole; raw records are small, and not written yet."""
        return sum(file.size for cube in self.to_send for file in cube.files)

    def refuse(self) -> None:
        """DataError, with the code of the first refusal; its text names them all."""
        if self.refusals:
            raise DataError(
                self.refusals[0].code, "; ".join(refusal.text for refusal in self.refusals)
            )


def plan_purge(survey: PurgeSurvey, rules: PurgeRules, now: float) -> PurgePlan:
    """What may go by these rules, ``now`` in unix seconds."""
    unproven = unproven_files(survey.transfer)
    unsent = [path for path in unproven if RAW_RECORDS.fullmatch(path)]
    sorted_cubes = sort_cubes(survey)
    stale = _stale(survey, now - rules.proof_within_days * DAY_S)
    return PurgePlan(
        refusals=tuple(_refuse(survey, rules, now, unproven)),
        cubes=sorted_cubes.going,
        to_record=sorted_cubes.to_record,
        to_send=sorted_cubes.to_send,
        must_send=bool(unsent),
        to_read=tuple(sorted({*unproven, *stale} - set(unsent))),
        kept=sorted_cubes.kept,
    )


def _stale(survey: PurgeSurvey, since: float) -> Iterator[str]:
    """What was read there too long ago, or at a destination without a mark."""
    is_moved = survey.transfer.moved_to is not None
    for path in safe_files(survey.transfer):
        receipt = survey.transfer.receipts_there[path]
        if receipt.at < since or not (is_moved or receipt.mark == survey.identity.mark is not None):
            yield path


def _refuse(
    survey: PurgeSurvey, rules: PurgeRules, now: float, unproven: tuple[str, ...]
) -> Iterator[Refusal]:
    record, date = survey.record, survey.record.night.date
    if record.state.is_of_old_tools:
        yield Refusal(
            "not_safe",
            "it is a night of the old tools: no record says which frames of raw their products"
            " hold; vampd removes nothing of it",
        )
        return
    if record.state.status is not Status.DONE or record.safe_at is None:
        yield Refusal(
            "not_safe",
            f"the night is {record.state.status} at {record.state.stage}, not done and safe;"
            f" `vampctl why {date}` says what it waits for",
        )
    if record.purge_after is not None and now < record.purge_after:
        yield Refusal(
            "not_due",
            "it is marked for deletion from a later day on; `--after 0` makes it due now,"
            f" `vampctl hold {date}` takes the mark away",
        )
    # What is no plain file is not what sync has seen either, and is named below.
    if survey.presence.has_new and not survey.irregular:
        yield Refusal("late_data", "it has raw files that sync has not seen, or that changed since")
    if survey.accepted:
        yield Refusal(
            "late_data",
            f"{_first_of(survey.accepted)}: not what the products were made from, as a person"
            " accepted",
        )
    if survey.faults:
        yield Refusal("damaged_here", _first_of(survey.faults))
    own = survey.transfer.own
    if unproven_here := sorted(own.products.keys() - own.receipts.keys()):
        yield Refusal(
            "not_proven_here",
            f"{_first_of(unproven_here)}: without a packing receipt; `vampctl retry {date} --from"
            " transfer` proves it",
        )
    absent = [
        path
        for path in unproven
        if path not in survey.transfer.archive and not RAW_RECORDS.fullmatch(path)
    ]
    if survey.transfer.is_gone:
        yield Refusal("not_at_archive", describe_gone(date))
    elif absent:
        yield Refusal(
            "not_at_archive",
            f"{_first_of(absent)}: not at the archive; `vampctl retry {date} --from transfer`"
            " sends what is missing there",
        )
    yield from _refuse_unannounced(survey)
    unreadable = [
        f"{cube.path} was set aside as {cube.code}"
        for cube in set_aside_cubes(survey.generations).values()
        if cube.code in _UNREADABLE
    ]
    if unreadable or survey.irregular:
        yield Refusal("raw_irregular", _first_of([*unreadable, *survey.irregular]))
    if survey.obstacles:
        yield Refusal("not_removable", _first_of([str(each) for each in survey.obstacles]))
    if survey.is_same_disk is not False and not rules.allows_same_disk:
        found = "the archive is on the disk of the raw data, so one fault may lose both"
        unknown = (
            "whether the archive is on another disk than the raw data cannot be told: a network"
            " mount of this machine, or a file system that shows no disk"
        )
        yield Refusal(
            "same_disk",
            f"{found if survey.is_same_disk else unknown}; to purge it nevertheless, type the night"
            f" again: `--same-disk {date}`",
        )


def _refuse_unannounced(survey: PurgeSurvey) -> Iterator[Refusal]:
    if survey.record.night.kind is not Kind.ARCHIVE:
        return
    date = survey.record.night.date
    listed = {line.path for one in survey.transfer.listed for line in one.products()}
    products = [path for path, each in survey.transfer.own.receipts.items() if each.identity]
    unlisted = sorted(set(products) - listed)
    if unlisted:
        yield Refusal("not_acknowledged", f"{_first_of(unlisted)}: in no manifest of the night")
    pending = [
        one.text.file.name
        for one in survey.transfer.listed
        if survey.correspondence.state_of(one.text.file) is not MailState.ACKNOWLEDGED
    ]
    if pending:
        yield Refusal(
            "not_acknowledged",
            f"{_first_of(pending)}: not acknowledged by STARS; `vampctl acknowledge {date}`"
            " records that it is",
        )


def _first_of(found: Sequence[str]) -> str:
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
