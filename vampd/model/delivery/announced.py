"""What was announced of a night: its manifests, mailed or acknowledged, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vampd.model.delivery.listed import product_path
from vampd.model.delivery.mail_text import ManifestText
from vampd.model.delivery.mailing import (
    Correspondence,
    Mailing,
    MailOutcome,
    MailState,
    ManifestFile,
    note_entries,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId
from vampd.model.proofs import RecordedReceipt, ended_receipts, live_receipts


@dataclass(frozen=True)
class AnnouncedManifest:
    """A manifest that was mailed, may have been, or was acknowledged; times are unix seconds.

    ``mailed_at`` and ``recipients`` are of the last mail, None if there is none on record.
    """

    name: str
    state: MailState
    mailed_at: float | None
    recipients: int | None
    acknowledged_at: float | None
    acknowledged_by: str | None

    def __str__(self) -> str:
        parts = []
        if self.mailed_at is not None:
            verb = "may have been mailed" if self.state is MailState.UNCERTAIN else "mailed"
            to = {None: "", 0: "", 1: " to 1 recipient"}.get(
                self.recipients, f" to {self.recipients} recipients"
            )
            parts.append(f"{verb} {_moment(self.mailed_at)}{to}")
        if self.acknowledged_at is not None:
            parts.append(f"acknowledged {_moment(self.acknowledged_at)} by {self.acknowledged_by}")
        return f"{self.name}: {', '.join(parts) or self.state}"


def announced_manifests(
    correspondence: Correspondence, night: NightId, note: str | None
) -> tuple[AnnouncedManifest, ...]:
    """The night's manifests that the outside knows of, by name, in the folder or not.

    ``note`` is the folder's record of mailings: of a lost database it alone is left.
    """
    return tuple(announced for _, announced in _find_announced(correspondence, night, note))


def find_replaced(
    manifests: Sequence[ManifestText],
    correspondence: Correspondence,
    note: str | None,
    recorded: Sequence[RecordedReceipt],
) -> tuple[FrameId, ...]:
    """The IDs in a night's manifests that were announced before with other bytes.

    ``manifests`` are all that lie in its folder, and ``recorded`` all its packing receipts. The
    texts of earlier manifests are not on record: a product is taken to have been announced if its
    receipt is older than the last mail or acknowledgment of one that lies there no more.
    """
    files = {manifest.file for manifest in manifests}
    told = [
        at
        for night in {file.night for file in files}
        for earlier, announced in _find_announced(correspondence, night, note)
        if earlier not in files
        for at in (announced.mailed_at, announced.acknowledged_at)
        if at is not None
    ]
    live = live_receipts(recorded)
    other = {
        each.receipt.path
        for each in ended_receipts(recorded)
        if told
        and each.at <= max(told)
        and each.receipt.path in live
        and each.receipt.sha256 != live[each.receipt.path].sha256
    }
    listed = {line.frame_id for manifest in manifests for line in manifest.manifest.lines}
    return tuple(sorted(one for one in listed if product_path(one) in other))


def _find_announced(
    correspondence: Correspondence, night: NightId, note: str | None
) -> Iterator[tuple[ManifestFile, AnnouncedManifest]]:
    noted = note_entries(note)
    known = {m for one in correspondence.mailings for m in one.manifests if m.night == night}
    known |= {one.manifest for one in correspondence.acknowledged if one.manifest.night == night}
    known |= {ManifestFile(night, entry.manifest, entry.sha256) for entry in noted}
    for manifest in sorted(known):
        entries = [e for e in noted if e.sha256 == manifest.sha256]
        state = correspondence.state_of(manifest, [e.message_id for e in entries])
        if state is MailState.UNMAILED:
            continue
        mailing = _last_mailing(correspondence, manifest)
        acknowledged = next(
            (a for a in correspondence.acknowledged if a.manifest == manifest), None
        )
        noted_at = max((e.at for e in entries if e.at is not None), default=None)
        yield (
            manifest,
            AnnouncedManifest(
                manifest.name,
                state,
                noted_at if mailing is None else mailing.concluded_at or mailing.at,
                None if mailing is None else len(mailing.recipients),
                None if acknowledged is None else acknowledged.at,
                None if acknowledged is None else acknowledged.actor,
            ),
        )


def _last_mailing(correspondence: Correspondence, manifest: ManifestFile) -> Mailing | None:
    mailings = [
        one
        for one in correspondence.mailings
        if manifest in one.manifests and one.outcome is not MailOutcome.FAILED
    ]
    sent = [one for one in mailings if one.outcome is MailOutcome.SENT]
    return next(reversed(sent or mailings), None)


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UT"
