"""The page is read-only by proof: strace sees no file of vampd opened for writing, in any state."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.security.test_reading import LOOKED_FOR, WRITES, owner_at_work, state_of
from tests.support.daemon.site import Site
from tests.support.worlds.hostile.three_users import MEMBER, OWNER, give_to_owner, shared_site
from tests.support.worlds.records.varied_nights import HELD, UNSAFE, make_varied
from vampd.model.nights import NightUpdate
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

# Tells what it has imported when it ends, to a descriptor that it inherits.
PROGRAM = """
import os, sys
from vampd.web.program import main
try:
    main()
finally:
    os.write(int(os.environ["TELL"]), "\\n".join(sys.modules).encode())
"""
ADDRESSES = (
    "/", "/?only=held", f"/night/{HELD.date}-archive", f"/night/{UNSAFE.date}-archive",
    "/api/v1/nights?limit=0", f"/api/v1/nights/{HELD.date}-archive", "/static/style.css",
    "/nothing", "/?page=x",
)  # fmt: skip
# What does work, and what is slow or large, has no place in the process.
FOREIGN = re.compile(
    r"vampd\.(adapters|daemon|engine|fits|ledger|simulate|stages)\b"
    r"|(alembic|numba|numpy|pebble|sqlalchemy|watchdog)$"
)


class Page:
    """vampd-web as a member of the group, under strace."""

    def __init__(self, process: subprocess.Popen[str], port: int, trace: Path, told: int) -> None:
        self.process, self.port, self.trace, self.told = process, port, trace, told

    def get(self, address: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", address, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def all(self) -> None:
        for address in ADDRESSES:
            status, _ = self.get(address)
            assert status == {"/nothing": 404, "/?page=x": 400}.get(address, 200), address

    def stop(self) -> list[str]:
        """End it as systemd does; the names of the modules that it had imported."""
        (child,) = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        os.kill(int(child), signal.SIGTERM)
        assert self.process.wait(60) == 0
        names = b""
        while chunk := os.read(self.told, 1 << 16):
            names += chunk
        return names.decode().split("\n")

    def written(self, folder: Path) -> list[str]:
        lines = self.trace.read_text(errors="replace").splitlines()
        assert any("vampd.db" in line for line in lines), "the trace saw nothing"
        return [
            line
            for line in lines
            if f'"{folder}' in line and WRITES.search(line) and " = -1 " not in line
        ]


@contextmanager
def page_of(site: Site, strace: str, trace: Path) -> Iterator[Page]:
    told_r, told_w = os.pipe()
    # As where nobody has asked Python to write at once.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    groups = ["--reuid", "4002", "--regid", "4002", "--groups", ",".join(map(str, MEMBER.gids))]
    process = subprocess.Popen(
        [
            strace, "-f", "-e", f"trace={LOOKED_FOR}", "-o", trace, "setpriv", *groups,
            sys.executable, "-c", PROGRAM, "--config", site.config, "--log", "json",
        ],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, pass_fds=[told_w],
        env=environment | {"TELL": str(told_w)},
    )  # fmt: skip
    os.close(told_w)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)/\n", line)
        assert found is not None, line
        yield Page(process, int(found[1]), trace, told_r)
    finally:
        process.stdout.close()
        if process.poll() is None:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            for child in children.split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            process.wait(60)
        os.close(told_r)


@pytest.fixture
def site() -> Iterator[Site]:
    with shared_site(web={"listen": "127.0.0.1:0"}) as site:
        make_varied(site.database, 7)
        give_to_owner(site)
        yield site


@pytest.fixture
def page(site: Site, tool, tmp_path: Path) -> Iterator[Page]:
    with page_of(site, tool("strace"), tmp_path / "trace") as page:
        yield page


def change(site: Site, note: str) -> Store:
    """A vampd at work, as far as the database knows."""
    store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
    Nights(store).update(HELD, NightUpdate(note=note))
    return store


def test_no_file_is_opened_for_writing_in_any_state_that_vampd_leaves(
    site: Site, page: Page
) -> None:
    folder = site.database.parent
    before = state_of(site)
    page.all()
    assert state_of(site) == before
    with owner_at_work(lambda: change(site, "said meanwhile")):
        page.all()
        assert b"said meanwhile" in page.get("/")[1]
        seen = state_of(site)
        page.all()
        assert state_of(site) == seen
    # Killed, and started again.
    page.all()
    OWNER.does(lambda: change(site, "said later").close())
    assert b"said later" in page.get("/")[1]
    # Stopped cleanly: the page has kept no lock, for which the log would have stayed.
    assert [path.name for path in folder.iterdir()] == ["vampd.db"]
    assert page.written(folder) == page.written(site.root) == []
    modules = page.stop()
    assert "vampd.web.application" in modules
    assert [name for name in modules if FOREIGN.match(name)] == []


def test_who_says_nothing_keeps_no_place_and_who_says_too_much_is_not_heard(page: Page) -> None:
    silent = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(3)]
    began = time.monotonic()
    silent[1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    loud = socket.create_connection(("127.0.0.1", page.port))
    loud.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000)
    with suppress(ConnectionError):
        assert b" 400 " in loud.recv(1000)
    assert page.get("/")[0] == 200
    assert page.get("/", {"Host": "evil.example"})[0] == 421
    assert json.loads(page.get("/api/v1/nights?limit=1")[1])
    for connection in silent:
        connection.settimeout(60)
        assert connection.recv(10) == b""
        connection.close()
    assert time.monotonic() - began < 60
    loud.close()
