"""What was mailed to STARS and what STARS has ingested, manifest by manifest.

A mailing is on record before its mail is sent. One whose outcome is unknown, because vampd or the
mail server died at the wrong moment, counts as *may have been sent*: it is never repeated unless
someone says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from vampd.model.nights import NightId

_NOTE_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NOTE_HEADER = (
    "# Every line was written before its mail was sent; `vampctl status` tells what became of it."
)


@dataclass(frozen=True, order=True, slots=True)
class ManifestFile:
    """One manifest of one night, by its bytes: SHA-256 in hex."""

    night: NightId
    name: str
    sha256: str


class Way(StrEnum):
    """How a mail was sent."""

    SMTP = "smtp"
    SENDMAIL = "sendmail"
    BY_HAND = "by hand"  # a person mailed it and recorded it


class MailOutcome(StrEnum):
    """The outcome of a mail."""

    PENDING = "pending"  # unknown: in progress, or its sender died
    SENT = "sent"  # the mail server has accepted it
    FAILED = "failed"  # certainly not sent
    UNCERTAIN = "uncertain"  # the mail server had all of it and did not answer


class MailState(StrEnum):
    """The mailing state of one manifest."""

    UNMAILED = "not mailed"
    UNCERTAIN = "may have been mailed"
    MAILED = "mailed"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Mailing:
    """One mail: which manifests, to whom, how, and the outcome; times are unix seconds."""

    message_id: str
    manifests: tuple[ManifestFile, ...]
    recipients: tuple[str, ...]
    way: Way
    actor: str
    at: float
    outcome: MailOutcome = MailOutcome.PENDING
    concluded_at: float | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """STARS has ingested this manifest, as recorded by a person."""

    manifest: ManifestFile
    actor: str
    at: float


@dataclass(frozen=True, slots=True)
class Correspondence:
    """All mailings, oldest first, and acknowledgements; of one night, or of all."""

    mailings: tuple[Mailing, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()

    def state_of(self, manifest: ManifestFile, noted: Iterable[str] = ()) -> MailState:
        """The mailing state of a manifest.

        ``noted`` are the message IDs that the night's folder notes for it; one that is not on
        record is from a database that was lost.
        """
        if any(one.manifest == manifest for one in self.acknowledged):
            return MailState.ACKNOWLEDGED
        outcomes = {m.outcome for m in self.mailings if manifest in m.manifests}
        if MailOutcome.SENT in outcomes:
            return MailState.MAILED
        known = {mailing.message_id for mailing in self.mailings}
        if outcomes & {MailOutcome.PENDING, MailOutcome.UNCERTAIN} or set(noted) - known:
            return MailState.UNCERTAIN
        return MailState.UNMAILED

    def by_night(self) -> dict[NightId, Correspondence]:
        """The correspondence of each night that has any."""
        mailings: dict[NightId, list[Mailing]] = defaultdict(list)
        acknowledged: dict[NightId, list[Acknowledgement]] = defaultdict(list)
        for mailing in self.mailings:
            for night in {manifest.night for manifest in mailing.manifests}:
                mailings[night].append(mailing)
        for acknowledgement in self.acknowledged:
            acknowledged[acknowledgement.manifest.night].append(acknowledgement)
        return {
            night: Correspondence(tuple(mailings[night]), tuple(acknowledged[night]))
            for night in sorted({*mailings, *acknowledged})
        }

    def mailed_at(self, night: NightId, sums: str | None = None) -> float | None:
        """When a manifest of this night was last mailed with certainty; ``sums`` as `sum_up`."""
        times = [
            mailing.concluded_at or mailing.at
            for mailing in self.mailings
            if mailing.outcome is MailOutcome.SENT
            and any(_is_there(manifest, night, sums) for manifest in mailing.manifests)
        ]
        return max(times, default=None)

    def acknowledged_at(self, night: NightId, sums: str | None = None) -> float | None:
        """When one of its manifests was last recorded as ingested; ``sums`` as `sum_up`."""
        times = [one.at for one in self.acknowledged if _is_there(one.manifest, night, sums)]
        return max(times, default=None)

    def sum_up(self, night: NightId, manifests: int, sums: str | None = None) -> str:
        """A night's mailing state in a few words, '' for one without manifests.

        ``manifests`` is how many its folder has; ``sums`` which, in the form of SHA256SUMS. Where
        that is unknown (None), all that is on record is taken to be there.
        """
        if not (manifests or self.mailings or self.acknowledged):
            return ""
        known = {m for mailing in self.mailings for m in mailing.manifests if m.night == night}
        known |= {one.manifest for one in self.acknowledged if one.manifest.night == night}
        there = {manifest for manifest in known if _is_there(manifest, night, sums)}
        states = [self.state_of(manifest) for manifest in there]
        states += [MailState.UNMAILED] * (manifests - len(states))
        if not states:
            return ""
        # The one most in need of a decision.
        worst = min(states, key=_URGENCY.index)
        if worst is MailState.UNMAILED and any(
            self.state_of(manifest) is not MailState.UNMAILED for manifest in known - there
        ):
            return REMADE_UNMAILED
        part = worst is MailState.UNMAILED and set(states) != {MailState.UNMAILED}
        return f"a supplement {worst}" if part else str(worst)


def _is_there(manifest: ManifestFile, night: NightId, sums: str | None) -> bool:
    # Looked up in the text: status asks this of every night.
    is_listed = sums is None or f"{manifest.sha256}  {manifest.name}\n" in sums
    return manifest.night == night and is_listed


# What was announced is not what lies in the folder, and STARS has not been told.
REMADE_UNMAILED = "written anew since it was mailed, not mailed"
_URGENCY = (
    MailState.UNCERTAIN,
    MailState.UNMAILED,
    MailState.MAILED,
    MailState.ACKNOWLEDGED,
)


def note_name(date: str) -> str:
    """The file in a night's folder that records its mailings, in case the database is lost."""
    return f"mailed_VMP_{date}.tsv"


