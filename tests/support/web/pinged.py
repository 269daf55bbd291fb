"""A loopback HTTP server that takes pings as healthchecks does, and may misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"


@dataclass
class Pinged:
    """What was asked for: method, path and body of each request, and its headers."""

    url: str
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"OK"

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]


@contextmanager
def running_pinged(certificate: tuple[Path, Path] | None = None) -> Iterator[Pinged]:
    """A server until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pinged.headers.append({name.lower(): text for name, text in self.headers.items()})
            pinged.asked.append((self.command, self.path, body.decode()))
            self.send_response(pinged.status)
            self.send_header("Content-Length", str(len(pinged.answer)))
            if pinged.status == 302:
                self.send_header("Location", f"{pinged.url}/elsewhere")
            self.end_headers()
            self.wfile.write(pinged.answer)

        do_GET = do_POST  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    pinged = Pinged(f"{scheme}://{HOST}:{server.server_port}/ping/5bf66975")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield pinged
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_dripping(every_s: float = 0.05) -> Iterator[str]:
    """The URL of a server whose answer never ends: a byte at a time."""
    stop = threading.Event()
    listener = socket.create_server((HOST, 0))
    listener.settimeout(0.1)

    def serve() -> None:
        while not stop.is_set():
            with suppress(TimeoutError, OSError):
                client, _ = listener.accept()
                with client:
                    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while not stop.is_set():
                        client.sendall(b"x")
                        time.sleep(every_s)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}/ping"
    finally:
        stop.set()
        thread.join()
        listener.close()
