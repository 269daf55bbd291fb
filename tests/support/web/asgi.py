"""Asking an application as a server would, without a server."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(app: ASGIApp, address: str, method: str = "GET", **headers: str) -> Answer:
    """The answer to one request; ``headers`` with ``_`` for ``-``, ``host`` unless said."""
    said = {"host": "localhost", **{name.replace("_", "-"): v for name, v in headers.items()}}
    parts = urlsplit(address)
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
    }
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    begun = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(begun["status"], Headers(raw=begun["headers"]), body)