def append_note(text: str | None, mailing: Mailing, night: NightId) -> str:
    """The note with this mailing's manifests of the night added."""
    return (f"{_NOTE_HEADER}\n" if text is None else text) + "".join(_note_lines(mailing, night))


def complete_note(text: str | None, mailings: Iterable[Mailing], night: NightId) -> str | None:
    """The note with what it lacks of the mails on record; what else it has stays.

    None if there is no note, and none is due.
    """
    known = frozenset((text or "").splitlines(keepends=True))
    # One that failed may have failed because it could not be noted.
    due = (one for one in mailings if one.outcome is not MailOutcome.FAILED)
    missing = [line for one in due for line in _note_lines(one, night) if line not in known]
    if not missing:
        return text
    begun = f"{_NOTE_HEADER}\n" if text is None else text
    return begun + ("" if begun.endswith("\n") else "\n") + "".join(missing)


def _note_lines(mailing: Mailing, night: NightId) -> Iterator[str]:
    time_text = datetime.fromtimestamp(mailing.at, UTC).strftime(_NOTE_TIME)
    for manifest in mailing.manifests:
        if manifest.night == night:
            yield (
                f"{time_text}\t{mailing.way}\t{mailing.message_id}\t{manifest.name}"
                f"\t{manifest.sha256}\n"
            )


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """A line of a note: one manifest in one mail; ``at`` is unix seconds, None if unreadable."""

    at: float | None
    message_id: str
    manifest: str
    sha256: str


def note_entries(text: str | None) -> tuple[NoteEntry, ...]:
    """The lines of a note, in order; what is not one is passed over."""
    rows: Sequence[list[str]] = [line.split("\t") for line in (text or "").splitlines()]
    return tuple(NoteEntry(_unix_time(row[0]), *row[2:]) for row in rows if len(row) == 5)


def _unix_time(text: str) -> float | None:
    try:
        return datetime.strptime(text, _NOTE_TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def noted_mailings(text: str | None, manifest: ManifestFile) -> frozenset[str]:
    """The message IDs in a note for this manifest.

    By its bytes: a manifest mailed under another name is mailed.
    """
    return frozenset(e.message_id for e in note_entries(text) if e.sha256 == manifest.sha256)
