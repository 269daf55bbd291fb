"""When a night is quiet: unchanged for long enough, and nothing is half written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from vampd.model.nights.night import Kind, NightId

_SHORTEST_SCAN_S, _SHORT_SCAN_S = 0.1, 1.0
# A cube with one of these may still become complete.
INCOMPLETE_CODES = frozenset(
    {
        "not_fits",
        "unknown_form",
        "header_malformed",
        "fits_truncated",
        "timing_missing",
        "timing_empty",
        "timing_cut",
        "timing_columns",
        "timing_malformed",
        "timing_rows",
    }
)


@dataclass(frozen=True)
class StreamsSnapshot:
    """A night's camera streams at one moment.

    ``signature`` changes whenever a file's name, size or mtime does; ``open_for_writing`` means
    that some visible process still writes.
    """

    signature: str
    open_for_writing: bool = False


@dataclass(frozen=True)
class Stillness:
    """Since when (monotonic seconds) a night's signature is unchanged."""

    signature: str
    since: float

    def after(self, look: StreamsSnapshot, now: float) -> Stillness:
        """The stillness after another snapshot."""
        if look.signature == self.signature and not look.open_for_writing:
            return self
        return Stillness(look.signature, now)

    def lasted_s(self, now: float) -> float:
        """Seconds without a change."""
        return now - self.since


def is_quiet(
    still_s: float, incomplete_cubes: int, *, quiet_after_s: float, stale_after_s: float
) -> bool:
    """Whether a night is quiet; incomplete cubes block it only until they are stale."""
    if still_s < quiet_after_s:
        return False
    return incomplete_cubes == 0 or still_s >= stale_after_s


def is_due(night: NightId, utc_now: datetime, not_before: time) -> bool:
    """Whether a night's hour has come: at once, but archive nights at this UT time of their date.

    ``utc_now`` is naive UT, ``not_before`` a naive time of day.
    """
    return night.kind is Kind.ENGINEERING or utc_now >= datetime.combine(night.day, not_before)


@dataclass(frozen=True)
class PauseRule:
    """The cameras come first: heavy work pauses while one writes, and a while longer."""

    # Whether the rule applies.
    pauses: bool
    # Since the last write, s.
    pause_s: float

    def is_pausing(self, wrote_at: float, now: float) -> bool:
        """Whether work pauses ``now``, after the last write at ``wrote_at`` (unix seconds)."""
        return self.pauses and now - wrote_at < self.pause_s


class ScanCause(StrEnum):
    """Why the nights are scanned before it is time for it."""

    # A night fills that did not, because a person let it go.
    LET_GO = "let go"
    # A file was closed, a name came or went, cubes are checked, or a scan left something out.
    HINT = "hint"
    # A night settles by itself.
    UNSETTLED = "unsettled"


@dataclass(frozen=True)
class ScanRule:
    """How often the nights are scanned."""

    every_s: float
    quiet_after_s: float
    # Since the last write of a camera, s.
    pause_s: float

    def after_s(self, causes: Collection[ScanCause], *, cameras_write: bool) -> float:
        """How long after the end of a scan the next one is due."""
        shortest_s = max(_SHORTEST_SCAN_S, min(_SHORT_SCAN_S, self.quiet_after_s / 4))
        # Soon enough to see that a night has settled, and that cameras write on.
        unsettled_s = min(max(shortest_s, self.quiet_after_s / 4), self.pause_s / 2)
        if ScanCause.LET_GO in causes:
            return shortest_s
        if ScanCause.HINT in causes:
            # While cameras write, each cube that is closed is a hint, and tells nothing new.
            return unsettled_s if cameras_write else shortest_s
        if ScanCause.UNSETTLED in causes:
            return min(self.every_s, unsettled_s)
        return self.every_s

    def is_whole(
        self, causes: Collection[ScanCause], since_s: float, *, cameras_write: bool
    ) -> bool:
        """Whether a scan looks at every night, ``since_s`` after the last one that did.

        While cameras write, open nights are scanned in between only to see that they write on.
        """
        return since_s >= self.every_s or not cameras_write or ScanCause.LET_GO in causes
