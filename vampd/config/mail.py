"""Settings of mail: who announces manifests to STARS, and who is told of trouble and mornings."""

from __future__ import annotations

import ipaddress
import re
from datetime import time, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from vampd.config.base import AbsolutePath, Seconds, Table
from vampd.model.delivery import Way


class Tls(StrEnum):
    """How the connection to a mail server is secured; its certificate is always verified."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


_MAIL_ADDRESS = re.compile(r"(?!-)[!-~]+@(?!-)[!-~]+")


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone of this name, None for that of this machine. ValueError."""
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            "must be a time zone of this machine such as 'Pacific/Honolulu'"
        ) from error


class Mail(Table):
    """[mail]: who mails STARS, whom, and how; who is told of trouble, and of each morning.

    ``data_host_ip`` is the address that STARS pulls from; it is never guessed, because a host may
    well think that it is 127.0.1.1.
    """

    automatic: bool = False
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    warn_recipients: tuple[str, ...] = ()
    morning_recipients: tuple[str, ...] = ()
    morning_at: time = time(8)
    morning_zone: str | None = None
    data_host_ip: str | None = None
    template: AbsolutePath | None = None
    way: Literal[Way.SMTP, Way.SENDMAIL] = Way.SENDMAIL
    sendmail: AbsolutePath = Path("/usr/sbin/sendmail")
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = Tls.STARTTLS
    ca_file: AbsolutePath | None = None
    credentials: AbsolutePath | None = None
    timeout_s: Seconds = 60

    @field_validator("sender", "recipients", "warn_recipients", "morning_recipients")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for address in (value,) if isinstance(value, str) else value or ():
            if not _MAIL_ADDRESS.fullmatch(address) or set(address) & set('<>,;:"()'):
                raise ValueError("must be plain addresses such as 'name@host.org'")
        return value

    @field_validator("morning_at", mode="before")
    @classmethod
    def _hour(cls, value: object) -> object:
        if not isinstance(value, str | time):
            raise ValueError("must be a local time such as '08:00'")
        return value

    @field_validator("morning_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            zone_of(name)
        return name

    @field_validator("data_host_ip")
    @classmethod
    def _reachable(cls, text: str | None) -> str | None:
        if text is not None:
            address = ipaddress.ip_address(text)
            if address.is_loopback or address.is_unspecified:
                raise ValueError("must be the address that other hosts reach the data host by")
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Mail:
        if self.credentials is not None and self.tls is Tls.NONE:
            raise ValueError("a password must not be sent in the clear: credentials need tls")
        if self.automatic and self.missing:
            raise ValueError(f"automatic needs {' and '.join(self.missing)}")
        lacking = [key for key in self.missing if key in ("mail.sender", "mail.host")]
        for key in ("warn_recipients", "morning_recipients"):
            if getattr(self, key) and lacking:
                raise ValueError(f"{key} needs {' and '.join(lacking)}")
        return self

    @property
    def sends_by_itself(self) -> bool:
        """Whether vampd mails anything without being asked."""
        return self.automatic or bool(self.warn_recipients or self.morning_recipients)

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys without which nothing can be sent."""
        needed = {
            "mail.sender": self.sender,
            "mail.recipients": self.recipients,
            "mail.data_host_ip": self.data_host_ip,
            "mail.host": self.host if self.way is Way.SMTP else "none is needed",
        }
        return tuple(key for key, value in needed.items() if not value)
