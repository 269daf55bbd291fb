"""The audit as people and programs read it."""

import json
from dataclasses import replace

from vampd.cli.look.audit import audit_lines, audit_object
from vampd.model.accounts import Audit, CountedCube
from vampd.model.cubes import SetAside
from vampd.model.nights import FileStamp, Kind, NightId, NightRecord, State

NIGHT = NightId("20251106", Kind.ARCHIVE)
BAD = SetAside(FileStamp("vcam1/b.fits", 1, 1), None, 345, "timing_missing", "no timing file")
BALANCED = Audit(
    raw_cubes=20,
    raw_frames=12345,
    packed_products=16,
    product_frames=8000,
    framelists=8,
    framelist_frames=4000,
    rejected=(BAD,),
    late=(),
    findings=(),
)


def shown(audit: Audit) -> str:
    return "\n".join(audit_lines(NightRecord(NIGHT, State()), audit))


def test_programs_get_the_whole_contract() -> None:
    reported = json.loads(json.dumps(audit_object(NIGHT, BALANCED)))
    assert reported == {
        "date": "20251106",
        "kind": "archive",
        "balanced": True,
        "at_least": False,
        "raw_frames": 12345,
        "removed_frames": 0,
        "product_frames": 8000,
        "framelist_frames": 4000,
        "rejected_frames": 345,
        "late_frames": 0,
        "rejected": [
            {
                "path": "vcam1/b.fits",
                "frames": 345,
                "at_least": False,
                "counted_by": "header",
                "code": "timing_missing",
                "reason": "no timing file",
            }
        ],
        "late": [],
        "findings": [],
    }


def test_people_see_the_sum_and_the_verdict() -> None:
    assert shown(BALANCED) == (
        "20251106 archive, stage sync, filling\n"
        "  raw frames       12,345  in 20 raw cubes\n"
        "  = in products     8,000  in 16 products\n"
        "  + in framelists   4,000  in 8 products not packed yet\n"
        "  + set aside         345  in 1 cube\n"
        "balanced: every raw frame is accounted for\n"
        "\n"
        "set aside:\n"
        "  vcam1/b.fits (345 frames): timing_missing: no timing file"
    )


def test_what_is_lost_or_doubled_stands_in_the_sum() -> None:
    lost = replace(BALANCED, raw_frames=12350, findings=("a finding",))
    assert "  + unaccounted         5" in shown(lost)
    assert "NOT balanced" in shown(lost)
    assert "a finding" in shown(lost)
    assert "  + unaccounted        -5" in shown(replace(lost, raw_frames=12340))


def test_late_cubes_are_no_alarm_but_no_balance_either() -> None:
    late = replace(BALANCED, raw_frames=12352, late=(CountedCube("vcam2/l.fits", 7),))
    assert "balanced: every" not in shown(late)
    assert "not balanced yet: late cubes are still to be synchronized" in shown(late)
    assert "vcam2/l.fits (7 frames)" in shown(late)
    assert "unaccounted" not in shown(late)
