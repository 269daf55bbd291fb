"""Pictures of the page, of nights that nobody has taken: ``python -m docs.pictures [FOLDER]``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from tests.support.daemon.site import make_site
from tests.support.web.asgi import ask
from tests.support.web.browser import open_browser
from tests.support.worlds.records.varied_nights import HELD, NOW, RUNNING, make_varied, opened
from vampd.config import load_settings
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.model.life_sign import LifeSign
from vampd.model.nights import NightUpdate, SyncSums, write_sync_sums
from vampd.store.nights import Nights
from vampd.web.application import make_application

_NIGHTS = 30
_FOREIGN = "hilo did not answer within 30 s"
_HOME = "http://vampires"
# Where a site has what lies in a folder of its own here.
_PLACES = {"fuuu": "/mnt/fuuu", "state": "/var/lib/vampd"}
# A night as it is packed, and what sync has made of the one that it holds.
_AT_WORK = NightUpdate(
    bytes=466 * 10**9, done_actions=496, all_actions=812, done_files=496, all_files=812,
    done_bytes=285 * 10**9, all_bytes=466 * 10**9, bytes_per_s=92 * 10**6, progressed_at=NOW - 1,
    sync_sums=write_sync_sums(SyncSums(raw=812_000, aside=1_000, paired=808_000, unpaired=3_000)),
)  # fmt: skip
_DECIDED = NightUpdate(
    sync_sums=write_sync_sums(SyncSums(raw=100_000, aside=15_200, paired=80_000, unpaired=800))
)


class Picture(NamedTuple):
    """A page as it is drawn, of a size and in a scheme."""

    name: str
    address: str
    scheme: str
    width: int
    height: int


PICTURES = (
    Picture("page-nights-light.png", "/", "light", 1280, 860),
    Picture("page-nights-dark.png", "/", "dark", 1280, 860),
    Picture("page-night-light.png", f"/night/{HELD.date}-archive", "light", 1280, 860),
    Picture("page-night-dark.png", f"/night/{HELD.date}-archive", "dark", 1280, 860),
    Picture("page-disk-light.png", "/disk", "light", 1280, 860),
    Picture("page-transfers-dark.png", "/transfers", "dark", 1280, 860),
    Picture("page-narrow.png", "/", "light", 360, 860),
)


def main(arguments: Sequence[str]) -> None:
    """Draw them all, below ``docs/images`` unless said."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent / "images"
    with TemporaryDirectory() as base, patch("socket.gethostname", lambda: "scexao5"):
        application = _make_application(Path(base))
        # A thread of its own has the loop that the application runs in.
        with open_browser() as browser, ThreadPoolExecutor(1) as thread:
            for picture in PICTURES:
                size: Any = {"width": picture.width, "height": picture.height}
                scheme: Any = picture.scheme
                context = browser.new_context(viewport=size, color_scheme=scheme)
                page = context.new_page()
                page.route("**/*", partial(_answer, thread, application, base))
                page.goto(_HOME + picture.address)
                page.screenshot(path=folder / picture.name)
                context.close()


def _make_application(base: Path) -> ASGIApp:
    site = make_site(base, web={"names": ["vampires"]})
    make_varied(site.database, _NIGHTS, _FOREIGN)
    with opened(site.database) as store:
        Nights(store).update(RUNNING, _AT_WORK)
        Nights(store).update(HELD, _DECIDED)
    sign = LifeSign(
        version="",
        process=own_mark(),
        database=inode_of(site.database),
        up_since=NOW - 6 * 86_400,
        seen_at=NOW - 2,
        scanned_at=NOW - 7,
        is_paused=False,
        doing="",
    )
    leave_sign(sign_path(site.database), sign)
    return make_application(load_settings(site.config), lambda: NOW)


def _answer(thread: ThreadPoolExecutor, application: ASGIApp, base: str, route: Any) -> None:
    parts = urlsplit(route.request.url)
    address = f"{parts.path}?{parts.query}"
    answer = thread.submit(ask, application, address, host="vampires").result()
    body = answer.body
    for name, place in _PLACES.items():
        body = body.replace(f"{base}/{name}".encode(), place.encode())
    headers = {name: text for name, text in answer.headers.items() if name != "content-length"}
    route.fulfill(status=answer.status, headers=headers, body=body)


if __name__ == "__main__":
    main(sys.argv[1:])
