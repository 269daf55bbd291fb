"""How a night stands: whether it needs a person, is held, NOT safe, or not mailed.

`vampctl status`, the page, its metrics and the alarm judge by these, so that they agree.
"""

from __future__ import annotations

from vampd.model.delivery import REMADE_UNMAILED, Correspondence, MailState
from vampd.model.nights import UNREAD_NOTES, NightRecord, Status, WaitCode, read_sync_sums
from vampd.model.words import count_of, one_line

NO_MAIL = Correspondence()
PROBLEM_NOTES = UNREAD_NOTES | {
    WaitCode.BUG,
    WaitCode.DAMAGED_HERE,
    WaitCode.ROOT_UNKNOWN,
    WaitCode.UNKNOWN_FILES,
}
NOT_SAFE = "NOT safe: the archive copy was found bad"


def needs_person(record: NightRecord) -> bool:
    """Whether a night waits for something that only a person can do."""
    return not is_passed_over(record) and (
        record.state.status is Status.HELD
        or record.needs_person
        or record.note_code == WaitCode.NOT_READABLE
    )


def is_passed_over(record: NightRecord) -> bool:
    """Whether vampd leaves a night alone: one of the old tools, or before watch.ignore_before."""
    if record.state.status is Status.LEGACY:
        return True
    is_worked_on = record.state.status in (Status.RUNNING, Status.DONE)
    return record.note_code == WaitCode.IGNORED and not is_worked_on


def sum_up_mail(record: NightRecord, correspondence: Correspondence) -> str:
    """What was mailed of the manifests that lie in its folder, '' for none."""
    return correspondence.sum_up(record.night, record.manifests or 0, record.manifest_sums)


def is_remade(record: NightRecord, correspondence: Correspondence) -> bool:
    """Whether a finished night is not what was announced of it, and STARS has not been told."""
    is_done = record.state.status is Status.DONE
    return is_done and sum_up_mail(record, correspondence) == REMADE_UNMAILED


def has_problem(record: NightRecord, correspondence: Correspondence = NO_MAIL) -> bool:
    """Whether a night needs a person, or is not as it should be."""
    return not is_passed_over(record) and (
        needs_person(record)
        or record.note_code in PROBLEM_NOTES
        or (record.state.status is Status.DONE and record.safe_at is None)
        or is_remade(record, correspondence)
    )


def is_held(record: NightRecord) -> bool:
    """Whether a night that vampd works on is held."""
    return record.state.status is Status.HELD and not is_passed_over(record)


def is_unsafe(record: NightRecord) -> bool:
    """Whether a night is finished, and its archive copy was found bad since."""
    return record.state.status is Status.DONE and record.safe_at is None


def is_unmailed(record: NightRecord, correspondence: Correspondence) -> bool:
    """Whether a finished night has a manifest that STARS was not sent."""
    is_done = record.state.status is Status.DONE
    return is_done and sum_up_mail(record, correspondence).endswith(MailState.UNMAILED)


def describe_quality(record: NightRecord) -> str:
    """What part of the frames is not as it should be; '' if all are, - before sync has ended."""
    sums = read_sync_sums(record.sync_sums)
    if sums is None:
        return "-"
    parts = {
        "aside": sums.aside_part,
        "unpaired": sums.unpaired_part,
        "dubious": sums.dubious_part,
    }
    said = [f"{_percent(part)} {what}" for what, part in parts.items() if part]
    if sums.aside_cubes and not sums.aside:
        # How many frames these have is not known.
        said.insert(0, f"{count_of(sums.aside_cubes, 'cube')} aside")
    return ", ".join(said)


def _percent(part: float) -> str:
    return "<0.1%" if part < 0.0005 else f"{part:.1%}"


def describe_failure(record: NightRecord) -> str:
    """The last failure or the reason of a hold, code first, in one line; '' without any."""
    return ": ".join(one_line(text) for text in (record.code, record.error) if text)
