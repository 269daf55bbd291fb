"""What stands before the pages: who is answered at all, and under which rules browsers show it.

Only GET and HEAD, without a body, of a bounded length, by a name that is the page's: a name that
someone else has pointed at this address (DNS rebinding) would let their page read this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("GET", "HEAD")
_LONGEST_ADDRESS = 2048
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Refuses what is no request for a page; its headers are on every answer."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset({"localhost", *(name.lower() for name in names)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        if scope["method"] not in _METHODS:
            allowed = ", ".join(_METHODS)
            return _refuse(405, f"only {allowed}: no page changes anything", Allow=allowed)
        if len(scope["raw_path"]) + len(scope["query_string"]) > _LONGEST_ADDRESS:
            return _refuse(414, f"an address here has no more than {_LONGEST_ADDRESS} bytes")
        headers = Headers(scope=scope)
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return _refuse(413, "a request for a page has no body")
        if not self.knows(headers.getlist("host")):
            return _refuse(
                421,
                "this is not a name of the page: an address, localhost, and those of [web] names"
                " in vampd's configuration are",
            )
        return None

    def knows(self, hosts: list[str]) -> bool:
        """Whether the page is asked for by a name of its own, or by an address."""
        if len(hosts) != 1 or (found := _HOST.fullmatch(hosts[0])) is None:
            return False
        name = found[1].lower()
        return name in self._names or _is_address(name.strip("[]"))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refuse(status: int, why: str, **headers: str) -> PlainTextResponse:
    # The connection ends: a body that was not read would be taken for the next request.
    return PlainTextResponse(f"{why}\n", status, headers={"Connection": "close", **headers})
