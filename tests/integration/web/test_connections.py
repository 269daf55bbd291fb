"""A connection stays from one poll of a page to its next; who says nothing or dawdles loses it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.support.daemon.site import make_site
from vampd.web import server

_PATIENCE_S, _IDLE_S = 0.3, 30
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(server, "_PATIENCE_S", _PATIENCE_S)
    served = uvicorn.Server(
        uvicorn.Config(
            _answer,
            http=server.PromptProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            timeout_keep_alive=_IDLE_S,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()
        served.should_exit = True
        thread.join(20)


def test_a_page_asks_again_by_the_connection_that_it_has(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        for _ in range(2):
            connection.sendall(REQUEST)
            assert connection.recv(1000).startswith(b"HTTP/1.1 204")
            time.sleep(3 * _PATIENCE_S)


@pytest.mark.parametrize("begun", [b"", REQUEST[:9]])
def test_who_asks_for_nothing_is_ended_soon(address: tuple[str, int], begun: bytes) -> None:
    with socket.create_connection(address, timeout=_IDLE_S / 2) as connection:
        connection.sendall(begun)
        assert connection.recv(1) == b""


def test_who_dawdles_with_a_further_request_is_ended_as_soon(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=_IDLE_S / 2) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        connection.sendall(REQUEST[:9])
        assert connection.recv(1) == b""


def test_a_connection_may_rest_for_longer_than_a_page_does() -> None:
    script = (Path(server.__file__).parent / "static/live.js").read_text()
    (every_ms,) = re.findall(r"everyMs = (\d+)", script)
    assert 2 * int(every_ms) < 1000 * server._IDLE_S
    assert server._PATIENCE_S < server._IDLE_S


def test_a_signal_that_comes_before_the_first_request_ends_it(tmp_path: Path) -> None:
    site = make_site(tmp_path, web={"listen": "127.0.0.1:0"})
    script = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from vampd.config import load_settings\n"
        "from vampd.web import server\n"
        "server._tell_systemd = lambda _: signal.raise_signal(signal.SIGTERM)\n"
        "server.serve(load_settings(Path(sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", script, str(site.config)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
