"""[[notify]] and [heartbeat]: whom a person's trouble is told, and who is told that vampd lives."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from vampd.config.base import AbsolutePath, Seconds, Table
from vampd.model.alarm import AlarmState

MAIL_WAY = "mail"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")
# What is told in vain holds up what is told next.
_Patience = Annotated[float, Field(gt=0, le=300)]
_Command = Annotated[tuple[str, ...], Field(max_length=64)]


class Signal(StrEnum):
    """What the heartbeat says, in the words of healthchecks."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


def _refuse_command(command: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in command) or (command and not command[0]):
        raise ValueError("must be a program and its arguments, as in ['/usr/local/bin/tell']")
    if command and "/" in command[0] and not PurePath(command[0]).is_absolute():
        raise ValueError("must name its program by an absolute path, or by a name in PATH")
    return command


class Notify(Table):
    """One [[notify]]: a program that is run with the text of a message on its standard input."""

    command: Annotated[_Command, Field(min_length=1)]
    name: str = ""
    states: Annotated[tuple[AlarmState, ...], Field(min_length=1)] = tuple(AlarmState)
    timeout_s: _Patience = 30

    @field_validator("command")
    @classmethod
    def _a_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        return _refuse_command(command)

    @model_validator(mode="after")
    def _with_name(self) -> Notify:
        if self.name and (not _NAME.fullmatch(self.name) or self.name == MAIL_WAY):
            raise ValueError(
                f"name must be a short word of letters, digits and _.-, and not {MAIL_WAY!r}"
            )
        return self

    @property
    def way(self) -> str:
        """What it is called, in the log and on record: its name, else that of its program."""
        return self.name or PurePath(self.command[0]).name


def refuse_twins(ways: tuple[Notify, ...]) -> tuple[Notify, ...]:
    """ValueError for two of one name: what one told would count as told by the other."""
    names = [one.way for one in ways]
    for name in names:
        if names.count(name) > 1 or not _NAME.fullmatch(name) or name == MAIL_WAY:
            raise ValueError(f"{name!r} cannot name one of them: give each a name of its own")
    return ways


class Heartbeat(Table):
    """[heartbeat]: a URL that is asked for, or a command that is run, while vampd works."""

    url: str | None = None
    url_file: AbsolutePath | None = None
    command: _Command = ()
    every_s: Annotated[Seconds, Field(ge=10)] = 300
    signals: tuple[Signal, ...] = tuple(Signal)
    fails_for_troubles: bool = False
    ca_file: AbsolutePath | None = None
    timeout_s: _Patience = 10

    @field_validator("url")
    @classmethod
    def _a_url(cls, url: str | None) -> str | None:
        if url is not None:
            parse_url(url)
        return url

    @field_validator("command")
    @classmethod
    def _a_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        return _refuse_command(command)

    @model_validator(mode="after")
    def _one_of_them(self) -> Heartbeat:
        given = [self.url is not None, self.url_file is not None, bool(self.command)]
        if sum(given) > 1:
            raise ValueError("one of url, url_file and command, not more")
        return self

    @property
    def is_set(self) -> bool:
        """Whether anybody is told."""
        return self.url is not None or self.url_file is not None or bool(self.command)


def parse_url(url: str) -> SplitResult:
    """The parts of a URL to which `/start` and `/fail` can be appended. ValueError."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a URL in plain characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be a URL such as 'https://hc.example.org/ping/<uuid>'")
    if parts.fragment or (parts.port is not None and not parts.port):
        raise ValueError("must be a URL without a fragment, and with a port that there is")
    return parts
