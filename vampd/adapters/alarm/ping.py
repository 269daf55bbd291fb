"""A URL that is asked for, as healthchecks has them: ports.Heart.

One request, no redirection, no proxy. The answer is read as far as its first words, and all of it,
from the connection to the last byte, has one time limit: a server that answers a byte at a time
does not get more.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vampd import __version__
from vampd.config.alarm import Signal, parse_url
from vampd.errors import ConfigError, TransientError

_MOST_ANSWER_BYTES = 200
# healthchecks keeps the first 10 kB.
_MOST_BYTES = 10_000


class PingedUrl:
    """Sends a signal by POST to what ``url`` gives, and to what is below it for all but success."""

    def __init__(
        self, url: Callable[[], str], within_s: float, ca_file: Path | None = None
    ) -> None:
        self._url = url
        self._within_s = within_s
        self._ca_file = ca_file

    def beat(self, signal: str, text: str) -> None:
        """TransientError ``heartbeat_failed``, ConfigError ``heartbeat_url``.

        No message quotes the path, which is as good as a password.
        """
        try:
            parts = parse_url(self._url())
        except ValueError as error:
            raise ConfigError("heartbeat_url", f"the URL of [heartbeat] {error}") from error
        where = f"{parts.scheme}://{parts.hostname}"
        below = "" if signal == Signal.SUCCESS else f"/{signal}"
        target = f"{parts.path.rstrip('/') if below else parts.path}{below}" or "/"
        if parts.query:
            target = f"{target}?{parts.query}"
        body = text.encode(errors="backslashreplace")[:_MOST_BYTES]
        connection = self._connection(parts.scheme, str(parts.hostname), parts.port)
        try:
            with _time_limit(connection, self._within_s):
                headers = {"User-Agent": f"vampd/{__version__}", "Connection": "close"}
                headers["Content-Type"] = "text/plain; charset=utf-8"
                connection.request("POST", target, body, headers)
                with connection.getresponse() as answer:
                    said = answer.read(_MOST_ANSWER_BYTES).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:  # ssl.SSLError is an OSError
            why = str(error) or type(error).__name__
            raise TransientError("heartbeat_failed", f"{where} was not reached: {why}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            found = f"{answer.status} {answer.reason}; {said}" if said else str(answer.status)
            raise TransientError("heartbeat_failed", f"{where} answered {found}")

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._within_s)
        try:
            trust = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise ConfigError(
                "heartbeat_url",
                f"heartbeat.ca_file {self._ca_file} holds no certificates: {error}",
            ) from error
        return http.client.HTTPSConnection(host, port, timeout=self._within_s, context=trust)


@contextmanager
def _time_limit(connection: http.client.HTTPConnection, within_s: float) -> Iterator[None]:
    """Connect, and cut the connection when the time is up."""
    connection.connect()
    # The answer keeps it when the connection has let it go.
    connected, is_over = connection.sock, threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(within_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_over.is_set():
            # What was cut may look like an end.
            raise TimeoutError(f"no whole answer within {within_s:g} s")
