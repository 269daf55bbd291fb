"""A fake of ports.MailLog in memory; tests/contract holds it to the same laws as the real one."""

from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from vampd.errors import StateError
from vampd.model.delivery import Acknowledgement, Correspondence, Mailing, MailOutcome, ManifestFile
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId


class MemoryMailLog:
    """ports.MailLog."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._mailings: dict[str, Mailing] = {}
        self._acknowledged: dict[ManifestFile, Acknowledgement] = {}
        self._lost: set[FrameId] = set()

    def intend(self, mailing: Mailing, despite: frozenset[str]) -> None:
        with self._lock:
            wanted = {(manifest.night, manifest.sha256) for manifest in mailing.manifests}
            for earlier in self._mailings.values():
                theirs = {(manifest.night, manifest.sha256) for manifest in earlier.manifests}
                if (
                    earlier.outcome is not MailOutcome.FAILED
                    and theirs & wanted
                    and earlier.message_id not in despite
                ):
                    raise StateError("mailed_meanwhile", earlier.message_id)
            manifests = tuple(sorted(mailing.manifests))
            self._mailings[mailing.message_id] = replace(mailing, manifests=manifests)

    def conclude(
        self, message_id: str, outcome: MailOutcome, *, at: float, detail: str | None = None
    ) -> None:
        with self._lock:
            mailing = self._mailings.get(message_id)
            if mailing is None or mailing.outcome is not MailOutcome.PENDING:
                raise StateError("mailing_concluded", message_id)
            self._mailings[message_id] = replace(
                mailing, outcome=outcome, concluded_at=at, detail=detail
            )

    def acknowledge(self, manifests: Sequence[ManifestFile], *, at: float, actor: str) -> None:
        with self._lock:
            for manifest in manifests:
                taken = Acknowledgement(manifest, actor, at)
                self._acknowledged.setdefault(manifest, taken)

    def acknowledge_lost(self, frame_ids: Sequence[FrameId], *, at: float, actor: str) -> None:
        with self._lock:
            self._lost |= set(frame_ids)

    def acknowledged_lost(self) -> frozenset[FrameId]:
        with self._lock:
            return frozenset(self._lost)

    def correspondence(self, night: NightId | None = None) -> Correspondence:
        with self._lock:
            return Correspondence(
                tuple(
                    mailing
                    for mailing in self._mailings.values()
                    if night is None or any(m.night == night for m in mailing.manifests)
                ),
                tuple(
                    self._acknowledged[manifest]
                    for manifest in sorted(self._acknowledged)
                    if night in (None, manifest.night)
                ),
            )
