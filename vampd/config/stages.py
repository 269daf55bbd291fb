"""Settings of the stages except transfer."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from vampd.config.base import AbsolutePath, Fraction, Seconds, Table
from vampd.model.delivery import DigestColumn, LineEnd, ManifestForm, Style
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.model.proofs import Verification

_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
# Times, exposure, trigger, FLC, window, camera, IDs, and what makes a FITS file one.
_MEASURED = re.compile(
    r"SIMPLE|BITPIX|NAXIS[0-9]*|EXTEND|BZERO|BSCALE|PCOUNT|GCOUNT|COMMENT|HISTORY|CONTINUE|END"
    r"|CHECKSUM|DATASUM|Z.*|DATE.*|UT(?:-.*)?|HST(?:-.*)?|MJD(?:-.*)?|LST.*|EXPTIME|FRATE|EXTTRIG"
    r"|U_.*|PRD-.*|DETECTOR|DET-.*|GAIN|FRAMEID|EXP-ID|INSTRUME"
)


class Sync(Table):
    """[sync]: pairing, cutting, and when a night's result counts as unexpected."""

    hold_when_unexpected: bool = True
    max_unpaired: Fraction = 0.2
    max_dubious: Fraction = 0.1
    max_set_aside: Fraction = 0.5
    largest_error: float = Field(1e-6, ge=1e-12, le=0.01)
    largest_offset_us: int = Field(2_000, gt=0, le=1_000_000)
    cut_after_s: Seconds = 10
    cut_at_gap_s: Seconds = 3
    cut_on: tuple[str, ...] = (
        "EXPTIME",
        "RET-ANG1",
        "FILTER01",
        "FILTER02",
        "OBJECT",
        "DATA-TYP",
        "U_FLCEN",
        "U_FLCST",
        "U_DETMOD",
        "PRD-MIN1",
        "PRD-MIN2",
        "DETGAIN",
        "U_MBI",
    )


class WhenMissing(StrEnum):
    """What happens to a night whose cubes lack a required card."""

    WARN = "warn"
    HOLD = "hold"


class Headers(Table):
    """[headers]: the keyword dictionary, and the cards that every cube should have."""

    dictionary: Path | None = None
    required: tuple[str, ...] = (
        "EXPTIME",
        "EXTTRIG",
        "DETECTOR",
        "U_CAMERA",
        "FILTER01",
        "FILTER02",
        "RET-ANG1",
        "OBJECT",
        "DATA-TYP",
        "OBS-MOD",
    )
    when_missing: WhenMissing = WhenMissing.WARN
    may_correct: tuple[str, ...] = (
        "RET-ANG1",
        "RET-ANG2",
        "RET-POS1",
        "RET-POS2",
        "RET-MOD1",
        "RET-MOD2",
        "OBJECT",
        "DATA-TYP",
        "OBS-MOD",
        "PROP-ID",
    )

    @field_validator("required", "may_correct")
    @classmethod
    def _keywords(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in keywords:
            if not _KEYWORD.fullmatch(keyword):
                raise ValueError(f"{keyword!r} is not a keyword such as 'EXPTIME'")
        return keywords

    @field_validator("may_correct")
    @classmethod
    def _never_measured(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in keywords:
            if _MEASURED.fullmatch(keyword):
                raise ValueError(
                    f"{keyword!r} is measured by the camera or set by vampd: no one corrects it"
                )
        return keywords


class Authority(StrEnum):
    """Who grants frame IDs."""

    NONE = "none"
    LOCAL = "local"
    GEN2 = "gen2"
    COMMAND = "command"


class Gen2Way(StrEnum):
    """How Gen2 is asked."""

    INSTRUMENT = "instrument"  # the instrument's process, which answers by a file
    FRAMES = "frames"  # the service of that name, which answers itself


class FrameIds(Table):
    """[frameids]: who grants IDs.

    ``first`` is for the local sequence; ``numbers`` and ``timeout_s`` for gen2 and command;
    ``way``, ``gen2_answer``, ``gen2_owner`` and ``gen2_hosts`` for gen2; ``command`` for
    command.
    """

    authority: Authority = Authority.NONE
    first: str = "VMPA90000001"
    numbers: NumberRange = NumberRange.RAW
    timeout_s: Seconds = 120
    way: Gen2Way = Gen2Way.INSTRUMENT
    gen2_answer: AbsolutePath = Path("/tmp/frames_VMPA.txt")
    gen2_owner: str = ""
    gen2_hosts: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @field_validator("first")
    @classmethod
    def _a_frame_id(cls, text: str) -> str:
        FrameId.parse(text)
        return text

    @model_validator(mode="after")
    def _a_command(self) -> FrameIds:
        if self.authority is Authority.COMMAND and not any(self.command):
            raise ValueError('authority = "command" needs frameids.command')
        if self.authority is Authority.GEN2 and not any(self.gen2_hosts):
            # Without one the package would ask this machine.
            raise ValueError('authority = "gen2" needs frameids.gen2_hosts')
        return self


class Fpack(Table):
    """[fpack]: compression and its proof."""

    verify: Verification = "full"


class ManifestSettings(Table):
    """[manifest]: how new manifests are written; those that exist are never changed.

    ``prefix`` is the folder of the archive nights as the host names it that STARS reads from; None:
    as the transfer's destination names it.
    """

    form: Style = Style.PLAIN
    columns: tuple[DigestColumn, ...] = ()
    line_ends: LineEnd = LineEnd.CRLF
    prefix: Path | None = None

    @field_validator("prefix")
    @classmethod
    def _absolute(cls, prefix: Path | None) -> Path | None:
        if prefix is not None and (not prefix.is_absolute() or set(str(prefix)) & set("|\r\n")):
            raise ValueError("must be an absolute path without '|'")
        return prefix

    @model_validator(mode="after")
    def _columns_have_names(self) -> ManifestSettings:
        self.manifest_form  # noqa: B018 - validates itself
        return self

    @property
    def manifest_form(self) -> ManifestForm:
        """The form of new manifests."""
        return ManifestForm(self.form, self.columns, self.line_ends)
