"""What must stand under vbad for the cubes that are set aside: links to them, and their reasons.

Both follow from the generations, so that neither is believed, or sent, as somebody left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.model.cubes import Generation, SetAside, format_reasons, set_aside_cubes
from vampd.model.nights import CAMERA_STREAMS, FileStamp, NightId
from vampd.model.plan import LinkSetAside, Plan, Retire, WriteText
from vampd.model.proofs import REASONS_PATH
from vampd.ports import SyncReader


@dataclass(frozen=True)
class SetAsideSurvey:
    """The cubes that are set aside, the raw files that are here, and what stands under vbad."""

    cubes: tuple[SetAside, ...] = ()
    raw_paths: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    # Raw files that are links: what they lead to is another raw file, and travels as that.
    raw_links: frozenset[str] = frozenset()
    reasons: str | None = None


def survey_set_aside(
    night: NightId, reader: SyncReader, generations: Sequence[Generation]
) -> SetAsideSurvey:
    """List raw and vbad; ``generations`` are the night's."""
    linked = (
        file.path for stream in CAMERA_STREAMS for file in reader.files(night, f"vbad/{stream}")
    )
    return SetAsideSurvey(
        cubes=tuple(set_aside_cubes(generations).values()),
        # Without what is no file, which cannot be sent.
        raw_paths=frozenset(
            file.path for stream in CAMERA_STREAMS for file in reader.files(night, stream)
        ),
        linked=frozenset(linked),
        raw_links=reader.raw_links(night),
        reasons=reader.text(night, REASONS_PATH),
    )


def plan_set_aside(survey: SetAsideSurvey) -> Plan:
    """The links that lack, and the listing if it is not what the generations say."""
    links = [
        LinkSetAside(f"vbad/{file.path}", file.path)
        for cube in survey.cubes
        for file in _files_to_send(cube)
        if file.path in survey.raw_paths - survey.raw_links
        and f"vbad/{file.path}" not in survey.linked
    ]
    # Sync may have linked them before something found that they cannot be read.
    unread = {
        f"vbad/{file.path}": file.path
        for cube in survey.cubes
        if cube.code == "unreadable"
        for file in (cube.fits, cube.timing_file)
        if file is not None
    }
    retired = [
        Retire(link, kept_as=unread[link])
        for link in sorted(unread.keys() & survey.linked)
        if unread[link] in survey.raw_paths
    ]
    reasons = format_reasons(survey.cubes)
    is_due = survey.cubes and reasons != survey.reasons
    return Plan.of(links, retired, [WriteText(REASONS_PATH, reasons)] if is_due else [])


def aside_path(path: str) -> str:
    """Where a raw file travels whole."""
    return f"vbad/{path}"


def cube_set_aside(path: str) -> str | None:
    """The raw cube that a file under vbad belongs to, by its path there; None for any other."""
    stream, _, name = path.removeprefix("vbad/").rpartition("/")
    if not path.startswith("vbad/") or stream not in CAMERA_STREAMS:
        return None
    return f"{stream}/{name.removesuffix('.txt')}.fits" if name.endswith(".txt") else path[5:]


def _files_to_send(cube: SetAside) -> list[FileStamp]:
    # What cannot be read, or must not be, cannot be sent; its reason still is.
    if cube.code in ("unreadable", "link"):
        return []
    if cube.timing_file is None or cube.code == "timing_unreadable":
        return [cube.fits]
    return [cube.fits, cube.timing_file]
