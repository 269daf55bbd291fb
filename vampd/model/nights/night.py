"""Nights: UT-dated folders, archive or engineering."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from pathlib import PurePath

ARCHIVE_FOLDER = "ARCHIVED_DATA"
_COMMAND = re.compile(r"`vampctl [^`]*`")
# Those that concern archive nights alone take no kind.
_OF_ARCHIVE = re.compile(r"`vampctl (?:acknowledge|mail|manifest) ")
_DATE = re.compile(r"[12][0-9]{7}")


# The command of a cure, and its options; where a date has both kinds, with the kind between.
_CURE = re.compile(r"`vampctl (recover|retry) [0-9]{8}(?: --kind [a-z]+)?((?: --from [a-z]+)?)`")


class Kind(StrEnum):
    """What a night is for, given by the folder that holds it."""

    ARCHIVE = "archive"
    ENGINEERING = "engineering"


def parse_night_date(name: str) -> datetime.date | None:
    """The date that a folder name ``YYYYMMDD`` stands for, None for anything else."""
    if not _DATE.fullmatch(name):
        return None
    try:
        return datetime.date(int(name[:4]), int(name[4:6]), int(name[6:]))
    except ValueError:
        return None


def name_commands(text: str, date: str) -> str:
    """The text with its commands (`` `vampctl retry NIGHT` ``) as they are typed for this night.

    What finds a fault may not know the night; whoever reports it does.
    """
    return _COMMAND.sub(lambda command: command[0].replace("NIGHT", date), text)


def cure_of(note: str) -> str | None:
    """The command for this night that a note names as the cure, with its options."""
    cure = _CURE.search(note)
    return None if cure is None else f"{cure[1]}{cure[2]}"


def name_kind(text: str, date: str, name: str) -> str:
    """The text with its commands for this date as they are typed for one kind of its nights."""
    bare = re.compile(rf"\b{date}\b(?! --kind)")
    return _COMMAND.sub(
        lambda command: command[0] if _OF_ARCHIVE.match(command[0]) else bare.sub(name, command[0]),
        text,
    )


@dataclass(frozen=True, order=True, slots=True)
class NightId:
    """One night: its UT date as ``YYYYMMDD`` and its kind. Sorts oldest first."""

    date: str
    kind: Kind

    def __post_init__(self) -> None:
        if parse_night_date(self.date) is None:
            raise ValueError(f"a night is named by its UT date YYYYMMDD, not {self.date!r}")

    @property
    def day(self) -> datetime.date:
        """The UT date."""
        return datetime.date(int(self.date[:4]), int(self.date[4:6]), int(self.date[6:]))

    @property
    def folder(self) -> PurePath:
        """The night's folder, relative to the watched root."""
        if self.kind is Kind.ARCHIVE:
            return PurePath(ARCHIVE_FOLDER, self.date)
        return PurePath(self.date)

    def __hash__(self) -> int:
        # Python computes that of a `Kind` each time; dates alone hardly ever meet.
        return hash(self.date)

    def __str__(self) -> str:
        return f"{self.date}/{self.kind}"


in_time_order = attrgetter("date", "kind")
"""The key that sorts many nights as they sort themselves, without comparing them in Python."""
