"""A lost corrections.tsv: what it was, and its coming back from the archive copy.

It has no packing receipt: the generations say which one sync decided with. What lies in its place
is a person's, and stays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.disk.durable import creating, refuse_existing
from vampd.disk.rights import public_umask
from vampd.errors import DataError, VampdError
from vampd.model.headers import CORRECTIONS
from vampd.model.nights import NightId
from vampd.model.proofs import SUMS_NAME, parse_sums, text_bytes, text_digest
from vampd.ports import NightReader, Pace
from vampd.stages.records.corrections import corrections_digest

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive


def find_lost_corrections(
    night: NightId, folder: Path, reader: NightReader, *, is_named: bool
) -> str:
    """The SHA-256 of the corrections.tsv that is gone; '' if none is.

    Another one that lies there counts as lost only where a person has named it.
    """
    path = folder / CORRECTIONS
    if os.path.lexists(path) and not is_named:
        return ""
    decided = _decided_with(night, reader)
    with suppress(DataError):
        if reader.corrections(night).sha256 == decided:
            return ""
    return decided


def take_corrections(
    night: NightId,
    folder: Path,
    sha256: str,
    hosts: Sequence[tuple[str, NightArchive]],
    pace: Pace,
) -> list[str]:
    """Get it back from one of these copies; else why not. DataError ``already_exists``."""
    path = folder / CORRECTIONS
    refuse_existing(path)
    reasons = []
    for name, host in hosts:
        try:
            text = host.text(night, CORRECTIONS, pace)
        except VampdError as error:
            reasons.append(f"{name}: {error.message}")
            continue
        if text_digest(text) != sha256:
            reasons.append(f"{name}: {CORRECTIONS} is not what sync decided with ({sha256})")
            continue
        with public_umask(), creating(path) as file:
            file.write(text_bytes(text))
        return []
    return reasons


def _decided_with(night: NightId, reader: NightReader) -> str:
    """By the generations or, where one is damaged, by what was listed with them."""
    try:
        generations = reader.generations(night)
        if generations:
            return corrections_digest(generations)
    except DataError:
        pass
    with suppress(DataError):
        return parse_sums(reader.text(night, SUMS_NAME) or "").get(CORRECTIONS, "")
    return ""
