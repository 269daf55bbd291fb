"""What helps once a foreign entry is gone from the place of one of a night's files.

What finds it, such as a link or a folder, knows neither the night nor its state; whoever reports it
does. The command depends on which stage writes the file, and whether the night passes it anyway.
"""

from __future__ import annotations

from vampd.errors import VampdError
from vampd.model.delivery import note_name, supplement_number
from vampd.model.frame_ids import NAME_CHANGES
from vampd.model.headers import table_name
from vampd.model.nights import NightId, StageName, Stream, stages_of
from vampd.model.proofs import RECEIPTS_PATH, SUMS_NAME

# The errors of such an entry. Their messages end with its removal.
_FOREIGN = frozenset({"link_found", "not_a_file", "file_too_long"})


def add_cure(error: VampdError, night: NightId, at: StageName | None) -> str:
    """The error's message, with the command that helps then.

    ``at`` is the stage where this holds the night, None if the night is done. Other errors have
    theirs already.
    """
    if error.code not in _FOREIGN:
        return error.message
    command = cure_of(_inside(str(error.context.get("path", "")), night), night, at)
    return f"{error.message}; then `{command}`" if command else error.message


def cure_of(path: str, night: NightId, at: StageName | None) -> str:
    """The command for a file of the night, ``path`` from its folder; as `add_cure`.

    Empty if nothing but the removal is needed, because the next scan looks again.
    """
    writer = _writer_of(path, night.date)
    if at is not None:
        stages = stages_of(night.kind)
        passes = writer is None or stages.index(at) <= stages.index(writer)
        return f"vampctl retry {night.date}{'' if passes else f' --from {writer}'}"
    if writer is not None:
        return f"vampctl retry {night.date} --from {writer}"
    return f"vampctl recover {night.date}" if path.startswith(f"{Stream.VGEN2}/") else ""


def _writer_of(path: str, date: str) -> StageName | None:
    """The last stage that writes this file again if it is gone."""
    if path in (SUMS_NAME, RECEIPTS_PATH, table_name(date)) or path.startswith("vbad/"):
        return StageName.TRANSFER
    listed = path.removesuffix(".sha256")
    manifest = f"{listed}.csv" if listed != path else path
    if (
        path in (f"{Stream.VGEN2}/{NAME_CHANGES}", note_name(date))
        or supplement_number(manifest, date) is not None
    ):
        return StageName.MANIFEST
    return None


def _inside(path: str, night: NightId) -> str:
    return path.rpartition(f"/{night.folder}/")[2]
