"""Nights as the alarm finds them."""

from dataclasses import replace

from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status

NOW = 1_762_560_000.0  # 2025-11-08 00:00 UT
DAY_S = 86_400.0


def night(
    date: str = "20251107",
    status: Status = Status.DONE,
    stage: StageName = StageName.MANIFEST,
    kind: Kind = Kind.ARCHIVE,
    **fields: object,
) -> NightRecord:
    """A night that is done and safe, unless said otherwise; it moved an hour ago."""
    record = NightRecord(
        NightId(date, kind),
        State(stage, status, attempts=1),
        changed_at=NOW - 3600,
        discovered_at=NOW - DAY_S / 2,
        safe_at=NOW - 3600 if status is Status.DONE else None,
        frames=1700,
        bytes=125_000_000,
        products=33,
    )
    return replace(record, **fields)  # type: ignore[arg-type]


HELD = night(
    "20251106",
    Status.HELD,
    StageName.HEADERS,
    code="card_missing",
    error="3 cubes lack EXPTIME, which headers.required names; release the night, or add the card",
)
UNSAFE = night("20251105", safe_at=None)
GIVEN_UP = night(
    "20251104",
    Status.WAITING,
    StageName.SYNC,
    code="not_readable",
    error="scexao may not read vcam2/a.fits (mode 600, owner root, group root)",
    refused=("vcam2/a.fits",),
    needs_person=True,
)
