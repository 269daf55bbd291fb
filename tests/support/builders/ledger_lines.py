"""frameids.ledger read by the tests' own eyes, and the laws that it must keep."""

import re
from collections import Counter
from pathlib import Path


def fields_of(path: Path) -> list[list[str]]:
    """The whole lines' fields, without the checksum; a line that was never ended is not one."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [line.split("\t")[:-1] for line in whole.decode().split("\n") if line]


def granted_ids(path: Path) -> list[str]:
    """Every granted ID, in the order of the grants."""
    return [fields[1] for fields in fields_of(path) if fields[0] == "granted"]


def bindings(path: Path) -> dict[tuple[str, str], str]:
    """The ID of every (night, identity) that has one."""
    return {(night, identity): frame_id for frame_id, identity, night in _bound(path)}


def check_laws(path: Path) -> None:
    """No ID granted twice or used twice, no product with two, none used that was not granted."""
    granted = granted_ids(path)
    bound = _bound(path)
    assert max(Counter(granted).values(), default=1) == 1
    assert max(Counter(frame_id for frame_id, _, _ in bound).values(), default=1) == 1
    assert max(Counter((night, name) for _, name, night in bound).values(), default=1) == 1
    assert {frame_id for frame_id, _, _ in bound} <= set(granted)
    assert all(re.fullmatch(r"VMPA\d{8}", frame_id) for frame_id in granted)


def _bound(path: Path) -> list[tuple[str, str, str]]:
    rows = [fields[1:] for fields in fields_of(path) if fields[0] == "bound"]
    return [(frame_id, identity, night) for frame_id, identity, night in rows]
