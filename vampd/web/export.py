"""The pages as files: the same ones, with links among them that work from a disk."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

from vampd.cli.look.night_objects import night_object
from vampd.cli.status.daemon_words import daemon_object
from vampd.config import Settings
from vampd.model.life_sign import Life
from vampd.web.asked import NIGHTS_A_PAGE, NightsAsked, night_name
from vampd.web.pages.night_page import make_night_page
from vampd.web.pages.nights_page import make_nights_page
from vampd.web.pages.objects import night_object_in_full
from vampd.web.pages.seen import Seen
from vampd.web.pages.sheets import MENU, SHEETS
from vampd.web.sight import Sight
from vampd.web.templates import MEDIA_TYPES, Site, asset, render

_HOME = "index.html"
# Of no night: there is no page of products after the first.
_ALL_PRODUCTS = 1 << 31


def export_pages(
    settings: Settings, sight: Sight, life: Life, now: float
) -> Iterator[tuple[str, bytes]]:
    """Every file of the export: its path, with / between, and its content."""
    site = Site(socket.gethostname(), MENU, ending=".html", home=_HOME, is_live=False)
    for name in MEDIA_TYPES:
        if not name.endswith(".js"):
            yield f"static/{name}", asset(name)
    for number in range(1, max(-(-len(sight.standings) // NIGHTS_A_PAGE), 1) + 1):
        asked = NightsAsked(leaves_out=False, page=number)
        table = make_nights_page(sight, asked, life, now, lambda _, part: _part_name(part))
        yield _part_name(number), render("nights.html", site, "", now, "", page=table)
    seen = Seen(settings, sight, life, now)
    for kind in SHEETS:
        sheet = kind.make(seen)
        yield f"{kind.name}.html", render("sheet.html", site, "", now, kind.name, page=sheet)
        yield f"api/v1/{kind.name}.json", _json(kind.objects(seen))
    yield "api/v1/daemon.json", _json(daemon_object(life, now))
    nights = [one.night for one in sight.standings]
    objects = [night_object(one, now, sight.of(one.night)) for one in sight.records(nights)]
    yield "api/v1/nights.json", _json(objects)
    for night in nights:
        name = night_name(night)
        page = make_night_page(sight, night, 1, now, _ALL_PRODUCTS)
        yield f"night/{name}.html", render("night.html", site, "../", now, None, page=page)
        yield f"api/v1/nights/{name}.json", _json(night_object_in_full(sight, night, now))


def _part_name(part: int) -> str:
    return _HOME if part == 1 else f"nights-{part}.html"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
