"""What the page costs: vampd-web on a database of five thousand nights, and vampd beside it.

Each figure stands beside a peer in the same run: `python -c pass`, the standard library's server of
files, the server that comes with prometheus-client, or vampd without the page.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.benchmarks.beside_page import compare_packing
from tests.benchmarks.browsers import first_paints_ms
from tests.benchmarks.many_nights import make_many
from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.site import stored_nights, write_config
from tests.benchmarks.web_server import Server, cost_of_nothing_ms, page_of, serving, static_files
from tests.support.worlds.records.varied_nights import HELD, RUNNING
from vampd.model.nights import Event, EventName, NightId, NightUpdate
from vampd.store.nights import Nights

_NIGHTS, _POLLS, _REQUESTS, _ROUNDS, _PAINTS = 5000, 1000, 10_000, 9, 20
_ROOM_BYTES = 1e9
_PEER_OF_METRICS = (
    "import time, prometheus_client as p;"
    " server, _ = p.start_http_server(0, addr='127.0.0.1');"
    " print('port', server.server_port, flush=True); time.sleep(1e6)"
)
LISTEN = 'listen = "127.0.0.1:0"'


def measure(options: Options) -> Iterator[Measure]:
    """CPU, sizes, memory and paint of the page; CPU of vampd beside it."""
    nights = options.count(_NIGHTS, least=60)
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        config = write_config(base, web=LISTEN)
        other = make_many(base / "vampd.db", nights)
        with stored_nights(config) as records, page_of(config) as page:
            changes = _Changes(records, other)
            yield from _first_page(page, changes, nights, max(_ROUNDS, options.rounds))
            yield from _again_and_again(page, changes, base, options)
            yield from _painted(page, changes, base, options.count(_PAINTS, least=2))
            yield from _flat(page, changes, base, options)
    yield from compare_packing(options)


class _Changes:
    """What vampd commits while pages are read."""

    def __init__(self, records: Nights, other: NightId) -> None:
        self._records, self._other = records, other
        self._number = itertools.count()
        self._moves = itertools.cycle((EventName.RELEASED, EventName.HELD))

    def nights(self) -> list[str]:
        """The nights that there are, as addresses name them."""
        return [f"{one.night.date}-{one.night.kind}" for one in self._records.nights()]

    def progress(self) -> None:
        """As each second while a night runs."""
        done = next(self._number)
        self._records.update(RUNNING, NightUpdate(done_frames=done, done_bytes=2 * done))

    def move(self) -> None:
        """As at the end of an attempt."""
        code = "sync_unexpected"
        event = Event(next(self._moves))
        self._records.apply(HELD, event, at=1.0, actor="bench", code=code)

    def elsewhere(self) -> None:
        """A night that is on no first page."""
        self._records.update(self._other, NightUpdate(note=f"said {next(self._number)}"))


def _first_page(page: Server, changes: _Changes, nights: int, rounds: int) -> Iterator[Measure]:
    first_ms = page.cost_ms(lambda: page.get("/"))
    for what, change in (
        ("a commit of progress", changes.progress),
        ("a night's move", changes.move),
        ("a commit about an old night", changes.elsewhere),
    ):
        yield _beside_nothing(f"first page, {nights:,} nights, after {what}", page, change, rounds)
    yield Measure("the same, the first that a new vampd-web is asked for", first_ms, "ms")
    html = page.get("/", Accept_Encoding="identity").body
    assets = re.findall(rb'(?:href|src)="(static/[^"]+)"', html)
    plain = [html, *(page.get(f"/{name.decode()}", Accept_Encoding="").body for name in assets)]
    packed = [page.get(f"/{name.decode()}").body for name in (b"", *assets)]
    yield Measure("its size with style and script", sum(map(len, plain)) / 1e3, "kB", at_most(60))
    yield Measure("the same, packed as browsers ask", sum(map(len, packed)) / 1e3, "kB")
    yield Measure("its requests", len(plain), "", at_most(3))


def _beside_nothing(what: str, page: Server, change: Callable[[], None], rounds: int) -> Measure:
    pairs = []
    for _ in range(rounds):
        change()
        pairs.append((page.cost_ms(lambda: page.get("/")), cost_of_nothing_ms()))
    ours, nothing = (median(each) for each in zip(*pairs, strict=True))
    return Measure(
        what, ours / nothing, "x", at_most(1), ours=f"{ours:.1f} ms", peer=f"pass {nothing:.1f} ms"
    )


def _again_and_again(
    page: Server, changes: _Changes, base: Path, options: Options
) -> Iterator[Measure]:
    polls, rounds = options.count(_POLLS, least=20), max(_ROUNDS, options.rounds)
    folder = base / "static"
    folder.mkdir()
    (folder / "index.html").write_bytes(page.get("/", Accept_Encoding="identity").body)
    with ExitStack() as stack:
        files = stack.enter_context(static_files(folder))
        peer = stack.enter_context(serving((sys.executable, "-c", _PEER_OF_METRICS)))
        costs, times = [], max(1, polls // rounds)
        for _ in range(rounds):
            ours = page.cost_ms(lambda: _poll(page, "/", times, "etag", "If_None_Match"))
            theirs = files.cost_ms(
                lambda: _poll(files, "/index.html", times, "last-modified", "If_Modified_Since")
            )
            costs.append((ours / times, theirs / times))
        ours, theirs = (median(each) for each in zip(*costs, strict=True))
        yield Measure(
            "unchanged poll, CPU", ours, "ms", at_most(1), peer=f"http.server {theirs:.2f} ms"
        )
        costs = []
        for _ in range(rounds):
            changes.move()
            costs.append((page.cost_ms(lambda: page.get("/metrics")),
                          peer.cost_ms(lambda: peer.get("/metrics"))))  # fmt: skip
        ours, theirs = (median(each) for each in zip(*costs, strict=True))
        yield Measure(
            "/metrics after a night's move, CPU", ours, "ms", at_most(5),
            peer=f"its own {theirs:.2f} ms",
        )  # fmt: skip


def _poll(server: Server, address: str, times: int, tag: str, condition: str) -> None:
    known = server.get(address).headers[tag]
    polled = 0
    while polled < times:
        answer = server.get(address, **{condition: known})
        # What a page says of ages is another one after a minute.
        known = answer.headers.get(tag, known)
        polled += answer.status == 304


def _painted(page: Server, changes: _Changes, base: Path, rounds: int) -> Iterator[Measure]:
    folder = base / "static"
    html = page.get("/", Accept_Encoding="identity").body
    (folder / "index.html").write_bytes(html)
    (folder / "static").mkdir()
    for name in re.findall(r'(?:href|src)="static/([^"?]+)', html.decode()):
        (folder / "static" / name).write_bytes(page.get(f"/static/{name}", Accept_Encoding="").body)
    line = b"<p>a line of a page that is as long, and shows nothing but this text</p>\n"
    head = b"<!doctype html><html lang=en><meta charset=utf-8><title>static</title>\n"
    (folder / "plain.html").write_bytes(head + line * ((len(html) - len(head)) // len(line)))
    with static_files(folder) as files:
        theirs = f"http://127.0.0.1:{files.port}"
        ours_ms, same_ms, plain_ms = first_paints_ms(
            [f"http://127.0.0.1:{page.port}/", f"{theirs}/index.html", f"{theirs}/plain.html"],
            rounds, changes.progress,
        )  # fmt: skip
    for what, peer_ms in (("of the same bytes", same_ms), ("of plain text, as long", plain_ms)):
        yield Measure(
            f"first paint, beside a static page {what}", ours_ms / peer_ms, "x", at_most(1.5),
            ours=f"{ours_ms:.0f} ms", peer=f"http.server {peer_ms:.0f} ms",
        )  # fmt: skip


def _flat(page: Server, changes: _Changes, base: Path, options: Options) -> Iterator[Measure]:
    """Memory over many requests for everything, each tenth after a commit."""
    requests = options.count(_REQUESTS, least=100)
    asked = itertools.cycle(("/", "/?only=held", "/api/v1/nights", "/metrics", None))
    named = itertools.cycle(changes.nights())
    after: list[int] = []
    for number in range(requests):
        if number % 10 == 0:
            changes.progress()
        page.get(next(asked) or f"/night/{next(named)}")
        if (number + 1) % (requests // 10) == 0:
            after.append(page.memory())
    with static_files(base) as files:
        peer = f"http.server {files.memory() / 1e6:.0f} MB"
    highest = page.memory("VmHWM")
    yield Measure(
        f"memory at its highest, {requests:,} requests", highest / 1e6, "MB", at_most(80), peer=peer
    )
    yield Measure(
        "its growth over the last nine tenths", (after[-1] - after[0]) / 1e6, "MB", at_most(1),
        ours=f"{after[-1] / 1e6:.1f} MB", peer=f"before {after[0] / 1e6:.1f} MB",
    )  # fmt: skip
