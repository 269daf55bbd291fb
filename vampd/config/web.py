"""[web]: where the page is served, for `vampd-web`."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from vampd.config.base import Table

_UNIX = "unix:"
_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 65535
_LISTEN = (
    "must be an IP address and a port such as '127.0.0.1:8390' or '[::1]:8390', or a socket such as"
    " 'unix:/run/vampd-web/web.sock'"
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$")]


class Web(Table):
    """[web]: where `vampd-web` listens, and by which names it may be asked for."""

    listen: str = "127.0.0.1:8390"
    names: tuple[Name, ...] = ()

    @field_validator("listen")
    @classmethod
    def _a_place(cls, listen: str) -> str:
        parse_listen(listen)
        return listen

    @property
    def place(self) -> Path | tuple[str, int]:
        """The path of a socket, or an IP address and a port."""
        return parse_listen(self.listen)

    @property
    def address(self) -> str:
        """How a browser, or a proxy, finds it."""
        return address_of(self.place)


def address_of(place: Path | tuple[str, int]) -> str:
    """``http://127.0.0.1:8390/``, or a socket as it is configured."""
    if isinstance(place, Path):
        return f"{_UNIX}{place}"
    host, port = place
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def parse_listen(text: str) -> Path | tuple[str, int]:
    """``unix:/run/x.sock`` as a path, ``127.0.0.1:8390`` as address and port. ValueError."""
    if text.startswith(_UNIX):
        path = Path(text.removeprefix(_UNIX))
        if not path.is_absolute():
            raise ValueError(_LISTEN)
        return path
    host, _, port = text.rpartition(":")
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError as error:
        raise ValueError(_LISTEN) from error
    if not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise ValueError(_LISTEN)
    return str(address), int(port)
