"""What was mailed to STARS and what STARS has taken in, manifest by manifest.

A mailing is on record before its mail is sent. One whose outcome nobody knows, because vampd or the
mail server died at the wrong moment, counts as *may have been sent*: it is never repeated without a
person's word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vampd.model.nights import NightId

_NOTE_HEADER = (
    "# Every line was written before its mail was sent; `vampctl status` tells what became of it."
)


@dataclass(frozen=True, order=True)
class ManifestFile:
    """One manifest of one night, by its bytes: SHA-256 in hex."""

    night: NightId
    name: str
    sha256: str


class Way(StrEnum):
    """How a mail went out."""

    SMTP = "smtp"
    SENDMAIL = "sendmail"
    BY_HAND = "by hand"  # a person mailed it and said so


class MailOutcome(StrEnum):
    """What became of a mail."""

    PENDING = "pending"  # not told: under way, or its sender died
    SENT = "sent"  # the mail server has taken it
    FAILED = "failed"  # certainly not sent
    UNCERTAIN = "uncertain"  # the mail server had all of it and did not answer


class MailState(StrEnum):
    """Where one manifest stands."""

    UNMAILED = "not mailed"
    UNCERTAIN = "may have been mailed"
    MAILED = "mailed"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Mailing:
    """One mail: which manifests, to whom, how, and what became of it; times are unix seconds."""

    message_id: str
    manifests: tuple[ManifestFile, ...]
    recipients: tuple[str, ...]
    way: Way
    actor: str
    at: float
    outcome: MailOutcome = MailOutcome.PENDING
    concluded_at: float | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """STARS has taken in this manifest, as a person told."""

    manifest: ManifestFile
    actor: str
    at: float


@dataclass(frozen=True)
class Correspondence:
    """All mailings, oldest first, and acknowledgements; of one night, or of all."""

    mailings: tuple[Mailing, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()

    def state_of(self, manifest: ManifestFile, noted: Iterable[str] = ()) -> MailState:
        """Where a manifest stands.

        ``noted`` are the message IDs that the night's folder tells of for it; one that is not on
        record is from a database that was lost.
        """
        if any(told.manifest == manifest for told in self.acknowledged):
            return MailState.ACKNOWLEDGED
        outcomes = {m.outcome for m in self.mailings if manifest in m.manifests}
        if MailOutcome.SENT in outcomes:
            return MailState.MAILED
        known = {mailing.message_id for mailing in self.mailings}
        if outcomes & {MailOutcome.PENDING, MailOutcome.UNCERTAIN} or set(noted) - known:
            return MailState.UNCERTAIN
        return MailState.UNMAILED

    def by_night(self) -> dict[NightId, Correspondence]:
        """What concerns each night that is spoken of."""
        mailings: dict[NightId, list[Mailing]] = defaultdict(list)
        told: dict[NightId, list[Acknowledgement]] = defaultdict(list)
        for mailing in self.mailings:
            for night in {manifest.night for manifest in mailing.manifests}:
                mailings[night].append(mailing)
        for acknowledgement in self.acknowledged:
            told[acknowledgement.manifest.night].append(acknowledgement)
        return {
            night: Correspondence(tuple(mailings[night]), tuple(told[night]))
            for night in sorted({*mailings, *told})
        }

    def mailed_at(self, night: NightId) -> float | None:
        """When a manifest of this night was last mailed for certain."""
        times = [
            mailing.concluded_at or mailing.at
            for mailing in self.mailings
            if mailing.outcome is MailOutcome.SENT
            and any(manifest.night == night for manifest in mailing.manifests)
        ]
        return max(times, default=None)

    def acknowledged_at(self, night: NightId) -> float | None:
        """When STARS was last told to have taken in a manifest of this night."""
        times = [told.at for told in self.acknowledged if told.manifest.night == night]
        return max(times, default=None)

    def sum_up(self, night: NightId, manifests: int) -> str:
        """A night's standing in a few words, '' for one without manifests.

        ``manifests`` is how many it has; which of them were mailed, the record alone knows.
        """
        known = {m for mailing in self.mailings for m in mailing.manifests if m.night == night}
        known |= {told.manifest for told in self.acknowledged if told.manifest.night == night}
        states = [self.state_of(manifest) for manifest in known]
        states += [MailState.UNMAILED] * (manifests - len(states))
        if not states:
            return ""
        # The one that needs a person most.
        worst = min(states, key=_URGENCY.index)
        part = worst is MailState.UNMAILED and set(states) != {MailState.UNMAILED}
        return f"a supplement {worst}" if part else str(worst)


_URGENCY = (
    MailState.UNCERTAIN,
    MailState.UNMAILED,
    MailState.MAILED,
    MailState.ACKNOWLEDGED,
)


def note_name(date: str) -> str:
    """The file in a night's folder that tells of its mailings, should the database be lost."""
    return f"mailed_VMP_{date}.tsv"


def append_note(text: str | None, mailing: Mailing, night: NightId, time_text: str) -> str:
    """The note with this mailing's manifests of the night added."""
    lines = "".join(
        f"{time_text}\t{mailing.way}\t{mailing.message_id}\t{manifest.name}\t{manifest.sha256}\n"
        for manifest in mailing.manifests
        if manifest.night == night
    )
    return (f"{_NOTE_HEADER}\n" if text is None else text) + lines


def noted_mailings(text: str | None, manifest: ManifestFile) -> frozenset[str]:
    """The message IDs that a note tells of for this manifest.

    By its bytes: a manifest that was mailed under another name is mailed.
    """
    rows: Sequence[list[str]] = [line.split("\t") for line in (text or "").splitlines()]
    return frozenset(row[2] for row in rows if len(row) == 5 and row[4] == manifest.sha256)
