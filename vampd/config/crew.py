"""[crew]: who packs, this machine or the hosts that an engine reaches."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from vampd.config.base import AbsolutePath, Seconds, Table

_ADDRESS = re.compile(r"(tls|tcp)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_LAST_PORT = 65535
# A host shows a sign every two seconds, and the scheduler is asked once a second.
_SHORTEST_LOSS_S = 10


class CrewEngine(StrEnum):
    """What brings orders to who packs."""

    LOCAL = "local"  # the worker processes of this machine
    DASK = "dask"  # dask.distributed, and a `vampd-worker` on each host


class CrewSettings(Table):
    """[crew]: ``scheduler`` and what follows it are for an engine that reaches other hosts.

    ``ca_file``, ``certificate`` and ``key`` are PEM files for mutual TLS.
    """

    engine: CrewEngine = CrewEngine.LOCAL
    scheduler: str = ""
    ca_file: AbsolutePath | None = None
    certificate: AbsolutePath | None = None
    key: AbsolutePath | None = None
    local_places: Annotated[int, Field(ge=0, le=10_000)] = 0
    lost_after_s: Annotated[Seconds, Field(ge=_SHORTEST_LOSS_S)] = 60
    fall_back_after_s: Annotated[float, Field(ge=0, le=86_400)] = 600

    @field_validator("scheduler")
    @classmethod
    def _an_address(cls, address: str) -> str:
        found = _ADDRESS.fullmatch(address)
        if address and (found is None or not 0 < int(found[3]) <= _LAST_PORT):
            raise ValueError("must be an address such as 'tls://sc5:8786'")
        return address

    @model_validator(mode="after")
    def _reached_safely(self) -> CrewSettings:
        files = (self.ca_file, self.certificate, self.key)
        if any(files) and not all(files):
            raise ValueError("ca_file, certificate and key belong together")
        if self.engine is CrewEngine.LOCAL:
            return self
        if not self.scheduler:
            raise ValueError(f'engine = "{self.engine}" needs crew.scheduler')
        if self.is_encrypted:
            if not all(files):
                raise ValueError("tls:// needs crew.ca_file, crew.certificate and crew.key")
        elif not _is_loopback(self.scheduler):
            # Whoever reaches it has programs run as the owner of the nights.
            raise ValueError("only 127.0.0.1 is reached by tcp://: other hosts need tls://")
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether the engine is reached by mutual TLS."""
        return self.scheduler.startswith("tls://")

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of the scheduler. ValueError where there is none."""
        found = _ADDRESS.fullmatch(self.scheduler)
        if found is None:
            raise ValueError("no scheduler is set")
        return found[2].strip("[]"), int(found[3])


def _is_loopback(address: str) -> bool:
    found = _ADDRESS.fullmatch(address)
    try:
        return found is not None and ip_address(found[2].strip("[]")).is_loopback
    except ValueError:
        return False
