"""Serving the application, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Message, Scope
from systemd.daemon import notify
from uvicorn.protocols.http.h11_impl import H11Protocol

from vampd.cli.shared.output import write
from vampd.config import Settings
from vampd.config.web import address_of
from vampd.disk.machine import bound_heap, keep_heap, shrink_heap
from vampd.log import get_log
from vampd.web.application import make_application
from vampd.web.serving.listening import open_listening, place_of

# More than a control room has browsers; further ones are told to come again.
_CONNECTIONS = 200
_PATIENCE_S = 10
# Between two requests, and longer than a page takes to ask again (static/live.js).
_IDLE_S = 40
_STOP_S = 5
# A request's first line and headers.
_REQUEST_BYTES = 16 << 10


class PromptProtocol(H11Protocol):
    """Ends a connection that takes too long to say what it wants, which would keep a place."""

    _late: asyncio.TimerHandle | None = None
    _is_answered = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._hurry()

    def handle_events(self) -> None:
        super().handle_events()
        self._hurry()

    def on_response_complete(self) -> None:
        # From now on, the server ends what is idle.
        self._is_answered = True
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_hurrying()

    def _hurry(self) -> None:
        """Give it some time for the whole head of a request: the first one, and each begun one."""
        if self.conn.their_state is not h11.IDLE:
            self._stop_hurrying()
        elif self._late is None and (not self._is_answered or self.conn.trailing_data[0]):
            self._late = self.loop.call_later(_PATIENCE_S, self.transport.close)

    def _stop_hurrying(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def serve(settings: Settings) -> None:
    """Serve the page at [web] listen; VampdError ``cannot_listen``."""
    bound_heap()
    listening = open_listening(settings.web.place)
    application = make_application(settings)
    asyncio.run(_ask_first(application))
    # What the first look has made of thousands of nights stays.
    keep_heap()
    shrink_heap()
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            http=PromptProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            # What goes wrong in an answer is told by the application.
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_STOP_S,
            h11_max_incomplete_event_size=_REQUEST_BYTES,
        )
    )

    def stop(*_: object) -> None:
        server.should_exit = True

    # The server stops at these by itself once it runs, and then sends them again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    address = address_of(place_of(listening))
    with listening:
        write(f"listening on {address}")
        # Whoever waits for that line may read it from a pipe.
        sys.stdout.flush()
        get_log().info("web.started", address=address)
        _tell_systemd("READY=1")
        server.run(sockets=[listening])
    get_log().info("web.stopped")


async def _ask_first(application: ASGIApp) -> None:
    """Have the page of nights made: the first look at thousands of them is the dear one."""
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        return

    await application(scope, receive, send)


def _tell_systemd(state: str) -> None:
    try:
        notify(state)
    except OSError:
        return
