"""Settings of mail: who announces manifests to STARS, and who is warned of low space."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from vampd.config.base import Seconds, Table
from vampd.model.delivery import Way


class Tls(StrEnum):
    """How the connection to a mail server is secured; its certificate is always verified."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


_MAIL_ADDRESS = re.compile(r"(?!-)[!-~]+@(?!-)[!-~]+")


class Mail(Table):
    """[mail]: who mails STARS, whom, and how; and who is warned when space runs low.

    ``data_host_ip`` is the address that STARS pulls from; it is never guessed, because a host may
    well think that it is 127.0.1.1.
    """

    automatic: bool = False
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    warn_recipients: tuple[str, ...] = ()
    data_host_ip: str | None = None
    template: Path | None = None
    way: Literal[Way.SMTP, Way.SENDMAIL] = Way.SENDMAIL
    sendmail: Path = Path("/usr/sbin/sendmail")
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = Tls.STARTTLS
    ca_file: Path | None = None
    credentials: Path | None = None
    timeout_s: Seconds = 60

    @field_validator("sender", "recipients", "warn_recipients")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for address in (value,) if isinstance(value, str) else value or ():
            if not _MAIL_ADDRESS.fullmatch(address) or set(address) & set('<>,;:"()'):
                raise ValueError("must be plain addresses such as 'name@host.org'")
        return value

    @field_validator("data_host_ip")
    @classmethod
    def _reachable(cls, text: str | None) -> str | None:
        if text is not None:
            address = ipaddress.ip_address(text)
            if address.is_loopback or address.is_unspecified:
                raise ValueError("must be the address that other hosts reach the data host by")
        return text

    @field_validator("template", "sendmail", "ca_file", "credentials")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_absolute():
            raise ValueError("must be an absolute path")
        return path

    @model_validator(mode="after")
    def _consistent(self) -> Mail:
        if self.credentials is not None and self.tls is Tls.NONE:
            raise ValueError("a password must not be sent in the clear: credentials need tls")
        if self.automatic and self.missing:
            raise ValueError(f"automatic needs {' and '.join(self.missing)}")
        lacking = [key for key in self.missing if key in ("mail.sender", "mail.host")]
        if self.warn_recipients and lacking:
            raise ValueError(f"warn_recipients needs {' and '.join(lacking)}")
        return self

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
