"""Browsers: so many that look again and again, and one that tells when it has painted."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import median

from tests.support.web.browser import open_browser

_PATIENCE_S = 60.0
# When the browser has drawn the first text, from the moment that the page was asked for.
_PAINTED = """() => new Promise(resolve => new PerformanceObserver(
    list => list.getEntriesByName("first-contentful-paint").forEach(one => resolve(one.startTime))
).observe({type: "paint", buffered: true}))"""


@contextmanager
def looking_browsers(port: int, browsers: int, every_s: float) -> Iterator[None]:
    """So many browsers that look at the page of nights as `live.js` does, while the block runs."""
    ended = threading.Event()
    threads = [
        threading.Thread(target=_look, args=(port, every_s * number / browsers, every_s, ended))
        for number in range(browsers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _look(port: int, wait_s: float, every_s: float, ended: threading.Event) -> None:
    # Not all at the same moment.
    headers = {"Accept-Encoding": "gzip"}
    while not ended.wait(wait_s):
        # A new connection each time: the server ends those that wait as long.
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        with closing(connection):
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
        headers["If-None-Match"] = answer.headers["ETag"]
        wait_s = every_s


def first_paints_ms(
    addresses: Sequence[str], rounds: int, before: Callable[[], None]
) -> list[float]:
    """The median first paint of each address, by turns, by a browser that has nothing of it yet.

    ``before`` is called before each, so that no server answers what it has kept.
    """
    found: list[list[float]] = [[] for _ in addresses]
    with open_browser() as browser:
        for number in range(rounds + 1):
            for times, address in zip(found, addresses, strict=True):
                before()
                context = browser.new_context()
                page = context.new_page()
                page.goto(address, wait_until="commit")
                painted_ms = float(page.evaluate(_PAINTED))
                context.close()
                # The first of each is the browser's own start.
                if number:
                    times.append(painted_ms)
    return [median(times) for times in found]
